//! Jumps, the end of the code, GAS and PC, RETURN, REVERT and SELFDESTRUCT.

mod common;

use common::{Account, GAS, OTHER, SELF, World, context, run_code, run_in, run_on};
use deferevm_opcodes::{Exit, Fork, FrameContext, Halt, U256, bytecode::Bytecode, opcode as op};

#[test]
fn jumps_lead_to_jumpdests_only() {
    let jump = |target: U256| {
        let code = Bytecode::new()
            .push_bytes(&target.to_big_endian())
            .op(op::JUMP);
        let code = code
            .op(op::INVALID)
            .jump_destination()
            .push_bytes(&[op::JUMPDEST]);
        run_code(&code)
    };
    assert_eq!(jump(35.into()).exit(), Exit::Stop);
    let invalid = [
        U256::zero(),
        34.into(),
        36.into(),
        37.into(),
        38.into(),
        (U256::one() << 64) + 35,
        U256::one() << 255,
        U256::MAX,
    ];
    for target in invalid {
        assert_eq!(jump(target).halt(), Halt::InvalidJump, "{target}");
    }
}

#[test]
fn jumpi_looks_at_all_four_limbs_of_the_condition_and_at_the_target_only_if_taken() {
    let jump = |target: u64, condition: U256| {
        let code = Bytecode::new()
            .push_bytes(&condition.to_big_endian())
            .push(target);
        run_code(
            &code
                .op(op::JUMPI)
                .op(op::PC)
                .op(op::STOP)
                .jump_destination()
                .op(op::CALLER)
                .op(op::PC),
        )
    };
    for limb in 0..4 {
        let taken = jump(38, U256::one() << (64 * limb + 63));
        assert_eq!(taken.top(), 40.into());
        assert_eq!(taken.spent, 3 + 3 + 10 + 1 + 2 + 2);
    }
    let not_taken = jump(1, U256::zero());
    assert_eq!(
        (not_taken.top(), not_taken.spent),
        (36.into(), 3 + 3 + 10 + 2)
    );
    assert_eq!(jump(1, U256::MAX).halt(), Halt::InvalidJump);
}

#[test]
fn the_end_of_the_code_is_a_stop_even_within_an_immediate() {
    for push in op::PUSH1..=op::PUSH32 {
        let ran = run_code(&Bytecode::new().op(push));
        assert_eq!((ran.top(), ran.spent), (U256::zero(), 3));
    }
    let cut = run_code(&Bytecode::new().raw([op::PUSH3, 1, 2]));
    assert_eq!(cut.top(), 0x01_0200.into());
    assert_eq!(run_code(&Bytecode::new()).exit(), Exit::Stop);
}

#[test]
fn every_push_dup_and_swap_moves_its_word() {
    let bytes: [u8; 32] = core::array::from_fn(|index| index as u8 + 1);
    for length in 1..=32 {
        let ran = run_code(&Bytecode::new().push_bytes(&bytes[..length]));
        assert_eq!(ran.top(), U256::from_big_endian(&bytes[..length]));
    }
    let numbered = |from: u64| (from..=17).fold(Bytecode::new(), |code, number| code.push(number));
    for depth in 1..=16u8 {
        let ran = run_code(&numbered(1).op(op::DUP1 + depth - 1));
        assert_eq!(ran.top(), U256::from(18 - depth));
        let ran = run_code(&numbered(1).op(op::SWAP1 + depth - 1));
        assert_eq!(ran.top(), U256::from(17 - depth));
        assert_eq!(ran.frame.stack()[usize::from(16 - depth)], 17.into());
        assert_eq!(
            run_code(&numbered(19 - u64::from(depth)).op(op::DUP1 + depth - 1)).halt(),
            Halt::StackUnderflow
        );
        assert_eq!(
            run_code(&numbered(18 - u64::from(depth)).op(op::SWAP1 + depth - 1)).halt(),
            Halt::StackUnderflow
        );
    }
}

#[test]
fn gas_is_what_is_left_after_itself() {
    let ran = run_code(&Bytecode::new().push(1).op(op::GAS));
    assert_eq!(ran.top(), (GAS - 5).into());
}

