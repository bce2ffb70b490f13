//! A round while it runs: what it runs, on which state, who owns what, and what its transactions leave for
//! the barrier. Who runs it is in `worker` and `scheduler`.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, AtomicU64},
};

use crossbeam::queue::SegQueue;
use deferevm_opcodes::machine::word;
use primitive_types::U512;

use super::{
    Record, Roster,
    ahead::WORTH_HELP,
    order::Records,
    partition::{Members, Partition, Schedule},
    slots::Slots,
    threads::Threads,
    worker::Shared,
};
use crate::{
    Address, BlockEnvironment, Fork, U256,
    call::Policy,
    precompiles::Precompiles,
    state::{DatabaseFault, State},
    trace::{TracerFactory, TransactionPlace},
    transaction::{Original, Receipt, Scene, TransactionRules},
};

/// What every round of a block shares.
#[derive(Clone, Copy)]
pub struct Setting<'e> {
    /// The rules.
    pub fork: Fork,
    /// What becomes of calls.
    pub policy: &'e Policy,
    /// The block's facts.
    pub block: &'e BlockEnvironment,
    /// The fork's precompiles.
    pub precompiles: &'e Precompiles,
    /// What transactions are measured by.
    pub rules: &'e TransactionRules,
    /// The block's transactions.
    pub originals: &'e [Original],
    /// The most blob gas that they may carry together.
    pub blob_gas_max: u64,
    /// Who runs rounds together.
    pub threads: Threads<'e>,
    /// Whether they share rounds that are not worth waking them for.
    pub shares_all: bool,
    /// Who traces which transaction.
    pub tracers: Option<&'e TracerFactory>,
}

impl<'e> Setting<'e> {
    /// The facts of a transaction that runs on this state.
    pub fn scene<'a>(&self, state: &'a State<'_>) -> Scene<'a>
    where
        'e: 'a,
    {
        Scene {
            fork: self.fork,
            policy: self.policy,
            block: self.block,
            precompiles: self.precompiles,
            rules: self.rules,
            state,
        }
    }
}

/// A round while it runs: read by its workers, changed by none.
pub struct Round<'e> {
    /// What every round of the block shares.
    pub setting: Setting<'e>,
    /// Which round it is, from 0.
    pub index: u32,
    /// The state as of the round's start.
    pub state: State<'e>,
    /// What it runs.
    pub work: Work,
    /// Who owns what. Where one worker runs the block's transactions, each of them is listed shortly before it runs.
    pub roster: Roster,
    /// The coinbase's number, if a transaction of round 0 that is listed owns it.
    pub coinbase: Option<u32>,
    /// The gas that each transaction has used, once it has run.
    pub gas_used: Vec<AtomicU64>,
    /// What transactions that succeeded have published, many of them in one push, in no order.
    pub published: SegQueue<Vec<Record>>,
    /// Whether one worker runs it, in order: fees are then with that one.
    pub(super) runs_alone: bool,
    /// Otherwise fees of transactions before this position are paid to an owner of the coinbase.
    pub(super) fees_paid_before: u32,
    /// Such fees that have settled and not been paid yet, by position.
    fees: Mutex<Vec<(u32, U256)>>,
    /// The earliest position that could not be run; later ones need not be.
    pub(super) fault_at: AtomicU32,
}

/// What a round runs.
pub enum Work {
    /// The block's transactions.
    Originals,
    /// Records, in their order.
    Records(Records),
}

impl Work {
    /// How many transactions.
    pub fn len(&self, originals: &[Original]) -> usize {
        match self {
            Work::Originals => originals.len(),
            Work::Records(records) => records.len(),
        }
    }
}

