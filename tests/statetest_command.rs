//! `deferevm statetest` on files that are not what they claim: one clear line for each, the other
//! files still run, and the exit status is not zero.

mod command;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use command::Folder;
use serde_json::{Value, json};

/// A transfer of one wei to an account without code; the roots are those of no state, so it fails.
fn test(fork: &str) -> Value {
    json!({"transfer": {
        "env": {
            "currentCoinbase": "0x2adc25665018aa1fe0e6bc666dac8fc2697ff9ba",
            "currentDifficulty": "0x020000",
            "currentGasLimit": "0x0f4240",
            "currentNumber": "0x01",
            "currentTimestamp": "0x03e8",
        },
        "pre": {"0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b": {
            "balance": "0x0de0b6b3a7640000", "nonce": "0x00", "code": "0x", "storage": {},
        }},
        "transaction": {
            "data": ["0x"], "gasLimit": ["0x5208"], "value": ["0x01"], "gasPrice": "0x0a",
            "nonce": "0x00", "to": "0x0000000000000000000000000000000000001000",
            "sender": "0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b",
        },
        "post": {fork: [{
            "indexes": {"data": 0, "gas": 0, "value": 0},
            "hash": format!("0x{}", "00".repeat(32)),
            "logs": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        }]},
    }})
}

/// The same with the root that it leads to, as the command itself reports it.
fn passing(folder: &Folder) -> Value {
    let mut fixture = test("Istanbul");
    let path = folder.write("probe.json", fixture.to_string());
    let output = statetest(&["--json-outcome"], &[&path]);
    fs::remove_file(path).unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    let outcome: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    fixture["transfer"]["post"]["Istanbul"][0]["hash"] = outcome["stateRoot"].clone();
    fixture
}

