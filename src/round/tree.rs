//! The roots' accounts: what the tree of each has used, and when it settles (semantics, section 6).

use deferevm_opcodes::machine::word;
use primitive_types::U512;

use super::{credits::Credits, threads::Threads};
use crate::{
    Address, Fork,
    state::journal::DeferredCall,
    transaction::{
        Executed, Original, Payment,
        settlement::{Purchase, TreeGas},
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
    /// Records published that have not run. Between the parts of a round's growth it means nothing.
    pending: i64,
    /// Gas paid for, once it has settled.
    gas_paid: Option<u64>,
}

/// Stands for a root that has published nothing.
const NOT_GROWN: u32 = u32::MAX;

/// What the transactions of a round, or of a part of it, add to their trees. The parts' sums have no
/// order.
#[derive(Debug, Default)]
pub struct Growth {
    /// Original transactions that have published records.
    opened: Vec<Tree>,
    /// What transactions of trees have come to.
    deltas: Vec<TreeDelta>,
    /// Gas paid for by original transactions that have settled.
    gas_paid: u64,
    /// Original transactions that have not succeeded, by position.
    failed: Vec<u32>,
}

/// What transactions of one tree have come to.
#[derive(Clone, Copy, Debug, Default)]
struct TreeDelta {
    /// The position of their root.
    root: u32,
    /// Whether one has failed.
    has_failed: bool,
    /// Records published, less virtual transactions that have run.
    pending: i64,
    gas_used: u64,
    /// Of what was published: nobody's expense.
    stipends: u64,
    refund_counter: i64,
}

/// What trees that have come to their end leave.
pub(super) struct Settled {
    /// To their senders and the coinbase.
    pub credits: Credits,
    /// Wei burnt.
    pub burnt: U512,
}

/// Some of the trees, in the order in which they have grown, for whoever counts theirs.
struct TreesPart<'t> {
    /// The place of the first.
    first: usize,
    trees: &'t mut [Tree],
    /// Where each root stands among all of them.
    places: &'t [u32],
    settled: Settled,
    /// Roots of which something has failed.
    failed: Vec<u32>,
}

impl TreeDelta {
    fn new(root: u32, executed: &Executed, published: &[DeferredCall]) -> Self {
        Self {
            root,
            has_failed: !executed.status.is_success(),
            pending: published.len() as i64,
            gas_used: executed.gas_used,
            stipends: published.iter().map(|call| call.stipend).sum(),
            refund_counter: executed.refund_counter,
        }
    }
}

impl Growth {
    /// Adds an original transaction that has run, and what it publishes.
    #[inline]
    pub fn add_original(
        &mut self,
        position: u32,
        original: &Original,
        executed: &Executed,
        published: &[DeferredCall],
    ) {
        if !executed.status.is_success() {
            self.failed.push(position);
        }
        match &executed.payment {
            Payment::Nothing => {}
            Payment::Settled { gas_used, .. } => self.gas_paid += gas_used,
            Payment::Open(payment) => {
                self.opened.push(Tree {
                    root: position,
                    sender: original.recovered.sender,
                    purchase: payment.purchase,
                    gas: payment.tree,
                    pending: 0,
                    gas_paid: None,
                });
                // Its own gas is in the payment.
                self.deltas.push(TreeDelta {
                    gas_used: 0,
                    refund_counter: 0,
                    ..TreeDelta::new(position, executed, published)
                });
            }
        }
    }

    /// Adds a virtual transaction that has run, and what it publishes.
    #[inline]
    pub fn add_virtual(&mut self, root: u32, executed: &Executed, published: &[DeferredCall]) {
        let mut delta = TreeDelta::new(root, executed, published);
        delta.pending -= 1;
        match self.deltas.last_mut() {
            Some(last) if last.root == root => {
                last.has_failed |= delta.has_failed;
                last.pending += delta.pending;
                last.gas_used += delta.gas_used;
                last.stipends += delta.stipends;
                last.refund_counter += delta.refund_counter;
            }
            _ => self.deltas.push(delta),
        }
    }
}

impl Trees {
    /// Takes in what a round has run but for its trees' sums, of so many roots.
    pub fn open(&mut self, roots: usize, growth: &mut [Growth]) {
        let opened = growth.iter().map(|growth| growth.opened.len()).sum();
        if self.places.is_empty() && opened > 0 {
            self.places.resize(roots, NOT_GROWN);
        }
        self.grown.reserve(opened);
        for growth in growth {
            self.gas_paid += growth.gas_paid;
            self.failed.append(&mut growth.failed);
            for tree in growth.opened.drain(..) {
                self.places[tree.root as usize] = u32::try_from(self.grown.len())
                    .expect("a block has fewer than 2^32 transactions");
                self.grown.push(tree);
            }
        }
    }

    /// Counts a published record that is refused.
    pub fn refuse(&mut self, root: u32) {
        self.failed.push(root);
        let place = self.places[root as usize];
        self.grown[place as usize].pending -= 1;
    }

    /// Counts what a round has run and published, and settles the trees that have come to their end: those
    /// that something has become of and nothing of which is pending. What that leaves comes in parts, in no
    /// order.
    pub(super) fn grow(
        &mut self,
        growth: &[Growth],
        (fork, coinbase): (Fork, Address),
        threads: Threads<'_>,
        mut leave: impl FnMut(Settled),
    ) {
        let counted: usize = growth.iter().map(|growth| growth.deltas.len()).sum();
        if counted == 0 {
            return;
        }
        let threads = threads.for_pieces(counted);
        let length = self.grown.len().div_ceil(threads.count());
        let places = &self.places;
        let parts = self.grown.chunks_mut(length).enumerate();
        let mut parts: Vec<_> = parts
            .map(|(part, trees)| TreesPart {
                first: part * length,
                trees,
                places,
                settled: Settled {
                    credits: Credits::new(coinbase),
                    burnt: U512::zero(),
                },
                failed: Vec::new(),
            })
            .collect();
        threads.each(&mut parts, |part| part.grow(growth, fork, coinbase));
        for part in parts {
            self.failed.extend(part.failed);
            if !part.settled.credits.is_empty() {
                leave(part.settled);
            }
        }
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
}

impl TreesPart<'_> {
    fn grow(&mut self, growth: &[Growth], fork: Fork, coinbase: Address) {
        let deltas = || growth.iter().flat_map(|growth| &growth.deltas);
        for delta in deltas() {
            let Some(tree) = self.tree(delta.root) else {
                continue;
            };
            tree.pending += delta.pending;
            let spent = tree.gas.spent + delta.gas_used;
            tree.gas.spent = spent.saturating_sub(delta.stipends);
            tree.gas.refund_counter += delta.refund_counter;
            if delta.has_failed {
                self.failed.push(delta.root);
            }
        }
        for delta in deltas() {
            if let Some(tree) = self.tree(delta.root)
                && tree.gas_paid.is_none()
                && tree.pending == 0
            {
                let settlement = tree.purchase.settle(&tree.gas, fork);
                tree.gas_paid = Some(settlement.gas_used);
                let sender = tree.sender;
                self.settled.credits.add(sender, settlement.returned);
                self.settled.credits.add(coinbase, settlement.fee);
                word::add_to_wide(&mut self.settled.burnt, settlement.burnt);
            }
        }
    }

    /// The tree of a root, if it is among these.
    fn tree(&mut self, root: u32) -> Option<&mut Tree> {
        let place = self.places[root as usize] as usize;
        self.trees.get_mut(place.checked_sub(self.first)?)
    }
}
