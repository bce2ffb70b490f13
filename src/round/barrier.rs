//! The barrier at a round's end: the one place where effects cross between accounts. It reads from
//! top to bottom as the rules do (semantics, section 4).

use std::collections::BTreeMap;

use primitive_types::U512;

use super::{Record, order, tree::Tree};
use crate::{
    Address, B256, Fork, U256,
    call::Order,
    state::{AccountInfo, DatabaseFault, LiveAccount, Map, State, overlay::CreditFault},
    transaction::{Executed, Limit},
};

/// What a block may grow to (semantics, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rounds, round 0 included.
    pub rounds_max: u32,
    /// Records over all rounds.
    pub records_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rounds_max: 1025,
            records_max: 4_000_000,
        }
    }
}

/// A round that has run, with all that its workers have left.
pub struct RunRound<'a> {
    /// In the order of the round; their credits are taken.
    pub executed: &'a mut [Executed],
    /// For each, the position of its root.
    pub roots: Vec<u32>,
    /// In no order.
    pub published: Vec<Record>,
    /// In no order.
    pub accounts: Vec<LiveAccount>,
    /// Fees of transactions before this position have been paid to an owner of the coinbase.
    pub fees_paid_before: u32,
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
    /// One for each original transaction.
    pub trees: &'a mut [Tree],
    /// Records so far.
    pub records: &'a mut u64,
    /// The wei that must add up, if that is to be checked.
    pub ledger: Option<&'a mut Ledger>,
}

/// What a barrier leaves for the next round.
pub struct NextRound {
    /// What it runs, in order.
    pub records: Vec<Record>,
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

impl Barrier<'_> {
    /// Completes a round.
    ///
    /// # Errors
    /// The database's, a balance beyond 256 bits, or wei that do not add up.
    pub fn cross(
        mut self,
        round: u32,
        mut run: RunRound<'_>,
        state: &mut State<'_>,
    ) -> Result<NextRound, BarrierFault> {
        let mut credits = Credits::new(self.coinbase);

        // 1. Sort the published records and refuse those past a limit.
        let published = std::mem::take(&mut run.published);
        let next = self.admit(round, published, &mut credits);

        // 2. Settle the roots that have no pending descendant.
        self.settle(&run, &mut credits);

        // 3. Write back the owned accounts, 4. add the credits, 5. clear the empty.
        for executed in run.executed.iter_mut() {
            for credit in executed.effects.credits.drain(..) {
                credits.add(credit.address, credit.amount);
            }
        }
        if let Some(ledger) = self.ledger.as_deref_mut() {
            ledger.burn_all(run.executed);
            ledger
                .note_before(state, &run.accounts, &credits)
                .map_err(BarrierFault::Database)?;
        }
        apply(state, run.accounts, credits, self.fork)?;
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
        mut published: Vec<Record>,
        credits: &mut Credits,
    ) -> NextRound {
        order::sort(&mut published, self.order, self.seed);
        for record in &published {
            self.trees[record.root as usize].publish(record.call.stipend);
        }
        let (admitted, limit) = if round + 1 >= self.limits.rounds_max {
            (0, Limit::Rounds)
        } else {
            (self.limits.records_max - *self.records, Limit::Records)
        };
        let admitted = usize::try_from(admitted)
            .unwrap_or(usize::MAX)
            .min(published.len());
        let refused = published.split_off(admitted);
        *self.records += published.len() as u64;
        for record in &refused {
            self.trees[record.root as usize].refuse();
            if !record.call.escrow().is_zero() {
                credits.add(record.call.sender, record.call.escrow());
            }
        }
        NextRound {
            records: published,
            refused: refused.into_iter().map(|record| (record, limit)).collect(),
        }
    }

    fn settle(&mut self, run: &RunRound<'_>, credits: &mut Credits) {
        for ((position, executed), root) in (0u32..).zip(run.executed.iter()).zip(&run.roots) {
            // What settled directly has paid its sender; its fee is due unless an owner of the
            // coinbase has had it.
            if let Some(fee) = executed.fee_due()
                && position >= run.fees_paid_before
            {
                credits.add(self.coinbase, fee);
            }
            let settled = self.trees[*root as usize].settle(self.fork);
            if let Some((sender, settlement)) = settled {
                credits.add(sender, settlement.returned);
                credits.add(self.coinbase, settlement.fee);
                if let Some(ledger) = self.ledger.as_deref_mut() {
                    ledger.burn(settlement.burnt);
                }
            }
        }
    }
}

/// Sums of credits by account. Most go to the coinbase.
struct Credits {
    coinbase: Address,
    to_coinbase: Option<U512>,
    to_others: Map<Address, U512>,
}

impl Credits {
    fn new(coinbase: Address) -> Self {
        Self {
            coinbase,
            to_coinbase: None,
            to_others: Map::default(),
        }
    }

    fn add(&mut self, address: Address, amount: U256) {
        let sum = if address == self.coinbase {
            self.to_coinbase.get_or_insert_default()
        } else {
            self.to_others.entry(address).or_default()
        };
        *sum += U512::from(amount);
    }

    fn len(&self) -> usize {
        self.to_others.len() + usize::from(self.to_coinbase.is_some())
    }

    fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        let coinbase = self.to_coinbase.map(|_| self.coinbase);
        self.to_others.keys().copied().chain(coinbase)
    }

    /// In the order of the addresses, so that of several overflows the same one is reported.
    fn sorted(self) -> Vec<(Address, U512)> {
        let coinbase = self.to_coinbase.map(|sum| (self.coinbase, sum));
        let mut sums: Vec<_> = self.to_others.into_iter().chain(coinbase).collect();
        sums.sort_unstable_by_key(|(address, _)| *address);
        sums
    }
}

/// Steps 3 to 5.
fn apply(
    state: &mut State<'_>,
    accounts: Vec<LiveAccount>,
    credits: Credits,
    fork: Fork,
) -> Result<(), BarrierFault> {
    state.reserve(accounts.len() + credits.len());
    // An account that is not empty when it is written back does not become so by a credit.
    let mut empty = Vec::new();
    for mut account in accounts {
        if account.is_written() {
            if account.info().is_some_and(AccountInfo::is_empty) {
                empty.push(account.address());
            }
            state.write_back(&mut account);
        }
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

    /// Counts what transactions have burnt themselves.
    pub fn burn_all(&mut self, executed: &[Executed]) {
        for executed in executed {
            self.burn(executed.effects.burnt);
        }
    }

    /// Notes balances that are about to change.
    fn note_before(
        &mut self,
        state: &State<'_>,
        accounts: &[LiveAccount],
        credits: &Credits,
    ) -> Result<(), DatabaseFault> {
        let addresses = accounts
            .iter()
            .map(LiveAccount::address)
            .chain(credits.addresses());
        self.note(state, addresses)
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
    pub fn check(&self, trees: &[Tree], pending: &[Record]) -> Result<(), Box<Imbalance>> {
        let escrow = pending.iter().fold(U512::zero(), |sum, record| {
            sum + U512::from(record.call.escrow())
        });
        let prepaid = trees
            .iter()
            .fold(U512::zero(), |sum, tree| sum + U512::from(tree.prepaid()));
        let found = self.grown + escrow + prepaid + self.burnt;
        let expected = self.shrunk;
        if found == expected {
            Ok(())
        } else {
            Err(Box::new(Imbalance { expected, found }))
        }
    }
}
