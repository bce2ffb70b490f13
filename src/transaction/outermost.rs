//! The steps of a transaction around its outermost frame: checks, payment, warmth, and the frame.

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    IntrinsicGas, InvalidTransaction, Recovered, SenderAccount, SenderCode,
    execution::{Original, SYSTEM_ADDRESS, SYSTEM_CALL_GAS, Scene},
    settlement::Settlement,
    validate, validate_sender,
};
use crate::{
    AccountIndex, Address, B256, CallKind, Code, Exit, Fork, FrameContext, Gas, Halt,
    TransactionEnvironment, U256,
    call::{
        Driver, GasRule, Outermost, World, begin_account, called_code, called_code_at,
        run_precompile,
    },
    state::{
        Fault, Journal,
        journal::{Checkpoint, DeferredCall},
    },
};

/// A transaction on the world, with the driver of its frames.
pub(super) struct Stage<'a> {
    pub world: World<'a>,
    driver: &'a mut Driver,
    scene: &'a Scene<'a>,
}

/// How a transaction's code ended.
pub(super) struct Run {
    pub exit: Exit,
    pub gas: Gas,
    pub output: Bytes,
    /// Whether what is left of the gas is to be shared among its deferred calls.
    pub shares_gas: bool,
}

/// What an outermost frame runs as.
struct Role<'a> {
    account: u32,
    address: Address,
    caller: Address,
    value: U256,
    is_static: bool,
    depth: u16,
    input: &'a [u8],
    gas_limit: u64,
}

impl<'a> Stage<'a> {
    pub fn new(
        journal: &'a mut Journal,
        driver: &'a mut Driver,
        scene: &'a Scene<'a>,
        environment: &'a TransactionEnvironment,
    ) -> Self {
        let world = World {
            journal,
            state: scene.state,
            block: scene.block,
            transaction: environment,
            precompiles: scene.precompiles,
            fork: scene.fork,
        };
        Self {
            world,
            driver,
            scene,
        }
    }

    pub fn locate(&mut self, address: Address) -> Result<u32, Fault> {
        let located = self.world.journal.locate(self.world.state, address);
        self.world.unrefused(located)
    }

    /// Checks a transaction against the block and its sender.
    pub fn check(
        &mut self,
        recovered: &Recovered,
        sender: u32,
    ) -> Result<Result<IntrinsicGas, InvalidTransaction>, Fault> {
        let intrinsic = match validate(
            recovered,
            self.scene.block,
            self.scene.fork,
            self.scene.rules,
        ) {
            Ok(intrinsic) => intrinsic,
            Err(error) => return Ok(Err(error)),
        };
        let code = self.sender_code(sender)?;
        let info = self
            .world
            .journal
            .account(sender)
            .info()
            .copied()
            .unwrap_or_default();
        let account = SenderAccount {
            nonce: info.nonce,
            balance: info.balance,
            code,
        };
        Ok(validate_sender(recovered, &account, self.scene.fork).map(|()| intrinsic))
    }

    fn sender_code(&mut self, sender: u32) -> Result<SenderCode, Fault> {
        if !self.world.journal.account(sender).has_code() {
            return Ok(SenderCode::Empty);
        }
        let code = self.world.journal.code(self.world.state, sender);
        match self.world.unrefused(code) {
            Ok(code) if code.bytes().is_empty() => Ok(SenderCode::Empty),
            Ok(code) if code.delegate().is_some() => Ok(SenderCode::Delegation),
            // Code that is known by its hash only is a contract's that the block never ran.
            Ok(_) | Err(Fault::CodeMissing(_)) => Ok(SenderCode::Contract),
            Err(fault) => Err(fault),
        }
    }

    /// Takes wei that validation has found to be there.
    pub fn pay(&mut self, account: u32, amount: U256) -> Result<(), Fault> {
        let taken = self.world.journal.sub_balance(account, amount);
        let sufficed = self.world.unrefused(taken)?;
        debug_assert!(
            sufficed,
            "validation has compared the balance with the whole cost"
        );
        Ok(())
    }

    pub fn bump_nonce(&mut self, account: u32) -> Result<(), Fault> {
        let nonce = self.world.journal.nonce_at(account);
        let set = self.world.journal.set_nonce(account, nonce + 1);
        self.world.unrefused(set)
    }

    /// Makes warm what an original transaction starts with as accessed.
    pub fn warm_original(&mut self, original: &Original, target: Address) {
        if self.scene.fork < Fork::Berlin {
            return;
        }
        let access_list = self.world.journal.access_list_mut();
        access_list.insert_address(original.recovered.sender);
        access_list.insert_address(target);
        if self.scene.fork >= Fork::Shanghai {
            access_list.insert_address(self.scene.block.coinbase);
        }
        for item in &original.recovered.transaction.access_list {
            access_list.insert_address(item.address);
            for key in &item.storage_keys {
                access_list.insert_slot(item.address, *key);
            }
        }
    }

