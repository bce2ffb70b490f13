//! The barrier at a round's end: the one place where effects cross between accounts. It reads from
//! top to bottom as the rules do (semantics, section 4).

use std::collections::BTreeMap;

use crossbeam::queue::SegQueue;
use primitive_types::U512;

use super::{
    Record,
    credits::Credits,
    order::Records,
    threads::Threads,
    tree::{Growth, Trees},
    worker::Output,
};
use crate::{
    Address, B256, Fork, U256,
    call::Order,
    state::{
        Changes, DatabaseFault, State, Writes,
        journal::Credit,
        overlay::{CreditFault, StatePart},
    },
    transaction::Limit,
};

/// What a block may grow to (semantics, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rounds, round 0 included.
    pub rounds_max: u32,
    /// Records over all rounds.
    pub records_max: u64,
    /// Bytes of the records' input over all rounds.
    pub input_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rounds_max: 1025,
            records_max: 4_000_000,
            input_max: 1 << 28,
        }
    }
}

/// What all workers have left of a round, put together.
pub struct RunRound {
    published: Vec<Vec<Record>>,
    /// What the trees have grown by, worker by worker.
    growth: Vec<Growth>,
    /// What has been done to owned accounts, each of which is in one of them.
    writes: Vec<Writes>,
    credits: Vec<Credits>,
    burnt: U512,
}

/// What a barrier needs to know of its block, and what it carries from one round to the next.
pub struct Barrier<'a> {
    /// The rules.
    pub fork: Fork,
    /// Who gets the fees.
    pub coinbase: Address,
    /// The order of records.
    pub order: Order,
    /// The word that opcode 0x44 returns.
    pub seed: B256,
    /// What the block may grow to.
    pub limits: Limits,
    /// Who shares what there is much of.
    pub threads: Threads<'a>,
    /// How many original transactions the block has.
    pub roots: usize,
    /// What the roots have come to.
    pub trees: &'a mut Trees,
    /// What has been admitted so far.
    pub admitted: &'a mut Admitted,
    /// The wei that must add up, if that is to be checked.
    pub ledger: Option<&'a mut Ledger>,
}

/// What the barriers of a block have admitted to its rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Records.
    pub records: u64,
    /// Bytes of their input.
    pub input: u64,
}

/// What a barrier leaves for the next round.
pub struct NextRound {
    /// What it runs, in order.
    pub records: Records,
    /// What it does not run.
    pub refused: Vec<(Record, Limit)>,
}

/// Why a barrier could not be completed.
#[derive(Debug)]
pub enum BarrierFault {
    /// The database failed.
    Database(DatabaseFault),
    /// A credit would overflow a balance.
    Overflow(Address),
    /// Wei has appeared or vanished, which no input may cause.
    NotConserved(Box<Imbalance>),
}

/// Wei before and after a barrier, where they should be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// Balances, escrow and prepaid wei as they should be.
    pub expected: U512,
    /// As they are.
    pub found: U512,
}

impl RunRound {
    /// Puts the workers' outputs together, with what the round's queue holds.
    pub fn new(outputs: Vec<Output>, published: SegQueue<Vec<Record>>) -> Self {
        let mut run = Self {
            published: published.into_iter().collect(),
            growth: Vec::with_capacity(outputs.len()),
            writes: Vec::with_capacity(outputs.len()),
            credits: Vec::new(),
            burnt: U512::zero(),
        };
        for output in outputs {
            run.growth.push(output.growth);
            run.writes.push(output.writes);
            if !output.credits.is_empty() {
                run.credits.push(output.credits);
            }
            run.burnt += output.burnt;
        }
        run
    }
}

impl Barrier<'_> {
    /// 1. Sorts the published records and refuses those past a limit: what comes next.
    pub fn admit(&mut self, round: u32, run: &mut RunRound) -> NextRound {
        self.trees.open(self.roots, &mut run.growth);
        let published = std::mem::take(&mut run.published);
        let mut records = Records::sorted(published, self.order, self.seed, self.threads);
        let (admitted, limit) = self.room(round, &records);
        let refused = records.split_off(admitted);
        if !refused.is_empty() {
            let mut credits = Credits::new(self.coinbase);
            for record in &refused {
                self.trees.refuse(record.root);
                if !record.call.escrow().is_zero() {
                    credits.add(record.call.sender, record.call.escrow());
                }
            }
            run.credits.push(credits);
        }
        NextRound {
            records,
            refused: refused.into_iter().map(|record| (record, limit)).collect(),
        }
    }

    /// Completes a round whose records have been admitted.
    ///
    /// # Errors
    /// The database's, a balance beyond 256 bits, or wei that do not add up.
    pub fn cross(
        self,
        run: RunRound,
        next: &NextRound,
        state: &mut State<'_>,
    ) -> Result<(), BarrierFault> {
        let RunRound {
            growth,
            writes,
            mut credits,
            mut burnt,
            ..
        } = run;

        // 2. Settle the roots that have no pending descendant.
        let facts = (self.fork, self.coinbase);
        self.trees.grow(&growth, facts, self.threads, |settled| {
            credits.push(settled.credits);
            burnt += settled.burnt;
        });

        // 3. Write back the owned accounts, 4. add the credits, 5. clear the empty.
        let Some(ledger) = self.ledger else {
            return apply(state, writes, credits, self.fork, self.threads);
        };
        ledger.burn(burnt);
        ledger
            .note_before(state, &writes, &credits)
            .map_err(BarrierFault::Database)?;
        apply(state, writes, credits, self.fork, self.threads)?;
        ledger.note_after(state).map_err(BarrierFault::Database)?;
        ledger
            .check(self.trees, &next.records)
            .map_err(BarrierFault::NotConserved)
    }

    /// How many of the records may run, the first of them; and which limit the others are beyond. What may
    /// run counts as admitted.
    fn room(&mut self, round: u32, records: &Records) -> (usize, Limit) {
        if round + 1 >= self.limits.rounds_max {
            return (0, Limit::Rounds);
        }
        let Admitted {
            records: known,
            input,
        } = *self.admitted;
        let all = Admitted {
            records: known + records.len() as u64,
            input: input + records.input(),
        };
        if all.records <= self.limits.records_max && all.input <= self.limits.input_max {
            *self.admitted = all;
            return (records.len(), Limit::Records);
        }
        for (place, record) in records.iter().enumerate() {
            let Admitted { records, input } = *self.admitted;
            if records >= self.limits.records_max {
                return (place, Limit::Records);
            }
            let input = input + record.call.input.length();
            if input > self.limits.input_max {
                return (place, Limit::Input);
            }
            *self.admitted = Admitted {
                records: records + 1,
                input,
            };
        }
        (records.len(), Limit::Records)
    }
}

