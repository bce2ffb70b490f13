//! `deferevm run`: one piece of code, its result and its gas; under a deferred policy also the records
//! that it emits and the rounds that they run in.

use std::{io::BufWriter, path::PathBuf};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use super::{EXIT_FAILED, EXIT_PASSED, EXIT_UNUSABLE, block::log_json};
use crate::{
    Address, BlockEnvironment, Code, Evm, Fork, U256,
    block::{Block, BlockOutcome},
    call::Policy,
    state::InMemoryDatabase,
    trace::Eip3155,
    transaction::{
        Kind, Receipt, Recovered, Transaction, TransactionRules, TransactionType, intrinsic_gas,
    },
};

/// Run one piece of code.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The code, in hex
    #[arg(
        long,
        value_name = "HEX",
        required_unless_present = "code_file",
        conflicts_with = "code_file"
    )]
    code: Option<String>,
    /// A file with the code in hex; - is standard input
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Call data, in hex
    #[arg(long, value_name = "HEX", default_value = "")]
    input: String,
    /// Gas for the code; what a transaction costs besides is not counted
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    gas: u64,
    /// Wei sent along, in decimal or 0x-hex
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_word)]
    value: U256,
    /// The rules
    #[arg(long, default_value_t = Fork::LATEST)]
    fork: Fork,
    /// synchronous, seed or practical
    #[arg(long, value_name = "P", default_value = "synchronous")]
    policy: Policy,
    /// Write a line of JSON for each instruction to standard error (EIP-3155)
    #[arg(long)]
    trace: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Where the code lies: its ADDRESS.
const CODE_ADDRESS: Address = Address([0xc0; 20]);
/// Who calls it: its CALLER and ORIGIN.
const CALLER: Address = Address([0xca; 20]);

/// Runs the command; the exit status.
pub fn run(arguments: &Arguments) -> u8 {
    match execute(arguments) {
        Ok((outcome, intrinsic)) => {
            if arguments.json {
                println!("{}", to_json(&outcome, intrinsic));
            } else {
                print_for_people(&outcome, intrinsic);
            }
            if outcome.roots()[0].status.is_success() {
                EXIT_PASSED
            } else {
                EXIT_FAILED
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            EXIT_UNUSABLE
        }
    }
}

/// Runs the code as a block of one transaction; its outcome, and the gas that the transaction took
/// before the code ran.
fn execute(arguments: &Arguments) -> Result<(BlockOutcome, u64), String> {
    let code = read_code(arguments)?;
    let input = parse_hex(&arguments.input).map_err(|error| format!("--input: {error}"))?;
    let mut database = InMemoryDatabase::default();
    database.insert_account(CODE_ADDRESS, U256::zero(), 1, &Code::new(code));
    database.insert_account(CALLER, U256::MAX / 2, 0, &Code::default());
    let mut transaction = Transaction {
        kind: TransactionType::Legacy,
        to: Some(CODE_ADDRESS),
        value: arguments.value,
        input,
        ..Transaction::default()
    };
    let intrinsic = intrinsic_gas(&transaction, arguments.fork);
    let gas_limit = arguments
        .gas
        .checked_add(intrinsic.initial)
        .filter(|gas_limit| *gas_limit >= intrinsic.floor);
    transaction.gas_limit = gas_limit.ok_or_else(|| {
        format!(
            "--gas {}: with the transaction's own {} gas it must not exceed 2^64-1, nor be below {}",
            arguments.gas, intrinsic.initial, intrinsic.floor
        )
    })?;
    if arguments.value > U256::MAX / 2 {
        return Err(format!("--value {}: at most 2^255-1 wei", arguments.value));
    }
    let block = Block {
        environment: BlockEnvironment {
            chain_id: 1,
            number: 1,
            timestamp: 1,
            gas_limit: u64::MAX,
            ..BlockEnvironment::default()
        },
        transactions: vec![Recovered::unsigned(transaction, CALLER)],
        ..Block::default()
    };
    let mut evm = Evm::new(arguments.fork)
        .policy(arguments.policy)
        .edges(false)
        .audit(true)
        .transaction_rules(TransactionRules {
            gas_limit_max: u64::MAX,
            ..TransactionRules::of(arguments.fork)
        });
    if arguments.trace {
        evm = evm.tracer(|_| Some(Box::new(Eip3155::new(BufWriter::new(std::io::stderr())))));
    }
    let outcome = evm
        .execute_block(&database, &block)
        .map_err(|error| error.to_string())?;
    Ok((outcome, intrinsic.initial))
}

fn read_code(arguments: &Arguments) -> Result<Bytes, String> {
    let (text, place) = match (&arguments.code, &arguments.code_file) {
        (Some(code), _) => (code.clone(), "--code".to_owned()),
        (None, Some(path)) => {
            let place = path.display().to_string();
            let text = if path.as_os_str() == "-" {
                std::io::read_to_string(std::io::stdin())
            } else {
                std::fs::read_to_string(path)
            };
            (text.map_err(|error| format!("{place}: {error}"))?, place)
        }
        (None, None) => return Err("no code: give --code HEX or --code-file FILE".to_owned()),
    };
    parse_hex(&text).map_err(|error| format!("{place}: {error}"))
}

fn parse_hex(text: &str) -> Result<Bytes, String> {
    let digits: String = text.split_whitespace().collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    alloy_primitives::hex::decode(digits)
        .map(Bytes::from)
        .map_err(|error| {
            format!("not hex: {error}; expected an even number of the digits 0-9 and a-f")
        })
}

fn parse_word(text: &str) -> Result<U256, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => U256::from_str_radix(hex, 16).ok(),
        None => U256::from_dec_str(text).ok(),
    };
    parsed.ok_or_else(|| format!("`{text}` is no number: expected decimal or 0x-hex below 2^256"))
}

