//! Which transactions of a round may run at the same time.
//!
//! A partition orders transactions that share one of its keys and leaves the others free. Keys that
//! hold all owned accounts are enough for the result (semantics, section 2); a partition may add
//! more, which costs parallelism and changes nothing else.

use smallvec::SmallVec;

use super::Roster;
use crate::{Address, state::Map};

/// What a partition needs to know of a round's transactions, which stand in their order.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// What each owns and shares with others; nothing for a static record to a target that nobody in
    /// the round writes to.
    pub roster: &'a Roster,
    /// The senders of records, if the partition needs them; `None` for original transactions.
    pub senders: Option<&'a [Address]>,
    /// The coinbase's number, where its owners wait for all earlier transactions.
    pub coinbase: Option<u32>,
}

impl Members<'_> {
    fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether one is bound by the coinbase rule.
    fn waits_for_all(&self, position: u32) -> bool {
        self.coinbase
            .is_some_and(|coinbase| self.roster.owned(position).contains(&coinbase))
    }

    /// Whether nobody owns what another one does, and nobody waits for all.
    fn are_disjoint(&self) -> bool {
        self.coinbase.is_none() && self.roster.is_disjoint()
    }

    /// Numbers for the senders of records: those of the accounts that are owned, and behind them new
    /// ones. How many numbers there are then.
    fn number_senders(&self) -> (Vec<u32>, usize) {
        let mut numbers = Vec::new();
        let mut others: Map<Address, u32> = Map::default();
        let owned = self.roster.accounts();
        for sender in self.senders.unwrap_or_default() {
            let number = self.roster.find(*sender).unwrap_or_else(|| {
                let next = position(owned + others.len());
                *others.entry(*sender).or_insert(next)
            });
            numbers.push(number);
        }
        (numbers, owned + others.len())
    }
}

/// A run of transactions on one worker, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Positions in the round, ascending.
    pub positions: Vec<u32>,
    /// How many batches must be done before.
    pub waits_for: u32,
    /// The batches that wait for this one.
    pub releases: Vec<u32>,
}

/// All batches of a round. Those that wait for nothing are ready at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// In any order.
    pub batches: Vec<Batch>,
}

impl Schedule {
    /// The batches that wait for nothing, as they stand.
    pub fn ready(&self) -> Vec<u32> {
        let batches = (0u32..).zip(&self.batches);
        let ready = batches.filter(|(_, batch)| batch.waits_for == 0);
        ready.map(|(place, _)| place).collect()
    }

    /// For each batch, the work of the longest chain of batches that wait for each other and of which it is the
    /// first, where `work` says what each position takes.
    pub fn chains(&self, work: &[u32]) -> Vec<u64> {
        let mut waits_for: Vec<u32> = self.batches.iter().map(|batch| batch.waits_for).collect();
        // Each batch behind all that it waits for.
        let mut order = self.ready();
        let mut next = 0;
        while let Some(place) = order.get(next) {
            for released in &self.batches[*place as usize].releases {
                let waits_for = &mut waits_for[*released as usize];
                *waits_for -= 1;
                if *waits_for == 0 {
                    order.push(*released);
                }
            }
            next += 1;
        }
        let mut chains = vec![0; self.batches.len()];
        for place in order.into_iter().rev() {
            let batch = &self.batches[place as usize];
            let positions = batch.positions.iter();
            let own: u64 = positions.map(|at| u64::from(work[*at as usize])).sum();
            let behind = batch.releases.iter().map(|place| chains[*place as usize]);
            chains[place as usize] = own + behind.max().unwrap_or(0);
        }
        chains
    }
}

/// A way to divide a round into batches.
pub trait Partition: Send + Sync {
    /// The name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Whether it looks at the senders of records, which lie where the records do: to gather them takes as long as to
    /// divide a large round.
    fn needs_senders(&self) -> bool {
        true
    }

