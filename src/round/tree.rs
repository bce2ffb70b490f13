//! The roots' accounts: what the tree of each has used, and when it settles (semantics, section 6).

use crate::{
    Address, Fork, U256,
    transaction::{
        Executed, Original, Payment,
        settlement::{Purchase, Settlement, TreeGas},
    },
};

/// One original transaction and what its descendants have come to so far.
#[derive(Clone, Debug)]
pub struct Tree {
    gas_used: u64,
    has_failed: bool,
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

impl Tree {
    /// The tree of an original transaction that has run.
    pub fn new(original: &Original, executed: &Executed) -> Self {
        let open = match &executed.payment {
            Payment::Open(payment) => Some(Box::new(OpenTree {
                sender: original.recovered.sender,
                purchase: payment.purchase,
                gas: payment.tree,
                pending: 0,
            })),
            Payment::Nothing | Payment::Settled { .. } => None,
        };
        Self {
            gas_used: executed.gas_paid().unwrap_or(0),
            has_failed: !executed.status.is_success(),
            open,
        }
    }

    /// Counts a virtual transaction that has run.
    pub fn add(&mut self, executed: &Executed) {
        self.has_failed |= !executed.status.is_success();
        let open = self.open();
        open.pending -= 1;
        open.gas.spent += executed.gas_used;
        open.gas.refund_counter += executed.refund_counter;
    }

    /// Counts a published record; its stipend is nobody's expense.
    pub fn publish(&mut self, stipend: u64) {
        let open = self.open();
        open.pending += 1;
        open.gas.spent = open.gas.spent.saturating_sub(stipend);
    }

    /// Counts a published record that is refused.
    pub fn refuse(&mut self) {
        self.has_failed = true;
        self.open().pending -= 1;
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

    fn open(&mut self) -> &mut OpenTree {
        self.open
            .as_mut()
            .expect("a root that has published records has not settled")
    }
}
