//! Parsers and decoders on any bytes: an error of one line or a value, never a panic; and what decodes
//! encodes to the same bytes.

use bytes::Bytes;
use deferevm::{
    Fork,
    block::{
        bundle::{BlockBundle, BundleOptions, Document, GethDocuments},
        header::Header,
        sealed::SealedBlock,
    },
    fixtures::{BlockchainTest, FixtureKind, PreparedCase, StateTest, VmTest},
    transaction::{Recovered, SignedTransaction, TransactionRules, validate},
};

/// The longest message about a document; names in it come from the document and are cut.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Reads bytes as every kind of fixture.
///
/// # Panics
/// On an error that is not one short line.
pub fn fixture(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let _ = FixtureKind::recognise(&bytes);
    match StateTest::parse_file("file", &bytes) {
        Ok(tests) => {
            for case in tests.iter().flat_map(PreparedCase::all) {
                let _ = case.case.transaction();
                let _ = (case.case.post().state(), case.case.post().receipt());
            }
        }
        Err(error) => short_line(&error),
    }
    if let Err(error) = BlockchainTest::parse_file("file", &bytes) {
        short_line(&error);
    }
    if let Err(error) = VmTest::parse_file("file", &bytes) {
        short_line(&error);
    }
}

/// Reads bytes as a bundle, and as each of geth's outputs.
///
/// # Panics
/// On an error that is not one short line.
pub fn block_bundle(bytes: &[u8]) {
    let document = Document {
        name: "file",
        bytes,
    };
    match BlockBundle::parse(document, BundleOptions::default()) {
        Ok(bundle) => {
            let _ = (bundle.block(), bundle.database());
        }
        Err(error) => short_line(&error),
    }
    let documents = GethDocuments {
        block: document,
        prestate: document,
        block_hashes: Some(document),
    };
    if let Err(error) = BlockBundle::from_geth(documents, BundleOptions::default()) {
        short_line(&error);
    }
}

/// Reads bytes as a transaction of every fork that reads them differently, as a header and as a block.
///
/// # Panics
/// Where what was read does not encode to the same bytes.
pub fn transaction(bytes: &[u8]) {
    let raw = Bytes::copy_from_slice(bytes);
    let environment = deferevm::BlockEnvironment {
        chain_id: 1,
        gas_limit: 30_000_000,
        ..Default::default()
    };
    for fork in [
        Fork::Frontier,
        Fork::Homestead,
        Fork::SpuriousDragon,
        Fork::Berlin,
        Fork::London,
        Fork::Cancun,
        Fork::Prague,
        Fork::Osaka,
    ] {
        let Ok(signed) = SignedTransaction::decode(&raw, fork) else {
            continue;
        };
        assert_eq!(signed.encode(), raw, "{fork}: the encoding");
        let hash = signed.hash();
        assert_eq!(hash, deferevm::keccak256(&raw), "{fork}: the hash");
        if let Ok(recovered) = signed.recover(fork) {
            let decoded = Recovered::decode(&raw, fork);
            assert_eq!(
                decoded.as_ref(),
                Ok(&recovered),
                "{fork}: both ways to read it"
            );
            let rules = TransactionRules::of(fork);
            let _ = validate(&recovered, &environment, fork, &rules);
        }
    }
    let mut rest = &raw[..];
    if let Ok(header) = Header::decode(&mut rest) {
        let length = raw.len() - rest.len();
        assert_eq!(header.hash, deferevm::keccak256(&raw[..length]));
    }
    if let Ok(block) = SealedBlock::decode(&raw) {
        assert_eq!(block.size, raw.len());
    }
}

fn short_line(error: &impl ToString) {
    let line = error.to_string();
    assert!(!line.contains('\n'), "more than a line: {line}");
    assert!(line.len() < MESSAGE_BYTES_MAX, "{} bytes", line.len());
}
