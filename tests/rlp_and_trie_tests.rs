//! RLPTests and TrieTests of ethereum/tests, for what of RLP and tries is ours.
//!
//! Encoding and tries themselves are the edge crates'. Ours are the strict decoders of transactions,
//! headers and blocks, which every RLPTest goes through as a field and as a whole; and the helpers
//! for roots, which are held to a naive trie that the TrieTests judge. `trietestnextprev.json` walks
//! a trie's keys in order, which nothing here does. An entry is a test; the counts are written down.

mod naive_trie;

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use bytes::Bytes;
use deferevm::{
    Address, B256, Code, Fork, Log, U256,
    block::{
        InvalidBlock, Withdrawal,
        header::Header,
        receipts::{Outcome, TrieReceipt, logs_bloom, receipts_root},
        sealed::{SealedBlock, withdrawals_root},
    },
    keccak256,
    state::{InMemoryDatabase, roots::state_root},
    transaction::{InvalidTransaction, SignedTransaction},
};
use libtest_mimic::{Arguments, Failed, Trial};
use naive_trie::{Entries, big_endian, integer, list, string};
use serde_json::{Map, Value};

/// Where the suites lie.
const VARIABLE: &str = "DEFEREVM_FIXTURES";
/// The suite within them.
const SUITE: &str = "classic-ethereum-tests";

type Check = fn(&Value) -> Result<(), Failed>;

/// Files with the number of their entries, and what is done with each.
const FILES: [(&str, usize, Check); 5] = [
    ("RLPTests/invalidRLPTest.json", 26, check_rlp),
    ("RLPTests/rlptest.json", 28, check_rlp),
    ("RLPTests/RandomRLPTests/example.json", 1, check_rlp),
    ("TrieTests/trietest.json", 5, check_trie),
    ("TrieTests/trietest_secureTrie.json", 3, check_secure_trie),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("state_roots_are_those_of_the_naive_trie", state_roots),
        Trial::test("receipts_roots_are_those_of_the_naive_trie", receipts_roots),
        Trial::test(
            "withdrawals_roots_are_those_of_the_naive_trie",
            withdrawals_roots,
        ),
    ];
    match std::env::var_os(VARIABLE) {
        Some(root) => {
            let root = Path::new(&root).join(SUITE);
            trials.extend(FILES.iter().flat_map(|file| file_trials(file, &root)));
        }
        None => trials.push(Trial::test("fixtures", || {
            Err(Failed::from(format!(
                "{VARIABLE} is not set: it names the folder of the unpacked fixtures"
            )))
        })),
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn file_trials((name, expected, check): &(&str, usize, Check), root: &Path) -> Vec<Trial> {
    let (expected, check) = (*expected, *check);
    let entries: Result<Map<String, Value>, String> = fs::read(root.join(name))
        .map_err(|error| format!("{name}: {error}"))
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return vec![Trial::test(*name, move || Err(Failed::from(error)))],
    };
    let found = entries.len();
    let mut trials = vec![Trial::test(format!("{name} counts"), move || {
        expect("the number of entries", found, expected)
    })];
    trials.extend(entries.into_iter().map(|(key, entry)| {
        let entry = Arc::new(entry);
        Trial::test(format!("{name} {key}"), move || check(&entry))
    }));
    trials
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, expected {expected:?}").into())
}

/// A text that is hex with or without `0x`.
fn unhex(text: &str) -> Result<Vec<u8>, Failed> {
    Ok(alloy_primitives::hex::decode(text)?)
}

/// A field of a fixture that must be a text.
fn text<'a>(entry: &'a Value, field: &str) -> Result<&'a str, Failed> {
    let missing = || Failed::from(format!("{field} is no text in {entry}"));
    entry[field].as_str().ok_or_else(missing)
}

