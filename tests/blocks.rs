//! Real mainnet blocks: under `synchronous` as the chain has them, and under deferral the same for
//! every number of workers and every partition.

mod bundles;

use bundles::bundles;
use deferevm::{Evm, call::Policy, partition_by_name};

#[test]
fn every_real_block_uses_the_gas_its_header_says() {
    for bundle in bundles() {
        let database = bundle.database();
        let outcome = Evm::new(bundle.fork)
            .audit(true)
            .blob_schedule(bundle.blob_schedule)
            .execute_block(&database, &bundle.block())
            .unwrap_or_else(|error| panic!("{}: {error}", bundle.name));
        assert_eq!(
            Some(outcome.gas_used),
            bundle.header.gas_used,
            "{}",
            bundle.name
        );
        // Accounts that the block creates are not listed; code that it runs is.
        assert!(database.take_missing().codes.is_empty(), "{}", bundle.name);
    }
}

#[test]
fn every_real_block_has_one_digest_for_all_workers_and_partitions() {
    for bundle in bundles() {
        let block = bundle.block();
        let database = bundle.database();
        for policy in [Policy::seed(), Policy::practical()] {
            let evm = Evm::new(bundle.fork)
                .policy(policy)
                .audit(true)
                .blob_schedule(bundle.blob_schedule);
            let originals = evm.prepare(&block);
            let mut digests = Vec::new();
            for workers in [1, 2, 3, 8] {
                for partition in ["owned", "sender-target", "one"] {
                    let evm = evm
                        .clone()
                        .workers(workers)
                        .share_all(workers > 2)
                        .shared_partition(partition_by_name(partition).unwrap());
                    let outcome = evm
                        .execute_prepared(&database, &block, &originals)
                        .unwrap_or_else(|error| panic!("{}: {error}", bundle.name));
                    digests.push(outcome.digest());
                }
            }
            digests.dedup();
            assert_eq!(digests.len(), 1, "{} {}", bundle.name, policy.name());
        }
    }
}
