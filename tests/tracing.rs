//! Traces of transactions and blocks: what a tracer is told of calls, and that workers change nothing.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use deferevm::{
    Address, Code, Evm, Fork, Halt, U256,
    block::Block,
    bytecode::Bytecode,
    call::Policy,
    example::Example,
    opcode,
    state::InMemoryDatabase,
    trace::{Eip3155, Step, Tracer, TransactionPlace},
    transaction::{Recovered, Transaction},
};

/// Lines of several tracers, each under where its transaction stands.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

/// A transaction, and what its tracer wrote.
type Line = (TransactionPlace, Vec<u8>);

/// Where one tracer writes.
struct Output {
    place: TransactionPlace,
    written: Vec<u8>,
    lines: Lines,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let written = std::mem::take(&mut self.written);
        self.lines.0.lock().unwrap().push((self.place, written));
        Ok(())
    }
}

impl Lines {
    fn traced(&self, evm: Evm) -> Evm {
        let lines = self.clone();
        evm.tracer(move |place| {
            Some(Box::new(Eip3155::new(Output {
                place: *place,
                written: Vec::new(),
                lines: lines.clone(),
            })))
        })
    }

    fn sorted(&self) -> Vec<(TransactionPlace, String)> {
        let mut lines = self.0.lock().unwrap().clone();
        lines.sort();
        lines
            .into_iter()
            .map(|(place, text)| (place, String::from_utf8(text).unwrap()))
            .collect()
    }
}

const CALLER: Address = Address::repeat_byte(0xca);
const OUTER: Address = Address::repeat_byte(0x0a);
const INNER: Address = Address::repeat_byte(0x0b);

/// The traces of a block with one transaction to `OUTER`.
fn trace(fork: Fork, policy: Policy, outer: Bytecode, inner: Bytecode) -> Vec<String> {
    let mut state = InMemoryDatabase::default();
    state.insert_account(CALLER, U256::MAX / 2, 0, &Code::default());
    state.insert_account(OUTER, U256::zero(), 1, &outer.code());
    state.insert_account(INNER, U256::zero(), 1, &inner.code());
    let transaction = Transaction {
        to: Some(OUTER),
        gas_limit: 100_000,
        ..Transaction::default()
    };
    let mut block = Block {
        transactions: vec![Recovered::unsigned(transaction, CALLER)],
        ..Block::default()
    };
    block.environment.gas_limit = 100_000;
    let lines = Lines::default();
    let evm = Evm::new(fork).policy(policy).edges(false);
    lines.traced(evm).execute_block(&state, &block).unwrap();
    lines.sorted().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn a_line_has_the_fields_of_geths_logger() {
    let outer = Bytecode::new().push(0x1234).push(U256::MAX).op(opcode::ADD);
    let traces = trace(Fork::Berlin, Policy::Synchronous, outer, Bytecode::new());
    let all = format!("0x{}", "f".repeat(64));
    let expected = format!(
        r#"{{"pc":0,"op":97,"gas":"0x13498","gasCost":"0x3","memSize":0,"stack":[],"depth":1,"returnData":"0x","refund":0,"opName":"PUSH2"}}
{{"pc":3,"op":127,"gas":"0x13495","gasCost":"0x3","memSize":0,"stack":["0x1234"],"depth":1,"returnData":"0x","refund":0,"opName":"PUSH32"}}
{{"pc":36,"op":1,"gas":"0x13492","gasCost":"0x3","memSize":0,"stack":["0x1234","{all}"],"depth":1,"returnData":"0x","refund":0,"opName":"ADD"}}
{{"pc":37,"op":0,"gas":"0x1348f","gasCost":"0x0","memSize":0,"stack":["0x1233"],"depth":1,"returnData":"0x","refund":0,"opName":"STOP"}}
"#
    );
    assert_eq!(traces, [expected]);
}

/// The numbers that a line has under a key, 0x-hex or decimal.
fn numbers(trace: &str, key: &str) -> Vec<u64> {
    trace
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            match &line[key] {
                serde_json::Value::String(hex) => u64::from_str_radix(&hex[2..], 16).unwrap(),
                number => number.as_u64().unwrap(),
            }
        })
        .collect()
}

fn word(address: Address) -> U256 {
    U256::from_big_endian(address.as_bytes())
}

#[test]
fn a_call_costs_what_it_passes_on_and_the_callee_is_one_deeper() {
    // gas, address, value, input and its size, output and its size
    let outer = Bytecode::new()
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(word(INNER))
        .push(0x1000)
        .op(opcode::CALL);
    let inner = Bytecode::new().push(1).op(opcode::POP);
    let traces = trace(Fork::Berlin, Policy::Synchronous, outer, inner);
    let [trace] = traces.as_slice() else {
        panic!("one transaction, {} traces", traces.len())
    };
    assert_eq!(
        numbers(trace, "depth"),
        [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1]
    );
    let costs = numbers(trace, "gasCost");
    assert_eq!(costs[7], 2600 + 0x1000, "cold access, and the callee's gas");
    assert_eq!(numbers(trace, "gas")[8], 0x1000);
}

#[test]
fn a_creation_costs_its_own_gas_alone() {
    let outer = Bytecode::new().push(0).push(0).push(0).op(opcode::CREATE);
    let traces = trace(Fork::Berlin, Policy::Synchronous, outer, Bytecode::new());
    assert_eq!(numbers(&traces[0], "gasCost")[3], 32_000);
}

