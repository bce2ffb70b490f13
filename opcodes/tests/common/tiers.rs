//! One program on every tier: what can be seen of it must be the same, wherever the gas runs out.

use deferevm_opcodes::{
    Action, CallMessage, Code, CreateMessage, Exit, Frame, FrameContext, Gas, Outcome, Tier, U256,
    run_with,
};

use super::{Account, SELF, World, program::Choices};

/// Gas that ends loops.
const GAS_MAX: u64 = 30_000;
/// Calls that are answered in a run; the next one ends it.
const CALLS_MAX: usize = 20;

/// All that can be seen of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    calls: Vec<CallMessage>,
    creations: Vec<CreateMessage>,
    /// `None` for a fault, or where there were too many calls.
    exit: Option<Exit>,
    gas: Gas,
    position: usize,
    stack: Vec<U256>,
    memory: Vec<u8>,
    output: Vec<u8>,
    asked: Vec<&'static str>,
    storage: Vec<(U256, U256)>,
    transient: Vec<(U256, U256)>,
    logs: usize,
}

/// Runs code to its end, every call and creation answered in a way that depends on it only.
fn see(code: &Code, context: FrameContext, gas: u64, tier: Tier) -> Seen {
    let mut world = World::with_other(5);
    world.accounts.insert(SELF, Account::default());
    world.storage.insert(U256::one(), U256::from(9));
    world.original.insert(U256::one(), U256::from(9));
    world.block.number = 1000;
    let mut frame = Frame::new(context, code.clone(), gas);
    let input: Vec<u8> = (0..77).map(|index: u8| index.wrapping_mul(7)).collect();
    frame.set_input(&input);
    let (mut calls, mut creations) = (Vec::new(), Vec::new());
    let exit = loop {
        let output = match run_with(&mut frame, &mut world, tier) {
            Action::Exit(exit) => break Some(exit),
            Action::Fault => break None,
            Action::Call(message) => {
                calls.push(message.clone());
                message.output
            }
            Action::Create(message) => {
                creations.push(message);
                0..0
            }
        };
        let answered = calls.len() + creations.len();
        if answered > CALLS_MAX {
            break None;
        }
        frame.gas.remaining -= frame.gas.remaining / 8;
        frame.resume(Outcome {
            result: U256::from(answered % 3),
            return_data: &[0xab; 40][..answered % 40],
            output,
        });
    };
    Seen {
        calls,
        creations,
        exit,
        gas: frame.gas,
        position: frame.pc(),
        stack: frame.stack().to_vec(),
        memory: frame.memory_bytes().to_vec(),
        output: match exit {
            Some(Exit::Return | Exit::Revert) => frame.output_bytes().to_vec(),
            _ => Vec::new(),
        },
        asked: world.asked,
        storage: world.storage.into_iter().collect(),
        transient: world.transient.into_iter().collect(),
        logs: world.logs.len(),
    }
}

/// Compares the tiers on a program; says how it ended with the most gas, and how much it took.
///
/// # Panics
/// With what differs.
pub fn compare<C: Choices>(
    bytes: &[u8],
    context: FrameContext,
    choices: &mut C,
) -> (Option<Exit>, u64) {
    let code = Code::new(bytes.to_vec().into());
    let whole = see(&code, context, GAS_MAX, Tier::Plain);
    let spent = GAS_MAX - whole.gas.remaining;
    let limits = [
        GAS_MAX,
        spent,
        choices.below(spent + 2),
        choices.below(spent + 2),
        choices.below(spent.min(300) + 2),
    ];
    let plain = limits.map(|gas| see(&code, context, gas, Tier::Plain));
    // Twice, as the first run may make the code hot.
    for tier in [Tier::Adaptive, Tier::Adaptive, Tier::Blocks] {
        for (gas, plain) in limits.iter().zip(&plain) {
            let seen = see(&code, context, *gas, tier);
            assert_eq!(
                *plain, seen,
                "{}, {tier:?} with {gas} gas: {bytes:02x?}",
                context.fork
            );
        }
    }
    (whole.exit, spent)
}
