//! The CALL and CREATE families: messages, own costs by fork, static contexts, resumption.

mod common;

use bytes::Bytes;
use common::{Account, CALLER, GAS, OTHER, OTHER_PLACE, Ran, SELF, World, context, run_in, run_on};
use deferevm_opcodes::{
    AccountIndex, Action, Address, CallKind, CallMessage, Code, CreateKind, CreateMessage, Exit,
    Fork, Frame, FrameContext, Halt, Outcome, U256, bytecode::Bytecode, opcode as op, run,
};

const DELEGATE: Address = Address::repeat_byte(0xde);

fn other() -> U256 {
    U256::from_big_endian(&OTHER.0)
}

/// CALL or CALLCODE with an empty input and output.
fn call_with_value(opcode: u8, value: u64) -> Bytecode {
    let zero = U256::zero();
    Bytecode::new().call(
        opcode,
        [U256::MAX, other(), value.into(), zero, zero, zero, zero],
    )
}

/// DELEGATECALL or STATICCALL with an empty input and output.
fn call_without_value(opcode: u8) -> Bytecode {
    let zero = U256::zero();
    Bytecode::new().call(opcode, [U256::MAX, other(), zero, zero, zero, zero])
}

fn message(ran: &Ran) -> &CallMessage {
    match &ran.action {
        Action::Call(message) => message,
        action => panic!("{action:?}"),
    }
}

fn creation(ran: &Ran) -> &CreateMessage {
    match &ran.action {
        Action::Create(message) => message,
        action => panic!("{action:?}"),
    }
}

fn static_context() -> FrameContext {
    FrameContext {
        is_static: true,
        ..context(Fork::LATEST)
    }
}

#[test]
fn the_four_kinds_name_caller_target_and_value_as_the_protocol_does() {
    let mut world = World::with_other(1);
    let expected = [
        (op::CALL, CallKind::Call, SELF, OTHER, 5, false),
        (op::CALLCODE, CallKind::CallCode, SELF, SELF, 5, false),
        (
            op::DELEGATECALL,
            CallKind::DelegateCall,
            CALLER,
            SELF,
            7,
            false,
        ),
        (op::STATICCALL, CallKind::StaticCall, SELF, OTHER, 0, true),
    ];
    for (opcode, kind, caller, target, value, is_static) in expected {
        let code = match opcode {
            op::CALL | op::CALLCODE => call_with_value(opcode, 5),
            _ => call_without_value(opcode),
        };
        let ran = run_on(&mut world, Fork::LATEST, &code);
        let wanted = CallMessage {
            kind,
            caller,
            target,
            code_address: OTHER,
            code_account: AccountIndex(OTHER_PLACE),
            delegate: None,
            value: value.into(),
            gas_requested: u64::MAX,
            input: 0..0,
            output: 0..0,
            is_static,
        };
        assert_eq!(*message(&ran), wanted);
        assert_eq!(ran.frame.pc(), code.len());
        assert!(ran.frame.stack().is_empty());
    }
}

