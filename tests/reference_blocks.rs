//! Real mainnet blocks under deferral: the engine, with any workers and any partition, comes to just
//! what the reference says.

mod bundles;

use bundles::bundles;
use deferevm::{Evm, call::Policy, partition_by_name, transaction::TransactionRules};
use deferevm_reference::{Reference, assert_same};

const PARTITIONS: [&str; 3] = ["owned", "sender-target", "one"];
const WORKERS: [usize; 4] = [1, 2, 3, 8];

#[test]
fn every_real_block_is_executed_as_the_reference_says() {
    for bundle in bundles() {
        let block = bundle.block();
        let database = bundle.database();
        for policy in [Policy::seed(), Policy::practical()] {
            let rules = policy.deferred().expect("both defer");
            let mut reference = Reference::new(bundle.fork, *rules);
            if let Some(schedule) = bundle.blob_schedule {
                reference.transaction_rules =
                    TransactionRules::with_blob_schedule(bundle.fork, schedule);
            }
            let context = format!("{} {}", bundle.name, policy.name());
            let expected = reference
                .execute(&database, &block)
                .unwrap_or_else(|error| panic!("{context}: {error}"));
            let evm = Evm::new(bundle.fork)
                .policy(policy)
                .audit(true)
                .blob_schedule(bundle.blob_schedule);
            let originals = evm.prepare(&block);
            for workers in WORKERS {
                for partition in PARTITIONS {
                    let found = evm
                        .clone()
                        .workers(workers)
                        .share_all(true)
                        .shared_partition(partition_by_name(partition).unwrap())
                        .execute_prepared(&database, &block, &originals)
                        .unwrap_or_else(|error| panic!("{context}: {error}"));
                    let context = format!("{context}, {workers} workers, {partition}");
                    assert_same(&found, &expected, &context);
                }
            }
        }
    }
}
