//! What a CALL- or CREATE-family instruction asks of whoever drives the frames.
//!
//! The instruction has popped its operands, checked the static context and paid its own costs
//! (access, memory, value, new account). How much gas goes with the message, and what becomes of
//! it, is not the instruction's to decide.

use core::ops::Range;

use crate::{Address, Fork, U256, host::AccountIndex};

/// The most gas a frame can pass on: all but one 64th, from Tangerine Whistle (EIP-150).
pub const fn all_but_one_64th(remaining: u64) -> u64 {
    remaining - remaining / 64
}

/// Gas a callee gets on top when value is sent to it; the caller has paid for it with the value cost.
pub const CALL_STIPEND: u64 = 2300;

/// The four ways to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CallKind {
    /// CALL.
    Call = 0xf1,
    /// CALLCODE.
    CallCode = 0xf2,
    /// DELEGATECALL.
    DelegateCall = 0xf4,
    /// STATICCALL.
    StaticCall = 0xfa,
}

/// The two ways to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CreateKind {
    /// CREATE.
    Create = 0xf0,
    /// CREATE2.
    Create2 = 0xf5,
}

/// A call that a frame asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMessage {
    /// Which instruction asked.
    pub kind: CallKind,
    /// CALLER in the callee: the frame's own address, or its own CALLER for DELEGATECALL.
    pub caller: Address,
    /// ADDRESS in the callee.
    pub target: Address,
    /// Whose code runs, before an EIP-7702 delegation is followed.
    pub code_address: Address,
    /// The host's place for the account of that code.
    pub code_account: AccountIndex,
    /// Where that delegation led when its access was charged.
    pub delegate: Option<Address>,
    /// CALLVALUE in the callee, in wei. It moves for CALL only (see [`Self::transfers_value`]).
    pub value: U256,
    /// The gas operand, clipped to 2⁶⁴−1: the stipend is not in it, and what the frame has left
    /// does not bound it.
    pub gas_requested: u64,
    /// Where the input lies in the caller's memory, which is expanded already.
    pub input: Range<usize>,
    /// Where the output goes in the caller's memory, which is expanded already.
    pub output: Range<usize>,
    /// Whether the callee is static: STATICCALL, or any call from a static frame.
    pub is_static: bool,
}

impl CallMessage {
    /// Whether wei moves from the caller's balance to the target's.
    pub fn transfers_value(&self) -> bool {
        self.kind == CallKind::Call && !self.value.is_zero()
    }

    /// Gas the callee gets on top of what the caller passes on: 2300 for a CALL or CALLCODE with a value.
    pub fn stipend(&self) -> u64 {
        match self.kind {
            CallKind::Call | CallKind::CallCode if !self.value.is_zero() => CALL_STIPEND,
            _ => 0,
        }
    }

    /// The gas that Ethereum takes from a frame with `remaining` gas for this call, the stipend not
    /// included, or `None` where the frame is out of gas (before Tangerine Whistle only).
    pub fn forwarded_gas(&self, fork: Fork, remaining: u64) -> Option<u64> {
        if fork >= Fork::TangerineWhistle {
            Some(self.gas_requested.min(all_but_one_64th(remaining)))
        } else {
            (self.gas_requested <= remaining).then_some(self.gas_requested)
        }
    }
}

/// A creation that a frame asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateMessage {
    /// Which instruction asked.
    pub kind: CreateKind,
    /// The creator: the frame's own address.
    pub caller: Address,
    /// Wei to move to the new account.
    pub value: U256,
    /// CREATE2's salt; zero for CREATE.
    pub salt: U256,
    /// Where the init code lies in the creator's memory.
    pub init_code: Range<usize>,
}

impl CreateMessage {
    /// The gas that Ethereum takes from a frame with `remaining` gas for this creation.
    pub fn forwarded_gas(&self, fork: Fork, remaining: u64) -> u64 {
        if fork >= Fork::TangerineWhistle {
            all_but_one_64th(remaining)
        } else {
            remaining
        }
    }
}