#[test]
fn calls_cost_access_value_and_new_account_by_fork() {
    let spent = |world: &mut World, fork, code: &Bytecode, pushes: u64| {
        let ran = run_on(world, fork, code);
        message(&ran);
        ran.spent - 3 * pushes
    };
    // Fork, to an absent account: CALL of 0, CALL of 1, CALLCODE of 1.
    let absent = [
        (Fork::Frontier, 25_040, 34_040, 9040),
        (Fork::TangerineWhistle, 25_700, 34_700, 9700),
        (Fork::SpuriousDragon, 700, 34_700, 9700),
        (Fork::Istanbul, 700, 34_700, 9700),
        (Fork::Berlin, 2600, 36_600, 11_600),
        (Fork::Osaka, 2600, 36_600, 11_600),
    ];
    for (fork, call, call_value, callcode_value) in absent {
        assert_eq!(
            spent(
                &mut World::default(),
                fork,
                &call_with_value(op::CALL, 0),
                7
            ),
            call,
            "{fork}"
        );
        assert_eq!(
            spent(
                &mut World::default(),
                fork,
                &call_with_value(op::CALL, 1),
                7
            ),
            call_value,
            "{fork}"
        );
        assert_eq!(
            spent(
                &mut World::default(),
                fork,
                &call_with_value(op::CALLCODE, 1),
                7
            ),
            callcode_value,
            "{fork}"
        );
    }
    // An empty account that exists is new only from Spurious Dragon.
    assert_eq!(
        spent(
            &mut World::with_other(0),
            Fork::TangerineWhistle,
            &call_with_value(op::CALL, 1),
            7
        ),
        9700
    );
    assert_eq!(
        spent(
            &mut World::with_other(0),
            Fork::SpuriousDragon,
            &call_with_value(op::CALL, 1),
            7
        ),
        34_700
    );
    assert_eq!(
        spent(
            &mut World::with_other(1),
            Fork::SpuriousDragon,
            &call_with_value(op::CALL, 1),
            7
        ),
        9700
    );
    // Without a value, and warm the second time.
    for (opcode, fork, first, second) in [
        (op::DELEGATECALL, Fork::Homestead, 40, 40),
        (op::DELEGATECALL, Fork::TangerineWhistle, 700, 700),
        (op::DELEGATECALL, Fork::Berlin, 2600, 100),
        (op::STATICCALL, Fork::Byzantium, 700, 700),
        (op::STATICCALL, Fork::Osaka, 2600, 100),
    ] {
        let mut world = World::default();
        assert_eq!(
            spent(&mut world, fork, &call_without_value(opcode), 6),
            first
        );
        assert_eq!(
            spent(&mut world, fork, &call_without_value(opcode), 6),
            second
        );
    }
}

#[test]
fn a_delegate_costs_its_own_access_from_prague() {
    let world = || {
        let mut world = World::with_other(1);
        let designator = [&[0xef, 0x01, 0x00][..], &DELEGATE.0].concat();
        world.accounts.get_mut(&OTHER).unwrap().code = Code::new(designator.into());
        world
    };
    let code = call_without_value(op::STATICCALL);
    let mut cold = world();
    let ran = run_on(&mut cold, Fork::Prague, &code);
    assert_eq!(
        (message(&ran).delegate, ran.spent - 18),
        (Some(DELEGATE), 5200)
    );
    let ran = run_on(&mut cold, Fork::Prague, &code);
    assert_eq!(
        (message(&ran).delegate, ran.spent - 18),
        (Some(DELEGATE), 200)
    );
    let ran = run_on(&mut world(), Fork::Cancun, &code);
    assert_eq!((message(&ran).delegate, ran.spent - 18), (None, 2600));

    let mut short = world();
    let ran = run_in(&mut short, context(Fork::Prague), &code, 18 + 5199);
    assert_eq!(ran.halt(), Halt::OutOfGas);
    assert!(!short.warm_accounts.contains(&DELEGATE));
    assert!(matches!(
        run_in(&mut world(), context(Fork::Prague), &code, 18 + 5200).action,
        Action::Call(_)
    ));
}

#[test]
fn a_cold_target_that_cannot_be_paid_for_is_not_touched() {
    let mut world = World::default();
    let ran = run_in(
        &mut world,
        context(Fork::LATEST),
        &call_without_value(op::STATICCALL),
        18 + 2599,
    );
    assert_eq!(ran.halt(), Halt::OutOfGas);
    assert!(world.warm_accounts.is_empty());
}

