//! One transaction from its validation to its effects: an original one, or a virtual one.
//!
//! Where it stands in a round, and what becomes of the deferred calls it leaves, is the round's
//! business.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::hex;
use bytes::Bytes;
use deferevm_opcodes::machine::word;
use primitive_types::H160;

use super::{
    InvalidTransaction, Recovered, TransactionRules,
    authorizations::apply_authorizations,
    outermost::{Run, Stage, share_gas},
    receipt::Status,
    settlement::{Purchase, TreeGas},
};
use crate::{
    Address, BlockEnvironment, Exit, Fork, Tier, TransactionEnvironment, U256,
    call::{Driver, Policy, World},
    in_place,
    precompiles::Precompiles,
    state::{
        Fault, Journal, State,
        account::create_address,
        database::panic_message,
        journal::{DeferredCall, Effects},
    },
    trace::{Tracer, TracerFactory, TransactionPlace},
};

/// Who calls the system contracts (EIP-4788, EIP-2935, EIP-7002, EIP-7251).
pub const SYSTEM_ADDRESS: Address = H160(hex!("fffffffffffffffffffffffffffffffffffffffe"));

/// Gas that a system call may use; it is not the block's.
pub const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// What is the same for every transaction of a round.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The rules.
    pub fork: Fork,
    /// What becomes of calls.
    pub policy: &'a Policy,
    /// The block's facts.
    pub block: &'a BlockEnvironment,
    /// The fork's precompiles.
    pub precompiles: &'a Precompiles,
    /// What transactions are measured by.
    pub rules: &'a TransactionRules,
    /// The state as of the round's start.
    pub state: &'a State<'a>,
}

/// An original transaction with what can be known of it before it runs.
#[derive(Clone, Debug)]
pub struct Original {
    /// The transaction and its sender.
    pub recovered: Recovered,
    /// What its instructions, and those of its tree, see of it.
    pub environment: TransactionEnvironment,
    /// The signers of its EIP-7702 list, tuple by tuple; `None` where a signature is not valid.
    pub authorities: Vec<Option<Address>>,
}

/// What a transaction came to.
#[derive(Debug)]
pub struct Executed {
    /// How it ended.
    pub status: Status,
    /// Gas consumed by it alone, before refunds.
    pub gas_used: u64,
    /// Its refund counter, 0 unless it succeeded.
    pub refund_counter: i64,
    /// The contract that it created.
    pub created: Option<Address>,
    /// Wei that goes back to a record's sender; its credit is among the effects.
    pub bounced: U256,
    /// What it returned or reverted with.
    pub output: Bytes,
    /// Logs, credits, deferred calls with their gas, and all wei that it burnt: destroyed balances,
    /// blob fees, and the base fee once it has settled.
    pub effects: Effects,
    /// What became of the wei that it prepaid.
    pub payment: Payment,
}

/// What became of the wei that an original transaction prepaid.
#[derive(Clone, Debug)]
pub enum Payment {
    /// It was skipped, or is none: nothing was paid.
    Nothing,
    /// It has published nothing, and so has settled.
    Settled {
        /// Gas paid for.
        gas_used: u64,
        /// The fee, if it is a credit still to be applied: where the coinbase is not owned.
        fee_due: Option<U256>,
    },
    /// It lives on in its tree, and settles at a later barrier.
    Open(Box<OpenPayment>),
}

/// What a root has bought and used when its tree begins.
#[derive(Clone, Copy, Debug)]
pub struct OpenPayment {
    /// The gas it bought.
    pub purchase: Purchase,
    /// What its own run adds to its tree's gas.
    pub tree: TreeGas,
}

/// Runs transactions one after the other. It belongs to one worker and keeps its allocations.
#[derive(Debug)]
pub struct Executor {
    /// The accounts that it works on.
    pub journal: Journal,
    driver: Driver,
}

impl Original {
    /// Works out what can be known before the transaction runs; recovers the signers of its
    /// authorizations, which takes about 50 µs each.
    pub fn new(recovered: Recovered, block: &BlockEnvironment) -> Self {
        let transaction = &recovered.transaction;
        let environment = TransactionEnvironment {
            origin: recovered.sender,
            gas_price: transaction.effective_gas_price(block.base_fee),
            blob_hashes: transaction.blob_hashes.clone(),
        };
        let authorities = transaction
            .authorizations
            .iter()
            .map(|tuple| tuple.authority())
            .collect();
        Self {
            recovered,
            environment,
            authorities,
        }
    }

