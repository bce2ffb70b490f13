//! The roots' accounts: what the tree of each has used, and when it settles (semantics, section 6).

use crate::{
    Address, Fork, U256,
    transaction::{
        Executed, Original,
        settlement::{Purchase, Settlement, TreeGas},
    },
};

/// One original transaction and what its descendants have come to so far.
#[derive(Clone, Debug)]
pub struct Tree {
    sender: Address,
    /// What it bought, until that is settled.
    purchase: Option<Purchase>,
    gas: TreeGas,
    pending: u64,
    gas_used: u64,
    has_failed: bool,
}

impl Tree {
    /// The tree of an original transaction that has run.
    pub fn new(original: &Original, executed: &Executed) -> Self {
        let payment = executed.payment.as_ref();
        let settled = payment.and_then(|payment| payment.settled.as_ref());
        Self {
            sender: original.recovered.sender,
            purchase: payment
                .filter(|_| settled.is_none())
                .map(|payment| payment.purchase),
            gas: payment.map(|payment| payment.tree).unwrap_or_default(),
            pending: 0,
            gas_used: settled.map_or(0, |settlement| settlement.gas_used),
            has_failed: !executed.status.is_success(),
        }
    }

    /// Counts a virtual transaction that has run.
    pub fn add(&mut self, executed: &Executed) {
        self.pending -= 1;
        self.gas.spent += executed.gas_used;
        self.gas.refund_counter += executed.refund_counter;
        self.has_failed |= !executed.status.is_success();
    }

    /// Counts a published record; its stipend is nobody's expense.
    pub fn publish(&mut self, stipend: u64) {
        self.pending += 1;
        self.gas.spent = self.gas.spent.saturating_sub(stipend);
    }

    /// Counts a published record that is refused.
    pub fn refuse(&mut self) {
        self.pending -= 1;
        self.has_failed = true;
    }

    /// Settles the root if it has not and nothing of it is pending: to whom the rest goes, and how
    /// the prepaid wei is divided.
    pub fn settle(&mut self, fork: Fork) -> Option<(Address, Settlement)> {
        if self.pending != 0 {
            return None;
        }
        let settlement = self.purchase.take()?.settle(&self.gas, fork);
        self.gas_used = settlement.gas_used;
        Some((self.sender, settlement))
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
        self.purchase
            .as_ref()
            .map_or_else(U256::zero, Purchase::prepaid)
    }
}
