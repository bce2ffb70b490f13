//! Limits on what input can make grow: past each of them is an error or a failed transaction, whatever the gas. Those on
//! rounds and records are in `scenarios/limits.rs`, those on files and their code in the tests of the commands.

use deferevm::{
    Address, Evm, Fork, Halt, U256,
    block::Block,
    bytecode::Bytecode,
    call::Policy,
    opcode::{
        CALL, CALLDATACOPY, CALLER, CREATE, KECCAK256, LOG0, MCOPY, MLOAD, MSTORE, MSTORE8, RETURN,
        REVERT, STATICCALL,
    },
    state::InMemoryDatabase,
    transaction::{Receipt, Recovered, Status, Transaction},
};

const SENDER: Address = Address::repeat_byte(0xa1);
const CONTRACT: Address = Address::repeat_byte(0x0c);
/// One byte more than memory can have.
const BEYOND: u64 = 1 << 32;

fn policies() -> [Policy; 3] {
    [Policy::Synchronous, Policy::seed(), Policy::practical()]
}

/// The receipts of a block with one transaction to some code, which has more gas than there ever was.
fn run(policy: Policy, code: &Bytecode) -> Vec<Receipt> {
    let mut state = InMemoryDatabase::default();
    state.insert_account(SENDER, U256::zero(), 0, &Bytecode::new().code());
    state.insert_account(CONTRACT, U256::from(100), 1, &code.code());
    let transaction = Transaction {
        to: Some(CONTRACT),
        gas_limit: u64::MAX,
        ..Transaction::default()
    };
    let mut block = Block {
        transactions: vec![Recovered::unsigned(transaction, SENDER)],
        ..Block::default()
    };
    block.environment.gas_limit = u64::MAX;
    let evm = Evm::new(Fork::Prague)
        .policy(policy)
        .edges(false)
        .audit(true);
    evm.execute_block(&state, &block).unwrap().receipts
}

#[test]
fn memory_beyond_its_limit_is_out_of_gas_whatever_the_gas() {
    let codes = [
        Bytecode::new().call(MSTORE, [BEYOND - 31, 1]),
        Bytecode::new().call(MSTORE8, [BEYOND, 1]),
        Bytecode::new().call(MLOAD, [U256::MAX]),
        Bytecode::new().call(CALLDATACOPY, [0, 0, BEYOND + 1]),
        Bytecode::new().call(MCOPY, [0, BEYOND, 1]),
        Bytecode::new().call(KECCAK256, [1, BEYOND]),
        Bytecode::new().call(LOG0, [0, BEYOND + 1]),
        Bytecode::new().call(RETURN, [0, BEYOND + 1]),
        Bytecode::new().call(REVERT, [BEYOND, 1]),
        Bytecode::new().call(STATICCALL, [0, 7, 0, 0, BEYOND, 1]),
        Bytecode::new().call(CALL, [0, 7, 0, BEYOND, 1, 0, 0]),
    ];
    for policy in policies() {
        for code in &codes {
            let receipts = run(policy, code);
            assert_eq!(receipts[0].status, Status::Halted(Halt::OutOfGas));
            assert_eq!(receipts[0].tree_gas_used, Some(u64::MAX));
        }
    }
}

#[test]
fn gas_without_end_can_be_passed_on() {
    // All of it, with a value, so that a stipend comes on top.
    let code = Bytecode::new().push(0).push(0).push(0).push(0).push(1);
    let code = code.op(CALLER).push(U256::MAX).op(CALL);
    for policy in policies() {
        let receipts = run(policy, &code);
        assert!(receipts.iter().all(|receipt| receipt.status.is_success()));
    }
}

#[test]
fn init_code_beyond_its_limit_halts_what_would_create() {
    for (bytes, is_allowed) in [(49_152u64, true), (49_153, false)] {
        for policy in policies() {
            let receipts = run(policy, &Bytecode::new().call(CREATE, [0, 0, bytes]));
            assert_eq!(receipts[0].status.is_success(), is_allowed, "{bytes}");
            if !is_allowed {
                assert!(matches!(receipts[0].status, Status::Halted(_)));
                assert_eq!(receipts.len(), 1);
            }
        }
    }
}

#[test]
fn code_beyond_its_limit_is_not_deployed() {
    // Init code that returns so many zeros; what creates it stores nothing else.
    for (bytes, is_allowed) in [(24_576u64, true), (24_577, false)] {
        let init = Bytecode::new().call(RETURN, [0, bytes]);
        let mut word = [0; 32];
        word[..init.len()].copy_from_slice(init.bytes());
        let code = Bytecode::new().call(MSTORE, [U256::zero(), U256::from_big_endian(&word)]);
        let code = code.call(CREATE, [0, 0, init.len() as u64]).return_top();
        for policy in policies() {
            let receipts = run(policy, &code);
            let created = match policy {
                // What CREATE has pushed.
                Policy::Synchronous => receipts[0].output.iter().any(|byte| *byte != 0),
                Policy::Deferred(_) => receipts[1].created.is_some(),
            };
            assert_eq!(created, is_allowed, "{bytes} under {}", policy.name());
        }
    }
}

#[test]
fn any_number_of_workers_is_one_that_can_be_had() {
    let mut state = InMemoryDatabase::default();
    let mut block = Block::default();
    block.environment.gas_limit = 60_000_000;
    for number in 0..200 {
        let sender = Address::from_low_u64_be(0x1000 + number);
        state.insert_account(sender, U256::zero(), 0, &Bytecode::new().code());
        let transaction = Transaction {
            to: Some(Address::from_low_u64_be(0x2000 + number)),
            gas_limit: 100_000,
            ..Transaction::default()
        };
        block
            .transactions
            .push(Recovered::unsigned(transaction, sender));
    }
    let digest = |workers| {
        let evm = Evm::new(Fork::Prague).policy(Policy::practical());
        let evm = evm.edges(false).workers(workers).share_all(true);
        evm.execute_block(&state, &block).unwrap().digest()
    };
    let expected = digest(1);
    for workers in [0, 2, 300, usize::MAX] {
        assert_eq!(digest(workers), expected, "{workers} workers");
    }
}
