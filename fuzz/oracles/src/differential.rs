//! Generated transactions over generated contracts against revm: validity, status, gas, output, logs,
//! and every account with its balance, nonce, code and storage.

use std::collections::BTreeSet;

use deferevm::{
    Address, B256, Evm, Fork, U256,
    block::{Block, BlockError},
    bytecode::Bytecode,
    opcode as op,
    state::{AccountInfo, InMemoryDatabase},
    transaction::Receipt,
};
use deferevm_reference::generate::{Case, Kind};
use revm::{
    context::result::ExecutionResult,
    database::{AccountState, DbAccount, InMemoryDB},
    state::AccountInfo as PeerInfo,
};

use crate::{
    choices::ByteChoices,
    machine::program::{Choices, program, word},
    peer_block::{self, PeerBlock, convert},
    precompiles,
};

/// What came of a case, for those who measure the generator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Transactions that were valid.
    pub valid: usize,
    /// Valid ones that succeeded.
    pub succeeded: usize,
    /// Transactions that both sides refused.
    pub refused: usize,
    /// Log entries.
    pub logs: usize,
    /// Slots that both have at the end.
    pub slots: usize,
}

/// Runs the transactions that bytes say, one after the other, here and in revm.
///
/// # Panics
/// With the first difference.
pub fn check(bytes: &[u8]) -> Compared {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let mut case = Case::from_bytes(head, Kind::Any);
    // revm has no rules for Constantinople, which was live in no block of mainnet's (EIP-1283).
    if case.fork == Fork::Constantinople {
        case.fork = Fork::Petersburg;
    }
    write_contracts(&mut case.state, case.fork, tail);
    let number = case.block.environment.number;
    let hashes: Vec<(u64, B256)> = (number - 256..number)
        .map(|number| (number, B256::from_low_u64_be(!number)))
        .collect();
    for (number, hash) in &hashes {
        case.state.insert_block_hash(*number, *hash);
    }
    compare(case, &hashes)
}

/// Replaces the code of some contracts by programs of all opcodes, operations on words, calls to
/// precompiles, or any bytes.
fn write_contracts(state: &mut InMemoryDatabase, fork: Fork, bytes: &[u8]) {
    let mut names: Vec<Address> = state.accounts().map(|(address, _)| address).collect();
    names.sort();
    let mut choices = ByteChoices::new(bytes);
    for address in &names {
        let account = state.get(*address).expect("it was listed").clone();
        let info = account.info;
        let code = state.get_code(info.code_hash).cloned().unwrap_or_default();
        if !info.has_code() && info.nonce == 0 {
            // revm does not ask for storage before a creation (EIP-7610).
            state.insert_account(*address, info.balance, 0, &code);
            continue;
        }
        if code.delegate().is_some() || !info.has_code() {
            continue;
        }
        let code = match choices.below(8) {
            0..4 => log_memory(Bytecode::new().raw(program(&mut choices, &names))),
            4 => calls_of_precompiles(&mut choices),
            5 => operations(&mut choices, fork),
            6 if choices.one_in(4) => Bytecode::new().raw(bytes),
            _ => continue,
        };
        // No contract begins so, but a delegation (EIP-3541, EIP-7702).
        if code.bytes().first() == Some(&0xef) {
            continue;
        }
        state.insert_account(*address, info.balance, info.nonce, &code.code());
        for (key, value) in account.storage {
            state.insert_storage(*address, key, value);
        }
    }
}

fn calls_of_precompiles(choices: &mut ByteChoices<'_>) -> Bytecode {
    let mut code = precompiles::call(choices);
    while choices.one_in(2) {
        code = code.raw(precompiles::call(choices));
    }
    code.op(op::STOP)
}

/// Logs the results of a few operations on words.
fn operations(choices: &mut ByteChoices<'_>, fork: Fork) -> Bytecode {
    let rows: Vec<_> = op::of_fork(fork)
        .filter(|row| (op::ADD..=op::CLZ).contains(&row.byte))
        .collect();
    let mut code = Bytecode::new();
    let count = 1 + choices.below(12);
    for place in 0..count {
        let row = choices.pick(&rows);
        for _ in 0..row.pops {
            code = code.push(word(choices, &[Address::zero()]));
        }
        code = code.op(row.byte).push(32 * place).op(op::MSTORE);
    }
    code.push(32 * count).push(0).op(op::LOG0)
}

/// Logs what a program leaves in its memory and on its stack, where it gets so far.
fn log_memory(mut code: Bytecode) -> Bytecode {
    for offset in [96u64, 128, 160] {
        code = code.push(offset).op(op::MSTORE);
    }
    code.push(192).push(0).op(op::LOG0)
}

