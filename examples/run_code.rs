//! Runs one piece of code and shows what it left: `cargo run --example run_code`.

use deferevm::{
    Address, BlockEnvironment, Code, Evm, Fork, U256,
    block::Block,
    bytecode::Bytecode,
    opcode,
    state::InMemoryDatabase,
    transaction::{Recovered, Transaction},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, contract) = (Address::repeat_byte(1), Address::repeat_byte(2));

    // Stores 2 + 3 in slot 0, and returns it.
    let code = Bytecode::new()
        .call(opcode::ADD, [2, 3])
        .op(opcode::DUP1)
        .push(0)
        .op(opcode::SSTORE)
        .return_top();

    let mut state = InMemoryDatabase::default();
    state.insert_account(contract, U256::zero(), 1, &code.code());
    state.insert_account(sender, U256::zero(), 0, &Code::default());

    // A block of one transaction that nobody signed, with a gas price of 0.
    let transaction = Transaction {
        to: Some(contract),
        gas_limit: 100_000,
        ..Transaction::default()
    };
    let block = Block {
        environment: BlockEnvironment {
            chain_id: 1,
            gas_limit: 30_000_000,
            ..BlockEnvironment::default()
        },
        transactions: vec![Recovered::unsigned(transaction, sender)],
        ..Block::default()
    };

    let outcome = Evm::new(Fork::Osaka)
        .edges(false)
        .execute_block(&state, &block)?;

    let receipt = &outcome.receipts[0];
    println!("status:   {}", receipt.status.word());
    println!("gas used: {}", receipt.gas_used);
    println!("returned: {}", U256::from_big_endian(&receipt.output));
    let slot = outcome.changes.accounts[&contract].storage[&U256::zero()];
    println!("slot 0:   {slot}");
    assert_eq!(slot, U256::from(5));
    Ok(())
}
