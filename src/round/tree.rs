//! The roots' accounts: what the tree of each has used, and when it settles (semantics, section 6).

use primitive_types::U512;

use super::Record;
use crate::{
    Address, Fork,
    transaction::{
        Executed, OpenPayment, Original, Payment,
        settlement::{Purchase, Settlement, TreeGas},
    },
};

/// What the roots of a block have come to, with their descendants so far.
#[derive(Debug, Default)]
pub struct Trees {
    /// Gas paid for by roots that have settled with their original transaction.
    gas_paid: u64,
    /// Roots of which something has failed, in no order, some more than once.
    failed: Vec<u32>,
    /// Roots that have published records. Most do not, and nothing is kept of them.
    grown: Vec<Tree>,
    /// Where each root stands among those; empty as long as there are none.
    places: Vec<u32>,
}

/// A root that has published records.
#[derive(Debug)]
struct Tree {
    root: u32,
    sender: Address,
    purchase: Purchase,
    gas: TreeGas,
    pending: u64,
    /// Gas paid for, once it has settled.
    gas_paid: Option<u64>,
}

/// Stands for a root that has published nothing.
const NOT_GROWN: u32 = u32::MAX;

/// What the transactions of a round, or of a part of it, add to their trees. The parts' sums have no
/// order.
#[derive(Debug, Default)]
pub struct Growth {
    /// Original transactions that have published records, by position: what they have bought and used.
    opened: Vec<(u32, OpenPayment)>,
    /// What virtual transactions have come to.
    deltas: Vec<TreeDelta>,
    /// Gas paid for by original transactions that have settled.
    gas_paid: u64,
    /// Original transactions that have not succeeded, by position.
    failed: Vec<u32>,
}

/// What virtual transactions of one tree have come to.
#[derive(Clone, Copy, Debug)]
pub struct TreeDelta {
    /// The position of their root.
    root: u32,
    count: u64,
    gas_used: u64,
    refund_counter: i64,
    has_failed: bool,
}

impl TreeDelta {
    /// One virtual transaction that has run.
    pub fn of(root: u32, executed: &Executed) -> Self {
        Self {
            root,
            count: 1,
            gas_used: executed.gas_used,
            refund_counter: executed.refund_counter,
            has_failed: !executed.status.is_success(),
        }
    }
}

impl Growth {
    /// Adds an original transaction that has run.
    pub fn add_original(&mut self, position: u32, executed: &Executed) {
        match &executed.payment {
            Payment::Nothing => {}
            Payment::Settled { gas_used, .. } => self.gas_paid += gas_used,
            Payment::Open(payment) => self.opened.push((position, **payment)),
        }
        if !executed.status.is_success() {
            self.failed.push(position);
        }
    }

    /// The roots that something has become of, some more than once.
    pub fn roots(&self) -> impl Iterator<Item = u32> {
        let opened = self.opened.iter().map(|(position, _)| *position);
        opened.chain(self.deltas.iter().map(|delta| delta.root))
    }

    /// Adds what one more virtual transaction has come to.
    pub fn add(&mut self, delta: TreeDelta) {
        match self.deltas.last_mut() {
            Some(last) if last.root == delta.root => {
                last.count += delta.count;
                last.gas_used += delta.gas_used;
                last.refund_counter += delta.refund_counter;
                last.has_failed |= delta.has_failed;
            }
            _ => self.deltas.push(delta),
        }
    }
}

impl Trees {
    /// Counts what a round has run for the roots, which are these.
    pub fn grow(&mut self, originals: &[Original], growth: &Growth) {
        self.gas_paid += growth.gas_paid;
        self.failed.extend_from_slice(&growth.failed);
        if self.places.is_empty() && !growth.opened.is_empty() {
            self.places.resize(originals.len(), NOT_GROWN);
        }
        for (root, payment) in &growth.opened {
            let place = self.grown.len();
            self.places[*root as usize] =
                u32::try_from(place).expect("a block has fewer than 2^32 transactions");
            self.grown.push(Tree {
                root: *root,
                sender: originals[*root as usize].recovered.sender,
                purchase: payment.purchase,
                gas: payment.tree,
                pending: 0,
                gas_paid: None,
            });
        }
        for delta in &growth.deltas {
            if delta.has_failed {
                self.failed.push(delta.root);
            }
            let tree = self.tree(delta.root);
            tree.pending -= delta.count;
            tree.gas.spent += delta.gas_used;
            tree.gas.refund_counter += delta.refund_counter;
        }
    }

    /// Counts the records that a transaction has published, with their stipends, which are nobody's expense.
    pub fn publish(&mut self, records: &[Record]) {
        let Some(first) = records.first() else { return };
        let tree = self.tree(first.root);
        tree.pending += records.len() as u64;
        for record in records {
            tree.gas.spent = tree.gas.spent.saturating_sub(record.call.stipend);
        }
    }

    /// Counts a published record that is refused.
    pub fn refuse(&mut self, root: u32) {
        self.failed.push(root);
        self.tree(root).pending -= 1;
    }

    /// Settles a root that has published if it has not settled and nothing of it is pending: to whom the rest
    /// goes, and how the prepaid wei is divided.
    pub fn settle(&mut self, root: u32, fork: Fork) -> Option<(Address, Settlement)> {
        let tree = self.tree(root);
        if tree.gas_paid.is_some() || tree.pending > 0 {
            return None;
        }
        let settlement = tree.purchase.settle(&tree.gas, fork);
        tree.gas_paid = Some(settlement.gas_used);
        Some((tree.sender, settlement))
    }

    /// Wei held until the roots settle that have not.
    pub fn prepaid(&self) -> U512 {
        let open = self.grown.iter().filter(|tree| tree.gas_paid.is_none());
        open.fold(U512::zero(), |sum, tree| {
            sum + U512::from(tree.purchase.prepaid())
        })
    }

    /// Gas paid for by all roots that have settled.
    pub fn gas_used(&self) -> u64 {
        let grown = self.grown.iter().filter_map(|tree| tree.gas_paid);
        self.gas_paid + grown.sum::<u64>()
    }

    /// The roots that have had virtual transactions, refused ones included, with the gas that each has paid
    /// for.
    pub fn grown(&self) -> impl Iterator<Item = (u32, u64)> {
        let gas_paid = |tree: &Tree| (tree.root, tree.gas_paid.unwrap_or(0));
        self.grown.iter().map(gas_paid)
    }

    /// For each of so many roots, whether every transaction of its tree has succeeded.
    pub fn succeeded(&self, roots: usize) -> Vec<bool> {
        let mut succeeded = vec![true; roots];
        for root in &self.failed {
            succeeded[*root as usize] = false;
        }
        succeeded
    }

    fn tree(&mut self, root: u32) -> &mut Tree {
        let place = self.places.get(root as usize);
        let place = place.expect("a root that has published records has grown");
        &mut self.grown[*place as usize]
    }
}
