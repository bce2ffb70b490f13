//! The fetcher of blocks against a node of its own, which knows one block.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Output},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

const SENDER: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const OTHER: &str = "0xb2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2";
const MINER: &str = "0xfefefefefefefefefefefefefefefefefefefefe";
const BEACON_ROOTS: &str = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
/// A block of Cancun's time.
const TIME: u64 = 1_710_338_135;

fn block() -> Value {
    json!({
        "number": "0x3",
        "timestamp": format!("{TIME:#x}"),
        "miner": MINER,
        "hash": "0x03",
        "withdrawals": [{"address": OTHER, "amount": "0x1"}],
        "transactions": [{"from": SENDER}, {"from": SENDER}],
    })
}

fn result(call: &Value) -> Value {
    let parameters = &call["params"];
    match call["method"].as_str().unwrap() {
        "eth_getBlockByNumber" if parameters[1] == json!(true) => block(),
        "eth_getBlockByNumber" => json!({"hash": format!("hash of {}", parameters[0])}),
        "debug_traceBlockByNumber" => json!([
            {"txHash": "0x0", "result": {SENDER: {"balance": "0x9", "nonce": 4}}},
            {"txHash": "0x1", "result": {SENDER: {"balance": "0x8", "nonce": 5, "storage": {"0x1": "0x2"}}}},
        ]),
        "eth_getBalance" => json!("0x64"),
        "eth_getTransactionCount" => json!("0x1"),
        "eth_getCode" => json!("0x"),
        "eth_getStorageAt" => json!(format!("{} at {}", parameters[1], parameters[2])),
        method => panic!("{method}"),
    }
}

/// A node that answers so.
fn serve(answer: fn(&Value) -> Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let calls: Vec<Value> = serde_json::from_slice(&body).unwrap();
            // A node may answer a batch in any order.
            let answers: Vec<Value> = calls.iter().rev().map(answer).collect();
            let body = json!(answers).to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
            let answer = format!("{head}connection: close\r\n\r\n{body}");
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

fn fetch(url: &str) -> (Output, TempDir) {
    let folder = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fetch-blocks"))
        .args(["--rpc", url, "3", "--into"])
        .arg(folder.path())
        .output()
        .unwrap();
    (output, folder)
}

#[test]
fn a_bundle_holds_what_the_block_starts_from() {
    let (output, folder) = fetch(&serve(
        |call| json!({"id": call["id"], "result": result(call)}),
    ));
    assert!(output.status.success(), "{output:?}");
    let bytes = fs::read(folder.path().join("3.json.zst")).unwrap();
    let bundle: Value = serde_json::from_slice(&zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    assert_eq!(bundle["block"], block());
    let state = &bundle["prestate"];
    // The first occurrence wins, and slots of later ones are added.
    assert_eq!(
        state[SENDER],
        json!({"balance": "0x9", "nonce": 4, "code": "0x", "storage": {"0x1": "0x2"}})
    );
    // The beneficiary, a withdrawal's recipient and a system contract, as of the block before.
    for address in [MINER, OTHER, BEACON_ROOTS] {
        assert_eq!(state[address]["balance"], "0x64");
    }
    let slots = state[BEACON_ROOTS]["storage"].as_object().unwrap();
    assert_eq!(slots.len(), 2);
    for slot in [TIME % 8191, TIME % 8191 + 8191] {
        let slot = format!("{slot:#066x}");
        assert_eq!(slots[&slot], json!(format!("{:?} at \"0x2\"", slot)));
    }
    assert_eq!(
        bundle["blockHashes"],
        json!({"0": "hash of \"0x0\"", "1": "hash of \"0x1\"", "2": "hash of \"0x2\""})
    );
}

#[test]
fn a_node_that_refuses_is_said() {
    let (output, folder) = fetch(&serve(
        |call| json!({"id": call["id"], "error": {"code": -32601, "message": "no such method"}}),
    ));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("eth_getBlockByNumber"), "{said}");
    assert!(said.contains("no such method"), "{said}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_node_that_is_not_there_is_said() {
    let (output, _folder) = fetch("http://127.0.0.1:1");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: http://127.0.0.1:1: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
