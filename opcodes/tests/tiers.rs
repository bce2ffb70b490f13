//! Every tier against the plain loop, on generated programs of all opcodes: the same actions, gas,
//! stack, memory, output and questions to the host, wherever the gas runs out.

mod common;

use common::{Account, OTHER, SELF, World, context};
use deferevm_opcodes::{
    Action, CallMessage, Code, CreateMessage, Exit, Fork, Frame, FrameContext, Gas, Outcome, Tier,
    U256, opcode as op, run_with,
};

/// Programs to generate; each runs under several gas limits on three tiers.
const PROGRAMS: u64 = 12_000;
/// Gas that ends loops.
const GAS_MAX: u64 = 30_000;
/// Calls that are answered in a run; the next one ends it.
const CALLS_MAX: usize = 20;

/// Numbers that follow from a seed (SplitMix64), so that a failing program can be made again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A byte between two, both included.
    fn byte(&mut self, first: u8, last: u8) -> u8 {
        first + self.below(u64::from(last - first) + 1) as u8
    }

    /// A word of a kind that code has: small, a power of two, a mask, an address, anything.
    fn word(&mut self) -> U256 {
        let bit = self.below(256) as usize;
        match self.below(8) {
            0..=2 => self.below(70).into(),
            3 => self.next().into(),
            4 => U256::one() << bit,
            5 => (U256::one() << bit) - 1,
            6 => U256::from_big_endian(&self.pick(&[OTHER, SELF]).0),
            _ => U256([self.next(), self.next(), self.next(), self.next()]) >> bit,
        }
    }
}

/// Writes a program whose jumps mostly land.
struct Writer {
    random: Random,
    code: Vec<u8>,
    /// Positions of JUMPDESTs.
    labels: Vec<usize>,
    /// Where two immediate bytes are to hold a label.
    holes: Vec<usize>,
}

impl Writer {
    fn program(seed: u64) -> Vec<u8> {
        let mut writer = Writer {
            random: Random(seed),
            code: Vec::new(),
            labels: Vec::new(),
            holes: Vec::new(),
        };
        for _ in 0..writer.random.below(20) {
            writer.push_any();
        }
        for _ in 0..1 + writer.random.below(7) {
            writer.segment();
        }
        let Writer {
            mut random,
            mut code,
            labels,
            holes,
        } = writer;
        for hole in holes {
            let label = match labels.is_empty() || random.one_in(30) {
                true => random.below(code.len() as u64 + 3) as usize,
                false => random.pick(&labels),
            };
            code[hole..hole + 2].copy_from_slice(&(label as u16).to_be_bytes());
        }
        if random.one_in(10) {
            code.truncate(1 + random.below(code.len() as u64) as usize);
        }
        code
    }

    fn segment(&mut self) {
        let run = self.random.pick(&[0, 1, 1, 1, 1, 2, 5]);
        for _ in 0..run {
            self.labels.push(self.code.len());
            self.code.push(op::JUMPDEST);
        }
        // Mostly loops keep the height that they begin with; some grow the stack to its limit.
        for _ in 0..self.random.below(14) {
            self.item();
        }
        if self.random.one_in(300) {
            let length = self.code.len() + 1100;
            self.code
                .resize(length, self.random.pick(&[op::DUP1, op::CALLER]));
        }
    }

    fn item(&mut self) {
        match self.random.below(20) {
            0..=2 => self.push_any(),
            3..=4 => {
                let near = self.random.pick(&[1, 2, 3, 4, 16]);
                let opcode = match self.random.below(2) {
                    0 => self.random.byte(op::DUP1, op::DUP1 + near - 1),
                    _ => self.random.byte(op::SWAP1, op::SWAP1 + near - 1),
                };
                self.code.push(opcode);
            }
            5 => self.code.push(op::POP),
            6..=8 => self.fusible(),
            9..=10 => self.branch(),
            11 => self.memory(),
            12 if self.random.one_in(4) => {
                let byte = self.random.next() as u8;
                self.code.push(byte);
            }
            _ => self.instruction(),
        }
    }

    /// An instruction of the table, with operands of its own in most cases.
    fn instruction(&mut self) {
        let row = self.random.pick(&op::ALL.iter().collect::<Vec<_>>());
        // They end the program, so they are rare.
        let is_end = matches!(
            row.byte,
            op::STOP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT
        );
        if is_end && !self.random.one_in(6) || matches!(row.byte, op::DUP1..=op::SWAP16) {
            return;
        }
        if !self.random.one_in(4) {
            for _ in 0..row.pops {
                match self.random.below(6) {
                    0 => self.push_any(),
                    _ => self.push_small(),
                }
            }
        }
        self.code.push(row.byte);
        for _ in 0..row.immediate {
            let byte = self.random.pick(&[0, 1, 0x5b, 0xff]);
            self.code.push(byte);
        }
        if row.pushes > 0 && self.random.one_in(2) {
            self.code.push(op::POP);
        }
    }

