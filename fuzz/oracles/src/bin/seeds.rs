//! Makes seeds for the parsers' targets from the conformance suites: small files, whole, and signed
//! transactions. They are not committed.
//!
//! Usage: cargo run --bin seeds -- FIXTURES BLOCKS TO, each a folder.

use std::{
    error::Error,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use deferevm::{
    fixtures::{BlockchainTest, FixtureFile, FixtureKind, StateTest, walk},
    keccak256,
};

/// The largest seed: what is larger is rarely changed into something new.
const SEED_BYTES_MAX: usize = 16 << 10;
/// The most seeds of a target.
const SEEDS_MAX: usize = 2_000;

/// Seeds of one target.
struct Seeds {
    folder: PathBuf,
    count: usize,
}

impl Seeds {
    fn new(to: &Path, target: &str) -> Result<Self, Box<dyn Error>> {
        let folder = to.join(target);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, count: 0 })
    }

    /// Writes a seed, named by its content, unless it is too large or there are enough.
    fn add(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        if bytes.len() > SEED_BYTES_MAX || self.count == SEEDS_MAX {
            return Ok(());
        }
        let name = format!("{:x}", keccak256(bytes));
        let path = self.folder.join(name);
        if !path.exists() {
            fs::write(path, bytes)?;
            self.count += 1;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [fixtures, blocks, to] = &folders[..] else {
        return Err("expected three folders: FIXTURES BLOCKS TO".into());
    };
    let mut documents = Seeds::new(to, "fixture")?;
    let mut transactions = Seeds::new(to, "transaction")?;
    let mut bundles = Seeds::new(to, "block_bundle")?;
    let mut failed = None;
    let _ = walk(std::slice::from_ref(fixtures), &mut |file| {
        let added = file.map_err(Box::from);
        let added = added.and_then(|file| add_file(&file, &mut documents, &mut transactions));
        match added {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let _ = walk(std::slice::from_ref(blocks), &mut |file| {
        // The smallest blocks are the only ones that are small enough.
        if let Ok(bytes) = file.and_then(|file| file.read()) {
            let _ = bundles.add(&bytes);
        }
        ControlFlow::Continue(())
    });
    bundles.add(include_bytes!("../../../../examples/block.json"))?;
    for seeds in [documents, transactions, bundles] {
        println!("{}: {} seeds", seeds.folder.display(), seeds.count);
    }
    Ok(())
}

fn add_file(
    file: &FixtureFile,
    documents: &mut Seeds,
    transactions: &mut Seeds,
) -> Result<(), Box<dyn Error>> {
    let bytes = file.read()?;
    match FixtureKind::recognise(&bytes) {
        Some(FixtureKind::State) => {
            for test in StateTest::parse_file(&file.name, &bytes)? {
                for raw in test.posts.iter().filter_map(|post| post.txbytes.as_ref()) {
                    transactions.add(raw)?;
                }
            }
        }
        Some(FixtureKind::Blockchain) => {
            for test in BlockchainTest::parse_file(&file.name, &bytes)? {
                for block in &test.blocks {
                    transactions.add(&block.rlp)?;
                }
            }
        }
        _ => {}
    }
    documents.add(&bytes)
}