    /// The account that it runs as: its callee, or the address that it creates.
    pub fn target(&self) -> Address {
        let Recovered {
            transaction,
            sender,
            ..
        } = &self.recovered;
        transaction
            .to
            .unwrap_or_else(|| create_address(*sender, transaction.nonce))
    }

    /// The accounts that it owns, each once: sender, target, authorities (semantics, section 2).
    #[inline]
    pub fn each_owned(&self, mut visit: impl FnMut(Address)) {
        let (sender, target) = (self.recovered.sender, self.target());
        visit(sender);
        if target != sender {
            visit(target);
        }
        for (index, address) in self.authorities.iter().enumerate() {
            let is_repeated = *address == Some(sender)
                || *address == Some(target)
                || self.authorities[..index].contains(address);
            if let Some(address) = address.filter(|_| !is_repeated) {
                visit(address);
            }
        }
    }
}

impl Executed {
    /// The fee that a transaction which has settled still owes the coinbase.
    pub fn fee_due(&self) -> Option<U256> {
        match self.payment {
            Payment::Settled { fee_due, .. } => fee_due,
            Payment::Nothing | Payment::Open(_) => None,
        }
    }

    /// Gas that an original transaction has paid for, if it has settled.
    pub fn gas_paid(&self) -> Option<u64> {
        match self.payment {
            Payment::Settled { gas_used, .. } => Some(gas_used),
            Payment::Nothing | Payment::Open(_) => None,
        }
    }

    /// Takes how it ended, for its receipt.
    #[inline(always)]
    pub(crate) fn take_status(&mut self) -> Status {
        if self.status.is_success() {
            return Status::Succeeded;
        }
        std::mem::replace(&mut self.status, Status::Succeeded)
    }

    /// A transaction that is not executed, and leaves no trace.
    pub fn skipped(error: InvalidTransaction) -> Self {
        Self {
            status: Status::Skipped(Box::new(error)),
            gas_used: 0,
            refund_counter: 0,
            created: None,
            bounced: U256::zero(),
            output: Bytes::new(),
            effects: Effects::default(),
            payment: Payment::Nothing,
        }
    }
}

impl Executor {
    /// An executor for one fork and policy.
    pub fn new(fork: Fork, policy: &Policy, precompiles: &Precompiles) -> Self {
        let mut journal = Journal::new(fork, *policy == Policy::Synchronous);
        let precompiles: Vec<Address> = precompiles.addresses().collect();
        journal.access_list_mut().set_precompiles(&precompiles);
        Self {
            journal,
            driver: Driver::default(),
        }
    }

    /// Has the next transaction told to a tracer, or to none.
    pub fn trace(&mut self, tracer: Option<Box<dyn Tracer + Send>>) {
        self.driver.tracer = tracer;
    }

    /// Asks a factory for the next transaction's tracer, if there is a factory.
    pub(crate) fn trace_at(&mut self, factory: Option<&TracerFactory>, place: TransactionPlace) {
        if let Some(factory) = factory {
            self.trace(factory(&place));
        }
    }

    /// Takes the tracer back. It is gone if the transaction panicked.
    pub fn take_tracer(&mut self) -> Option<Box<dyn Tracer + Send>> {
        self.driver.tracer.take()
    }

    /// Knows from now on what another executor's precompiles answer, and has it know the same of this one's.
    pub(crate) fn share_answers(&mut self, other: &Self) {
        self.driver.memo = other.driver.memo.beside();
    }

    /// The gas of what slow precompiles have answered so far and nobody has known.
    pub(crate) fn gas_computed(&self) -> u64 {
        self.driver.memo.gas_computed()
    }

    /// How many calls and creations the instructions of the last original transaction have asked for.
    pub fn messages(&self) -> u64 {
        self.driver.messages
    }

    /// Runs every frame on one engine, whatever is hot: results are the same on each.
    pub fn set_tier(&mut self, tier: Tier) {
        self.driver.tier = tier;
    }