    /// Makes warm what a virtual transaction starts with as accessed (semantics, section 4).
    pub fn warm_deferred(&mut self, call: &DeferredCall, account: u32) -> Result<(), Fault> {
        if self.scene.fork < Fork::Berlin {
            return Ok(());
        }
        let access_list = self.world.journal.access_list_mut();
        access_list.insert_address(call.target);
        access_list.insert_address(call.sender);
        access_list.insert_address(call.code_address);
        if self.scene.fork >= Fork::Shanghai {
            access_list.insert_address(self.scene.block.coinbase);
        }
        self.warm_delegate(account)
    }

    /// Makes warm where the target delegates to (EIP-7702).
    pub fn warm_delegate(&mut self, account: u32) -> Result<(), Fault> {
        if self.scene.fork < Fork::Prague {
            return Ok(());
        }
        let delegate = self.world.journal.delegate(self.world.state, account);
        if let Some(delegate) = self.world.unrefused(delegate)? {
            self.world
                .journal
                .access_list_mut()
                .insert_address(delegate);
        }
        Ok(())
    }

    /// Runs an original transaction's code.
    pub fn run_original(
        &mut self,
        original: &Original,
        sender: u32,
        (account, target): (u32, Address),
        gas_limit: u64,
    ) -> Result<Run, Fault> {
        let Recovered {
            transaction,
            sender: caller,
            ..
        } = &original.recovered;
        let checkpoint = self.world.journal.checkpoint();
        let role = Role {
            account,
            address: target,
            caller: *caller,
            value: transaction.value,
            is_static: false,
            depth: 0,
            input: &transaction.input,
            gas_limit,
        };
        if transaction.is_create() {
            if self.is_taken(account)? {
                return Ok(self.halted(Halt::CreateCollision));
            }
            self.pay(sender, transaction.value)?;
            return self.create(role, transaction.input.clone(), checkpoint);
        }
        self.pay(sender, transaction.value)?;
        let paid = self.world.journal.add_balance(account, transaction.value);
        self.world.unrefused(paid)?;
        self.call(role, target, checkpoint)
    }

    /// Runs a deferred call.
    pub fn run_deferred(
        &mut self,
        call: &DeferredCall,
        account: u32,
        gas_limit: u64,
    ) -> Result<Run, Fault> {
        let checkpoint = self.world.journal.checkpoint();
        let mut role = Role {
            account,
            address: call.target,
            caller: call.sender,
            value: call.value,
            is_static: call.is_static,
            depth: call.depth,
            input: &call.input,
            gas_limit,
        };
        if call.is_creation() {
            if self.is_taken(account)? {
                return Ok(self.halted(Halt::CreateCollision));
            }
            role.input = &[];
            return self.create(role, Bytes::copy_from_slice(&call.input), checkpoint);
        }
        if self.is_destroyed(call, account) {
            return Ok(Run {
                exit: Exit::Halt(Halt::TargetDestroyed),
                gas: Gas {
                    remaining: gas_limit,
                    refund: 0,
                },
                output: Bytes::new(),
                shares_gas: false,
            });
        }
        if call.kind == CallKind::Call as u8 && !call.is_static {
            let delivered = self.world.journal.add_balance(account, call.value);
            self.world.unrefused(delivered)?;
        }
        self.call(role, call.code_address, checkpoint)
    }

    /// Runs a system contract's code, if there is any; the contract is warm.
    pub fn run_system_call(&mut self, target: Address, input: &[u8]) -> Result<Option<Run>, Fault> {
        let account = self.locate(target)?;
        let checkpoint = self.world.journal.checkpoint();
        let code = self.world.journal.code(self.world.state, account);
        let code = match self.world.unrefused(code) {
            Ok(code) if code.bytes().is_empty() => return Ok(None),
            Ok(code) => code,
            Err(fault) => return self.or_code_missing(Err(fault), checkpoint).map(Some),
        };
        if self.scene.fork >= Fork::Berlin {
            self.world.journal.access_list_mut().insert_address(target);
        }
        let role = Role {
            account,
            address: target,
            caller: SYSTEM_ADDRESS,
            value: U256::zero(),
            is_static: false,
            depth: 0,
            input,
            gas_limit: SYSTEM_CALL_GAS,
        };
        self.drive(role, code, false, checkpoint).map(Some)
    }

    /// Pays what a root gets back, and the coinbase if it is owned: whether it was.
    pub fn settle(&mut self, sender: u32, settlement: &Settlement) -> Result<bool, Fault> {
        let returned = self.world.journal.add_balance(sender, settlement.returned);
        self.world.unrefused(returned)?;
        let Some(coinbase) = self
            .world
            .journal
            .locate_owned(self.world.state, self.scene.block.coinbase)
        else {
            return Ok(false);
        };
        let coinbase = self.world.unrefused(coinbase)?;
        let paid = self.world.journal.add_balance(coinbase, settlement.fee);
        self.world.unrefused(paid)?;
        Ok(true)
    }