fn print_for_people(outcome: &BlockOutcome, intrinsic: u64) {
    let root = &outcome.roots()[0];
    println!("status   {}", describe(root));
    println!("output   {}", hex(&root.output));
    println!("gas used {}", root.gas_used.saturating_sub(intrinsic));
    for log in outcome.receipts.iter().flat_map(|receipt| &receipt.logs) {
        let topics: Vec<String> = log
            .topics
            .iter()
            .map(|topic| format!("{topic:?}"))
            .collect();
        println!(
            "log      {:?} [{}] {}",
            log.address,
            topics.join(", "),
            hex(&log.data)
        );
    }
    if outcome.policy == Policy::Synchronous {
        return;
    }
    println!(
        "rounds   {}, {} records",
        outcome.rounds.len(),
        outcome.receipts.len() - 1
    );
    for receipt in &outcome.receipts[1..] {
        println!(
            "  round {} {:<12} {:?} -> {:?}  {} gas, {}",
            receipt.round,
            receipt.kind.to_string(),
            receipt.sender,
            receipt.target,
            receipt.gas_used,
            describe(receipt)
        );
    }
}

fn describe(receipt: &Receipt) -> String {
    receipt
        .status
        .reason()
        .unwrap_or_else(|| "success".to_owned())
}

fn to_json(outcome: &BlockOutcome, intrinsic: u64) -> Value {
    let root = &outcome.roots()[0];
    let mut json = json!({
        "status": root.status.word(),
        "reason": root.status.reason(),
        "output": hex(&root.output),
        "gasUsed": root.gas_used.saturating_sub(intrinsic),
        "logs": root.logs.iter().map(log_json).collect::<Vec<_>>(),
    });
    if outcome.policy != Policy::Synchronous {
        json["rounds"] = json!(outcome.rounds.len());
        json["records"] = outcome.receipts[1..].iter().map(receipt_json).collect();
    }
    json
}

fn receipt_json(receipt: &Receipt) -> Value {
    let is_static = matches!(
        receipt.kind,
        Kind::Virtual {
            is_static: true,
            ..
        }
    );
    json!({
        "id": format!("{:?}", receipt.id),
        "round": receipt.round,
        "kind": receipt.kind.to_string(),
        "static": is_static,
        "sender": format!("{:?}", receipt.sender),
        "target": format!("{:?}", receipt.target),
        "status": receipt.status.word(),
        "reason": receipt.status.reason(),
        "gasUsed": receipt.gas_used,
        "output": hex(&receipt.output),
    })
}

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}
