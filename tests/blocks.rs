//! Real mainnet blocks: under `synchronous` as the chain has them, and under deferral the same for
//! every number of workers and every partition.

use std::path::PathBuf;

use deferevm::{
    Evm,
    block::bundle::{BlockBundle, BundleOptions, Document},
    call::Policy,
    partition_by_name,
};

/// The bundles' folder.
///
/// # Panics
/// Says what to set where there is none.
fn bundles() -> Vec<BlockBundle> {
    let folder = std::env::var_os("DEFEREVM_BLOCKS").map(PathBuf::from).expect(
        "DEFEREVM_BLOCKS must name a folder of block bundles (NUMBER.json.zst); see \"Tests\" in README.md",
    );
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".json.zst"));
    paths.sort();
    assert!(!paths.is_empty(), "no *.json.zst in {}", folder.display());
    paths
        .into_iter()
        .map(|path| {
            let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
            let document = Document {
                name: &path.to_string_lossy(),
                bytes: &bytes,
            };
            BlockBundle::parse(document, BundleOptions::default()).unwrap()
        })
        .collect()
}

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