    /// Divides a round whose members stand in their order. Members that share an owned account must
    /// be in one batch in order, or in batches that wait for each other in order.
    fn schedule(&self, members: Members<'_>) -> Schedule;
}

/// By what a transaction owns: no more order than the result demands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owned;

/// By what a transaction owns and by the record's sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct SenderTarget;

/// Everything in order, in one batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct One;

impl Partition for Owned {
    fn name(&self) -> &'static str {
        "owned"
    }

    fn needs_senders(&self) -> bool {
        false
    }

    fn schedule(&self, members: Members<'_>) -> Schedule {
        let accounts = members.roster.accounts();
        by_keys(members, accounts, &[])
    }
}

impl Partition for SenderTarget {
    fn name(&self) -> &'static str {
        "sender-target"
    }

    fn schedule(&self, members: Members<'_>) -> Schedule {
        let (senders, numbers) = members.number_senders();
        by_keys(members, numbers, &senders)
    }
}

impl Partition for One {
    fn name(&self) -> &'static str {
        "one"
    }

    fn needs_senders(&self) -> bool {
        false
    }

    fn schedule(&self, members: Members<'_>) -> Schedule {
        let positions = (0..position(members.len())).collect();
        Schedule {
            batches: vec![Batch {
                positions,
                ..Batch::default()
            }],
        }
    }
}

/// A group of this many transactions or fewer is one batch, whatever its shape: handing accounts
/// over would cost more than it frees.
const WHOLE_GROUP_MAX: usize = 4;

/// A group whose members are fewer than this many times its longest chain, as a fraction, is one batch too.
const WIDE: (usize, usize) = (3, 2);

/// A batch of unrelated small groups holds at most this many transactions.
const PACKED_MAX: usize = 64;

/// A round is packed into about this many batches, so that the last ones to run are short.
const PACKED_BATCHES: usize = 256;

/// Orders members that share a key, an account that they own or, if there are any, their sender; groups that
/// share none are batches of their own, the small ones packed together. Keys are numbers below `keys`.
fn by_keys(members: Members<'_>, keys: usize, senders: &[u32]) -> Schedule {
    let packed_max = (members.len() / PACKED_BATCHES).clamp(1, PACKED_MAX);
    if senders.is_empty() && members.are_disjoint() {
        return packed(position(members.len()), packed_max);
    }
    let graph = Graph::new(members, keys, senders);
    let groups = Groups::new(&graph, position(members.len()));
    let mut builder = Builder {
        batch_of: vec![u32::MAX; members.len()],
        ..Builder::default()
    };
    let mut pack: Vec<u32> = Vec::new();
    let mut depths = vec![0; members.len()];
    for group in groups.iter() {
        if group.len() > WHOLE_GROUP_MAX && graph.is_wide(group, &mut depths) {
            builder.singles(&graph, group);
        } else if group.len() >= packed_max {
            builder.push(group.to_vec());
        } else {
            pack.extend(group);
            if pack.len() >= packed_max {
                builder.push(std::mem::take(&mut pack));
            }
        }
    }
    if !pack.is_empty() {
        builder.push(pack);
    }
    builder.schedule
}

/// Members that are each a group of their own, packed together.
fn packed(count: u32, packed_max: usize) -> Schedule {
    let batch_at = |first: u32| Batch {
        positions: (first..count).take(packed_max).collect(),
        ..Batch::default()
    };
    Schedule {
        batches: (0..count).step_by(packed_max).map(batch_at).collect(),
    }
}

/// The members by group, in the order of the groups' first members and within each in their own.
struct Groups {
    /// One group after the other.
    members: Vec<u32>,
    /// Where each group ends.
    ends: Vec<u32>,
}