/// Puts a test's bytes wherever our decoders read RLP.
fn check_rlp(entry: &Value) -> Result<(), Failed> {
    let bytes = unhex(text(entry, "out")?)?;
    refuse_as_a_whole(&bytes)?;
    match &entry["in"] {
        Value::String(word) if word == "INVALID" => refuse_as_a_field(&bytes),
        Value::String(word) if word == "VALID" => refuse_as_a_string(&bytes),
        Value::Array(_) => refuse_as_a_string(&bytes),
        Value::String(word) if word.starts_with('#') => {
            let number = U256::from_dec_str(&word[1..]).ok();
            accept_as_a_number(&bytes, number)
        }
        Value::String(word) => accept_as_a_string(&bytes, word.as_bytes()),
        Value::Number(number) => accept_as_a_number(&bytes, number.as_u64().map(U256::from)),
        other => Err(format!("an input of an unknown kind: {other}").into()),
    }
}

/// No test is a whole transaction, header or block.
fn refuse_as_a_whole(bytes: &[u8]) -> Result<(), Failed> {
    let bytes = Bytes::copy_from_slice(bytes);
    let transaction = SignedTransaction::decode(&bytes, Fork::LATEST);
    // What does not begin like a list names a type, which may be one that does not exist.
    if !matches!(transaction, Err(InvalidTransaction::Malformed(_))) {
        return Err(format!("as a transaction: {transaction:?}").into());
    }
    let header = Header::decode(&mut &bytes[..]);
    if !matches!(header, Err(InvalidBlock::Malformed { .. })) {
        return Err(format!("as a header: {header:?}").into());
    }
    let block = SealedBlock::decode(&bytes);
    if !matches!(block, Err(InvalidBlock::Malformed { .. })) {
        return Err(format!("as a block: {block:?}").into());
    }
    Ok(())
}

/// A legacy transaction with the given RLP for its value and its input.
fn transaction(value: Vec<u8>, input: Vec<u8>) -> Bytes {
    let [nonce, price, gas] = [1, 2, 3].map(integer);
    let [v, r, s] = [27, 5, 6].map(integer);
    let to = string(&[7; 20]);
    list(&[nonce, price, gas, to, value, input, v, r, s]).into()
}

/// A header with the given RLP for its number and its extra data.
fn header(number: Vec<u8>, extra_data: Vec<u8>) -> Vec<u8> {
    let hash = || string(&[1; 32]);
    let zero = || integer(0);
    list(&[
        hash(),
        hash(),
        string(&[2; 20]),
        hash(),
        hash(),
        hash(),
        string(&[0; 256]),
        zero(),
        number,
        zero(),
        zero(),
        zero(),
        extra_data,
        hash(),
        string(&[3; 8]),
    ])
}

/// A block with the given RLP in its list of transactions.
fn block(transactions: &[Vec<u8>]) -> Bytes {
    list(&[
        header(integer(1), string(&[])),
        list(transactions),
        list(&[]),
    ])
    .into()
}