fn statetest(flags: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deferevm"))
        .arg("statetest")
        .args(flags)
        .args(paths)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a file that is not what it claims beside one that passes.
fn check_unusable(test: &str, bytes: &[u8], message: &str, place: &str) {
    let folder = Folder::new(test);
    let good = folder.write("good.json", passing(&folder).to_string());
    let bad = folder.write("bad.json", bytes);
    let output = statetest(&[], &[&bad, &good]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{stdout}{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.len() < 1000, "{} bytes", stderr.len());
    assert!(
        stderr.starts_with(&format!("error: {}:", bad.display())),
        "{stderr}"
    );
    assert!(stderr.contains(message), "{stderr}");
    assert!(stderr.trim_end().ends_with(place), "{stderr}");
    assert_eq!(stdout.lines().last(), Some("1 passed, 0 failed, 0 skipped"));
}

#[test]
fn a_case_that_passes_exits_with_zero() {
    let folder = Folder::new("command-passes");
    let good = folder.write("good.json", passing(&folder).to_string());
    let output = statetest(&[], &[&good]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("\n1 passed, 0 failed, 0 skipped\n"));
}

#[test]
fn a_case_that_fails_exits_with_one_and_says_what_was_expected_and_found() {
    let folder = Folder::new("command-fails");
    let mut fixture = test("Istanbul");
    fixture["transfer"]["post"]["Istanbul"][0]["state"] = json!({
        "0x0000000000000000000000000000000000001000": {
            "balance": "0x02", "nonce": "0x00", "code": "0x", "storage": {},
        },
    });
    let path = folder.write("test.json", fixture.to_string());
    let output = statetest(&[], &[&path]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.starts_with("FAILED "), "{stdout}");
    assert!(stdout.contains("transfer [Istanbul/0]"), "{stdout}");
    assert!(stdout.contains("state root is 0x"), "{stdout}");
    assert!(stdout.contains("balance is 1 wei, expected 2"), "{stdout}");
    assert!(stdout.ends_with("\n0 passed, 1 failed, 0 skipped\n"));
}

#[test]
fn selections_pick_their_cases() {
    let folder = Folder::new("command-selects");
    let mut fixture = passing(&folder);
    let post = fixture["transfer"]["post"]["Istanbul"][0].clone();
    fixture["transfer"]["post"]["Istanbul"] = json!([post, post, post]);
    fixture["other"] = fixture["transfer"].clone();
    let path = folder.write("test.json", fixture.to_string());
    for (flags, passed) in [
        (&[][..], 6),
        (&["--fork", "Istanbul"], 6),
        (&["-k", "transf"], 3),
        (&["--filter", "other", "--index", "1"], 1),
        (&["--index", "2", "--workers", "3"], 2),
    ] {
        let output = statetest(flags, &[&path]);
        assert_eq!(output.status.code(), Some(0), "{flags:?}");
        let line = format!("\n{passed} passed, 0 failed, 0 skipped\n");
        assert!(text(&output.stdout).ends_with(&line), "{flags:?}");
    }
    let output = statetest(&["--fork", "London"], &[&path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("none of the cases matches"));
}

#[test]
fn an_unknown_fork_on_the_command_line_is_refused() {
    let output = statetest(&["--fork", "Atlantis"], &[Path::new("x.json")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("unknown fork `Atlantis`"));
}

#[test]
fn a_fork_that_is_not_supported_yet_is_skipped_with_its_reason() {
    let folder = Folder::new("command-skips");
    let path = folder.write("test.json", test("Amsterdam").to_string());
    let output = statetest(&[], &[&path]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains("1 skipped: Amsterdam"), "{stdout}");
    assert!(stdout.ends_with("\n0 passed, 0 failed, 1 skipped\n"));
}

#[test]
fn the_dumped_state_is_that_after_the_transaction() {
    let folder = Folder::new("command-dumps");
    let path = folder.write("test.json", passing(&folder).to_string());
    let stdout = text(&statetest(&["--dump"], &[&path]).stdout);
    let state: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    let receiver = &state["0x0000000000000000000000000000000000001000"];
    assert_eq!(receiver["balance"], "0x1");
    let sender = &state["0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b"];
    assert_eq!(sender["nonce"], "0x1");
}

/// The lines on standard error, as JSON.
fn lines(output: &Output) -> Vec<Value> {
    text(&output.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn json_has_a_line_for_each_instruction_and_one_summary_for_each_case() {
    let folder = Folder::new("command-json");
    let mut fixture = test("Istanbul");
    // PUSH1 1, POP
    fixture["transfer"]["pre"]["0x0000000000000000000000000000000000001000"] =
        json!({"balance": "0x00", "nonce": "0x00", "code": "0x600150", "storage": {}});
    fixture["transfer"]["transaction"]["gasLimit"] = json!(["0x5208", "0x5308"]);
    let post = fixture["transfer"]["post"]["Istanbul"][0].clone();
    let mut second = post.clone();
    second["indexes"]["gas"] = json!(1);
    fixture["transfer"]["post"]["Istanbul"] = json!([post, second]);
    let path = folder.write("traced.json", fixture.to_string());
    let output = statetest(&["--json", "--keep-going"], &[&path]);
    let lines = lines(&output);
    let places: Vec<(Option<u64>, Option<bool>)> = lines
        .iter()
        .map(|line| {
            let is_summary = line["stateRoot"].as_str().map(|root| root.len() == 66);
            (line["pc"].as_u64(), is_summary)
        })
        .collect();
    // The first has no gas left for an instruction.
    let expected = [
        (Some(0), None),
        (None, Some(true)),
        (Some(0), None),
        (Some(2), None),
        (Some(3), None),
        (None, Some(true)),
    ];
    assert_eq!(places, expected);
    assert_eq!(lines[0]["error"], "out of gas");
    // Without --keep-going the first failure is the last case.
    let stopped = statetest(&["--json"], &[&path]);
    assert_eq!(text(&stopped.stderr).matches("stateRoot").count(), 1);
}

#[test]
fn a_policy_is_checked_beside_ethereum_and_its_cases_counted() {
    let folder = Folder::new("command-policy");
    let path = folder.write("good.json", passing(&folder).to_string());
    let output = statetest(&["--policy", "all"], &[&path]);
    let stdout = text(&output.stdout);
    for policy in ["seed", "practical"] {
        let line = format!("under {policy}: 1 call-free and equal to Ethereum's\n");
        assert!(stdout.contains(&line), "{stdout}");
    }
    assert_eq!(output.status.code(), Some(0));
    let unknown = statetest(&["--policy", "synchronous"], &[&path]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn truncated_json_is_named_with_its_place() {
    let text = test("Istanbul").to_string();
    let cut = text.find("gasPrice").unwrap() + 3;
    check_unusable(
        "truncated",
        &text.as_bytes()[..cut],
        "EOF while parsing a string",
        "at $.transfer.transaction",
    );
}

#[test]
fn a_value_of_a_wrong_type_is_named_with_its_place() {
    let mut fixture = test("Istanbul");
    fixture["transfer"]["env"]["currentNumber"] = json!([1]);
    check_unusable(
        "type",
        fixture.to_string().as_bytes(),
        "invalid type",
        "at $.transfer.env.currentNumber",
    );
}

#[test]
fn an_array_instead_of_an_object_is_refused() {
    check_unusable(
        "array",
        b"[1, 2]",
        "invalid type: sequence, expected an object",
        "at $",
    );
}

#[test]
fn an_empty_file_is_refused() {
    check_unusable("empty", b"", "EOF while parsing a value", "at $");
}

#[test]
fn random_bytes_are_refused() {
    check_unusable(
        "random",
        b"\x8f\x00\xff\x13\x37",
        "not UTF-8 text (byte 0x8f)",
        "at $",
    );
}

#[test]
fn brackets_nested_200_000_deep_are_refused() {
    let bytes = "[".repeat(200_000);
    check_unusable("deep", bytes.as_bytes(), "expected an object", "at $");
    let inside = format!(r#"{{"t": {{"pre": {bytes}"#);
    check_unusable(
        "deep-inside",
        inside.as_bytes(),
        "invalid type",
        "at $.t.pre",
    );
    let unknown = format!(r#"{{"t": {{"unknown": {bytes}"#);
    let message = "EOF while parsing a list";
    check_unusable("deep-unknown", unknown.as_bytes(), message, "[0][0]");
}

#[test]
fn a_post_index_out_of_range_is_named() {
    let mut fixture = test("Istanbul");
    fixture["transfer"]["post"]["Istanbul"][0]["indexes"]["gas"] = json!(7);
    check_unusable(
        "index",
        fixture.to_string().as_bytes(),
        "index 7 out of range",
        "at $.transfer.post.Istanbul[0].indexes.gas",
    );
}

#[test]
fn an_unknown_fork_in_a_file_is_named() {
    check_unusable(
        "fork",
        test("Atlantis").to_string().as_bytes(),
        "unknown fork `Atlantis`",
        "at $.transfer.post.Atlantis",
    );
}

#[test]
fn code_of_ten_megabytes_is_refused() {
    let mut fixture = test("Istanbul");
    fixture["transfer"]["pre"]["0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b"]["code"] =
        format!("0x{}", "00".repeat(10 << 20)).into();
    check_unusable(
        "code",
        fixture.to_string().as_bytes(),
        "code of 10485760 bytes",
        ".code",
    );
}

#[test]
fn a_path_without_fixtures_is_named_and_the_others_run() {
    let folder = Folder::new("command-paths");
    let good = folder.write("good.json", passing(&folder).to_string());
    let empty = folder.0.join("empty");
    fs::create_dir(&empty).unwrap();
    let missing = folder.0.join("missing");
    for (path, message) in [
        (&empty, "holds no fixtures"),
        (&missing, "no such file or folder"),
    ] {
        let output = statetest(&[], &[path, &good]);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.starts_with(&format!("error: {}: {message}", path.display())),
            "{stderr}"
        );
        assert!(stdout.ends_with("\n1 passed, 0 failed, 0 skipped\n"));
    }
}