    fn is_taken(&mut self, account: u32) -> Result<bool, Fault> {
        let taken = self.world.journal.is_taken(self.world.state, account);
        self.world.unrefused(taken)
    }

    /// Whether what a deferred DELEGATECALL or CALLCODE was to run as is gone.
    fn is_destroyed(&self, call: &DeferredCall, account: u32) -> bool {
        let borrows_code =
            call.kind == CallKind::DelegateCall as u8 || call.kind == CallKind::CallCode as u8;
        let info = self
            .world
            .journal
            .account(account)
            .info()
            .copied()
            .unwrap_or_default();
        borrows_code && !call.is_from_init_code && info.nonce == 0 && !info.has_code()
    }

    fn call(
        &mut self,
        role: Role<'_>,
        code_address: Address,
        checkpoint: Checkpoint,
    ) -> Result<Run, Fault> {
        if let Some(precompile) = self.world.precompiles.get(code_address) {
            return Ok(
                match run_precompile(
                    precompile,
                    &mut self.driver.memo,
                    role.input,
                    role.gas_limit,
                    self.scene.fork,
                ) {
                    Ok((remaining, output)) => Run {
                        exit: Exit::Return,
                        gas: Gas {
                            remaining,
                            refund: 0,
                        },
                        output,
                        shares_gas: false,
                    },
                    Err(halt) => {
                        self.world.journal.revert_to(checkpoint);
                        self.halted(halt)
                    }
                },
            );
        }
        let code = if code_address == role.address {
            called_code_at(&mut self.world, role.account)
        } else {
            called_code(&mut self.world, code_address)
        };
        match code {
            Ok(None) => Ok(Run {
                exit: Exit::Stop,
                gas: Gas {
                    remaining: role.gas_limit,
                    refund: 0,
                },
                output: Bytes::new(),
                shares_gas: false,
            }),
            Ok(Some(code)) => self.drive(role, code, false, checkpoint),
            Err(fault) => self.or_code_missing(Err(fault), checkpoint),
        }
    }

    fn create(
        &mut self,
        mut role: Role<'_>,
        init_code: Bytes,
        checkpoint: Checkpoint,
    ) -> Result<Run, Fault> {
        begin_account(&mut self.world, role.account, role.value)?;
        role.input = &[];
        // Init code runs once, so its hash is not worth computing.
        self.drive(
            role,
            Code::with_hash(init_code, B256::zero()),
            true,
            checkpoint,
        )
    }

    fn drive(
        &mut self,
        role: Role<'_>,
        code: Code,
        is_creation: bool,
        checkpoint: Checkpoint,
    ) -> Result<Run, Fault> {
        let outermost = Outermost {
            context: FrameContext {
                fork: self.scene.fork,
                address: role.address,
                account: AccountIndex(role.account),
                caller: role.caller,
                value: role.value,
                is_static: role.is_static,
                depth: role.depth,
            },
            code,
            gas_limit: role.gas_limit,
            input: role.input,
            is_creation,
            checkpoint,
        };
        let ended = self
            .driver
            .run(&mut self.world, self.scene.policy, outermost)
            .map(|ended| {
                let run = Run {
                    exit: ended.exit,
                    gas: ended.gas,
                    output: Bytes::copy_from_slice(ended.output()),
                    shares_gas: self
                        .scene
                        .policy
                        .deferred()
                        .is_some_and(|rules| rules.gas == GasRule::Split),
                };
                self.driver.recycle(ended);
                run
            });
        self.or_code_missing(ended, checkpoint)
    }

    /// A transaction that needs code of which only the hash is known fails as if its outermost frame
    /// had halted (semantics, section 8).
    fn or_code_missing(
        &mut self,
        run: Result<Run, Fault>,
        checkpoint: Checkpoint,
    ) -> Result<Run, Fault> {
        match run {
            Err(Fault::CodeMissing(_)) => {
                self.world.journal.revert_to(checkpoint);
                Ok(self.halted(Halt::CodeMissing))
            }
            run => run,
        }
    }

    fn halted(&self, halt: Halt) -> Run {
        Run {
            exit: Exit::Halt(halt),
            gas: Gas::default(),
            output: Bytes::new(),
            shares_gas: false,
        }
    }
}

/// Shares what a transaction has left among its deferred calls (semantics, section 6, `split`):
/// smallest cap first, each gets its cap or an equal part of the rest, whichever is less.
pub(super) fn share_gas(left: &mut u64, calls: &mut [DeferredCall]) {
    if let [call] = calls {
        call.gas = call.gas_cap.min(*left);
        *left -= call.gas;
        return;
    }
    let mut by_cap: SmallVec<[usize; 16]> = (0..calls.len()).collect();
    by_cap.sort_by_key(|place| (calls[*place].gas_cap, calls[*place].index));
    let mut waiting = calls.len() as u64;
    for place in by_cap {
        let call = &mut calls[place];
        call.gas = call.gas_cap.min(*left / waiting);
        *left -= call.gas;
        waiting -= 1;
    }
}
