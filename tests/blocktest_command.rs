//! `deferevm blocktest`: verdicts, their order, exit statuses; and files that are not what they
//! claim: one clear line for each, the other files still run, and the exit status is not zero.

mod command;
mod naive_trie;

use std::{fs, path::Path};

use command::{Folder, Ran, deferevm};
use deferevm::{Code, U256, keccak256, state::InMemoryDatabase, state::roots::state_root};
use naive_trie::{integer, list, string};
use serde_json::{Value, json};

const ACCOUNT: &str = "0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b";

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}

/// A chain of nothing but its genesis block, whose state is one account with a balance.
fn chain(network: &str) -> Value {
    let mut state = InMemoryDatabase::default();
    let address = ACCOUNT.parse().unwrap();
    state.insert_account(address, U256::from(7), 0, &Code::default());
    let no_ommers = keccak256(list(&[]));
    let no_trie = keccak256(string(&[]));
    let header = list(&[
        string(&[0; 32]),
        string(&no_ommers.0),
        string(&[0; 20]),
        string(&state_root(&state).0),
        string(&no_trie.0),
        string(&no_trie.0),
        string(&[0; 256]),
        integer(0x2_0000),
        integer(0),
        integer(0xf_4240),
        integer(0),
        integer(0),
        string(&[]),
        string(&[0; 32]),
        string(&[0; 8]),
    ]);
    let hash = hex(&keccak256(&header).0);
    let state = json!({ACCOUNT: {"balance": "0x07", "nonce": "0x00", "code": "0x", "storage": {}}});
    json!({
        "network": network,
        "pre": state,
        "genesisBlockHeader": {"hash": hash},
        "genesisRLP": hex(&list(&[header, list(&[]), list(&[])])),
        "blocks": [],
        "lastblockhash": hash,
        "postState": state,
    })
}

/// The same, expected to end with another balance.
fn failing(network: &str) -> Value {
    let mut chain = chain(network);
    chain["postState"][ACCOUNT]["balance"] = "0x08".into();
    chain
}

fn blocktest(flags: &[&str], paths: &[&Path]) -> Ran {
    let paths = paths.iter().map(|path| path.as_os_str());
    let flags = flags.iter().map(|flag| flag.as_ref());
    deferevm(["blocktest".as_ref()].into_iter().chain(flags).chain(paths))
}