/// Adds the credits in as many parts of the state as there are threads, each of which first takes over its part of
/// what is new.
fn settle(
    state: &mut State<'_>,
    credits: &[Vec<Credit>],
    fresh: &mut [Changes],
    threads: Threads<'_>,
) -> Result<(), BarrierFault> {
    let mut parts = state.parts(threads.count(), fresh);
    let done = threads.each(&mut parts, |part| part.settle(credits));
    let noted = parts.into_iter().flat_map(StatePart::into_noted).collect();
    state.note(noted);
    // The lowest address decides, so that no order shows.
    let faults = done.into_iter().filter_map(Result::err);
    match faults.min_by_key(|(address, _)| *address) {
        None => Ok(()),
        Some((_, CreditFault::Database(error))) => Err(BarrierFault::Database(error)),
        Some((address, CreditFault::Overflow { .. })) => Err(BarrierFault::Overflow(address)),
    }
}

/// Steps 3 to 5.
fn apply(
    state: &mut State<'_>,
    writes: Vec<Writes>,
    credits: Vec<Credits>,
    fork: Fork,
    threads: Threads<'_>,
) -> Result<(), BarrierFault> {
    let credits = Credits::lists(credits).map_err(BarrierFault::Overflow)?;
    // An account that is not empty when it is written back does not become so by a credit.
    let mut empty = Vec::new();
    for writes in &writes {
        empty.extend_from_slice(writes.empty());
    }
    let credited: usize = credits.iter().map(Vec::len).sum();
    let threads = threads.for_pieces(credited);
    // What one thread does is not divided.
    let mut fresh: Vec<Changes> = Vec::new();
    for mut writes in writes {
        if threads.count() > 1 {
            fresh.push(writes.take_fresh());
        }
        state.absorb(writes);
    }
    if credited > 0 {
        settle(state, &credits, &mut fresh, threads)?;
    }
    let touches = credits
        .iter()
        .flatten()
        .filter(|credit| credit.amount.is_zero());
    empty.extend(touches.map(|credit| credit.address));
    if fork >= Fork::SpuriousDragon {
        for address in &empty {
            state
                .clear_if_empty(*address)
                .map_err(BarrierFault::Database)?;
        }
    }
    Ok(())
}

/// The wei of a block, so that none is lost and none made (semantics, section 10).
///
/// It follows what balances have changed by, which is enough: the block's start is zero.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    before: BTreeMap<Address, U256>,
    /// What all balances have grown and shrunk by since the block's start.
    grown: U512,
    shrunk: U512,
    burnt: U512,
}

impl Ledger {
    /// Counts wei that cease to exist.
    pub fn burn(&mut self, amount: impl Into<U512>) {
        self.burnt += amount.into();
    }

    /// Notes balances that are about to change.
    fn note_before(
        &mut self,
        state: &State<'_>,
        writes: &[Writes],
        credits: &[Credits],
    ) -> Result<(), DatabaseFault> {
        let written = writes.iter().flat_map(Writes::addresses);
        let credited = credits.iter().flat_map(Credits::addresses);
        self.note(state, written.chain(credited))
    }

    /// Notes balances that are about to change.
    ///
    /// # Errors
    /// The database's.
    pub fn note(
        &mut self,
        state: &State<'_>,
        addresses: impl IntoIterator<Item = Address>,
    ) -> Result<(), DatabaseFault> {
        for address in addresses {
            let balance = state.account(address)?.unwrap_or_default().balance;
            self.before.insert(address, balance);
        }
        Ok(())
    }

    /// Compares them with what they have become.
    ///
    /// # Errors
    /// The database's.
    pub fn note_after(&mut self, state: &State<'_>) -> Result<(), DatabaseFault> {
        for (address, before) in std::mem::take(&mut self.before) {
            let after = state.account(address)?.unwrap_or_default().balance;
            if after >= before {
                self.grown += U512::from(after - before);
            } else {
                self.shrunk += U512::from(before - after);
            }
        }
        Ok(())
    }

    /// Whether balances, escrow and prepaid wei are what they were at the block's start, less what was burnt.
    ///
    /// # Errors
    /// The two sums, if they differ.
    pub fn check(&self, trees: &Trees, pending: &Records) -> Result<(), Box<Imbalance>> {
        let escrow = pending.iter().fold(U512::zero(), |sum, record| {
            sum + U512::from(record.call.escrow())
        });
        let found = self.grown + escrow + trees.prepaid() + self.burnt;
        let expected = self.shrunk;
        if found == expected {
            Ok(())
        } else {
            Err(Box::new(Imbalance { expected, found }))
        }
    }
}
