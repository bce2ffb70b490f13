//! `deferevm block` on bundles: what a wrong one is refused with, what a claim that does not hold
//! comes to, and that its JSON is the same bytes for all workers and partitions.

mod command;

use std::{io::Read, path::Path};

use command::{Folder, Ran, deferevm};
use serde_json::{Value, json};

/// Two transactions, one of which calls a contract that stores a word, one a contract that reverts.
const EXAMPLE: &str = include_str!("../examples/block.json");

fn example() -> Value {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn block(flags: &[&str], path: &Path) -> Ran {
    let path = path.to_str().unwrap();
    deferevm(["block", path].iter().chain(flags))
}

/// Runs a document that is no bundle.
fn check_unusable(test: &str, bytes: &[u8], message: &str) {
    let folder = Folder::new(&format!("block-{test}"));
    let path = folder.write("bundle.json", bytes);
    let ran = block(&[], &path);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert_eq!(ran.stdout, "");
    ran.expect_one_error(&format!("error: {}:", path.display()), message);
}

/// Runs the example with one thing changed, which must be named with its place.
fn check_changed(test: &str, change: impl FnOnce(&mut Value), message: &str, place: &str) {
    let mut bundle = example();
    change(&mut bundle);
    let text = bundle.to_string();
    check_unusable(test, text.as_bytes(), message);
    check_unusable(test, text.as_bytes(), place);
}

#[test]
fn a_bundle_that_is_no_json_or_another_shape_is_refused() {
    let cut = &EXAMPLE.as_bytes()[..EXAMPLE.len() / 2];
    check_unusable("truncated", cut, "EOF while parsing");
    check_unusable("empty", b"", "EOF while parsing a value");
    check_unusable("random", b"\x8f\x00\xff\x13", "not UTF-8 text (byte 0x8f)");
    check_unusable("array", b"[1]", "invalid");
    check_unusable("text", b"\"block\"", "invalid type: string");
    let deep = "[".repeat(200_000);
    check_unusable("deep", deep.as_bytes(), "invalid type");
    let deep = format!(r#"{{"block": {deep}"#);
    check_unusable("deep-inside", deep.as_bytes(), "EOF while parsing a list");
}

#[test]
fn a_wrong_hex_string_is_named_with_its_place() {
    check_changed(
        "hex",
        |bundle| bundle["block"]["gasLimit"] = "0x12g4".into(),
        "invalid hex digit 'g'",
        "at $.block.gasLimit",
    );
    check_changed(
        "wide",
        |bundle| bundle["block"]["number"] = "0x10000000000000000".into(),
        "does not fit into 64 bits",
        "at $.block.number",
    );
    check_changed(
        "transaction",
        |bundle| bundle["block"]["transactions"][1]["value"] = json!([]),
        "invalid type: sequence",
        "at $.block.transactions[1].value",
    );
}

#[test]
fn a_missing_field_is_named() {
    for field in ["block", "prestate"] {
        let mut bundle = example();
        bundle.as_object_mut().unwrap().remove(field);
        let message = format!("missing field `{field}`");
        check_unusable(field, bundle.to_string().as_bytes(), &message);
    }
    for field in ["number", "timestamp", "miner", "gasLimit", "transactions"] {
        let mut bundle = example();
        bundle["block"].as_object_mut().unwrap().remove(field);
        let message = format!("missing field `{field}`");
        check_unusable(field, bundle.to_string().as_bytes(), &message);
    }
}

#[test]
fn an_unknown_fork_is_named_with_its_place() {
    let change = |bundle: &mut Value| bundle["fork"] = "Atlantis".into();
    check_changed("fork", change, "unknown fork `Atlantis`", "at $.fork");
}

#[test]
fn a_file_that_does_not_exist_is_named_and_the_others_run() {
    let folder = Folder::new("block-missing");
    let missing = folder.0.join("missing.json");
    let good = folder.write("good.json", EXAMPLE);
    let good = good.to_str().unwrap();
    let ran = block(&[good], &missing);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    ran.expect_one_error(&format!("error: {}:", missing.display()), "No such file");
    assert!(ran.stdout.contains("practical"), "{ran:?}");
}

#[test]
fn gas_that_is_not_what_the_header_says_fails_and_is_told() {
    let folder = Folder::new("block-claims");
    let mut bundle = example();
    let right = {
        let path = folder.write("probe.json", EXAMPLE);
        let json = block(&["--json", "-", "--policy", "synchronous"], &path).stdout;
        let json: Value = serde_json::from_str(&json).unwrap();
        json["blocks"][0]["policies"][0]["gasUsed"].clone()
    };
    bundle["block"]["gasUsed"] = right.clone();
    let path = folder.write("right.json", bundle.to_string());
    assert_eq!(block(&[], &path).status, Some(0));

    let wrong = right.as_u64().unwrap() + 1;
    bundle["block"]["gasUsed"] = wrong.into();
    let path = folder.write("wrong.json", bundle.to_string());
    let ran = block(&[], &path);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let told = format!("gas used is {right}, the header says {wrong}");
    assert!(ran.stdout.contains(&told), "{ran:?}");
    let json: Value = serde_json::from_str(&block(&["--json", "-"], &path).stdout).unwrap();
    let synchronous = &json["blocks"][0]["policies"][0];
    assert_eq!(synchronous["verified"], json!(false));
    assert_eq!(synchronous["mismatches"], json!([told]));
}

#[test]
fn the_json_is_the_same_bytes_for_all_workers_and_partitions() {
    let folder = Folder::new("block-same");
    let path = folder.write("bundle.json", EXAMPLE);
    let first = block(&["--json", "-", "--workers", "1"], &path);
    assert_eq!(first.status, Some(0), "{first:?}");
    let json: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(json["blocks"][0]["policies"].as_array().unwrap().len(), 3);
    for workers in ["1", "2", "3", "8"] {
        for partition in ["owned", "sender-target", "one"] {
            let flags = [
                "--json",
                "-",
                "--workers",
                workers,
                "--partition",
                partition,
            ];
            let ran = block(&flags, &path);
            assert_eq!(ran.stdout, first.stdout, "{workers} {partition}");
        }
    }
}

#[test]
fn a_bundle_that_unpacks_to_more_than_can_be_read_is_refused() {
    let folder = Folder::new("block-bomb");
    let path = folder.0.join("bomb.json.zst");
    let mut encoder = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    std::io::copy(
        &mut std::io::repeat(b' ').take((256 << 20) + 1),
        &mut encoder,
    )
    .unwrap();
    encoder.finish().unwrap();
    let ran = block(&[], &path);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    let beginning = format!("error: {}: more than 268435456 bytes", path.display());
    ran.expect_one_error(&beginning, "the most that is read");
}
