//! The roots' accounts: what the tree of each has used, and when it settles (semantics, section 6).

use super::Record;
use crate::{
    Address, Fork, U256,
    transaction::{
        Executed, OpenPayment, Original, Receipt,
        settlement::{Purchase, Settlement, TreeGas},
    },
};

/// One original transaction and what its descendants have come to so far.
#[derive(Clone, Debug)]
pub struct Tree {
    gas_used: u64,
    has_failed: bool,
    has_grown: bool,
    /// Until it settles, which most do with their original transaction.
    open: Option<Box<OpenTree>>,
}

/// A tree that has not settled.
#[derive(Clone, Debug)]
struct OpenTree {
    sender: Address,
    purchase: Purchase,
    gas: TreeGas,
    pending: u64,
}

/// What the transactions of a round, or of a part of it, add to their trees. The parts' sums have no
/// order.
#[derive(Debug, Default)]
pub struct Growth {
    /// Original transactions that have published records, by position: what they have bought and used.
    pub opened: Vec<(u32, OpenPayment)>,
    /// What virtual transactions have come to.
    pub deltas: Vec<TreeDelta>,
}

/// What virtual transactions of one tree have come to.
#[derive(Clone, Copy, Debug)]
pub struct TreeDelta {
    /// The position of their root.
    pub root: u32,
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
    /// Adds what one more has come to.
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

impl Tree {
    /// The tree of an original transaction that has run, by its receipt. One that has published is then
    /// opened.
    pub fn new(receipt: &Receipt) -> Self {
        Self {
            gas_used: receipt.tree_gas_used.unwrap_or(0),
            has_failed: !receipt.status.is_success(),
            has_grown: false,
            open: None,
        }
    }

    /// Lets it live on what its root has bought.
    pub fn open(&mut self, original: &Original, payment: &OpenPayment) {
        self.has_grown = true;
        self.open = Some(Box::new(OpenTree {
            sender: original.recovered.sender,
            purchase: payment.purchase,
            gas: payment.tree,
            pending: 0,
        }));
    }

    /// Counts virtual transactions that have run.
    pub fn add(&mut self, delta: &TreeDelta) {
        self.has_failed |= delta.has_failed;
        let open = self.opened();
        open.pending -= delta.count;
        open.gas.spent += delta.gas_used;
        open.gas.refund_counter += delta.refund_counter;
    }

    /// Counts published records with their stipends, which are nobody's expense.
    pub fn publish(&mut self, records: &[Record]) {
        let open = self.opened();
        open.pending += records.len() as u64;
        for record in records {
            open.gas.spent = open.gas.spent.saturating_sub(record.call.stipend);
        }
    }

    /// Counts a published record that is refused.
    pub fn refuse(&mut self) {
        self.has_failed = true;
        self.opened().pending -= 1;
    }

    /// Settles the root if it has not and nothing of it is pending: to whom the rest goes, and how
    /// the prepaid wei is divided.
    pub fn settle(&mut self, fork: Fork) -> Option<(Address, Settlement)> {
        let open = self.open.take_if(|open| open.pending == 0)?;
        let settlement = open.purchase.settle(&open.gas, fork);
        self.gas_used = settlement.gas_used;
        Some((open.sender, settlement))
    }

    /// Gas paid for by the root, once it has settled; 0 for one that was skipped.
    pub fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// Whether every transaction of the tree has succeeded.
    pub fn has_succeeded(&self) -> bool {
        !self.has_failed
    }

    /// Wei held until the root settles.
    pub fn prepaid(&self) -> U256 {
        self.open
            .as_ref()
            .map_or_else(U256::zero, |open| open.purchase.prepaid())
    }

    /// Whether it has had virtual transactions, refused ones included.
    pub fn has_grown(&self) -> bool {
        self.has_grown
    }

    fn opened(&mut self) -> &mut OpenTree {
        self.open
            .as_mut()
            .expect("a root that has published records has not settled")
    }
}
