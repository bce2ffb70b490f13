//! SLOAD, SSTORE, TLOAD and TSTORE: values, and gas and refunds under every fork's rules.

mod common;

use common::{GAS, World, context, run_in, run_on};
use deferevm_opcodes::{Fork, FrameContext, Halt, U256, bytecode::Bytecode, opcode as op};

/// Writes the values to slot 0, one after the other, over an original value.
fn write(fork: Fork, original: u64, values: &[u64]) -> (u64, i64) {
    let mut world = World::default();
    world.original.insert(U256::zero(), original.into());
    world.storage.insert(U256::zero(), original.into());
    let code = values.iter().fold(Bytecode::new(), |code, value| {
        code.call(op::SSTORE, [0, *value])
    });
    let ran = run_on(&mut world, fork, &code);
    assert_eq!(
        world.storage[&U256::zero()],
        (*values.last().unwrap()).into()
    );
    (ran.spent - 6 * values.len() as u64, ran.frame.gas.refund)
}

#[test]
fn legacy_stores_cost_by_the_present_value_only() {
    for fork in [Fork::Frontier, Fork::Byzantium, Fork::Petersburg] {
        assert_eq!(write(fork, 0, &[1]), (20_000, 0));
        assert_eq!(write(fork, 0, &[0]), (5000, 0));
        assert_eq!(write(fork, 1, &[2]), (5000, 0));
        assert_eq!(write(fork, 1, &[1]), (5000, 0));
        assert_eq!(write(fork, 1, &[0]), (5000, 15_000));
        assert_eq!(write(fork, 0, &[1, 0]), (25_000, 15_000));
        assert_eq!(write(fork, 1, &[0, 1]), (25_000, 15_000));
    }
}

/// The table at the end of EIP-1283: original, values written, gas, refund.
const EIP_1283: [(u64, &[u64], u64, i64); 17] = [
    (0, &[0, 0], 400, 0),
    (0, &[0, 1], 20_200, 0),
    (0, &[1, 0], 20_200, 19_800),
    (0, &[1, 2], 20_200, 0),
    (0, &[1, 1], 20_200, 0),
    (1, &[0, 0], 5200, 15_000),
    (1, &[0, 1], 5200, 4800),
    (1, &[0, 2], 5200, 0),
    (1, &[2, 0], 5200, 15_000),
    (1, &[2, 3], 5200, 0),
    (1, &[2, 1], 5200, 4800),
    (1, &[2, 2], 5200, 0),
    (1, &[1, 0], 5200, 15_000),
    (1, &[1, 2], 5200, 0),
    (1, &[1, 1], 400, 0),
    (0, &[1, 0, 1], 40_200, 19_800),
    (1, &[0, 1, 0], 10_200, 19_800),
];

#[test]
fn constantinople_stores_cost_what_eip_1283_lists() {
    for (original, values, gas, refund) in &EIP_1283 {
        assert_eq!(
            write(Fork::Constantinople, *original, values),
            (*gas, *refund),
            "{original} {values:?}"
        );
    }
}

#[test]
fn istanbul_stores_cost_what_eip_2200_lists() {
    let cases: [(u64, &[u64], u64, i64); 17] = [
        (0, &[0, 0], 1600, 0),
        (0, &[0, 1], 20_800, 0),
        (0, &[1, 0], 20_800, 19_200),
        (0, &[1, 2], 20_800, 0),
        (0, &[1, 1], 20_800, 0),
        (1, &[0, 0], 5800, 15_000),
        (1, &[0, 1], 5800, 4200),
        (1, &[0, 2], 5800, 0),
        (1, &[2, 0], 5800, 15_000),
        (1, &[2, 3], 5800, 0),
        (1, &[2, 1], 5800, 4200),
        (1, &[2, 2], 5800, 0),
        (1, &[1, 0], 5800, 15_000),
        (1, &[1, 2], 5800, 0),
        (1, &[1, 1], 1600, 0),
        (0, &[1, 0, 1], 40_800, 19_200),
        (1, &[0, 1, 0], 10_800, 19_200),
    ];
    for (original, values, gas, refund) in cases {
        assert_eq!(
            write(Fork::Istanbul, original, values),
            (gas, refund),
            "{original} {values:?}"
        );
    }
}

#[test]
fn berlin_adds_2100_for_a_cold_slot_and_takes_it_off_a_reset() {
    assert_eq!(write(Fork::Berlin, 0, &[1]), (22_100, 0));
    assert_eq!(write(Fork::Berlin, 0, &[0]), (2200, 0));
    assert_eq!(write(Fork::Berlin, 1, &[2]), (5000, 0));
    assert_eq!(write(Fork::Berlin, 1, &[0]), (5000, 15_000));
    assert_eq!(write(Fork::Berlin, 1, &[0, 1]), (5100, 2800));
    assert_eq!(write(Fork::Berlin, 0, &[1, 0]), (22_200, 19_900));
}