    /// What the translator joins: constants, copies and exchanges before a pure function.
    fn fusible(&mut self) {
        for _ in 0..1 + self.random.below(3) {
            match self.random.below(5) {
                0..=1 => self.push_any(),
                2 => {
                    let depth = self.random.pick(&[op::DUP1, op::DUP2, op::DUP3, op::DUP5]);
                    self.code.push(depth);
                }
                3 => self.code.push(op::SWAP1),
                _ => {
                    let depth = self.random.byte(op::SWAP2, op::SWAP4);
                    self.code.push(depth);
                }
            }
        }
        let opcode = match self.random.below(5) {
            0 => self.random.byte(op::ADD, op::SIGNEXTEND),
            1 => self.random.byte(op::LT, op::CLZ),
            2 => self.random.pick(&[op::ISZERO, op::NOT, op::CALLDATALOAD]),
            3 => self
                .random
                .pick(&[op::SUB, op::DIV, op::MOD, op::SHL, op::SHR]),
            _ => self
                .random
                .pick(&[op::POP, op::ADD, op::AND, op::MUL, op::LT]),
        };
        self.code.push(opcode);
    }

    fn branch(&mut self) {
        let is_conditional = !self.random.one_in(5);
        if is_conditional {
            match self.random.below(5) {
                0 => self.code.push(op::DUP1),
                1 => {
                    self.code.push(op::DUP1);
                    self.push_small();
                    self.code.push(op::EQ);
                }
                2 => {
                    self.push_any();
                    let depth = self.random.byte(op::DUP1, op::DUP3);
                    self.code.push(depth);
                    let opcode = self.random.byte(op::LT, op::EQ);
                    self.code.push(opcode);
                }
                3 => self.push_any(),
                _ => self.code.push(op::GAS),
            }
            for _ in 0..self.random.below(4) {
                self.code.push(op::ISZERO);
            }
        }
        self.code.push(op::PUSH1 + 1);
        self.holes.push(self.code.len());
        self.code.extend([0, 0]);
        if self.random.one_in(6) {
            // Through memory the target is not known before.
            self.code
                .extend([op::PUSH1, 64, op::MSTORE, op::PUSH1, 64, op::MLOAD]);
        }
        self.code.push(match is_conditional {
            true => op::JUMPI,
            false => op::JUMP,
        });
    }

    fn memory(&mut self) {
        let opcode = self.random.pick(&[op::MLOAD, op::MSTORE, op::MSTORE8]);
        if opcode != op::MLOAD {
            self.push_any();
        }
        match self.random.below(12) {
            0 => self.push_any(),
            1 => {
                let offset = dear_offset(&mut self.random);
                self.push(offset.into());
            }
            _ => self.push_small(),
        }
        self.code.push(opcode);
    }

    fn push_any(&mut self) {
        let word = self.random.word();
        self.push(word);
    }

    fn push_small(&mut self) {
        let number = self.random.below(70);
        self.push(number.into());
    }

    fn push(&mut self, word: U256) {
        let bytes = word.to_big_endian();
        let skipped = bytes.iter().take(31).take_while(|byte| **byte == 0).count();
        // At times with zeros in front.
        let skipped = match self.random.one_in(8) {
            true => self.random.below(skipped as u64 + 1) as usize,
            false => skipped,
        };
        self.code.push(op::PUSH32 - skipped as u8);
        self.code.extend(&bytes[skipped..]);
    }
}

/// An offset at which memory is dear, or too dear.
fn dear_offset(random: &mut Random) -> u64 {
    random.pick(&[2000, 20_000, 1 << 20, 1 << 32, u64::MAX - 16, u64::MAX])
}

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
    frame
        .input_mut()
        .extend((0..77).map(|index: u8| index.wrapping_mul(7)));
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
fn compare(seed: u64, fork: Fork) -> (Option<Exit>, u64) {
    let bytes = Writer::program(seed);
    let mut random = Random(!seed);
    let context = FrameContext {
        is_static: random.one_in(10),
        ..context(fork)
    };
    let code = Code::new(bytes.clone().into());
    let whole = see(&code, context, GAS_MAX, Tier::Plain);
    let spent = GAS_MAX - whole.gas.remaining;
    let limits = [
        GAS_MAX,
        spent,
        random.below(spent + 2),
        random.below(spent + 2),
        random.below(spent.min(300) + 2),
    ];
    // Twice, as the first run may make the code hot.
    for tier in [Tier::Adaptive, Tier::Adaptive, Tier::Blocks] {
        for gas in limits {
            let plain = see(&code, context, gas, Tier::Plain);
            let seen = see(&code, context, gas, tier);
            assert_eq!(
                plain, seen,
                "seed {seed}, {fork}, {tier:?} with {gas} gas: {bytes:02x?}"
            );
        }
    }
    (whole.exit, spent)
}

#[test]
fn all_tiers_agree_on_generated_programs_wherever_gas_runs_out() {
    let (mut finished, mut long) = (0, 0);
    for seed in 0..PROGRAMS {
        let fork = match seed % 4 {
            0..3 => Fork::LATEST,
            _ => Fork::ALL[seed as usize / 4 % Fork::COUNT],
        };
        let (exit, spent) = compare(seed, fork);
        finished += u64::from(exit.is_some_and(Exit::is_success));
        long += u64::from(spent > 1000);
    }
    // The generator is good for nothing if its programs fail at once.
    assert!(finished > PROGRAMS / 10, "{finished} programs ended well");
    assert!(
        long > PROGRAMS / 10,
        "{long} programs took more than 1000 gas"
    );
}