    /// Runs an original transaction. Under deferral the journal owns its accounts already.
    ///
    /// # Errors
    /// Why the block cannot go on. A panic in an embedder's precompile or tracer is such a fault.
    pub fn original(
        &mut self,
        scene: &Scene<'_>,
        original: &Original,
        epoch: u32,
    ) -> Result<Executed, Fault> {
        self.guarded(|executor| executor.run_original(scene, original, epoch, &[]))?
    }

    /// Runs a virtual transaction, whose target the journal owns already (a static one may be read as
    /// of the round's start, if nobody writes to it in the round).
    ///
    /// # Errors
    /// Why the block cannot go on.
    pub fn deferred(
        &mut self,
        scene: &Scene<'_>,
        call: &DeferredCall,
        environment: &TransactionEnvironment,
        epoch: u32,
    ) -> Result<Executed, Fault> {
        self.guarded(|executor| executor.run_deferred(scene, call, environment, epoch))?
    }

    /// Runs a system contract's code (EIP-4788 and later): called by [`SYSTEM_ADDRESS`] with
    /// [`SYSTEM_CALL_GAS`], without fee, nonce or value. `None`, with nothing done, where there is no
    /// code.
    ///
    /// # Errors
    /// Why the block cannot go on.
    pub fn system_call(
        &mut self,
        scene: &Scene<'_>,
        target: Address,
        input: &[u8],
        epoch: u32,
    ) -> Result<Option<Executed>, Fault> {
        self.guarded(|executor| executor.run_system_call(scene, target, input, epoch))?
    }

    fn run_system_call(
        &mut self,
        scene: &Scene<'_>,
        target: Address,
        input: &[u8],
        epoch: u32,
    ) -> Result<Option<Executed>, Fault> {
        self.journal.begin(epoch);
        let environment = TransactionEnvironment {
            origin: SYSTEM_ADDRESS,
            ..TransactionEnvironment::default()
        };
        let mut stage = Stage::new(&mut self.journal, &mut self.driver, scene, &environment);
        let Some(mut run) = stage.run_system_call(target, input)? else {
            return Ok(None);
        };
        let gas_used = conclude(&mut stage.world, &mut run, SYSTEM_CALL_GAS);
        Ok(Some(Executed {
            status: status_of(run.exit),
            gas_used,
            refund_counter: 0,
            created: None,
            bounced: U256::zero(),
            output: run.output,
            effects: self.journal.end(),
            payment: Payment::Nothing,
        }))
    }

    /// [`Executor::original`] within a guard of the caller's. `places` says where the journal has what the
    /// transaction owns, in the order of [`Original::each_owned`], as far as that is known.
    pub(crate) fn run_original(
        &mut self,
        scene: &Scene<'_>,
        original: &Original,
        epoch: u32,
        places: &[u32],
    ) -> Result<Executed, Fault> {
        self.driver.messages = 0;
        self.journal.begin(epoch);
        let mut stage = Stage::new(
            &mut self.journal,
            &mut self.driver,
            scene,
            &original.environment,
        );
        let Recovered {
            transaction,
            sender: sender_address,
            ..
        } = &original.recovered;
        let sender = match places.first() {
            Some(place) => *place,
            None => stage.locate(*sender_address)?,
        };
        let intrinsic = match stage.check(&original.recovered, sender)? {
            Ok(intrinsic) => intrinsic,
            Err(error) => return Ok(Executed::skipped(error)),
        };
        let purchase = Purchase {
            gas_limit: transaction.gas_limit,
            price: original.environment.gas_price,
            base_fee: scene.block.base_fee,
            floor: intrinsic.floor,
        };
        let blob_fee = word::mul(
            scene.block.blob_base_fee,
            U256::from(transaction.blob_gas()),
        );
        let target = original.target();
        stage.pay(sender, purchase.prepaid() + blob_fee)?;
        stage.bump_nonce(sender)?;
        stage.warm_original(original, target);
        let authorization_refund = apply_authorizations(&mut stage.world, original)?;
        let account = match places.get(1) {
            _ if target == *sender_address => sender,
            Some(place) => *place,
            None => stage.locate(target)?,
        };
        stage.warm_delegate(account)?;

        let gas_limit = transaction.gas_limit - intrinsic.initial;
        // It stays where it is: `?` would move it.
        let mut run = stage.run_original(original, sender, (account, target), gas_limit);
        let run = match run {
            Ok(ref mut run) => run,
            Err(fault) => return Err(fault),
        };
        let gas_used = conclude(&mut stage.world, run, transaction.gas_limit);
        let succeeded = run.exit.is_success();
        let refund_counter = if succeeded { run.gas.refund } else { 0 };
        let tree = TreeGas {
            spent: gas_used,
            refund_counter,
            authorization_refund,
        };
        stage.world.journal.burn(blob_fee);
        let payment = if stage.world.journal.deferred_calls().is_empty() {
            let settlement = purchase.settle(&tree, scene.fork);
            stage.world.journal.burn(settlement.burnt);
            let is_paid = stage.settle(sender, &settlement)?;
            Payment::Settled {
                gas_used: settlement.gas_used,
                fee_due: (!is_paid).then_some(settlement.fee),
            }
        } else {
            Payment::Open(Box::new(OpenPayment { purchase, tree }))
        };
        Ok(Executed {
            status: status_of(run.exit),
            gas_used,
            refund_counter,
            created: (succeeded && transaction.to.is_none()).then_some(target),
            bounced: U256::zero(),
            output: in_place::take_bytes(&mut run.output),
            effects: self.journal.end(),
            payment,
        })
    }

