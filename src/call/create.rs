//! Creations that are entered at once, and what the end of any init code means.

use bytes::Bytes;

use super::{
    DEPTH_MAX, World,
    driver::{Activation, Driver, Entry},
};
use crate::{
    AccountIndex, Address, B256, Code, CreateKind, CreateMessage, Exit, Fork, Frame, FrameContext,
    Halt, Outcome, U256,
    state::{
        Fault,
        account::{create_address, create2_address},
    },
};

/// The most bytes of code that an account can have, from Spurious Dragon (EIP-170).
pub const CODE_SIZE_MAX: usize = 0x6000;

/// Gas for each byte of code that a creation leaves.
pub const CODE_DEPOSIT_GAS: u64 = 200;

impl Driver {
    /// Enters a creation, or answers it with 0 at once.
    pub(super) fn enter_create(
        &mut self,
        world: &mut World<'_>,
        message: &CreateMessage,
    ) -> Result<Option<Exit>, Fault> {
        let frame = &mut self.top().frame;
        let depth = frame.context.depth + 1;
        let creator = frame.context.account.0;
        if !can_create(world, creator, depth, message.value) {
            self.answer_create(U256::zero());
            return Ok(None);
        }
        let gas_limit = message.forwarded_gas(world.fork, frame.gas.remaining);
        frame.gas.remaining -= gas_limit;
        self.trace_forwarded(gas_limit);
        let address = self.new_address(world, creator, message)?;
        let accessed = world.journal.access(world.state, address, true);
        let (account, _) = world.unrefused(accessed)?;
        let taken = world.journal.is_taken(world.state, account);
        if world.unrefused(taken)? {
            self.answer_create(U256::zero());
            return Ok(None);
        }
        let checkpoint = world.journal.checkpoint();
        let taken = world.journal.sub_balance(creator, message.value);
        let sufficed = world.unrefused(taken)?;
        debug_assert!(sufficed, "the balance was checked");
        begin_account(world, account, message.value)?;
        let code = self.init_code(message);
        let context = FrameContext {
            fork: world.fork,
            address,
            account: AccountIndex(account),
            caller: message.caller,
            value: message.value,
            is_static: false,
            depth,
        };
        let frame = self.frame(context, code, gas_limit);
        self.activations.push(Activation {
            frame,
            checkpoint,
            entry: Entry::Create { address, account },
        });
        Ok(None)
    }

    /// Bumps the creator's nonce; the new account's address.
    pub(super) fn new_address(
        &mut self,
        world: &mut World<'_>,
        creator: u32,
        message: &CreateMessage,
    ) -> Result<Address, Fault> {
        let nonce = world.journal.nonce_at(creator);
        let bumped = world.journal.set_nonce(creator, nonce + 1);
        world.unrefused(bumped)?;
        Ok(match message.kind {
            CreateKind::Create => create_address(message.caller, nonce),
            CreateKind::Create2 => {
                let init_code = self.top().frame.memory(message.init_code.clone());
                create2_address(message.caller, message.salt, crate::keccak256(init_code))
            }
        })
    }

    /// Gives the creating frame its answer without having entered another.
    pub(super) fn answer_create(&mut self, result: U256) {
        self.top().frame.resume(Outcome {
            result,
            return_data: &[],
            output: 0..0,
        });
    }

    /// What the end of init code that succeeded comes to: the returned bytes become the account's
    /// code if they may and are paid for.
    pub(super) fn deposit_code(
        &mut self,
        world: &mut World<'_>,
        frame: &mut Frame,
        account: u32,
    ) -> Result<Exit, Fault> {
        let code = Bytes::copy_from_slice(frame.output_bytes());
        if world.fork >= Fork::London && code.first() == Some(&0xef) {
            return Ok(Exit::Halt(Halt::InvalidCode));
        }
        if world.fork >= Fork::SpuriousDragon && code.len() > CODE_SIZE_MAX {
            return Ok(Exit::Halt(Halt::CodeTooLarge));
        }
        let cost = CODE_DEPOSIT_GAS.saturating_mul(u64::try_from(code.len()).unwrap_or(u64::MAX));
        if cost > frame.gas.remaining {
            // Frontier kept the account, without code and without charge.
            let exit = if world.fork >= Fork::Homestead {
                Exit::Halt(Halt::CodeDepositOutOfGas)
            } else {
                Exit::Stop
            };
            return Ok(exit);
        }
        frame.gas.remaining -= cost;
        if !code.is_empty() {
            let set = world.journal.set_code(account, Code::new(code));
            world.unrefused(set)?;
        }
        Ok(Exit::Return)
    }

    fn init_code(&mut self, message: &CreateMessage) -> Code {
        let bytes = self.top().frame.memory(message.init_code.clone());
        // Init code runs once, so its hash is not worth computing.
        Code::with_hash(bytes, B256::zero())
    }
}

/// Whether a creation may begin at all: otherwise it pushes 0 and costs nothing more.
pub(super) fn can_create(world: &World<'_>, creator: u32, depth: u16, value: U256) -> bool {
    depth <= DEPTH_MAX
        && world.journal.balance_at(creator) >= value
        && world.journal.nonce_at(creator) != u64::MAX
}

/// Makes an account that is not taken a contract under creation, and pays it its value.
pub(crate) fn begin_account(world: &mut World<'_>, account: u32, value: U256) -> Result<(), Fault> {
    let created = world.journal.mark_created(account);
    world.unrefused(created)?;
    let paid = world.journal.add_balance(account, value);
    world.unrefused(paid)?;
    if world.fork >= Fork::SpuriousDragon {
        let set = world.journal.set_nonce(account, 1);
        world.unrefused(set)?;
    }
    Ok(())
}
