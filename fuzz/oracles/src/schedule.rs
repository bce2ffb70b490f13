//! A generated block under deferral: with any workers and any partition the engine comes to just what
//! the reference executor says, and loses no wei at any barrier.

use deferevm::{Evm, block::BlockOutcome, call::Policy, partition_by_name};
use deferevm_reference::{
    Reference, assert_same,
    generate::{Case, Kind},
};

/// Who runs a block and how its rounds are split: one worker with every partition, and others with
/// the partition that splits most.
const SCHEDULES: [(usize, &str); 6] = [
    (1, "one"),
    (1, "owned"),
    (1, "sender-target"),
    (2, "owned"),
    (3, "sender-target"),
    (8, "owned"),
];

/// Runs the block that bytes say, under the policy that they say.
///
/// # Panics
/// Where the engine differs from the reference, or does not conserve wei.
pub fn check(bytes: &[u8]) {
    judge(&Case::from_bytes(bytes, Kind::Any));
}

/// Runs a case everywhere; what it comes to.
///
/// # Panics
/// Where two differ.
pub fn judge(case: &Case) -> BlockOutcome {
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
    for (workers, partition) in SCHEDULES {
        let partition = partition_by_name(partition).expect("it is one of the crate's");
        let found = evm
            .clone()
            .workers(workers)
            .shared_partition(partition)
            .execute_prepared(&case.state, &case.block, &originals)
            .unwrap_or_else(|error| panic!("{workers} workers, {}: {error}", partition.name()));
        let context = format!("{workers} workers, {}", partition.name());
        assert_same(&found, &expected, &context);
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
