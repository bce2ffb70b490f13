//! Where a block comes from: a bundle, geth's outputs, or the embedded example.

use std::{fs, io::Read, path::Path};

use crate::{
    Fork,
    block::{
        Block,
        bundle::{BlockBundle, BundleDatabase, BundleOptions, Document, GethDocuments},
        verification::HeaderClaims,
    },
    example::Example,
    state::InMemoryDatabase,
    transaction::BlobSchedule,
};

/// A block with the state before it and what its header claims.
pub(super) struct Input {
    pub name: String,
    pub fork: Fork,
    pub blob_schedule: Option<BlobSchedule>,
    pub block: Block,
    pub claims: HeaderClaims,
    pub state: StateBefore,
}

/// The state before a block.
pub(super) enum StateBefore {
    /// What the bundle lists.
    Bundle(Box<BundleDatabase>),
    /// All of it.
    Whole(InMemoryDatabase),
}

/// The largest file that is read, and the most that a compressed one may become; a full block's bundle has five million
/// bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

impl Input {
    pub fn example(example: Example) -> Self {
        Self {
            name: "example".to_owned(),
            fork: example.fork,
            blob_schedule: None,
            block: example.block,
            claims: HeaderClaims::default(),
            state: StateBefore::Whole(example.state),
        }
    }

    fn bundle(bundle: &BlockBundle) -> Self {
        Self {
            name: bundle.name.clone(),
            fork: bundle.fork,
            blob_schedule: bundle.blob_schedule,
            block: bundle.block(),
            claims: HeaderClaims {
                gas_used: bundle.header.gas_used,
                logs_bloom: bundle.header.logs_bloom.clone(),
                receipts_root: bundle.header.receipts_root,
            },
            state: StateBefore::Bundle(Box::new(bundle.database())),
        }
    }
}

/// Reads a bundle.
pub(super) fn load(path: &Path, fork: Option<Fork>) -> Result<Input, String> {
    let bytes = read(path)?;
    let name = path.display().to_string();
    let bundle = BlockBundle::parse(
        Document {
            name: &name,
            bytes: &bytes,
        },
        BundleOptions { fork },
    )
    .map_err(|error| error.to_string())?;
    Ok(Input::bundle(&bundle))
}

/// Reads geth's outputs.
pub(super) fn load_geth(
    block: &Path,
    prestate: &Path,
    block_hashes: Option<&Path>,
    fork: Option<Fork>,
) -> Result<Input, String> {
    let names = [Some(block), Some(prestate), block_hashes]
        .map(|path| path.map(|path| path.display().to_string()));
    let bytes = [
        read(block)?,
        read(prestate)?,
        block_hashes.map(read).transpose()?.unwrap_or_default(),
    ];
    let document = |place: usize| Document {
        name: names[place].as_deref().unwrap_or_default(),
        bytes: &bytes[place],
    };
    let documents = GethDocuments {
        block: document(0),
        prestate: document(1),
        block_hashes: block_hashes.map(|_| document(2)),
    };
    let bundle = BlockBundle::from_geth(documents, BundleOptions { fork })
        .map_err(|error| error.to_string())?;
    Ok(Input::bundle(&bundle))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = fs::File::open(path).map_err(failed)?;
    let is_compressed = path.extension().is_some_and(|extension| extension == "zst");
    let reader: Box<dyn Read> = if is_compressed {
        Box::new(zstd::Decoder::new(file).map_err(failed)?)
    } else {
        Box::new(file)
    };
    let mut bytes = Vec::new();
    reader
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!(
            "{}: more than {FILE_BYTES_MAX} bytes, which is the most that is read",
            path.display()
        ));
    }
    Ok(bytes)
}
