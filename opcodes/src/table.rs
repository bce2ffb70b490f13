//! Every instruction once: byte, mnemonic, stack effect, immediate bytes, and its base gas by fork.
//!
//! The constants, the per-fork tables of the run loop, the disassembler and the list that docs and
//! fuzzers walk are expanded from these rows. Gas that depends on operands stands in
//! [`schedule`](crate::machine::schedule).

use crate::Fork;

/// What is known of an instruction without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The byte in the code.
    pub byte: u8,
    /// The mnemonic, in upper case.
    pub name: &'static str,
    /// Words it needs on the stack. DUP and SWAP count every word down to the one they touch.
    pub pops: u8,
    /// Words it leaves in their place.
    pub pushes: u8,
    /// Bytes of the code that belong to it, after its own.
    pub immediate: u8,
    /// Base gas, and since which fork; oldest first. The first entry is where the instruction begins.
    pub gas: &'static [(Fork, u16)],
    /// One sentence of what it does.
    pub summary: &'static str,
}

impl Instruction {
    /// The first fork that has it.
    pub const fn since(&self) -> Fork {
        self.gas[0].0
    }

    /// The gas it costs whatever its operands, or `None` in a fork that does not have it.
    pub const fn base_gas(&self, fork: Fork) -> Option<u16> {
        let mut found = None;
        let mut index = 0;
        while index < self.gas.len() && self.gas[index].0 as u8 <= fork as u8 {
            found = Some(self.gas[index].1);
            index += 1;
        }
        found
    }

    /// Whether every fork has it at the same base gas.
    pub const fn is_constant(&self) -> bool {
        self.gas.len() == 1 && matches!(self.since(), Fork::Frontier)
    }
}

/// The row of a byte, or `None` where no fork has an instruction there.
pub const fn info(byte: u8) -> Option<&'static Instruction> {
    match BY_BYTE[byte as usize] {
        NONE => None,
        row => Some(&ROWS[row as usize]),
    }
}

/// The mnemonic of a byte, or `None` where no fork has an instruction there.
pub const fn name(byte: u8) -> Option<&'static str> {
    match info(byte) {
        Some(instruction) => Some(instruction.name),
        None => None,
    }
}

/// Every instruction that a fork has, by byte.
pub fn of_fork(fork: Fork) -> impl Iterator<Item = &'static Instruction> {
    ALL.iter().filter(move |row| row.since() <= fork)
}

const NONE: u8 = u8::MAX;

const BY_BYTE: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut row = 0;
    while row < ROWS.len() {
        assert!(row < NONE as usize, "more rows than a byte can count");
        table[ROWS[row].byte as usize] = row as u8;
        row += 1;
    }
    table
};

