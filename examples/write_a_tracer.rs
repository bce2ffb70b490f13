//! Counts what each instruction of a program costs, on the machine alone:
//! `cargo run --example write_a_tracer`.
//!
//! The machine asks a [`Host`] for what it cannot know itself. This one knows a storage and nothing else.

use std::collections::BTreeMap;

use deferevm::{
    AccountIndex, Action, Address, B256, BlockEnvironment, CallTarget, Code, Destroyed,
    Environment, Fork, Frame, FrameContext, Halt, Host, Loaded, Log, Refusal, Step, Stored, Tracer,
    TransactionEnvironment, U256, bytecode::Bytecode, opcode, run_traced,
};

/// Gas by instruction, and how often it ran.
#[derive(Default)]
struct Profile {
    running: u8,
    costs: BTreeMap<u8, (u64, u64)>,
}

impl Tracer for Profile {
    fn begin(&mut self, step: &Step<'_>) {
        self.running = step.opcode;
    }

    fn end(&mut self, gas_cost: u64, _halt: Option<Halt>) {
        let (count, gas) = self.costs.entry(self.running).or_default();
        *count += 1;
        *gas += gas_cost;
    }
}

fn main() {
    // Counts slot 0 from 5 down to 0.
    let code = Bytecode::new()
        .jump_destination()
        .call(opcode::SLOAD, [0])
        .push(1)
        .op(opcode::SWAP1)
        .op(opcode::SUB)
        .op(opcode::DUP1)
        .push(0)
        .op(opcode::SSTORE)
        .push(0)
        .op(opcode::JUMPI);

    let mut world = World::default();
    world.storage.insert(U256::zero(), U256::from(5));
    let context = FrameContext {
        fork: Fork::LATEST,
        address: Address::repeat_byte(1),
        account: AccountIndex(0),
        caller: Address::repeat_byte(2),
        value: U256::zero(),
        is_static: false,
        depth: 0,
    };
    let gas_limit = 1_000_000;
    let mut frame = Frame::new(context, code.code(), gas_limit);
    let mut profile = Profile::default();
    let Action::Exit(exit) = run_traced(&mut frame, &mut world, &mut profile) else {
        unreachable!("the program calls nobody");
    };

    println!("{exit:?} after {} gas", gas_limit - frame.gas.remaining);
    for (opcode, (count, gas)) in &profile.costs {
        println!(
            "{:<10} {count:>3} times {gas:>6} gas",
            opcode::name(*opcode).unwrap_or("?")
        );
    }
    let traced: u64 = profile.costs.values().map(|(_, gas)| gas).sum();
    assert_eq!(traced, gas_limit - frame.gas.remaining);
    assert_eq!(world.storage[&U256::zero()], U256::zero());
}

#[derive(Default)]
struct World {
    block: BlockEnvironment,
    transaction: TransactionEnvironment,
    storage: BTreeMap<U256, U256>,
}

fn warm<T>(value: T) -> Result<Loaded<T>, Refusal> {
    Ok(Loaded {
        value,
        is_cold: false,
    })
}

impl Host for World {
    fn environment(&self) -> Environment<'_> {
        Environment {
            block: &self.block,
            transaction: &self.transaction,
        }
    }

    fn sload(&mut self, _: AccountIndex, key: U256, _: bool) -> Result<Loaded<U256>, Refusal> {
        warm(self.storage.get(&key).copied().unwrap_or_default())
    }

    fn sstore(
        &mut self,
        _: AccountIndex,
        key: U256,
        value: U256,
        _: bool,
    ) -> Result<Stored, Refusal> {
        let present = self.storage.insert(key, value).unwrap_or_default();
        Ok(Stored {
            original: present,
            present,
            is_cold: false,
        })
    }

    fn balance(&mut self, _: Address, _: bool) -> Result<Loaded<U256>, Refusal> {
        warm(U256::zero())
    }

    fn own_balance(&mut self, _: AccountIndex) -> Result<U256, Refusal> {
        Ok(U256::zero())
    }

    fn code(&mut self, _: Address, _: bool) -> Result<Loaded<Code>, Refusal> {
        warm(Code::default())
    }

    fn code_hash(&mut self, _: Address, _: bool) -> Result<Loaded<B256>, Refusal> {
        warm(B256::zero())
    }

    fn block_hash(&mut self, _: u64) -> Result<B256, Refusal> {
        Ok(B256::zero())
    }

    fn tload(&mut self, _: Address, _: U256) -> U256 {
        U256::zero()
    }

    fn tstore(&mut self, _: Address, _: U256, _: U256) {}

    fn log(&mut self, _: Log) {}

    fn call_target(&mut self, _: Address, _: bool) -> Result<CallTarget, Refusal> {
        Err(Refusal::Fault)
    }

    fn access_account(&mut self, _: Address, _: bool) -> Result<bool, Refusal> {
        Ok(false)
    }

    fn self_destruct(
        &mut self,
        _: AccountIndex,
        _: Address,
        _: bool,
    ) -> Result<Destroyed, Refusal> {
        Err(Refusal::Fault)
    }
}
