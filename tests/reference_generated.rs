//! Generated blocks: the engine, with any workers and any partition, comes to just what the reference
//! says; and blocks without calls come to just what Ethereum says.
//!
//! `DEFEREVM_CASES` sets how many blocks each property is tried on.

use deferevm::{
    Evm,
    block::{BlockError, BlockOutcome},
    call::Policy,
    partition_by_name,
};
use deferevm_reference::{
    Reference, assert_same,
    generate::{Case, Kind},
};
use proptest::{prelude::*, test_runner::Config};

const PARTITIONS: [&str; 3] = ["owned", "sender-target", "one"];
const WORKERS: [usize; 4] = [1, 2, 3, 8];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_generated_block_is_executed_as_the_reference_says(
        bytes in prop::collection::vec(any::<u8>(), 0..2_500),
    ) {
        judge(&Case::from_bytes(&bytes, Kind::Any));
    }

    #[test]
    fn one_transaction_without_calls_is_executed_as_on_ethereum(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        compare_with_ethereum(&Case::from_bytes(&bytes, Kind::OneWithoutCalls));
    }

    #[test]
    fn transactions_without_calls_are_executed_as_on_ethereum(
        bytes in prop::collection::vec(any::<u8>(), 0..1_000),
    ) {
        compare_with_ethereum(&Case::from_bytes(&bytes, Kind::WithoutCalls));
    }
}

fn config() -> Config {
    let cases = std::env::var("DEFEREVM_CASES")
        .map(|cases| cases.parse().expect("DEFEREVM_CASES is a number"));
    Config {
        cases: cases.unwrap_or(400),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Runs a case everywhere. Panics where two differ.
fn judge(case: &Case) -> BlockOutcome {
    let reference = Reference {
        limits: case.limits,
        runs_edges: false,
        ..Reference::new(case.fork, case.rules)
    };
    let expected = reference.execute(&case.state, &case.block).unwrap();
    let evm = evm(case, Policy::Deferred(case.rules));
    let originals = evm.prepare(&case.block);
    for workers in WORKERS {
        for partition in PARTITIONS {
            let found = evm
                .clone()
                .workers(workers)
                .share_all(true)
                .shared_partition(partition_by_name(partition).unwrap())
                .execute_prepared(&case.state, &case.block, &originals)
                .unwrap();
            assert_same(
                &found,
                &expected,
                &format!("{workers} workers, {partition}"),
            );
        }
    }
    expected
}

fn evm(case: &Case, policy: Policy) -> Evm {
    Evm::new(case.fork)
        .policy(policy)
        .limits(case.limits)
        .audit(true)
        .edges(false)
}

/// Semantics 10.3, for blocks that are valid on Ethereum. Says whether this one was.
fn compare_with_ethereum(case: &Case) -> bool {
    let ethereum = match evm(case, Policy::Synchronous).execute_block(&case.state, &case.block) {
        Ok(outcome) => outcome,
        Err(BlockError::Invalid(_)) => return false,
        Err(error) => panic!("{error}"),
    };
    let found = judge(case);
    assert_eq!(found.receipts, ethereum.receipts);
    assert_eq!(found.gas_used, ethereum.gas_used);
    assert_eq!(found.changes.accounts, ethereum.changes.accounts);
    true
}

#[test]
fn the_generator_makes_blocks_that_do_things() {
    // Of 300 blocks of a fixed row of pseudo-random bytes.
    let mut word = deferevm::keccak256(b"blocks that do things");
    let mut bytes = Vec::new();
    while bytes.len() < 400_000 {
        word = deferevm::keccak256(word);
        bytes.extend_from_slice(&word.0);
    }
    let (mut virtuals, mut rounds, mut bounced, mut created, mut valid) = (0, 0, 0, 0, 0);
    let mut counts = (0, 0, 0, 0);
    for chunk in bytes.chunks(1_300).take(300) {
        let outcome = judge(&Case::from_bytes(chunk, Kind::Any));
        virtuals += outcome.virtual_transactions();
        rounds = rounds.max(outcome.rounds.len());
        let of = |predicate: &dyn Fn(&deferevm::transaction::Receipt) -> bool| {
            outcome.receipts.iter().filter(|r| predicate(r)).count()
        };
        bounced += of(&|receipt| !receipt.bounced.is_zero());
        created += of(&|receipt| receipt.round > 0 && receipt.created.is_some());
        let (succeeded, failed, skipped, refused) = outcome.counts();
        counts.0 += succeeded;
        counts.1 += failed;
        counts.2 += skipped;
        counts.3 += refused;
        valid += usize::from(compare_with_ethereum(&Case::from_bytes(
            chunk,
            Kind::WithoutCalls,
        )));
    }
    println!(
        "{virtuals} virtual transactions, up to {rounds} rounds, {bounced} bounces, {created} \
         creations, {counts:?} succeeded, failed, skipped, refused; {valid} valid without calls"
    );
    assert!(virtuals > 1_000 && rounds > 20 && bounced > 100 && created > 50);
    assert!(counts.0 > 500 && counts.1 > 200 && counts.2 > 50 && counts.3 > 50);
    assert!(valid > 30);
}