macro_rules! instructions {
    ($( $byte:literal $name:ident $pops:literal -> $pushes:literal, $immediate:literal,
        [$( $fork:ident: $gas:literal ),+], $summary:literal; )+) => {
        $( #[doc = $summary] pub const $name: u8 = $byte; )+

        /// Every instruction of every fork, by byte.
        pub static ALL: &[Instruction] = ROWS;

        const ROWS: &[Instruction] = &[$( Instruction {
            byte: $byte,
            name: stringify!($name),
            pops: $pops,
            pushes: $pushes,
            immediate: $immediate,
            gas: &[$( (Fork::$fork, $gas) ),+],
            summary: $summary,
        } ),+];
    };
}

// byte, mnemonic, pops -> pushes, immediate bytes, [first fork: base gas, a later fork: changed gas], summary
instructions! {
    0x00 STOP 0 -> 0, 0, [Frontier: 0], "Ends the frame without output.";
    0x01 ADD 2 -> 1, 0, [Frontier: 3], "Sum modulo 2²⁵⁶.";
    0x02 MUL 2 -> 1, 0, [Frontier: 5], "Product modulo 2²⁵⁶.";
    0x03 SUB 2 -> 1, 0, [Frontier: 3], "Difference modulo 2²⁵⁶.";
    0x04 DIV 2 -> 1, 0, [Frontier: 5], "Unsigned quotient; 0 by 0.";
    0x05 SDIV 2 -> 1, 0, [Frontier: 5], "Signed quotient, truncated; 0 by 0.";
    0x06 MOD 2 -> 1, 0, [Frontier: 5], "Unsigned remainder; 0 by 0.";
    0x07 SMOD 2 -> 1, 0, [Frontier: 5], "Signed remainder with the dividend's sign; 0 by 0.";
    0x08 ADDMOD 3 -> 1, 0, [Frontier: 8], "Sum modulo the third word, unbounded in between.";
    0x09 MULMOD 3 -> 1, 0, [Frontier: 8], "Product modulo the third word, unbounded in between.";
    0x0a EXP 2 -> 1, 0, [Frontier: 10], "Power modulo 2²⁵⁶; more gas for each byte of the exponent.";
    0x0b SIGNEXTEND 2 -> 1, 0, [Frontier: 5], "Extends the sign of a number of fewer bytes.";
    0x10 LT 2 -> 1, 0, [Frontier: 3], "Unsigned less-than.";
    0x11 GT 2 -> 1, 0, [Frontier: 3], "Unsigned greater-than.";
    0x12 SLT 2 -> 1, 0, [Frontier: 3], "Signed less-than.";
    0x13 SGT 2 -> 1, 0, [Frontier: 3], "Signed greater-than.";
    0x14 EQ 2 -> 1, 0, [Frontier: 3], "Equality.";
    0x15 ISZERO 1 -> 1, 0, [Frontier: 3], "Whether the word is zero.";
    0x16 AND 2 -> 1, 0, [Frontier: 3], "Bitwise and.";
    0x17 OR 2 -> 1, 0, [Frontier: 3], "Bitwise or.";
    0x18 XOR 2 -> 1, 0, [Frontier: 3], "Bitwise exclusive or.";
    0x19 NOT 1 -> 1, 0, [Frontier: 3], "Bitwise complement.";
    0x1a BYTE 2 -> 1, 0, [Frontier: 3], "A byte of a word, counted from the most significant.";
    0x1b SHL 2 -> 1, 0, [Constantinople: 3], "Shift left (EIP-145).";
    0x1c SHR 2 -> 1, 0, [Constantinople: 3], "Logical shift right (EIP-145).";
    0x1d SAR 2 -> 1, 0, [Constantinople: 3], "Arithmetic shift right (EIP-145).";
    0x1e CLZ 1 -> 1, 0, [Osaka: 5], "Leading zero bits (EIP-7939).";
    0x20 KECCAK256 2 -> 1, 0, [Frontier: 30], "Keccak-256 of a region of memory.";
    0x30 ADDRESS 0 -> 1, 0, [Frontier: 2], "The frame's own account.";
    0x31 BALANCE 1 -> 1, 0, [Frontier: 20, TangerineWhistle: 400, Istanbul: 700, Berlin: 100], "The balance of an account, in wei.";
    0x32 ORIGIN 0 -> 1, 0, [Frontier: 2], "The root transaction's sender.";
    0x33 CALLER 0 -> 1, 0, [Frontier: 2], "Who called the frame.";
    0x34 CALLVALUE 0 -> 1, 0, [Frontier: 2], "The value sent along, in wei.";
    0x35 CALLDATALOAD 1 -> 1, 0, [Frontier: 3], "A word of the call data, zeros beyond its end.";
    0x36 CALLDATASIZE 0 -> 1, 0, [Frontier: 2], "The length of the call data in bytes.";
    0x37 CALLDATACOPY 3 -> 0, 0, [Frontier: 3], "Copies call data to memory, zeros beyond its end.";
    0x38 CODESIZE 0 -> 1, 0, [Frontier: 2], "The length of the running code in bytes.";
    0x39 CODECOPY 3 -> 0, 0, [Frontier: 3], "Copies the running code to memory, zeros beyond its end.";
    0x3a GASPRICE 0 -> 1, 0, [Frontier: 2], "The root transaction's effective gas price, in wei.";
    0x3b EXTCODESIZE 1 -> 1, 0, [Frontier: 20, TangerineWhistle: 700, Berlin: 100], "The length of an account's code in bytes.";
    0x3c EXTCODECOPY 4 -> 0, 0, [Frontier: 20, TangerineWhistle: 700, Berlin: 100], "Copies an account's code to memory, zeros beyond its end.";
    0x3d RETURNDATASIZE 0 -> 1, 0, [Byzantium: 2], "The length of the last call's return data in bytes (EIP-211).";
    0x3e RETURNDATACOPY 3 -> 0, 0, [Byzantium: 3], "Copies return data to memory; halts beyond its end (EIP-211).";
    0x3f EXTCODEHASH 1 -> 1, 0, [Constantinople: 400, Istanbul: 700, Berlin: 100], "The hash of an account's code (EIP-1052).";
    0x40 BLOCKHASH 1 -> 1, 0, [Frontier: 20], "The hash of one of the last 256 blocks, else 0.";
    0x41 COINBASE 0 -> 1, 0, [Frontier: 2], "Who receives the block's fees.";
    0x42 TIMESTAMP 0 -> 1, 0, [Frontier: 2], "The block's time in seconds since the Unix epoch.";
    0x43 NUMBER 0 -> 1, 0, [Frontier: 2], "The block's height.";
    0x44 PREVRANDAO 0 -> 1, 0, [Frontier: 2], "The difficulty; from Paris the beacon chain's randomness (EIP-4399).";
    0x45 GASLIMIT 0 -> 1, 0, [Frontier: 2], "The block's gas limit.";
    0x46 CHAINID 0 -> 1, 0, [Istanbul: 2], "The chain id (EIP-1344).";
    0x47 SELFBALANCE 0 -> 1, 0, [Istanbul: 5], "The frame's own balance, in wei (EIP-1884).";
    0x48 BASEFEE 0 -> 1, 0, [London: 2], "The block's base fee, in wei per gas (EIP-3198).";
    0x49 BLOBHASH 1 -> 1, 0, [Cancun: 3], "A versioned blob hash of the root transaction, else 0 (EIP-4844).";
    0x4a BLOBBASEFEE 0 -> 1, 0, [Cancun: 2], "The block's blob base fee, in wei per blob gas (EIP-7516).";
    0x50 POP 1 -> 0, 0, [Frontier: 2], "Drops the top of the stack.";
    0x51 MLOAD 1 -> 1, 0, [Frontier: 3], "Loads a word from memory.";
    0x52 MSTORE 2 -> 0, 0, [Frontier: 3], "Stores a word to memory.";
    0x53 MSTORE8 2 -> 0, 0, [Frontier: 3], "Stores the lowest byte of a word to memory.";
    0x54 SLOAD 1 -> 1, 0, [Frontier: 50, TangerineWhistle: 200, Istanbul: 800, Berlin: 100], "Loads a word from storage.";
    0x55 SSTORE 2 -> 0, 0, [Frontier: 0], "Stores a word to storage; all its gas depends on the values.";
    0x56 JUMP 1 -> 0, 0, [Frontier: 8], "Goes to a JUMPDEST.";
    0x57 JUMPI 2 -> 0, 0, [Frontier: 10], "Goes to a JUMPDEST if the second word is not zero.";
    0x58 PC 0 -> 1, 0, [Frontier: 2], "The position of this instruction in the code.";
    0x59 MSIZE 0 -> 1, 0, [Frontier: 2], "The size of memory in bytes, a multiple of 32.";
    0x5a GAS 0 -> 1, 0, [Frontier: 2], "The gas left after this instruction.";
    0x5b JUMPDEST 0 -> 0, 0, [Frontier: 1], "A place to jump to.";
    0x5c TLOAD 1 -> 1, 0, [Cancun: 100], "Loads a word from transient storage (EIP-1153).";
    0x5d TSTORE 2 -> 0, 0, [Cancun: 100], "Stores a word to transient storage (EIP-1153).";
    0x5e MCOPY 3 -> 0, 0, [Cancun: 3], "Copies memory to memory (EIP-5656).";
    0x5f PUSH0 0 -> 1, 0, [Shanghai: 2], "Pushes 0 (EIP-3855).";
    0x60 PUSH1 0 -> 1, 1, [Frontier: 3], "Pushes the next 1 byte of the code.";
    0x61 PUSH2 0 -> 1, 2, [Frontier: 3], "Pushes the next 2 bytes of the code.";
    0x62 PUSH3 0 -> 1, 3, [Frontier: 3], "Pushes the next 3 bytes of the code.";
    0x63 PUSH4 0 -> 1, 4, [Frontier: 3], "Pushes the next 4 bytes of the code.";
    0x64 PUSH5 0 -> 1, 5, [Frontier: 3], "Pushes the next 5 bytes of the code.";
    0x65 PUSH6 0 -> 1, 6, [Frontier: 3], "Pushes the next 6 bytes of the code.";
    0x66 PUSH7 0 -> 1, 7, [Frontier: 3], "Pushes the next 7 bytes of the code.";
    0x67 PUSH8 0 -> 1, 8, [Frontier: 3], "Pushes the next 8 bytes of the code.";
    0x68 PUSH9 0 -> 1, 9, [Frontier: 3], "Pushes the next 9 bytes of the code.";
    0x69 PUSH10 0 -> 1, 10, [Frontier: 3], "Pushes the next 10 bytes of the code.";
    0x6a PUSH11 0 -> 1, 11, [Frontier: 3], "Pushes the next 11 bytes of the code.";
    0x6b PUSH12 0 -> 1, 12, [Frontier: 3], "Pushes the next 12 bytes of the code.";
    0x6c PUSH13 0 -> 1, 13, [Frontier: 3], "Pushes the next 13 bytes of the code.";
    0x6d PUSH14 0 -> 1, 14, [Frontier: 3], "Pushes the next 14 bytes of the code.";
    0x6e PUSH15 0 -> 1, 15, [Frontier: 3], "Pushes the next 15 bytes of the code.";
    0x6f PUSH16 0 -> 1, 16, [Frontier: 3], "Pushes the next 16 bytes of the code.";
    0x70 PUSH17 0 -> 1, 17, [Frontier: 3], "Pushes the next 17 bytes of the code.";
    0x71 PUSH18 0 -> 1, 18, [Frontier: 3], "Pushes the next 18 bytes of the code.";
    0x72 PUSH19 0 -> 1, 19, [Frontier: 3], "Pushes the next 19 bytes of the code.";
    0x73 PUSH20 0 -> 1, 20, [Frontier: 3], "Pushes the next 20 bytes of the code.";
    0x74 PUSH21 0 -> 1, 21, [Frontier: 3], "Pushes the next 21 bytes of the code.";
    0x75 PUSH22 0 -> 1, 22, [Frontier: 3], "Pushes the next 22 bytes of the code.";
    0x76 PUSH23 0 -> 1, 23, [Frontier: 3], "Pushes the next 23 bytes of the code.";
    0x77 PUSH24 0 -> 1, 24, [Frontier: 3], "Pushes the next 24 bytes of the code.";
    0x78 PUSH25 0 -> 1, 25, [Frontier: 3], "Pushes the next 25 bytes of the code.";
    0x79 PUSH26 0 -> 1, 26, [Frontier: 3], "Pushes the next 26 bytes of the code.";
    0x7a PUSH27 0 -> 1, 27, [Frontier: 3], "Pushes the next 27 bytes of the code.";
    0x7b PUSH28 0 -> 1, 28, [Frontier: 3], "Pushes the next 28 bytes of the code.";
    0x7c PUSH29 0 -> 1, 29, [Frontier: 3], "Pushes the next 29 bytes of the code.";
    0x7d PUSH30 0 -> 1, 30, [Frontier: 3], "Pushes the next 30 bytes of the code.";
    0x7e PUSH31 0 -> 1, 31, [Frontier: 3], "Pushes the next 31 bytes of the code.";
    0x7f PUSH32 0 -> 1, 32, [Frontier: 3], "Pushes the next 32 bytes of the code.";
    0x80 DUP1 1 -> 2, 0, [Frontier: 3], "Pushes a copy of the top word.";
    0x81 DUP2 2 -> 3, 0, [Frontier: 3], "Pushes a copy of the 2nd word.";
    0x82 DUP3 3 -> 4, 0, [Frontier: 3], "Pushes a copy of the 3rd word.";
    0x83 DUP4 4 -> 5, 0, [Frontier: 3], "Pushes a copy of the 4th word.";
    0x84 DUP5 5 -> 6, 0, [Frontier: 3], "Pushes a copy of the 5th word.";
    0x85 DUP6 6 -> 7, 0, [Frontier: 3], "Pushes a copy of the 6th word.";
    0x86 DUP7 7 -> 8, 0, [Frontier: 3], "Pushes a copy of the 7th word.";
    0x87 DUP8 8 -> 9, 0, [Frontier: 3], "Pushes a copy of the 8th word.";
    0x88 DUP9 9 -> 10, 0, [Frontier: 3], "Pushes a copy of the 9th word.";
    0x89 DUP10 10 -> 11, 0, [Frontier: 3], "Pushes a copy of the 10th word.";
    0x8a DUP11 11 -> 12, 0, [Frontier: 3], "Pushes a copy of the 11th word.";
    0x8b DUP12 12 -> 13, 0, [Frontier: 3], "Pushes a copy of the 12th word.";
    0x8c DUP13 13 -> 14, 0, [Frontier: 3], "Pushes a copy of the 13th word.";
    0x8d DUP14 14 -> 15, 0, [Frontier: 3], "Pushes a copy of the 14th word.";
    0x8e DUP15 15 -> 16, 0, [Frontier: 3], "Pushes a copy of the 15th word.";
    0x8f DUP16 16 -> 17, 0, [Frontier: 3], "Pushes a copy of the 16th word.";
    0x90 SWAP1 2 -> 2, 0, [Frontier: 3], "Exchanges the top with the 2nd word.";
    0x91 SWAP2 3 -> 3, 0, [Frontier: 3], "Exchanges the top with the 3rd word.";
    0x92 SWAP3 4 -> 4, 0, [Frontier: 3], "Exchanges the top with the 4th word.";
    0x93 SWAP4 5 -> 5, 0, [Frontier: 3], "Exchanges the top with the 5th word.";
    0x94 SWAP5 6 -> 6, 0, [Frontier: 3], "Exchanges the top with the 6th word.";
    0x95 SWAP6 7 -> 7, 0, [Frontier: 3], "Exchanges the top with the 7th word.";
    0x96 SWAP7 8 -> 8, 0, [Frontier: 3], "Exchanges the top with the 8th word.";
    0x97 SWAP8 9 -> 9, 0, [Frontier: 3], "Exchanges the top with the 9th word.";
    0x98 SWAP9 10 -> 10, 0, [Frontier: 3], "Exchanges the top with the 10th word.";
    0x99 SWAP10 11 -> 11, 0, [Frontier: 3], "Exchanges the top with the 11th word.";
    0x9a SWAP11 12 -> 12, 0, [Frontier: 3], "Exchanges the top with the 12th word.";
    0x9b SWAP12 13 -> 13, 0, [Frontier: 3], "Exchanges the top with the 13th word.";
    0x9c SWAP13 14 -> 14, 0, [Frontier: 3], "Exchanges the top with the 14th word.";
    0x9d SWAP14 15 -> 15, 0, [Frontier: 3], "Exchanges the top with the 15th word.";
    0x9e SWAP15 16 -> 16, 0, [Frontier: 3], "Exchanges the top with the 16th word.";
    0x9f SWAP16 17 -> 17, 0, [Frontier: 3], "Exchanges the top with the 17th word.";
    0xa0 LOG0 2 -> 0, 0, [Frontier: 375], "Logs a region of memory with 0 topics.";
    0xa1 LOG1 3 -> 0, 0, [Frontier: 750], "Logs a region of memory with 1 topic.";
    0xa2 LOG2 4 -> 0, 0, [Frontier: 1125], "Logs a region of memory with 2 topics.";
    0xa3 LOG3 5 -> 0, 0, [Frontier: 1500], "Logs a region of memory with 3 topics.";
    0xa4 LOG4 6 -> 0, 0, [Frontier: 1875], "Logs a region of memory with 4 topics.";
    0xf0 CREATE 3 -> 1, 0, [Frontier: 32000], "Creates an account with code.";
    0xf1 CALL 7 -> 1, 0, [Frontier: 40, TangerineWhistle: 700, Berlin: 100], "Calls an account.";
    0xf2 CALLCODE 7 -> 1, 0, [Frontier: 40, TangerineWhistle: 700, Berlin: 100], "Calls the own account with another's code.";
    0xf3 RETURN 2 -> 0, 0, [Frontier: 0], "Ends the frame with output.";
    0xf4 DELEGATECALL 6 -> 1, 0, [Homestead: 40, TangerineWhistle: 700, Berlin: 100], "CALLCODE that keeps caller and value (EIP-7).";
    0xf5 CREATE2 4 -> 1, 0, [Constantinople: 32000], "Creates an account at an address known by salt and init code (EIP-1014).";
    0xfa STATICCALL 6 -> 1, 0, [Byzantium: 700, Berlin: 100], "Calls an account that must not change state (EIP-214).";
    0xfd REVERT 2 -> 0, 0, [Byzantium: 0], "Ends the frame with output, its changes undone (EIP-140).";
    0xfe INVALID 0 -> 0, 0, [Frontier: 0], "Halts in every fork, by design (EIP-141).";
    0xff SELFDESTRUCT 1 -> 0, 0, [Frontier: 0, TangerineWhistle: 5000], "Moves the balance and destroys the account, as the fork has it (EIP-6780).";
}