#[test]
fn london_refunds_4800_for_a_cleared_slot() {
    for fork in [Fork::London, Fork::Osaka] {
        assert_eq!(write(fork, 1, &[0]), (5000, 4800));
        assert_eq!(write(fork, 1, &[2, 0]), (5100, 4800));
        assert_eq!(write(fork, 1, &[0, 2]), (5100, 0));
        assert_eq!(write(fork, 1, &[0, 1]), (5100, 2800));
        assert_eq!(write(fork, 0, &[1, 0]), (22_200, 19_900));
    }
}

#[test]
fn a_refund_taken_back_in_another_frame_makes_the_counter_negative() {
    let mut world = World::default();
    world.original.insert(U256::zero(), U256::one());
    let code = Bytecode::new().call(op::SSTORE, [0, 2]);
    let ran = run_on(&mut world, Fork::London, &code);
    assert_eq!(ran.frame.gas.refund, -4800);
}

#[test]
fn with_2300_gas_left_a_store_is_out_of_gas_from_istanbul_and_the_host_is_not_asked() {
    let code = Bytecode::new().call(op::SSTORE, [0, 0]);
    let with = |fork, left: u64| {
        let mut world = World::default();
        world.warm_slots.insert(U256::zero());
        let ran = run_in(&mut world, context(fork), &code, 6 + left);
        (ran.action, world.asked.len())
    };
    let (action, asked) = with(Fork::Istanbul, 2300);
    assert_eq!(format!("{action:?}"), "Exit(Halt(OutOfGas))");
    assert_eq!(asked, 0);
    assert_eq!(format!("{:?}", with(Fork::Istanbul, 2301).0), "Exit(Stop)");
    assert_eq!(
        format!("{:?}", with(Fork::Osaka, 2300).0),
        "Exit(Halt(OutOfGas))"
    );
    assert_eq!(format!("{:?}", with(Fork::Osaka, 2301).0), "Exit(Stop)");
    assert_eq!(
        format!("{:?}", with(Fork::Constantinople, 200).0),
        "Exit(Stop)"
    );
}

#[test]
fn loads_cost_by_fork_and_warmth() {
    let code = Bytecode::new()
        .call(op::SLOAD, [U256::MAX])
        .call(op::SLOAD, [U256::MAX]);
    let costs = [
        (Fork::Frontier, 100),
        (Fork::TangerineWhistle, 400),
        (Fork::Petersburg, 400),
        (Fork::Istanbul, 1600),
        (Fork::Berlin, 2200),
        (Fork::Osaka, 2200),
    ];
    for (fork, cost) in costs {
        let mut world = World::default();
        world.storage.insert(U256::MAX, 42.into());
        let ran = run_on(&mut world, fork, &code);
        assert_eq!((ran.spent - 6, ran.top()), (cost, 42.into()), "{fork}");
    }
}

#[test]
fn a_cold_slot_that_cannot_be_paid_for_is_not_touched() {
    let code = Bytecode::new().call(op::SLOAD, [1]);
    let mut world = World::default();
    let ran = run_in(&mut world, context(Fork::Berlin), &code, 3 + 2099);
    assert_eq!(ran.halt(), Halt::OutOfGas);
    assert!(world.warm_slots.is_empty());
    let ran = run_in(&mut world, context(Fork::Berlin), &code, 3 + 2100);
    assert_eq!(ran.top(), U256::zero());
}

#[test]
fn transient_storage_costs_100_and_keeps_to_itself() {
    let sign = U256::one() << 255;
    let code = Bytecode::new()
        .call(op::TSTORE, [U256::MAX, sign])
        .call(op::TLOAD, [U256::MAX]);
    let mut world = World::default();
    let ran = run_on(&mut world, Fork::Cancun, &code);
    assert_eq!((ran.top(), ran.spent), (sign, 9 + 200));
    assert!(world.storage.is_empty());
}

#[test]
fn stores_in_a_static_context_halt_before_the_host_is_asked() {
    for opcode in [op::SSTORE, op::TSTORE] {
        let mut world = World::default();
        let context = FrameContext {
            is_static: true,
            ..context(Fork::LATEST)
        };
        let ran = run_in(
            &mut world,
            context,
            &Bytecode::new().call(opcode, [0, 1]),
            GAS,
        );
        assert_eq!(ran.halt(), Halt::StaticViolation);
        assert!(world.asked.is_empty() && world.transient.is_empty());
    }
}
