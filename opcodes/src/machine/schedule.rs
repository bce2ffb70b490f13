//! Gas that depends on operands or state, and the other rules that differ by fork, as data.
//!
//! One schedule per fork, made at compile time: an instruction reads a field and never asks which
//! fork it runs in. Base gas comes from the opcode table.

use crate::{Fork, table};

/// Charged for each word copied by CALLDATACOPY and the like.
pub(crate) const COPY_WORD: u64 = 3;
/// Charged for each word hashed by KECCAK256 and CREATE2.
pub(crate) const KECCAK_WORD: u64 = 6;
/// Charged for each byte logged.
pub(crate) const LOG_BYTE: u64 = 8;

/// A fork's rules for instructions. Amounts are gas.
#[derive(Clone, Debug)]
pub struct GasSchedule {
    /// Base gas by opcode; [`GasSchedule::UNDEFINED`] where the fork has no such instruction.
    base: [u16; 256],
    /// EXP, for each byte of the exponent (EIP-160).
    pub exp_byte: u64,
    /// What the first access of an account costs above the base gas (EIP-2929); 0 before Berlin.
    pub cold_account_surcharge: u64,
    /// What the first access of an account costs where the base gas holds no access: SELFDESTRUCT.
    pub cold_account: u64,
    /// What SLOAD costs above its base gas at the first access of a slot; 0 before Berlin.
    pub cold_slot_surcharge: u64,
    /// SSTORE.
    pub sstore: StoreRules,
    /// CALL and CALLCODE with a value.
    pub call_value: u64,
    /// A CALL or SELFDESTRUCT that brings an account into being.
    pub new_account: u64,
    /// When CALL pays that (EIP-161).
    pub call_creates: Creates,
    /// When SELFDESTRUCT pays that (EIP-150, EIP-161).
    pub self_destruct_creates: Creates,
    /// The refund of a first SELFDESTRUCT; 0 from London (EIP-3529).
    pub self_destruct_refund: i64,
    /// The gas of access to a delegate, warm and cold (EIP-7702), or `None` where code never delegates.
    pub delegate_access: Option<(u64, u64)>,
    /// Charged for each word of init code (EIP-3860).
    pub init_code_word: u64,
    /// The most bytes of init code (EIP-3860).
    pub init_code_limit: usize,
    /// Whether 0x44 is the beacon chain's randomness (EIP-4399), not the difficulty.
    pub has_prev_randao: bool,
}

/// How SSTORE is charged and refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreRules {
    /// Whether costs follow from the original value too (EIP-1283, EIP-2200).
    pub is_net: bool,
    /// With no more gas left than this the instruction is out of gas (EIP-2200); 0 for no such rule.
    pub sentry: u64,
    /// The first access of the slot.
    pub cold: u64,
    /// A write that changes nothing, or a slot that was changed before.
    pub warm: u64,
    /// From zero to another value.
    pub set: u64,
    /// From a value other than zero.
    pub reset: u64,
    /// Refunded for a slot that becomes zero.
    pub clear_refund: i64,
}

/// When an instruction pays for an account that it brings into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creates {
    /// Never.
    Never,
    /// Where the account is not in the state.
    Absent,
    /// Where the account is empty and wei goes to it (EIP-161).
    EmptyWithValue,
}

impl GasSchedule {
    /// Stands for the base gas of an instruction that the fork does not have.
    pub const UNDEFINED: u16 = u16::MAX;

    /// A fork's schedule.
    pub fn of(fork: Fork) -> &'static GasSchedule {
        &SCHEDULES[fork as usize]
    }

    /// The base gas of an opcode, or [`GasSchedule::UNDEFINED`].
    #[inline(always)]
    pub fn base(&self, opcode: u8) -> u16 {
        self.base[opcode as usize]
    }

    const fn new(fork: Fork) -> Self {
        Self {
            base: base_gas(fork),
            exp_byte: if since(fork, Fork::SpuriousDragon) {
                50
            } else {
                10
            },
            cold_account_surcharge: if since(fork, Fork::Berlin) { 2500 } else { 0 },
            cold_account: if since(fork, Fork::Berlin) { 2600 } else { 0 },
            cold_slot_surcharge: if since(fork, Fork::Berlin) { 2000 } else { 0 },
            sstore: StoreRules::new(fork),
            call_value: 9000,
            new_account: 25_000,
            call_creates: if since(fork, Fork::SpuriousDragon) {
                Creates::EmptyWithValue
            } else {
                Creates::Absent
            },
            self_destruct_creates: if since(fork, Fork::SpuriousDragon) {
                Creates::EmptyWithValue
            } else if since(fork, Fork::TangerineWhistle) {
                Creates::Absent
            } else {
                Creates::Never
            },
            self_destruct_refund: if since(fork, Fork::London) { 0 } else { 24_000 },
            delegate_access: if since(fork, Fork::Prague) {
                Some((100, 2600))
            } else {
                None
            },
            init_code_word: if since(fork, Fork::Shanghai) { 2 } else { 0 },
            init_code_limit: if since(fork, Fork::Shanghai) {
                49_152
            } else {
                usize::MAX
            },
            has_prev_randao: since(fork, Fork::Paris),
        }
    }
}

impl StoreRules {
    const fn new(fork: Fork) -> Self {
        let legacy = Self {
            is_net: false,
            sentry: 0,
            cold: 0,
            warm: 5000,
            set: 20_000,
            reset: 5000,
            clear_refund: 15_000,
        };
        let constantinople = Self {
            is_net: true,
            warm: 200,
            ..legacy
        };
        let istanbul = Self {
            sentry: 2300,
            warm: 800,
            ..constantinople
        };
        let berlin = Self {
            cold: 2100,
            warm: 100,
            reset: 2900,
            ..istanbul
        };
        let london = Self {
            clear_refund: 4800,
            ..berlin
        };
        match fork {
            _ if since(fork, Fork::London) => london,
            _ if since(fork, Fork::Berlin) => berlin,
            _ if since(fork, Fork::Istanbul) => istanbul,
            Fork::Constantinople => constantinople,
            _ => legacy,
        }
    }

    /// Refunded when a slot that was zero at first becomes zero again.
    pub(crate) fn set_restored(&self) -> i64 {
        (self.set - self.warm).cast_signed()
    }

    /// Refunded when a slot gets back a first value other than zero.
    pub(crate) fn reset_restored(&self) -> i64 {
        (self.reset - self.warm).cast_signed()
    }
}

impl Creates {
    /// Whether the account is paid for.
    pub fn applies(self, exists: bool, is_empty: bool, has_value: bool) -> bool {
        match self {
            Creates::Never => false,
            Creates::Absent => !exists,
            Creates::EmptyWithValue => is_empty && has_value,
        }
    }
}

static SCHEDULES: [GasSchedule; Fork::COUNT] = {
    let mut all = [const { GasSchedule::new(Fork::Frontier) }; Fork::COUNT];
    let mut index = 0;
    while index < Fork::COUNT {
        all[index] = GasSchedule::new(Fork::ALL[index]);
        index += 1;
    }
    all
};

const fn since(fork: Fork, first: Fork) -> bool {
    fork as u8 >= first as u8
}

const fn base_gas(fork: Fork) -> [u16; 256] {
    let mut gas = [GasSchedule::UNDEFINED; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(row) = table::info(byte as u8)
            && let Some(base) = row.base_gas(fork)
        {
            assert!(base != GasSchedule::UNDEFINED);
            gas[byte] = base;
        }
        byte += 1;
    }
    gas
}