    /// [`Executor::deferred`] within a guard of the caller's.
    pub(crate) fn run_deferred(
        &mut self,
        scene: &Scene<'_>,
        call: &DeferredCall,
        environment: &TransactionEnvironment,
        epoch: u32,
    ) -> Result<Executed, Fault> {
        self.journal.begin(epoch);
        let mut stage = Stage::new(&mut self.journal, &mut self.driver, scene, environment);
        let given = call.gas + call.stipend;
        let account = stage.locate(call.target)?;
        stage.warm_deferred(call, account)?;
        let mut run = stage.run_deferred(call, account, given);
        let run = match run {
            Ok(ref mut run) => run,
            Err(fault) => return Err(fault),
        };
        let gas_used = conclude(&mut stage.world, run, given);
        let succeeded = run.exit.is_success();
        let bounced = if succeeded {
            U256::zero()
        } else {
            call.escrow()
        };
        if !bounced.is_zero() {
            self.journal.credit(call.sender, bounced);
        }
        Ok(Executed {
            status: status_of(run.exit),
            gas_used,
            refund_counter: if succeeded { run.gas.refund } else { 0 },
            created: (succeeded && call.is_creation()).then_some(call.target),
            bounced,
            output: in_place::take_bytes(&mut run.output),
            effects: self.journal.end(),
            payment: Payment::Nothing,
        })
    }

    /// Turns a panic into a fault. What an embedder hooks in may panic; nothing of ours does.
    pub(crate) fn guarded<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> Result<T, Fault> {
        catch_unwind(AssertUnwindSafe(|| run(self))).map_err(|panic| {
            self.forget_frames();
            panic_fault(&*panic)
        })
    }

    /// Gives up what a panic has left of a transaction.
    pub(crate) fn forget_frames(&mut self) {
        let (tier, memo) = (self.driver.tier, self.driver.memo.beside());
        self.driver = Driver::default();
        (self.driver.tier, self.driver.memo) = (tier, memo);
    }
}

/// What a panic of an embedder's hook says, as the fault that it is.
pub(crate) fn panic_fault(panic: &(dyn std::any::Any + Send)) -> Fault {
    Fault::Panicked(panic_message(panic))
}

/// Gives the deferred calls that have survived their gas; the gas that the transaction consumed itself.
fn conclude(world: &mut World<'_>, run: &mut Run, given: u64) -> u64 {
    let calls = world.journal.deferred_calls_mut();
    if run.shares_gas {
        share_gas(&mut run.gas.remaining, calls);
    }
    let set_aside: u64 = calls.iter().map(|call| call.gas).sum();
    given - run.gas.remaining - set_aside
}

fn status_of(exit: Exit) -> Status {
    match exit {
        Exit::Stop | Exit::Return | Exit::SelfDestruct => Status::Succeeded,
        Exit::Revert => Status::Reverted,
        Exit::Halt(halt) => Status::Halted(halt),
    }
}
