//! Tests of block bundles.

use super::*;

const BLOCK: &str = r#"{"number": "0x2", "timestamp": "0x3", "miner": "0x5", "gasLimit": "0x100000",
    "gasUsed": "0x5208", "baseFeePerGas": "0x7", "mixHash": "0x9", "difficulty": "0x0", "uncles": [],
    "transactions": [{"from": "0x1", "nonce": "0x0", "gas": "0x5208", "to": "0x2", "chainId": "0x7", "type": "0x2", "maxFeePerGas": "0x8"}],
    "withdrawals": [{"index": "0x1", "validatorIndex": "0x2", "address": "0x3", "amount": "0x4"}]}"#;

fn parse(text: &str) -> Result<BlockBundle, DocumentError> {
    let document = Document {
        name: "b.json",
        bytes: text.as_bytes(),
    };
    BlockBundle::parse(document, BundleOptions::default())
}

fn bundle(fork: &str, block: &str) -> String {
    format!(
        r#"{{"chainId": 1, "fork": "{fork}", "blobParams": {{"baseFeeUpdateFraction": 5007716, "maxBlobsPerBlock": 9}},
        "block": {block}, "prestate": {{"0x1": {{"balance": "0x5", "nonce": 0}}}}, "blockHashes": {{"1": "0x8"}}}}"#
    )
}

#[test]
fn a_bundle_gives_everything_that_execution_needs() {
    let bundle = parse(&bundle("Prague", BLOCK)).unwrap();
    assert_eq!(bundle.fork, Fork::Prague);
    assert_eq!(bundle.blob_schedule, Some(BlobSchedule::PRAGUE));
    assert_eq!(bundle.environment.base_fee, 7.into());
    assert_eq!(bundle.environment.blob_base_fee, 1.into());
    assert_eq!(bundle.environment.prev_randao, B256::from_low_u64_be(9));
    assert_eq!(bundle.transactions[0].transaction.gas_limit, 21000);
    assert_eq!(bundle.block_hashes, [(1, B256::from_low_u64_be(8))]);
    assert_eq!(bundle.prestate[0].1.balance, 5.into());
    assert_eq!(
        bundle.withdrawals.unwrap()[0].wei(),
        4_000_000_000u64.into()
    );
    assert_eq!(bundle.header.receipts_root, None);
}

#[test]
fn before_paris_difficulty_counts_and_randomness_does_not() {
    let block = BLOCK.replace(r#""difficulty": "0x0""#, r#""difficulty": "0x20000""#);
    let bundle = parse(&bundle("London", &block)).unwrap();
    assert_eq!(bundle.environment.difficulty, 0x20000.into());
    assert!(bundle.environment.prev_randao.is_zero());
    assert_eq!(bundle.blob_schedule, None);
}

#[test]
fn errors_name_the_place_in_the_whole_document() {
    let wrong = BLOCK.replace(r#""gas": "0x5208""#, r#""gas": [1]"#);
    let line = parse(&bundle("Prague", &wrong)).unwrap_err().to_string();
    assert!(line.starts_with("b.json:4:"), "{line}");
    assert!(line.ends_with("at $.block.transactions[0].gas"), "{line}");

    let missing = BLOCK.replace(r#""number": "0x2", "#, "");
    let line = parse(&bundle("Prague", &missing)).unwrap_err().to_string();
    assert!(line.contains("missing field `number`"), "{line}");

    let line = parse(&bundle("Atlantis", BLOCK)).unwrap_err().to_string();
    assert!(
        line.starts_with("b.json: unknown fork `Atlantis`"),
        "{line}"
    );
    assert!(line.ends_with("at $.fork"), "{line}");

    let nobody = BLOCK.replace(r#""from": "0x1", "#, "");
    let line = parse(&bundle("Prague", &nobody)).unwrap_err().to_string();
    assert!(line.ends_with("at $.block.transactions[0]"), "{line}");
}

#[test]
fn geths_outputs_make_the_same_block_with_or_without_the_answer_around_them() {
    let block = format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {BLOCK}}}"#);
    let part = r#"{"0x1": {"balance": "0x5"}}"#;
    for (block, prestate) in [
        (BLOCK, format!("[{part}, {part}]")),
        (
            &block,
            format!(r#"[{{"txHash": "0x1", "result": {part}}}]"#),
        ),
        (&block, format!(r#"{{"jsonrpc": "2.0", "result": {part}}}"#)),
    ] {
        let documents = GethDocuments {
            block: Document {
                name: "block.json",
                bytes: block.as_bytes(),
            },
            prestate: Document {
                name: "pre.json",
                bytes: prestate.as_bytes(),
            },
            block_hashes: Some(Document {
                name: "hashes.json",
                bytes: br#"{"0x1": "0x8"}"#,
            }),
        };
        let options = BundleOptions {
            fork: Some(Fork::Prague),
        };
        let bundle = BlockBundle::from_geth(documents, options).unwrap();
        assert_eq!(bundle.chain_id, 7);
        assert_eq!(bundle.prestate.len(), 1);
        assert_eq!(bundle.prestate[0].1.balance, 5.into());
        assert_eq!(bundle.block_hashes.len(), 1);
    }
}

/// Every bundle in the folder named by DEFEREVM_BLOCKS.
#[test]
fn real_blocks_are_read_and_their_senders_recovered() {
    let folder = std::env::var_os("DEFEREVM_BLOCKS")
        .expect("DEFEREVM_BLOCKS must name a folder of block bundles; see \"Tests\" in README.md");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "zst") {
            continue;
        }
        let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
        let document = Document {
            name: &path.display().to_string(),
            bytes: &bytes,
        };
        let bundle = BlockBundle::parse(document, BundleOptions::default()).unwrap();
        let receipts = bundle.receipts.as_ref().unwrap();
        assert_eq!(receipts.len(), bundle.transactions.len());
        // The table of mainnet's forks agrees with the bundles' own word, which leaves out the
        // forks that only delayed the difficulty bomb.
        let on_mainnet = match mainnet::fork(bundle.header.number, bundle.header.timestamp) {
            Fork::MuirGlacier => Fork::Istanbul,
            Fork::ArrowGlacier | Fork::GrayGlacier => Fork::London,
            fork => fork,
        };
        assert_eq!(on_mainnet, bundle.fork, "{}", bundle.name);
        if bundle.fork >= Fork::Cancun {
            let schedule = mainnet::blob_schedule(bundle.fork, bundle.header.timestamp);
            assert_eq!(schedule, bundle.blob_schedule, "{}", bundle.name);
        }
        count += 1;
    }
    assert!(count > 0, "no bundles in the folder");
}
