//! A generated block under deferral: with any workers and any partition the engine comes to just what
//! the reference executor says, and loses no wei at any barrier.

use std::{collections::BTreeMap, sync::LazyLock};

use deferevm::{Evm, Fork, block::BlockOutcome, call::Policy, partition_by_name};
use deferevm_reference::{
    Reference, assert_same, assert_same_fields,
    generate::{Case, Kind},
};

/// Who runs every block, and how its rounds are split.
const ALWAYS: (usize, &str) = (1, "one");
/// An input chooses one of these besides.
const ALONE: [(usize, &str); 2] = [(1, "owned"), (1, "sender-target")];
/// And one of these. Threads are what takes longest.
const IN_COMPANY: [(usize, &str); 6] = [
    (2, "owned"),
    (3, "sender-target"),
    (8, "owned"),
    (2, "sender-target"),
    (3, "owned"),
    (8, "sender-target"),
];

/// Whose workers run the blocks: their threads stay from one to the next.
static CREWS: LazyLock<BTreeMap<usize, Evm>> = LazyLock::new(|| {
    let all = [ALWAYS].into_iter().chain(ALONE).chain(IN_COMPANY);
    all.map(|(workers, _)| (workers, Evm::new(Fork::Osaka).workers(workers)))
        .collect()
});

/// Runs the block that bytes say, under the policy that they say.
///
/// # Panics
/// Where the engine differs from the reference, or does not conserve wei.
pub fn check(bytes: &[u8]) {
    judge(&Case::from_bytes(bytes, Kind::Any), schedules(bytes));
}

/// Under which schedules an input runs. Its last byte chooses, which says little else.
pub fn schedules(bytes: &[u8]) -> [(usize, &'static str); 3] {
    let choice = usize::from(bytes.last().copied().unwrap_or_default());
    [
        ALWAYS,
        ALONE[choice / IN_COMPANY.len() % ALONE.len()],
        IN_COMPANY[choice % IN_COMPANY.len()],
    ]
}

/// Runs a case under each schedule; what it comes to.
///
/// # Panics
/// Where two differ.
pub fn judge(case: &Case, schedules: [(usize, &str); 3]) -> BlockOutcome {
    let reference = Reference {
        limits: case.limits,
        runs_edges: false,
        ..Reference::new(case.fork, case.rules)
    };
    let expected = reference
        .execute(&case.state, &case.block)
        .expect("without edges no block is invalid");
    let evm = evm(case, Policy::Deferred(case.rules));
    let originals = evm.prepare(&case.block);
    for (place, (workers, partition)) in schedules.into_iter().enumerate() {
        let partition = partition_by_name(partition).expect("it is one of the crate's");
        let context = format!("{workers} workers, {}", partition.name());
        let found = evm
            .clone()
            .workers_of(&CREWS[&workers])
            .share_all(true)
            .shared_partition(partition)
            .execute_prepared(&case.state, &case.block, &originals)
            .unwrap_or_else(|error| panic!("{context}: {error}"));
        // Digests of equal outcomes are equal, and take longer than executing most of these blocks.
        match place {
            0 => assert_same(&found, &expected, &context),
            _ => assert_same_fields(&found, &expected, &context),
        }
    }
    expected
}

/// The engine as a case asks for it, its barriers audited.
pub fn evm(case: &Case, policy: Policy) -> Evm {
    Evm::new(case.fork)
        .policy(policy)
        .limits(case.limits)
        .audit(true)
        .edges(false)
}
