//! The real blocks, read from their bundles.

use std::{fs, path::Path};

use deferevm::{
    Code, Evm,
    block::{
        Block,
        bundle::{BlockBundle, BundleOptions, Document},
    },
    state::{AccountInfo, EMPTY_CODE_HASH, InMemoryDatabase},
    transaction::Original,
};

use super::peer_block::PeerBlock;

/// Where the bundles are.
pub const VARIABLE: &str = "DEFEREVM_BLOCKS";

/// A real block, all that is known before its first transaction worked out.
pub struct RealBlock {
    /// The file's name without its endings: the block's number.
    pub name: String,
    /// The bundle.
    pub bundle: BlockBundle,
    /// The block.
    pub block: Block,
    /// Its transactions.
    pub originals: Vec<Original>,
    /// The state before it.
    pub database: InMemoryDatabase,
}

impl RealBlock {
    /// An EVM with its rules, and without the block's edges.
    pub fn evm(&self) -> Evm {
        Evm::new(self.bundle.fork)
            .edges(false)
            .blob_schedule(self.bundle.blob_schedule)
    }

    /// The state before it once more, with code that nobody has analysed.
    pub fn state(&self) -> InMemoryDatabase {
        database(&self.bundle)
    }

    /// The same for revm.
    pub fn peer(&self) -> PeerBlock {
        PeerBlock::new(
            self.bundle.fork,
            &self.block,
            &self.originals,
            &self.database,
            &self.bundle.block_hashes,
        )
    }
}

/// Reads the bundles from the folder that [`VARIABLE`] names, in the order of their names.
///
/// # Errors
/// What is missing or wrong, and what to do about it.
pub fn load(selects: impl Fn(&str) -> bool) -> Result<Vec<RealBlock>, String> {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        return Err(format!(
            "{VARIABLE} is not set. It names a folder of block bundles (NUMBER.json.zst); \
             benches/README.md says what they hold."
        ));
    };
    let folder = Path::new(&folder);
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut blocks = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = file.strip_suffix(".json.zst") else {
            continue;
        };
        if selects(name) {
            blocks.push(read(name, &path).map_err(|error| format!("{}: {error}", path.display()))?);
        }
    }
    blocks.sort_by_key(|block: &RealBlock| block.bundle.environment.number);
    Ok(blocks)
}

fn read(name: &str, path: &Path) -> Result<RealBlock, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let bytes = zstd::decode_all(file).map_err(|error| error.to_string())?;
    let document = Document {
        name,
        bytes: &bytes,
    };
    let bundle = BlockBundle::parse(document, BundleOptions::default())
        .map_err(|error| error.to_string())?;
    let block = bundle.block();
    Ok(RealBlock {
        name: name.to_owned(),
        originals: Evm::new(bundle.fork).prepare(&block),
        database: database(&bundle),
        block,
        bundle,
    })
}

/// The state before a block; what is listed with nothing in it does not exist.
fn database(bundle: &BlockBundle) -> InMemoryDatabase {
    let mut database = InMemoryDatabase::default();
    for (address, account) in &bundle.prestate {
        let mut code_hash = account.code_hash.unwrap_or(EMPTY_CODE_HASH);
        if let Some(bytes) = &account.code {
            code_hash = database.insert_code(&Code::new(bytes.clone()));
        }
        let info = AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash,
        };
        if info.is_empty() {
            continue;
        }
        database.insert_info(*address, info);
        for (key, value) in &account.storage {
            database.insert_storage(*address, *key, *value);
        }
    }
    for (number, hash) in &bundle.block_hashes {
        database.insert_block_hash(*number, *hash);
    }
    database
}