impl Groups {
    fn new(graph: &Graph, count: u32) -> Self {
        const NONE: u32 = u32::MAX;
        let mut group_of_root = vec![NONE; count as usize];
        let mut sizes: Vec<u32> = Vec::new();
        let group_of: Vec<u32> = (0..count)
            .map(|place| {
                let group = &mut group_of_root[graph.root(place) as usize];
                if *group == NONE {
                    *group = position(sizes.len());
                    sizes.push(0);
                }
                sizes[*group as usize] += 1;
                *group
            })
            .collect();
        // Filling moves each group's end from where the group starts to where it ends.
        let mut ends = sizes;
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut members = vec![0; count as usize];
        for (place, group) in (0u32..).zip(group_of) {
            let end = &mut ends[group as usize];
            members[*end as usize] = place;
            *end += 1;
        }
        Self { members, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let group = &self.members[start as usize..*end as usize];
            start = *end;
            group
        })
    }
}

/// Who must come before whom: for each member the nearest earlier one that holds each of its keys.
struct Graph {
    before: Vec<SmallVec<[u32; 2]>>,
    parents: Vec<u32>,
}

impl Graph {
    fn new(members: Members<'_>, keys: usize, senders: &[u32]) -> Self {
        const NONE: u32 = u32::MAX;
        let count = position(members.len());
        let mut graph = Self {
            before: vec![SmallVec::new(); members.len()],
            parents: (0..count).collect(),
        };
        let mut last_of = vec![NONE; keys];
        let mut unbound_from = 0;
        for here in 0..count {
            for key in members
                .roster
                .owned(here)
                .iter()
                .copied()
                .chain(senders.get(here as usize).copied())
            {
                let earlier = std::mem::replace(&mut last_of[key as usize], here);
                if earlier != NONE {
                    graph.follow(here, earlier);
                }
            }
            if members.waits_for_all(here) {
                // The last one that waited has all before it behind itself already.
                for earlier in unbound_from..here {
                    graph.follow(here, earlier);
                }
                unbound_from = here;
            }
        }
        graph
    }

    fn follow(&mut self, later: u32, earlier: u32) {
        let before = &mut self.before[later as usize];
        if later == earlier || before.contains(&earlier) {
            return;
        }
        before.push(earlier);
        let (a, b) = (self.root(later), self.root(earlier));
        // The earliest member is the root, so that groups come in the order of their first members.
        self.parents[a.max(b) as usize] = a.min(b);
        self.parents[later as usize] = a.min(b);
    }

    fn root(&self, mut place: u32) -> u32 {
        while self.parents[place as usize] != place {
            place = self.parents[place as usize];
        }
        place
    }

    /// Whether a group's longest chain, of members that wait for each other, leaves enough others to be
    /// worth handing accounts over. `depths` is filled for its members.
    fn is_wide(&self, group: &[u32], depths: &mut [usize]) -> bool {
        let mut longest = 0;
        for place in group {
            let before = self.before[*place as usize].iter();
            let depth = 1 + before
                .map(|place| depths[*place as usize])
                .max()
                .unwrap_or(0);
            depths[*place as usize] = depth;
            longest = longest.max(depth);
        }
        group.len() * WIDE.1 >= longest * WIDE.0
    }
}

#[derive(Default)]
struct Builder {
    schedule: Schedule,
    batch_of: Vec<u32>,
}

impl Builder {
    fn push(&mut self, positions: Vec<u32>) -> u32 {
        let index = position(self.schedule.batches.len());
        for place in &positions {
            self.batch_of[*place as usize] = index;
        }
        self.schedule.batches.push(Batch {
            positions,
            ..Batch::default()
        });
        index
    }

    /// One batch for each member, waiting for those before it.
    fn singles(&mut self, graph: &Graph, group: &[u32]) {
        for place in group {
            let index = self.push(vec![*place]);
            for earlier in &graph.before[*place as usize] {
                let released_by = self.batch_of[*earlier as usize];
                self.schedule.batches[released_by as usize]
                    .releases
                    .push(index);
                self.schedule.batches[index as usize].waits_for += 1;
            }
        }
    }
}

