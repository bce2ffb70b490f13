//! Contracts that do things: calls and creations of every kind, storage, logs, ends of every kind.

use deferevm::{
    Address, Fork, U256,
    bytecode::{Bytecode, Word},
    opcode::{self as op},
};

use super::source::Source;

/// What programs are written about.
pub struct Vocabulary<'a> {
    pub fork: Fork,
    /// Whom they call, look at and leave their balance to.
    pub addresses: &'a [Address],
    /// Whether they call and create at all.
    pub calls: bool,
    /// Whether they look at accounts other than themselves, their caller and the block's facts.
    pub looks_around: bool,
}

const KEYS: [u64; 4] = [0, 1, 2, 3];
const VALUES: [u64; 5] = [0, 1, 2, 0, 1_000];
const GAS: [u64; 7] = [0, 700, 2_300, 10_000, 40_000, 200_000, u64::MAX];
const SIZES: [u64; 4] = [0, 32, 4, 65];

impl Vocabulary<'_> {
    /// A program of a few statements.
    pub fn program(&self, source: &mut Source<'_>) -> Bytecode {
        self.statements(source, 0, 0)
    }

    /// Statements and an end, to stand at a position of the code. A branch may go on after it.
    fn statements(&self, source: &mut Source<'_>, nesting: usize, at: usize) -> Bytecode {
        let is_branch = at > 0;
        let mut code = Bytecode::new();
        let count = match nesting {
            0 => 1 + source.below(7),
            _ => source.below(4),
        };
        for _ in 0..count {
            code = self.statement(code, source, nesting, at);
        }
        if is_branch && !source.chance(128) {
            return code;
        }
        match source.below(14) {
            0..=4 | 10..=13 => code.op(op::STOP),
            5 => code.push(32).push(0).op(op::RETURN),
            6 => code.push(4).push(0).op(op::REVERT),
            7 => code.op(op::INVALID),
            8 if (1..=2).contains(&nesting) => self.returns_code(code, source, nesting),
            8 => code.op(op::GAS).return_top(),
            _ => {
                let heir = self.heir(source);
                heir(code).op(op::SELFDESTRUCT)
            }
        }
    }

    /// The end of init code: returns a few bytes of another program. Each that lies in another makes that
    /// longer by a fifth, so they lie only so deep.
    fn returns_code(&self, code: Bytecode, source: &mut Source<'_>, nesting: usize) -> Bytecode {
        let mut program = self.statements(source, nesting + 1, 0);
        if source.chance(10) {
            // EIP-3541.
            program = Bytecode::new().op(0xef).raw(program);
        }
        let length = program.len() as u64;
        in_memory(code, program.bytes())
            .push(length)
            .push(0)
            .op(op::RETURN)
    }

    fn statement(
        &self,
        code: Bytecode,
        source: &mut Source<'_>,
        nesting: usize,
        at: usize,
    ) -> Bytecode {
        let kind = source.below(if self.calls { 24 } else { 8 });
        match kind {
            0 | 1 => {
                let code = self.value(code, source);
                code.push(source.of(&KEYS)).op(op::SSTORE)
            }
            2 => code.push(0).push(source.of(&KEYS)).op(op::SSTORE),
            3 => {
                let code = self.value(code, source);
                code.push(32).push(0).op(op::LOG1)
            }
            4 => {
                let code = self.value(code, source);
                code.push(source.of(&[0, 32, 5])).op(op::MSTORE)
            }
            5 if self.fork >= Fork::Cancun => {
                let code = self.value(code, source);
                code.push(source.of(&KEYS))
                    .op(op::TSTORE)
                    .push(source.of(&KEYS))
                    .op(op::TLOAD)
                    .push(source.of(&KEYS))
                    .op(op::SSTORE)
            }
            5 | 6 => self.branch(code, source, nesting, at),
            7 => code
                .push(source.of(&SIZES))
                .push(0)
                .push(0)
                .op(op::CALLDATACOPY),
            8..=14 => self.call(code, source, op::CALL),
            15 => self.call(code, source, op::CALLCODE),
            16..=18 => self.call(code, source, op::DELEGATECALL),
            19..=21 => self.call(code, source, op::STATICCALL),
            22 => self.create(code, source, nesting, op::CREATE),
            _ => self.create(code, source, nesting, op::CREATE2),
        }
    }

    /// Leaves one word on the stack.
    fn value(&self, code: Bytecode, source: &mut Source<'_>) -> Bytecode {
        let code = match source.below(if self.looks_around { 18 } else { 14 }) {
            0 | 1 => code.push(u64::from(source.byte())),
            2 => code.op(op::CALLVALUE),
            3 => code.op(op::CALLER),
            4 => code.op(op::GAS),
            5 => code.push(source.of(&KEYS)).op(op::SLOAD),
            6 => code.op(op::ADDRESS).op(op::BALANCE),
            7 => code.op(op::CALLDATASIZE),
            8 => code.push(0).op(op::MLOAD),
            9 if self.fork >= Fork::Byzantium => code.op(op::RETURNDATASIZE),
            10 => code.op(op::ORIGIN),
            // The word that `seeded` orders by.
            11 => code.op(op::PREVRANDAO),
            12 => code.op(op::CALLER).op(op::BALANCE),
            13 => code.push(U256::MAX),
            14 | 15 => code.push(source.of(self.addresses)).op(op::BALANCE),
            16 => code.push(source.of(self.addresses)).op(op::EXTCODESIZE),
            _ if self.fork >= Fork::Constantinople && self.looks_around => {
                code.push(source.of(self.addresses)).op(op::EXTCODEHASH)
            }
            _ => code.op(op::GASPRICE),
        };
        if source.chance(64) {
            return code.push(source.of(&KEYS)).op(op::SLOAD).op(op::ADD);
        }
        code
    }

    /// A few statements that are skipped if a value is 0.
    fn branch(
        &self,
        code: Bytecode,
        source: &mut Source<'_>,
        nesting: usize,
        at: usize,
    ) -> Bytecode {
        // ISZERO, a PUSH2 and JUMPI: 5 bytes.
        let code = self.value(code, source);
        let inner = if nesting < 2 {
            self.statements(source, nesting + 1, at + code.len() + 5)
        } else {
            Bytecode::new().push(0).push(0).op(op::REVERT)
        };
        let after = (at + code.len() + 5 + inner.len()) as u64;
        code.op(op::ISZERO)
            .push_bytes(&after.to_be_bytes()[6..])
            .op(op::JUMPI)
            .raw(inner)
            .jump_destination()
    }

    fn call(&self, code: Bytecode, source: &mut Source<'_>, kind: u8) -> Bytecode {
        let kind = match kind {
            op::DELEGATECALL if self.fork < Fork::Homestead => op::CALLCODE,
            op::STATICCALL if self.fork < Fork::Byzantium => op::CALL,
            kind => kind,
        };
        let mut code = code
            .push(source.of(&[0, 32, 4]))
            .push(source.of(&[0, 32]))
            .push(source.of(&SIZES))
            .push(0);
        if matches!(kind, op::CALL | op::CALLCODE) {
            code = code.push(source.of(&VALUES));
        }
        let target = source.of(self.addresses);
        code = match source.below(8) {
            0 => code.op(op::ADDRESS),
            1 => code.op(op::CALLER),
            _ => code.push(target),
        };
        code = match source.of(&GAS) {
            u64::MAX => code.push(U256::MAX),
            // Before EIP-150 a request of more than there is halts the frame.
            gas if self.fork < Fork::TangerineWhistle => code.push(gas.min(40_000)),
            gas => code.push(gas),
        };
        self.keep_or_drop(code.op(kind), source)
    }

    fn create(
        &self,
        code: Bytecode,
        source: &mut Source<'_>,
        nesting: usize,
        kind: u8,
    ) -> Bytecode {
        let kind = match kind {
            op::CREATE2 if self.fork < Fork::Constantinople => op::CREATE,
            kind => kind,
        };
        let init_code = if nesting < 2 {
            self.statements(source, nesting + 1, 0)
        } else {
            Bytecode::new()
        };
        let mut code = in_memory(code, init_code.bytes());
        if kind == op::CREATE2 {
            code = code.push(source.of(&KEYS));
        }
        code = code
            .push(init_code.len() as u64)
            .push(0)
            .push(source.of(&VALUES));
        self.keep_or_drop(code.op(kind), source)
    }

    fn keep_or_drop(&self, code: Bytecode, source: &mut Source<'_>) -> Bytecode {
        match source.below(3) {
            0 => code.push(source.of(&KEYS)).op(op::SSTORE),
            _ => code.op(op::POP),
        }
    }

    fn heir(&self, source: &mut Source<'_>) -> impl FnOnce(Bytecode) -> Bytecode + use<> {
        let choice = source.below(4);
        let address = source.of(self.addresses);
        let looks_around = self.looks_around;
        move |code| match choice {
            0 => code.op(op::ADDRESS),
            1 | 2 if looks_around => code.push(address),
            _ => code.op(op::CALLER),
        }
    }
}

/// Writes bytes to memory from 0 on.
fn in_memory(mut code: Bytecode, bytes: &[u8]) -> Bytecode {
    for (offset, chunk) in (0u64..).step_by(32).zip(bytes.chunks(32)) {
        let mut word = [0; 32];
        word[..chunk.len()].copy_from_slice(chunk);
        code = code
            .push(Word(U256::from_big_endian(&word)))
            .push(offset)
            .op(op::MSTORE);
    }
    code
}