#[test]
fn return_and_revert_give_a_region_of_memory() {
    for (opcode, exit) in [(op::RETURN, Exit::Return), (op::REVERT, Exit::Revert)] {
        let code = Bytecode::new()
            .call(op::MSTORE8, [31, 9])
            .call(opcode, [31, 3]);
        let ran = run_code(&code);
        assert_eq!(ran.exit(), exit);
        assert_eq!(ran.frame.output_bytes(), [9, 0, 0]);
        assert_eq!(ran.spent, 6 + 3 + 3 + 6 + 3);
    }
}

#[test]
fn a_halt_leaves_the_counter_on_its_instruction_and_no_output() {
    let ran = run_code(&Bytecode::new().push(1).op(op::INVALID));
    assert_eq!(ran.halt(), Halt::InvalidOpcode(0xfe));
    assert_eq!(ran.frame.pc(), 2);
    assert!(ran.frame.output_bytes().is_empty());
}

#[test]
fn a_recycled_frame_begins_anew() {
    let mut ran = run_code(
        &Bytecode::new()
            .call(op::MSTORE, [64, 1])
            .push(5)
            .call(op::RETURN, [0, 32]),
    );
    ran.frame.set_input(&[1]);
    ran.frame.reset(
        context(Fork::Frontier),
        Bytecode::new().op(op::MSIZE).code(),
        10,
    );
    let action = deferevm_opcodes::run(&mut ran.frame, &mut World::default());
    assert_eq!(format!("{action:?}"), "Exit(Stop)");
    assert_eq!(ran.frame.stack(), [U256::zero()]);
    assert_eq!(ran.frame.gas.remaining, 8);
    assert!(ran.frame.input().is_empty() && ran.frame.output_bytes().is_empty());
}

/// The gas of SELFDESTRUCT and its refund.
fn self_destruct(fork: Fork, own_balance: u64, beneficiary: Option<u64>) -> (u64, i64) {
    let mut world = beneficiary.map_or_else(World::default, World::with_other);
    let balance = own_balance.into();
    world.accounts.insert(
        SELF,
        Account {
            balance,
            ..Account::default()
        },
    );
    let ran = run_on(
        &mut world,
        fork,
        &Bytecode::new().call(op::SELFDESTRUCT, [OTHER]),
    );
    assert_eq!(ran.exit(), Exit::SelfDestruct);
    (ran.spent - 3, ran.frame.gas.refund)
}

#[test]
fn selfdestruct_pays_for_a_new_account_as_the_fork_has_it() {
    for own in [0, 1] {
        assert_eq!(self_destruct(Fork::Frontier, own, None), (0, 24_000));
        assert_eq!(
            self_destruct(Fork::TangerineWhistle, own, None),
            (30_000, 24_000)
        );
        assert_eq!(
            self_destruct(Fork::TangerineWhistle, own, Some(0)),
            (5000, 24_000)
        );
    }
    for beneficiary in [None, Some(0)] {
        assert_eq!(
            self_destruct(Fork::SpuriousDragon, 0, beneficiary),
            (5000, 24_000)
        );
        assert_eq!(
            self_destruct(Fork::SpuriousDragon, 1, beneficiary),
            (30_000, 24_000)
        );
        assert_eq!(
            self_destruct(Fork::Berlin, 1, beneficiary),
            (32_600, 24_000)
        );
        assert_eq!(self_destruct(Fork::London, 1, beneficiary), (32_600, 0));
        assert_eq!(self_destruct(Fork::Osaka, 0, beneficiary), (7600, 0));
    }
    assert_eq!(
        self_destruct(Fork::SpuriousDragon, 1, Some(1)),
        (5000, 24_000)
    );
}

#[test]
fn a_second_selfdestruct_refunds_nothing() {
    let mut world = World::default();
    world.destroyed.push(SELF);
    let ran = run_on(
        &mut world,
        Fork::Berlin,
        &Bytecode::new().call(op::SELFDESTRUCT, [OTHER]),
    );
    assert_eq!(ran.frame.gas.refund, 0);
}

#[test]
fn selfdestruct_in_a_static_context_halts_before_the_host_is_asked() {
    let mut world = World::default();
    let context = FrameContext {
        is_static: true,
        ..context(Fork::LATEST)
    };
    let ran = run_in(
        &mut world,
        context,
        &Bytecode::new().call(op::SELFDESTRUCT, [OTHER]),
        GAS,
    );
    assert_eq!(ran.halt(), Halt::StaticViolation);
    assert!(world.asked.is_empty());
}
