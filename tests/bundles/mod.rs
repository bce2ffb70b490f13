//! The real blocks that tests run, read from their bundles one by one.

use std::path::PathBuf;

use deferevm::block::bundle::{BlockBundle, BundleOptions, Document};

/// Every bundle of the folder.
///
/// # Panics
/// Says what to set where there is none.
pub fn bundles() -> impl Iterator<Item = BlockBundle> {
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
