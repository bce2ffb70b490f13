//! Real mainnet blocks under deferral: the engine, with any workers and any partition, comes to just
//! what the reference says.

use std::path::PathBuf;

use deferevm::{
    Evm,
    block::bundle::{BlockBundle, BundleOptions, Document},
    call::Policy,
    partition_by_name,
    transaction::TransactionRules,
};
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

/// Every bundle of the folder.
///
/// # Panics
/// Says what to set where there is none.
fn bundles() -> impl Iterator<Item = BlockBundle> {
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
    paths.into_iter().map(|path| {
        let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
        let document = Document {
            name: &path.to_string_lossy(),
            bytes: &bytes,
        };
        BlockBundle::parse(document, BundleOptions::default()).unwrap()
    })
}