/// Runs a file that is not what it claims beside one that passes.
fn check_unusable(test: &str, bytes: &[u8], message: &str, place: &str) {
    let folder = Folder::new(&format!("blocktest-{test}"));
    let good = json!({"good": chain("Istanbul")}).to_string();
    let good = folder.write("good.json", good);
    let bad = folder.write("bad.json", bytes);
    let ran = blocktest(&[], &[&bad, &good]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    ran.expect_one_error(&format!("error: {}:", bad.display()), message);
    assert!(ran.stderr.trim_end().ends_with(place), "{ran:?}");
    assert_eq!(ran.last_line(), "1 passed, 0 failed, 0 skipped");
}

#[test]
fn a_chain_that_passes_exits_with_zero() {
    let folder = Folder::new("blocktest-passes");
    let path = folder.write("a.json", json!({"a": chain("Istanbul")}).to_string());
    let ran = blocktest(&[], &[&path]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.last_line(), "1 passed, 0 failed, 0 skipped");
}

#[test]
fn a_chain_that_fails_exits_with_one_and_says_what_was_expected_and_found() {
    let folder = Folder::new("blocktest-fails");
    let path = folder.write("a.json", json!({"a": failing("Istanbul")}).to_string());
    let ran = blocktest(&[], &[&path]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let first = format!("FAILED {}: a\n", path.display());
    assert!(ran.stdout.starts_with(&first), "{ran:?}");
    let found = "balance is 7 wei, expected 8";
    assert!(ran.stdout.contains(found), "{ran:?}");
    assert_eq!(ran.last_line(), "0 passed, 1 failed, 0 skipped");
}

#[test]
fn a_block_that_must_be_refused_for_another_reason_fails() {
    let folder = Folder::new("blocktest-reason");
    let mut test = chain("Istanbul");
    test["blocks"] =
        json!([{"rlp": "0xc0", "expectException": "BlockException.INVALID_STATE_ROOT"}]);
    let path = folder.write("a.json", json!({"a": test}).to_string());
    let ran = blocktest(&[], &[&path]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("block 0: refused because"), "{ran:?}");
}

#[test]
fn failures_are_printed_in_the_order_of_files_and_chains() {
    let folder = Folder::new("blocktest-order");
    // Larger files take longer, and would be told of last.
    for (file, chains) in [("1.json", 90), ("2.json", 40), ("3.json", 1)] {
        let chains: serde_json::Map<String, Value> = (0..chains)
            .map(|number| (format!("chain {number:03}"), failing("Istanbul")))
            .collect();
        folder.write(file, Value::Object(chains).to_string());
    }
    let ran = blocktest(&["--keep-going", "--workers", "4"], &[&folder.0]);
    assert_eq!(ran.status, Some(1));
    let lines = ran.stdout.lines();
    let failed: Vec<&str> = lines.filter(|line| line.starts_with("FAILED")).collect();
    assert_eq!(failed.len(), 131);
    assert!(failed.is_sorted(), "{failed:?}");
    assert_eq!(ran.last_line(), "0 passed, 131 failed, 0 skipped");
}

#[test]
fn a_run_stops_at_the_first_failure_unless_told_to_keep_going() {
    let folder = Folder::new("blocktest-stops");
    let path = folder.write(
        "a.json",
        json!({"a": failing("Istanbul"), "b": failing("Istanbul"), "c": chain("Istanbul")})
            .to_string(),
    );
    let ran = blocktest(&[], &[&path]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stdout.contains("stopped at the first failure"),
        "{ran:?}"
    );
    assert_eq!(ran.last_line(), "0 passed, 1 failed, 0 skipped");
    let ran = blocktest(&["--keep-going"], &[&path]);
    assert_eq!(ran.status, Some(1));
    assert_eq!(ran.last_line(), "1 passed, 2 failed, 0 skipped");
}

#[test]
fn selections_pick_their_chains() {
    let folder = Folder::new("blocktest-selects");
    let chains = json!({
        "one": chain("Istanbul"), "two": chain("Istanbul"), "three": chain("Byzantium"),
    });
    let path = folder.write("tests.json", chains.to_string());
    for (flags, passed) in [
        (&[][..], 3),
        (&["--fork", "istanbul"], 2),
        (&["-k", "t"], 3),
        (&["--filter", "tests.json", "--fork", "Byzantium"], 1),
        (&["-k", "one", "--workers", "3", "--omit-progress"], 1),
    ] {
        let ran = blocktest(flags, &[&path]);
        assert_eq!(ran.status, Some(0), "{flags:?}: {ran:?}");
        let line = format!("{passed} passed, 0 failed, 0 skipped");
        assert_eq!(ran.last_line(), line, "{flags:?}");
    }
    let ran = blocktest(&["--fork", "London"], &[&path]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("none of the chains matches"), "{ran:?}");
}

#[test]
fn a_network_that_is_not_supported_yet_is_skipped_with_its_reason() {
    let folder = Folder::new("blocktest-skips");
    let path = folder.write("a.json", json!({"a": chain("Amsterdam")}).to_string());
    let ran = blocktest(&[], &[&path]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("1 skipped: Amsterdam"), "{ran:?}");
    assert_eq!(ran.last_line(), "0 passed, 0 failed, 1 skipped");
}

#[test]
fn truncated_json_is_named_with_its_place() {
    let text = json!({"t": chain("Istanbul")}).to_string();
    let cut = text.find("genesisRLP").unwrap() + 20;
    let message = "EOF while parsing a string";
    check_unusable(
        "truncated",
        &text.as_bytes()[..cut],
        message,
        "at $.t.genesisRLP",
    );
}

#[test]
fn values_of_wrong_types_are_named_with_their_place() {
    for (field, value, message) in [
        ("network", json!(1), "invalid type: integer"),
        ("pre", json!([]), "invalid type: sequence"),
        ("genesisRLP", json!({}), "invalid type: map"),
        ("blocks", json!("0x"), "invalid type: string"),
        ("lastblockhash", json!("0xzz"), "invalid hex digit"),
        ("postState", json!(true), "invalid type: boolean"),
    ] {
        let mut test = chain("Istanbul");
        test[field] = value;
        let text = json!({"t": test}).to_string();
        let place = format!("at $.t.{field}");
        check_unusable(&format!("type-{field}"), text.as_bytes(), message, &place);
    }
}

#[test]
fn a_field_that_is_missing_is_named() {
    let mut test = chain("Istanbul");
    test.as_object_mut().unwrap().remove("genesisRLP");
    let text = json!({"t": test}).to_string();
    check_unusable("missing", text.as_bytes(), "missing field `genesisRLP`", "");
}

#[test]
fn an_array_an_empty_file_and_random_bytes_are_refused() {
    let array = "invalid type: sequence, expected an object";
    check_unusable("array", b"[1, 2]", array, "at $");
    check_unusable("empty", b"", "EOF while parsing a value", "at $");
    let random = "not UTF-8 text (byte 0x8f)";
    check_unusable("random", b"\x8f\x00\xff\x13\x37", random, "at $");
}

#[test]
fn brackets_nested_200_000_deep_are_refused() {
    let bytes = "[".repeat(200_000);
    check_unusable("deep", bytes.as_bytes(), "expected an object", "at $");
    let inside = format!(r#"{{"t": {{"network": "Istanbul", "pre": {bytes}"#);
    check_unusable("deep-in", inside.as_bytes(), "invalid type", "at $.t.pre");
    let unknown = format!(r#"{{"t": {{"unknown": {bytes}"#);
    let message = "EOF while parsing a list";
    check_unusable("deep-unknown", unknown.as_bytes(), message, "[0][0]");
}

#[test]
fn an_unknown_network_is_named() {
    let text = json!({"t": chain("Atlantis")}).to_string();
    let message = "unknown fork `Atlantis`";
    check_unusable("network", text.as_bytes(), message, "at $.t.network");
}

#[test]
fn a_state_test_is_recognised_as_none_of_these() {
    let text = r#"{"t": {"post": {}, "transaction": {}, "pre": {}}}"#;
    let message = "holds a state test, expected a blockchain test";
    check_unusable("kind", text.as_bytes(), message, "");
}

#[test]
fn a_path_without_fixtures_is_named_and_the_others_run() {
    let folder = Folder::new("blocktest-paths");
    let good = json!({"good": chain("Istanbul")}).to_string();
    let good = folder.write("good.json", good);
    let empty = folder.0.join("empty");
    fs::create_dir(&empty).unwrap();
    let missing = folder.0.join("missing");
    for (path, message) in [
        (&empty, "holds no fixtures"),
        (&missing, "no such file or folder"),
    ] {
        let ran = blocktest(&[], &[path, &good]);
        assert_eq!(ran.status, Some(2));
        let beginning = format!("error: {}: {message}", path.display());
        ran.expect_one_error(&beginning, message);
        assert_eq!(ran.last_line(), "1 passed, 0 failed, 0 skipped");
    }
}