fn compare(case: Case, hashes: &[(u64, B256)]) -> Compared {
    let Case {
        fork,
        mut state,
        block,
        ..
    } = case;
    let evm = Evm::new(fork)
        .edges(false)
        .audit(true)
        .blob_schedule(block.blob_schedule);
    let originals = evm.prepare(&block);
    let mut peer = PeerBlock::new(fork, &block, &originals, &state, hashes);
    let mut compared = Compared::default();
    for (position, transaction) in block.transactions.iter().enumerate() {
        let alone = Block {
            transactions: vec![transaction.clone()],
            ..block.clone()
        };
        let ours = evm.execute_block(&state, &alone);
        let theirs = peer.commit_next().expect("it has the same transactions");
        let place = format!("{fork}, transaction {position}: {transaction:?}");
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                compared.valid += 1;
                compared.succeeded += usize::from(theirs.is_success());
                compared.logs += theirs.logs().len();
                compare_results(&ours.receipts[0], &theirs, &place);
                state.apply(&ours.changes);
            }
            (Err(BlockError::Invalid(_)), Err(_)) => compared.refused += 1,
            (ours, theirs) => panic!(
                "{place}: ours is {:?}, revm's {theirs:?}",
                ours.map(|outcome| outcome.receipts)
            ),
        }
    }
    compared.slots = compare_states(fork, &state, peer.database());
    compared
}

fn compare_results(ours: &Receipt, theirs: &ExecutionResult, place: &str) {
    assert_eq!(
        ours.status.is_success(),
        theirs.is_success(),
        "{place}: {ours:?}, revm's {theirs:?}"
    );
    assert_eq!(
        ours.tree_gas_used,
        Some(theirs.tx_gas_used()),
        "{place}: {ours:?}, revm's {theirs:?}"
    );
    // Of a creation that succeeded revm gives the code, which is compared with the state.
    if ours.created.is_none() {
        let output = theirs.output().map(|output| output.to_vec());
        assert_eq!(
            ours.output[..],
            output.unwrap_or_default(),
            "{place}: output"
        );
    }
    assert_eq!(ours.logs.len(), theirs.logs().len(), "{place}: logs");
    for (ours, theirs) in ours.logs.iter().zip(theirs.logs()) {
        assert_eq!(ours.address.0, theirs.address.0.0, "{place}: log");
        let topics: Vec<B256> = theirs.topics().iter().map(|topic| topic.0.into()).collect();
        assert_eq!(ours.topics, topics, "{place}: log");
        assert_eq!(ours.data[..], theirs.data.data[..], "{place}: log");
    }
}

/// Compares all that either side has; how many slots there were.
fn compare_states(fork: Fork, ours: &InMemoryDatabase, peer: &InMemoryDB) -> usize {
    let mut slots = 0;
    let mut listed = BTreeSet::new();
    for (address, account) in ours.accounts() {
        listed.insert(convert(address));
        let known = peer.cache.accounts.get(&convert(address));
        let theirs = known.and_then(existing).map(peer_summary);
        assert_eq!(Some(summary(&account.info)), theirs, "{fork}: {address:?}");
        let known = known.expect("it exists, so it is listed");
        for (key, value) in &account.storage {
            let theirs = known
                .storage
                .get(&peer_block::word(*key))
                .copied()
                .unwrap_or_default();
            assert_eq!(
                peer_block::word(*value),
                theirs,
                "{fork}: {address:?} slot {key:#x}"
            );
        }
        let theirs = known.storage.values().filter(|value| !value.is_zero());
        assert_eq!(account.storage.len(), theirs.count(), "{fork}: {address:?}");
        slots += account.storage.len();
    }
    for (address, account) in &peer.cache.accounts {
        assert!(
            existing(account).is_none() || listed.contains(address),
            "{fork}: only revm has {address}: {account:?}"
        );
    }
    slots
}

/// What revm's cache says of an account, where it exists.
fn existing(account: &DbAccount) -> Option<&PeerInfo> {
    (account.account_state != AccountState::NotExisting).then_some(&account.info)
}

fn summary(info: &AccountInfo) -> (U256, u64, B256) {
    (info.balance, info.nonce, info.code_hash)
}

fn peer_summary(info: &PeerInfo) -> (U256, u64, B256) {
    let balance = U256(*info.balance.as_limbs());
    (balance, info.nonce, info.code_hash.0.into())
}