#[test]
fn an_instruction_that_halts_has_one_line_with_the_error() {
    for (code, error) in [
        (Bytecode::new().op(opcode::POP), "stack underflow"),
        (
            Bytecode::new().push(3).op(opcode::JUMP),
            "invalid jump destination",
        ),
        (Bytecode::new().op(0x0c), "invalid opcode 0x0c"),
        (
            Bytecode::new().push(U256::MAX).op(opcode::MLOAD),
            "out of gas",
        ),
    ] {
        let traces = trace(Fork::Berlin, Policy::Synchronous, code, Bytecode::new());
        let last = traces[0].lines().last().unwrap();
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["error"], error);
        assert_eq!(traces[0].matches("error").count(), 1);
    }
}

#[test]
fn before_eip_150_a_call_that_asks_for_more_gas_than_there_is_is_out_of_gas() {
    let outer = Bytecode::new()
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(word(INNER))
        .push(0x0fff_ffff)
        .op(opcode::CALL);
    let inner = Bytecode::new().op(opcode::STOP);
    let traces = trace(Fork::Homestead, Policy::Synchronous, outer, inner);
    let last: serde_json::Value = serde_json::from_str(traces[0].lines().last().unwrap()).unwrap();
    assert_eq!(last["error"], "out of gas");
    assert_eq!(last["gasCost"], format!("{:#x}", 40 + 0x0fff_ffff));
}

#[test]
fn the_refund_is_the_whole_transactions() {
    // The outer frame clears a slot before it calls, the inner one sees that.
    let outer = Bytecode::new()
        .push(1)
        .push(0)
        .op(opcode::SSTORE)
        .push(0)
        .push(0)
        .op(opcode::SSTORE)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(word(INNER))
        .push(0xff)
        .op(opcode::CALL);
    let inner = Bytecode::new().op(opcode::STOP);
    let traces = trace(Fork::Berlin, Policy::Synchronous, outer, inner);
    let refunds = numbers(&traces[0], "refund");
    let depths = numbers(&traces[0], "depth");
    let inner = depths.iter().position(|depth| *depth == 2).unwrap();
    assert!(refunds[inner - 1] > 0);
    assert_eq!(refunds[inner], refunds[inner - 1]);
}

#[test]
fn a_deferred_call_has_a_trace_of_its_own() {
    let outer = Bytecode::new()
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(0)
        .push(word(INNER))
        .push(0x1000)
        .op(opcode::CALL);
    let inner = Bytecode::new().push(1).op(opcode::POP);
    let traces = trace(Fork::Berlin, Policy::practical(), outer, inner);
    assert_eq!(traces.len(), 2);
    assert_eq!(numbers(&traces[0], "depth"), [1; 9]);
    assert_eq!(numbers(&traces[1], "depth"), [2; 3]);
}

#[test]
fn traces_are_the_same_for_every_number_of_workers() {
    let Example { fork, state, block } = Example::new();
    for policy in [Policy::Synchronous, Policy::seed(), Policy::practical()] {
        let [one, two, eight] = [1, 2, 8].map(|workers| {
            let lines = Lines::default();
            let evm = Evm::new(fork)
                .policy(policy)
                .workers(workers)
                .share_all(true);
            let outcome = lines.traced(evm).execute_block(&state, &block).unwrap();
            let traces = lines.sorted();
            assert_eq!(traces.len(), outcome.receipts.len());
            traces
        });
        assert!(one.iter().any(|(_, text)| !text.is_empty()));
        assert_eq!(one, two);
        assert_eq!(one, eight);
    }
}

#[test]
fn a_tracer_changes_no_result() {
    let Example { fork, state, block } = Example::new();
    for policy in [Policy::Synchronous, Policy::seed(), Policy::practical()] {
        let evm = Evm::new(fork).policy(policy);
        let plain = evm.execute_block(&state, &block).unwrap().digest();
        let traced = Lines::default().traced(evm);
        assert_eq!(
            traced.execute_block(&state, &block).unwrap().digest(),
            plain
        );
    }
}

#[test]
fn a_tracer_that_panics_ends_the_block_with_an_error() {
    struct Panics;
    impl Tracer for Panics {
        fn begin(&mut self, _: &Step<'_>) {
            panic!("enough");
        }
        fn end(&mut self, _: u64, _: Option<Halt>) {}
    }
    struct PanicsLate;
    impl Tracer for PanicsLate {
        fn begin(&mut self, _: &Step<'_>) {}
        fn end(&mut self, _: u64, _: Option<Halt>) {}
    }
    impl Drop for PanicsLate {
        fn drop(&mut self) {
            panic!("enough, at last");
        }
    }
    type Make = fn() -> Option<Box<dyn Tracer + Send>>;
    let makes: [Make; 3] = [
        || Some(Box::new(Panics)),
        || panic!("enough"),
        || Some(Box::new(PanicsLate)),
    ];
    let Example { fork, state, block } = Example::new();
    for make in makes {
        for policy in [Policy::Synchronous, Policy::practical()] {
            for workers in [1, 2] {
                let evm = Evm::new(fork)
                    .policy(policy)
                    .workers(workers)
                    .share_all(true);
                let error = evm
                    .tracer(move |_| make())
                    .execute_block(&state, &block)
                    .unwrap_err();
                assert!(error.to_string().contains("enough"), "{error}");
            }
        }
    }
}
