//! Executes one block under two policies and compares: `cargo run --example compare_policies`.

use deferevm::{
    Evm, U256,
    block::comparison::compare,
    call::{DeferredRules, Order, Policy, ReturnData},
    example::Example,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Example { fork, state, block } = Example::new();
    let evm = Evm::new(fork).workers(2);

    let reference = evm.execute_block(&state, &block)?;

    // A preset with two of its settings changed: calls return 0, and ids decide the order.
    let Policy::Deferred(preset) = Policy::practical() else {
        unreachable!("practical defers");
    };
    let policy = Policy::Deferred(DeferredRules {
        order: Order::Hash,
        returndata: ReturnData::Word(U256::zero()),
        ..preset
    });
    let deferred = evm.clone().policy(policy).execute_block(&state, &block)?;

    for round in &deferred.rounds {
        println!(
            "round {}: {} transactions in {} batches, {} gas",
            round.index, round.executed, round.batches, round.gas_used
        );
    }
    println!("parallelism bound: {:.1}", deferred.parallelism_bound());

    let divergence = compare(&state, &deferred, &reference)?;
    println!(
        "differs from synchronous: {} statuses, {} logs, {} slots, {} balances",
        divergence.statuses.len(),
        divergence.logs.len(),
        divergence.slots.len(),
        divergence.balances.len()
    );
    Ok(())
}