fn position(place: usize) -> u32 {
    u32::try_from(place).expect("a round has fewer than 2^32 transactions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(owned: &[Vec<Address>]) -> Roster {
        let mut roster = Roster::default();
        for owned in owned {
            let mut distinct: Vec<Address> = Vec::new();
            for address in owned {
                if !distinct.contains(address) {
                    distinct.push(*address);
                }
            }
            roster.push(distinct);
        }
        roster
    }

    fn members(roster: &Roster) -> Members<'_> {
        Members {
            roster,
            senders: None,
            coinbase: None,
        }
    }

    fn account(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    /// What any schedule must hold: each position once, and order between those who share a key.
    fn assert_keeps_order(schedule: &Schedule, members: Members<'_>) {
        let mut seen = vec![false; members.len()];
        let mut finished_before: Vec<Vec<u32>> = vec![Vec::new(); schedule.batches.len()];
        for (index, batch) in schedule.batches.iter().enumerate() {
            assert!(batch.positions.is_sorted());
            for place in &batch.positions {
                assert!(
                    !std::mem::replace(&mut seen[*place as usize], true),
                    "{place} twice"
                );
            }
            for released in &batch.releases {
                let before = finished_before[index].clone();
                let entry = &mut finished_before[*released as usize];
                entry.extend(before);
                entry.extend(&batch.positions);
            }
        }
        assert!(seen.iter().all(|seen| *seen));
        for (index, batch) in schedule.batches.iter().enumerate() {
            for later in &batch.positions {
                for earlier in 0..*later {
                    let (a, b) = (members.roster.owned(earlier), members.roster.owned(*later));
                    let waits = members.waits_for_all(*later);
                    if waits || a.iter().any(|number| b.contains(number)) {
                        assert!(
                            batch.positions.contains(&earlier)
                                || finished_before[index].contains(&earlier),
                            "{earlier} and {later} share an account"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn disjoint_transactions_are_packed_as_others_are() {
        for count in [0, 1, 3, 255, 256, 700, 30_000] {
            let mut roster = Roster::default();
            for number in 0..count {
                let accounts = [2 * number, 2 * number + 1].map(Address::from_low_u64_be);
                roster.push(accounts.into_iter().take(number as usize % 3));
            }
            let members = members(&roster);
            assert!(members.are_disjoint());
            // A sender for each, whom nobody else has: the long way.
            let keys = roster.accounts() + count as usize;
            let senders: Vec<u32> = (position(roster.accounts())..position(keys)).collect();
            assert_eq!(
                by_keys(members, roster.accounts(), &[]),
                by_keys(members, keys, &senders)
            );
        }
    }

    #[test]
    fn transactions_that_share_nothing_are_spread_over_batches() {
        let owned: Vec<Vec<Address>> = (0..100)
            .map(|byte| vec![account(byte), account(byte + 100)])
            .collect();
        let roster = roster(&owned);
        let schedule = Owned.schedule(members(&roster));
        assert_eq!(schedule.batches.len(), 100);
        assert!(schedule.batches.iter().all(|batch| batch.waits_for == 0));
        assert_keeps_order(&schedule, members(&roster));
    }

    #[test]
    fn a_group_that_is_nearly_a_chain_is_one_batch_and_no_round_to_share() {
        // All pay from one account, but for two that only pay one of those who were paid.
        let mut owned: Vec<Vec<Address>> = (1..=10)
            .map(|byte| vec![account(0), account(byte)])
            .collect();
        owned.extend([3, 7].map(|byte| vec![account(byte), account(100 + byte)]));
        let roster = roster(&owned);
        let schedule = Owned.schedule(members(&roster));
        assert_eq!(schedule.batches.len(), 1);
        assert_eq!(schedule.chains(&[1; 12]).into_iter().max(), Some(12));
        assert_keeps_order(&schedule, members(&roster));
    }

    #[test]
    fn a_hot_account_delays_only_those_who_touch_it() {
        // X pays many, and each of them then pays someone else.
        let mut owned = Vec::new();
        for byte in 1..=20 {
            owned.push(vec![account(0), account(byte)]);
            owned.push(vec![account(byte), account(100 + byte)]);
        }
        let roster = roster(&owned);
        let schedule = Owned.schedule(members(&roster));
        assert_keeps_order(&schedule, members(&roster));
        // The second payment of the first pair waits for the first only.
        let second = schedule
            .batches
            .iter()
            .find(|batch| batch.positions == [1])
            .unwrap();
        assert_eq!(second.waits_for, 1);
    }

    #[test]
    fn a_chain_goes_from_its_batch_to_the_last_that_waits_for_it() {
        let batch = |positions: &[u32], waits_for, releases: &[u32]| Batch {
            positions: positions.to_vec(),
            waits_for,
            releases: releases.to_vec(),
        };
        // 0 and 1 before 2, which is before 4 and 5; 3 for itself; listed so that no batch stands behind
        // those that it waits for.
        let schedule = Schedule {
            batches: vec![
                batch(&[4, 5], 2, &[]),
                batch(&[3], 0, &[]),
                batch(&[2], 1, &[0]),
                batch(&[0, 1], 0, &[2, 0]),
            ],
        };
        assert_eq!(schedule.ready(), [1, 3]);
        assert_eq!(schedule.chains(&[1, 2, 10, 40, 3, 4]), [7, 40, 17, 20]);
        assert!(Schedule::default().chains(&[]).is_empty());
    }

    #[test]
    fn a_chain_is_one_batch() {
        let owned: Vec<Vec<Address>> = (0..50).map(|_| vec![account(7)]).collect();
        let roster = roster(&owned);
        let schedule = Owned.schedule(members(&roster));
        assert_eq!(schedule.batches.len(), 1);
        assert_keeps_order(&schedule, members(&roster));
    }

    #[test]
    fn who_owns_the_coinbase_waits_for_all_earlier_ones_and_delays_no_later_one() {
        let owned: Vec<Vec<Address>> = (0..10).map(|byte| vec![account(byte)]).collect();
        let roster = roster(&owned);
        let members = Members {
            coinbase: Some(6),
            ..members(&roster)
        };
        let schedule = Owned.schedule(members);
        let waiting = schedule
            .batches
            .iter()
            .find(|batch| batch.positions == [6])
            .unwrap();
        assert_eq!(waiting.waits_for, 6);
        assert!(
            schedule
                .batches
                .iter()
                .filter(|batch| batch.positions[0] != 6)
                .all(|batch| batch.waits_for == 0)
        );
        assert_keeps_order(&schedule, members);
    }

    #[test]
    fn sender_target_also_orders_records_of_one_sender() {
        let owned: Vec<Vec<Address>> = (1..4).map(|byte| vec![account(byte)]).collect();
        let roster = roster(&owned);
        let senders = [account(9); 3];
        let members = Members {
            senders: Some(&senders),
            ..members(&roster)
        };
        assert_eq!(SenderTarget.schedule(members).batches.len(), 1);
        assert_eq!(Owned.schedule(members).batches.len(), 3);
        assert_eq!(One.schedule(members).batches.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_round_keeps_the_order_of_those_who_share(
            owned in proptest::collection::vec(proptest::collection::vec(0u8..12, 1..4), 0..60),
            coinbase in 0u8..14,
        ) {
            let owned: Vec<Vec<Address>> = owned.into_iter().map(|set| set.into_iter().map(account).collect()).collect();
            let roster = roster(&owned);
            let members = Members {
                coinbase: roster.find(account(coinbase)),
                ..members(&roster)
            };
            for partition in [&Owned as &dyn Partition, &SenderTarget, &One] {
                assert_keeps_order(&partition.schedule(members), members);
            }
        }
    }
}