#[test]
fn input_and_output_are_paid_for_by_the_farther_end() {
    let operands = [1, 0, 0, 0, 40, 64, 33].map(U256::from);
    let ran = run_on(
        &mut World::default(),
        Fork::LATEST,
        &Bytecode::new().call(op::CALL, operands),
    );
    let message = message(&ran);
    assert_eq!(
        (message.input.clone(), message.output.clone()),
        (0..40, 64..97)
    );
    assert_eq!(message.gas_requested, 1);
    assert_eq!(ran.frame.memory_bytes().len(), 128);
    assert_eq!(ran.frame.memory(message.input.clone()).len(), 40);
    assert_eq!(ran.spent, 21 + 2600 + 12);
}

#[test]
fn call_with_value_in_static_context_halts() {
    let run_static = |code: &Bytecode| run_in(&mut World::default(), static_context(), code, GAS);
    assert_eq!(
        run_static(&call_with_value(op::CALL, 1)).halt(),
        Halt::StaticViolation
    );
    for code in [
        call_with_value(op::CALL, 0),
        call_with_value(op::CALLCODE, 1),
        call_without_value(op::DELEGATECALL),
        call_without_value(op::STATICCALL),
    ] {
        assert!(message(&run_static(&code)).is_static);
    }
}

#[test]
fn creations_pay_for_words_of_init_code_and_create2_for_hashing() {
    let spent = |fork, opcode, size: u64| {
        let code = Bytecode::new().call(opcode, [3, 32, size, 9]);
        let ran = run_on(&mut World::default(), fork, &code);
        let message = creation(&ran);
        assert_eq!((message.caller, message.value), (SELF, 3.into()));
        let (kind, salt) = match opcode {
            op::CREATE => (CreateKind::Create, 0),
            _ => (CreateKind::Create2, 9),
        };
        assert_eq!((message.kind, message.salt), (kind, salt.into()));
        assert_eq!(message.init_code.len() as u64, size);
        ran.spent - 12 - 32_000
    };
    assert_eq!(spent(Fork::Frontier, op::CREATE, 33), 9);
    assert_eq!(spent(Fork::Paris, op::CREATE2, 33), 9 + 12);
    assert_eq!(spent(Fork::Shanghai, op::CREATE, 33), 9 + 4);
    assert_eq!(spent(Fork::Shanghai, op::CREATE2, 33), 9 + 16);
    assert_eq!(spent(Fork::Osaka, op::CREATE2, 0), 0);
}

#[test]
fn init_code_beyond_the_limit_halts_from_shanghai() {
    let run_size = |fork, size: u64| {
        let code = Bytecode::new().call(op::CREATE, [0, 0, size]);
        run_in(&mut World::default(), context(fork), &code, 10_000_000)
    };
    assert_eq!(
        creation(&run_size(Fork::Shanghai, 49_152)).init_code,
        0..49_152
    );
    assert_eq!(
        run_size(Fork::Shanghai, 49_153).halt(),
        Halt::InitCodeTooLarge
    );
    assert_eq!(
        creation(&run_size(Fork::Paris, 49_153)).init_code,
        0..49_153
    );
    let huge = Bytecode::new().call(
        op::CREATE2,
        [U256::zero(), U256::zero(), U256::MAX, U256::zero()],
    );
    assert_eq!(
        run_on(&mut World::default(), Fork::LATEST, &huge).halt(),
        Halt::InitCodeTooLarge
    );
    assert_eq!(
        run_on(&mut World::default(), Fork::Paris, &huge).halt(),
        Halt::OutOfGas
    );
}

#[test]
fn a_creation_in_static_context_halts() {
    for opcode in [op::CREATE, op::CREATE2] {
        let code = Bytecode::new().call(opcode, [0; 4]);
        let ran = run_in(&mut World::default(), static_context(), &code, GAS);
        assert_eq!(ran.halt(), Halt::StaticViolation);
    }
}