/// What the decoders make of bytes at each place: whether they accept them.
fn accepted(bytes: &[u8]) -> [(&'static str, bool); 6] {
    let decodes = |raw: Bytes| SignedTransaction::decode(&raw, Fork::LATEST).is_ok();
    let field = bytes.to_vec();
    [
        ("a value", decodes(transaction(field.clone(), string(&[])))),
        ("an input", decodes(transaction(integer(0), field.clone()))),
        (
            "a header's number",
            Header::decode(&mut &header(field.clone(), string(&[]))[..]).is_ok(),
        ),
        (
            "extra data",
            Header::decode(&mut &header(integer(1), field.clone())[..]).is_ok(),
        ),
        (
            "a block's transaction",
            SealedBlock::decode(&block(std::slice::from_ref(&field)))
                .is_ok_and(|block| block.transactions.into_iter().all(decodes)),
        ),
        (
            "a block's ommer",
            SealedBlock::decode(
                &list(&[header(integer(1), string(&[])), list(&[]), list(&[field])]).into(),
            )
            .is_ok(),
        ),
    ]
}

fn expect_accepted(bytes: &[u8], expected: &[&str]) -> Result<(), Failed> {
    let found: Vec<&str> = accepted(bytes)
        .into_iter()
        .filter_map(|(place, is_accepted)| is_accepted.then_some(place))
        .collect();
    expect("accepted as", &found[..], expected)
}

/// RLP that is not canonical, or no RLP, has no place anywhere.
fn refuse_as_a_field(bytes: &[u8]) -> Result<(), Failed> {
    if bytes.is_empty() {
        // Nothing at all is a missing field; in a list it is an empty one.
        return expect_accepted(bytes, &["a block's transaction", "a block's ommer"]);
    }
    expect_accepted(bytes, &[])
}

/// A list has no place where a string belongs, and none of these is a transaction or a header.
fn refuse_as_a_string(bytes: &[u8]) -> Result<(), Failed> {
    expect_accepted(bytes, &[])
}

fn accept_as_a_string(bytes: &[u8], expected: &[u8]) -> Result<(), Failed> {
    let raw = transaction(integer(0), bytes.to_vec());
    let signed = SignedTransaction::decode(&raw, Fork::LATEST)?;
    expect("the input", &signed.transaction.input[..], expected)?;
    expect("the encoding", signed.encode(), raw.to_vec())?;
    let encoded = header(integer(1), bytes.to_vec());
    let header = Header::decode(&mut &encoded[..])?;
    expect("the extra data", &header.extra_data[..], expected)?;
    let block = SealedBlock::decode(&block(&[bytes.to_vec()]))?;
    expect("the transaction", &block.transactions[0][..], expected)
}

/// `None` is a number beyond 256 bits.
fn accept_as_a_number(bytes: &[u8], expected: Option<U256>) -> Result<(), Failed> {
    let raw = transaction(bytes.to_vec(), string(&[]));
    match (SignedTransaction::decode(&raw, Fork::LATEST), expected) {
        (Ok(signed), Some(expected)) => {
            expect("the value", signed.transaction.value, expected)?;
            expect("the encoding", signed.encode(), raw.to_vec())?;
        }
        (Err(InvalidTransaction::Malformed(_)), None) => {}
        (found, expected) => return Err(format!("{found:?}, expected {expected:?}").into()),
    }
    let number = Header::decode(&mut &header(bytes.to_vec(), string(&[]))[..]);
    let narrow = expected.and_then(|number| u64::try_from(number).ok());
    expect(
        "the header's number",
        number.ok().map(|header| header.number),
        narrow,
    )
}

fn check_trie(entry: &Value) -> Result<(), Failed> {
    expect_root(entry, |key| key)
}

fn check_secure_trie(entry: &Value) -> Result<(), Failed> {
    expect_root(entry, |key| keccak256(key).0.to_vec())
}

fn expect_root(entry: &Value, key_of: fn(Vec<u8>) -> Vec<u8>) -> Result<(), Failed> {
    let mut entries = Entries::new();
    let pairs = entry["in"].as_array().ok_or("in is no list")?;
    for pair in pairs {
        let key = key_of(bytes_of(pair[0].as_str().ok_or("a key is no text")?)?);
        match &pair[1] {
            Value::Null => entries.remove(&key),
            Value::String(value) => entries.insert(key, bytes_of(value)?),
            other => return Err(format!("a value of an unknown kind: {other}").into()),
        };
    }
    let root = naive_trie::root(&entries);
    expect("the root", root.0.to_vec(), unhex(text(entry, "root")?)?)
}

/// Hex, or the text itself.
fn bytes_of(word: &str) -> Result<Vec<u8>, Failed> {
    match word.starts_with("0x") {
        true => unhex(word),
        false => Ok(word.as_bytes().to_vec()),
    }
}

/// Words that follow from a number.
fn word(seed: u64) -> U256 {
    let hash = keccak256(seed.to_be_bytes());
    // Of every length, so that short nodes are held by their parents.
    U256::from_big_endian(&hash.0) >> (seed % 9 * 31) as usize
}

fn naive_storage_root(slots: &[(U256, U256)]) -> B256 {
    let slots = slots.iter().filter(|(_, value)| !value.is_zero());
    let entries = slots.map(|(key, value)| {
        let key = keccak256(key.to_big_endian()).0.to_vec();
        (key, big_endian(&value.to_big_endian()))
    });
    naive_trie::root(&entries.collect())
}

fn state_roots() -> Result<(), Failed> {
    for accounts in [0, 1, 2, 3, 16, 17, 100, 300] {
        let mut database = InMemoryDatabase::default();
        let mut entries = Entries::new();
        for seed in 0..accounts {
            let address = Address::from_low_u64_be(seed * 0x1_0001);
            let (balance, nonce) = (word(seed), seed * seed);
            let code = match seed % 3 {
                0 => Code::default(),
                _ => Code::new(vec![seed as u8; seed as usize].into()),
            };
            database.insert_account(address, balance, nonce, &code);
            let slots: Vec<(U256, U256)> = (0..seed % 40)
                .map(|slot| (word(slot), word(slot + seed)))
                .collect();
            for (key, value) in &slots {
                database.insert_storage(address, *key, *value);
            }
            let account = list(&[
                integer(nonce.into()),
                big_endian(&balance.to_big_endian()),
                string(&naive_storage_root(&slots).0),
                string(&keccak256(code.bytes()).0),
            ]);
            entries.insert(keccak256(address).0.to_vec(), account);
        }
        let context = format!("the root of {accounts} accounts");
        expect(&context, state_root(&database), naive_trie::root(&entries))?;
    }
    Ok(())
}

fn receipts_roots() -> Result<(), Failed> {
    let logs: Vec<Log> = (0..5u8)
        .map(|number| Log {
            address: Address::repeat_byte(number),
            topics: (0..number % 5).map(B256::repeat_byte).collect(),
            data: vec![number; usize::from(number) * 20].into(),
        })
        .collect();
    for count in [0, 1, 2, 127, 128, 129, 200] {
        let receipts: Vec<TrieReceipt<'_>> = (0..count)
            .map(|position: u64| TrieReceipt {
                type_byte: (position % 5) as u8,
                outcome: match position % 3 {
                    0 => Outcome::StateRoot(B256::from_low_u64_be(position)),
                    status => Outcome::Status(status == 1),
                },
                cumulative_gas_used: position * 21_000,
                logs: &logs[..(position % 6) as usize],
            })
            .collect();
        let values: Vec<Vec<u8>> = receipts.iter().map(naive_receipt).collect();
        let context = format!("the root of {count} receipts");
        let expected = naive_trie::ordered_root(&values);
        expect(&context, receipts_root(&receipts), expected)?;
    }
    Ok(())
}

fn naive_receipt(receipt: &TrieReceipt<'_>) -> Vec<u8> {
    let logs: Vec<Vec<u8>> = receipt
        .logs
        .iter()
        .map(|log| {
            let topics: Vec<Vec<u8>> = log.topics.iter().map(|topic| string(&topic.0)).collect();
            list(&[string(&log.address.0), list(&topics), string(&log.data)])
        })
        .collect();
    let outcome = match receipt.outcome {
        Outcome::Status(success) => integer(success.into()),
        Outcome::StateRoot(root) => string(&root.0),
    };
    let encoded = list(&[
        outcome,
        integer(receipt.cumulative_gas_used.into()),
        string(&logs_bloom(receipt.logs)),
        list(&logs),
    ]);
    match receipt.type_byte {
        0 => encoded,
        kind => [vec![kind], encoded].concat(),
    }
}

fn withdrawals_roots() -> Result<(), Failed> {
    for count in [0, 1, 16, 130] {
        let withdrawals: Vec<Withdrawal> = (0..count)
            .map(|index| Withdrawal {
                index,
                validator_index: index * 1000,
                address: Address::from_low_u64_be(index),
                amount: index * index,
            })
            .collect();
        let values: Vec<Vec<u8>> = withdrawals
            .iter()
            .map(|withdrawal| {
                list(&[
                    integer(withdrawal.index.into()),
                    integer(withdrawal.validator_index.into()),
                    string(&withdrawal.address.0),
                    integer(withdrawal.amount.into()),
                ])
            })
            .collect();
        let context = format!("the root of {count} withdrawals");
        let expected = naive_trie::ordered_root(&values);
        expect(&context, withdrawals_root(&withdrawals), expected)?;
    }
    Ok(())
}
