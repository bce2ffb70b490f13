//! The barrier at a round's end: the one place where effects cross between accounts. It reads from
//! top to bottom as the rules do (semantics, section 4).

use std::collections::BTreeMap;

use crossbeam::queue::SegQueue;
use primitive_types::U512;

use super::{
    Record,
    credits::Credits,
    order::Records,
    tree::{Growth, Trees},
    worker::Output,
};
use crate::{
    Address, B256, Fork, U256,
    call::Order,
    state::{DatabaseFault, State, Writes, overlay::CreditFault},
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
    pub growth: Vec<Growth>,
    /// What has been done to owned accounts, each of which is in one of them.
    writes: Vec<Writes>,
    credits: Credits,
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
    pub fn new(coinbase: Address, outputs: Vec<Output>, published: SegQueue<Vec<Record>>) -> Self {
        let mut run = Self {
            published: published.into_iter().collect(),
            growth: Vec::with_capacity(outputs.len()),
            writes: Vec::with_capacity(outputs.len()),
            credits: Credits::new(coinbase),
            burnt: U512::zero(),
        };
        for output in outputs {
            run.growth.push(output.growth);
            run.writes.push(output.writes);
            run.credits.merge(output.credits);
            run.burnt += output.burnt;
        }
        run
    }
}

impl Barrier<'_> {
    /// Completes a round whose trees have been counted: what comes next.
    ///
    /// # Errors
    /// The database's, a balance beyond 256 bits, or wei that do not add up.
    pub fn cross(
        mut self,
        round: u32,
        run: RunRound,
        state: &mut State<'_>,
    ) -> Result<NextRound, BarrierFault> {
        let RunRound {
            published,
            growth,
            writes,
            mut credits,
            burnt,
        } = run;

        // 1. Sort the published records and refuse those past a limit.
        let next = self.admit(round, published, &mut credits);

        // 2. Settle the roots that have no pending descendant.
        self.settle(&growth, &mut credits);

        // 3. Write back the owned accounts, 4. add the credits, 5. clear the empty.
        if let Some(ledger) = self.ledger.as_deref_mut() {
            ledger.burn(burnt);
            ledger
                .note_before(state, &writes, &credits)
                .map_err(BarrierFault::Database)?;
        }
        apply(state, writes, credits, self.fork)?;
        if let Some(ledger) = self.ledger {
            ledger.note_after(state).map_err(BarrierFault::Database)?;
            ledger
                .check(self.trees, &next.records)
                .map_err(BarrierFault::NotConserved)?;
        }
        Ok(next)
    }

    fn admit(
        &mut self,
        round: u32,
        published: Vec<Vec<Record>>,
        credits: &mut Credits,
    ) -> NextRound {
        for group in &published {
            self.trees.publish(group);
        }
        let mut records = Records::sorted(published, self.order, self.seed);
        let (admitted, limit) = self.room(round, &records);
        let refused = records.split_off(admitted);
        for record in &refused {
            self.trees.refuse(record.root);
            if !record.call.escrow().is_zero() {
                credits.add(record.call.sender, record.call.escrow());
            }
        }
        NextRound {
            records,
            refused: refused.into_iter().map(|record| (record, limit)).collect(),
        }
    }

    /// How many of the records may run, the first of them; and which limit the others are beyond. What may
    /// run counts as admitted.
    fn room(&mut self, round: u32, records: &Records) -> (usize, Limit) {
        if round + 1 >= self.limits.rounds_max {
            return (0, Limit::Rounds);
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

    /// Only a root that has run now, or a descendant of which has, can have come to its end.
    fn settle(&mut self, growth: &[Growth], credits: &mut Credits) {
        for growth in growth {
            for root in growth.roots() {
                if let Some((sender, settlement)) = self.trees.settle(root, self.fork) {
                    credits.add(sender, settlement.returned);
                    credits.add(self.coinbase, settlement.fee);
                    if let Some(ledger) = self.ledger.as_deref_mut() {
                        ledger.burn(settlement.burnt);
                    }
                }
            }
        }
    }
}

/// Steps 3 to 5.
fn apply(
    state: &mut State<'_>,
    writes: Vec<Writes>,
    credits: Credits,
    fork: Fork,
) -> Result<(), BarrierFault> {
    // An account that is not empty when it is written back does not become so by a credit.
    let mut empty = Vec::new();
    for writes in writes {
        empty.extend_from_slice(writes.empty());
        state.absorb(writes);
    }
    for (address, sum) in credits.sorted() {
        let is_touch = sum.is_zero();
        let sum = U256::try_from(sum).map_err(|_| BarrierFault::Overflow(address))?;
        state.credit(address, sum).map_err(|fault| match fault {
            CreditFault::Database(error) => BarrierFault::Database(error),
            CreditFault::Overflow { address, .. } => BarrierFault::Overflow(address),
        })?;
        if is_touch {
            empty.push(address);
        }
    }
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
        credits: &Credits,
    ) -> Result<(), DatabaseFault> {
        let written = writes.iter().flat_map(Writes::addresses);
        self.note(state, written.chain(credits.addresses()))
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