/// Calls, and goes on with RETURNDATASIZE; the frame is stopped at the call.
fn called(output_size: u64) -> Box<Frame> {
    let operands = [
        U256::one(),
        other(),
        0.into(),
        0.into(),
        0.into(),
        1.into(),
        output_size.into(),
    ];
    let code = Bytecode::new()
        .push(77)
        .call(op::CALL, operands)
        .op(op::RETURNDATASIZE);
    let ran = run_on(&mut World::default(), Fork::LATEST, &code);
    message(&ran);
    ran.frame
}

#[test]
fn resume_pushes_the_result_and_writes_the_shorter_of_data_and_region() {
    for (output_size, expected) in [(0, 0), (2, 2), (3, 3), (9, 3)] {
        let mut frame = called(output_size);
        let output = if output_size == 0 {
            0..0
        } else {
            1..1 + usize::try_from(output_size).unwrap()
        };
        let held = frame.memory_bytes().len();
        frame.resume(Outcome {
            result: U256::one(),
            return_data: &[7, 8, 9],
            output,
        });
        assert_eq!(frame.return_data(), [7, 8, 9]);
        let action = run(&mut frame, &mut World::default());
        assert!(matches!(action, Action::Exit(Exit::Stop)));
        assert_eq!(frame.stack(), [77, 1, 3].map(U256::from));
        assert_eq!(frame.memory_bytes().len(), held);
        let written = frame
            .memory_bytes()
            .iter()
            .filter(|byte| **byte != 0)
            .count();
        assert_eq!(written, expected);
    }
}

#[test]
fn gas_added_at_resumption_counts() {
    let mut frame = called(0);
    frame.gas.remaining = 1;
    frame.resume(Outcome {
        result: U256::zero(),
        return_data: &[],
        output: 0..0,
    });
    frame.gas.remaining += 1;
    assert!(matches!(
        run(&mut frame, &mut World::default()),
        Action::Exit(Exit::Stop)
    ));
    assert_eq!(frame.gas.remaining, 0);
}

#[test]
fn returndatacopy_beyond_the_end_halts_even_for_no_bytes() {
    let copy = |from: U256, size: u64| {
        let zero = U256::zero();
        let code = Bytecode::new()
            .call(op::STATICCALL, [zero; 6])
            .call(op::RETURNDATACOPY, [1.into(), from, size.into()]);
        let mut frame = Frame::new(context(Fork::LATEST), code.code(), GAS);
        assert!(matches!(
            run(&mut frame, &mut World::default()),
            Action::Call(_)
        ));
        frame.resume(Outcome {
            result: zero,
            return_data: &[7, 8, 9],
            output: 0..0,
        });
        let before = frame.gas.remaining;
        let action = run(&mut frame, &mut World::default());
        (
            format!("{action:?}"),
            before - frame.gas.remaining,
            frame.memory_bytes().to_vec(),
        )
    };
    let halt = "Exit(Halt(ReturnDataOutOfBounds))";
    let (action, gas, memory) = copy(1.into(), 2);
    assert_eq!(
        (&*action, gas, &memory[..4]),
        ("Exit(Stop)", 9 + 3 + 3 + 3, &[0, 8, 9, 0][..])
    );
    assert_eq!(copy(3.into(), 0).0, "Exit(Stop)");
    assert_eq!(copy(1.into(), 3).0, halt);
    assert_eq!(copy(4.into(), 0).0, halt);
    assert_eq!(copy(U256::MAX, 0).0, halt);
    assert_eq!(copy(U256::MAX, 32).0, halt);
}

#[test]
fn forwarded_gas_is_all_but_a_64th_from_tangerine_whistle() {
    let mut world = World::default();
    world.accounts.insert(
        OTHER,
        Account {
            code: Code::new(Bytes::new()),
            ..Account::default()
        },
    );
    let ran = run_on(&mut world, Fork::LATEST, &call_with_value(op::CALL, 0));
    let message = message(&ran);
    assert_eq!(
        message.forwarded_gas(Fork::TangerineWhistle, 6400),
        Some(6300)
    );
    assert_eq!(message.forwarded_gas(Fork::Homestead, 6400), None);
}