impl<'e> Round<'e> {
    /// A round ready to run. What was in the roster and the list of gas goes.
    pub fn new(
        setting: Setting<'e>,
        index: u32,
        state: State<'e>,
        work: Work,
        (mut roster, mut gas_used): (Roster, Vec<AtomicU64>),
    ) -> Self {
        let coinbase = match &work {
            Work::Originals if setting.threads.count() == 1 => {
                roster.make_room(setting.originals.len());
                None
            }
            Work::Originals => {
                roster.list_originals(setting.originals, setting.threads);
                roster.find(setting.block.coinbase)
            }
            Work::Records(records) => {
                roster.list_records(records, setting.threads);
                None
            }
        };
        gas_used.clear();
        gas_used.resize_with(work.len(setting.originals), AtomicU64::default);
        let last_owner = coinbase.map(|coinbase| roster.last_owner(coinbase));
        Self {
            setting,
            index,
            state,
            work,
            roster,
            coinbase,
            gas_used,
            published: SegQueue::new(),
            runs_alone: false,
            fees_paid_before: last_owner.unwrap_or(0),
            fees: Mutex::default(),
            fault_at: AtomicU32::new(u32::MAX),
        }
    }

    /// How many transactions it runs.
    pub fn len(&self) -> usize {
        self.work.len(self.setting.originals)
    }

    /// Whether it runs none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is known of all its transactions what they own.
    pub fn is_listed(&self) -> bool {
        self.roster.len() == self.len()
    }

    /// Lists the transactions before a position that are not listed yet, and tells the database.
    pub(super) fn list_until(&mut self, end: usize) -> Result<(), DatabaseFault> {
        let (listed, known) = (self.roster.len(), self.roster.accounts());
        if listed >= end {
            return Ok(());
        }
        self.roster.list_until(self.setting.originals, end);
        if self.coinbase.is_none() {
            self.coinbase = self.roster.find(self.setting.block.coinbase);
        }
        self.state.prefetch(&self.roster.addresses()[known..])
    }

    /// Divides it into batches.
    pub fn schedule(&self, partition: &dyn Partition) -> Schedule {
        let senders: Option<Vec<Address>> = match &self.work {
            Work::Records(records) if partition.needs_senders() => {
                Some(records.iter().map(|record| record.call.sender).collect())
            }
            _ => None,
        };
        partition.schedule(Members {
            roster: &self.roster,
            senders: senders.as_deref(),
            coinbase: self.coinbase,
        })
    }

    /// What several workers need to run it in these batches; receipts are added to those there are.
    pub fn share(&self, schedule: Schedule, ready: &[u32], receipts: Vec<Receipt>) -> Shared {
        Shared::new(schedule, ready, Slots::new(receipts, self.len()))
    }

    /// The gas of slow precompiles from which on a batch is worth the help of others, if it ever is. What an embedder
    /// hooks in must not see a transaction run that does not count.
    pub(super) fn helps_from(&self) -> Option<u64> {
        let setting = &self.setting;
        if setting.tracers.is_some() || setting.precompiles.has_own() {
            return None;
        }
        Some(if setting.shares_all { 0 } else { WORTH_HELP })
    }

    /// Which transaction of the block one of the round is.
    pub(super) fn place(&self, position: u32) -> TransactionPlace {
        let id = match &self.work {
            Work::Originals => self.setting.originals[position as usize].recovered.hash,
            Work::Records(records) => records[position as usize].id,
        };
        TransactionPlace {
            round: self.index,
            position,
            id,
        }
    }

    /// Whether an owner of the coinbase is bound to what comes before it.
    pub(super) fn owns_coinbase(&self, position: u32) -> bool {
        self.coinbase
            .is_some_and(|coinbase| self.roster.owned(position).contains(&coinbase))
    }

    /// Takes the fees that transactions before a position have paid, where several workers run the round.
    pub(super) fn take_fees_before(&self, position: u32) -> Option<U512> {
        let mut sum = None;
        self.fees().retain(|(payer, fee)| {
            let is_earlier = *payer < position;
            if is_earlier {
                word::add_to_wide(sum.get_or_insert_default(), *fee);
            }
            !is_earlier
        });
        sum
    }

    pub(super) fn fees(&self) -> MutexGuard<'_, Vec<(u32, U256)>> {
        // Nothing that can panic runs while it is held.
        self.fees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
