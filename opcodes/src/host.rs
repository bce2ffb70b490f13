//! What an instruction may ask of the world outside its frame.
//!
//! The host keeps accounts, warmth and logs; it knows no gas. Methods that may touch a cold account
//! or slot take `cold_allowed`: where it is false and the access would be the transaction's first,
//! the host touches nothing and answers [`Refusal::OutOfGas`]. Before Berlin callers pass true and
//! ignore `is_cold`.

use bytes::Bytes;

use crate::{Address, B256, Code, U256, machine::environment::Environment};

/// Why the host did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The access is cold, and the caller cannot pay for that.
    OutOfGas,
    /// The state could not be read or must not be written. The host keeps the reason, the frame
    /// leaves with [`Action::Fault`](crate::Action::Fault).
    Fault,
}

/// The host's place for an account, told to a frame when it is made, so that its own storage and
/// balance are found without another look-up by address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AccountIndex(pub u32);

/// A value, and whether reading it was the transaction's first access (EIP-2929).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    /// What was read.
    pub value: T,
    /// First access of the account or slot in this transaction.
    pub is_cold: bool,
}

/// What a CALL needs to know of its target to charge for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTarget {
    /// First access in this transaction.
    pub is_cold: bool,
    /// The host's place for it.
    pub account: AccountIndex,
    /// In the state at all; an empty account that exists counts (the rule before Spurious Dragon).
    pub exists: bool,
    /// No code, no nonce, no balance (EIP-161), or absent.
    pub is_empty: bool,
    /// Where its EIP-7702 delegation points, if its code is one.
    pub delegate: Option<Address>,
}

/// What SSTORE found (EIP-2200's three values; the third is the one it wrote).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// At the start of the transaction.
    pub original: U256,
    /// Before this write.
    pub present: U256,
    /// First access of the slot in this transaction.
    pub is_cold: bool,
}

/// What SELFDESTRUCT found; the balance has moved and the account is marked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// First access of the beneficiary in this transaction.
    pub is_cold: bool,
    /// Whether the beneficiary was in the state.
    pub beneficiary_exists: bool,
    /// Whether the beneficiary was empty (EIP-161), or absent.
    pub beneficiary_is_empty: bool,
    /// Whether the destroyed account had a balance to move.
    pub had_balance: bool,
    /// Whether the account had been destroyed earlier in the same transaction.
    pub was_destroyed: bool,
}

/// A log entry: what LOG0 to LOG4 leave in the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Log {
    /// The account that logged.
    pub address: Address,
    /// At most four.
    pub topics: Vec<B256>,
    /// Any length that gas paid for.
    pub data: Bytes,
}

/// The world, as instructions see it.
pub trait Host {
    /// The block's and the root transaction's facts.
    fn environment(&self) -> Environment<'_>;

    /// The balance of any account, in wei.
    fn balance(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<U256>, Refusal>;

    /// The balance of a frame's own account, in wei.
    fn own_balance(&mut self, account: AccountIndex) -> Result<U256, Refusal>;

    /// The code of any account, without following a delegation (EIP-7702).
    fn code(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<Code>, Refusal>;

    /// The code hash of any account; zero where it is absent or empty (EIP-1052).
    fn code_hash(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<B256>, Refusal>;

    /// The hash of one of the 256 blocks before this one; the caller has checked the range.
    fn block_hash(&mut self, number: u64) -> Result<B256, Refusal>;

    /// A slot of a frame's own account.
    fn sload(
        &mut self,
        account: AccountIndex,
        key: U256,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal>;

    /// Writes a slot of a frame's own account. The frame is not static.
    fn sstore(
        &mut self,
        account: AccountIndex,
        key: U256,
        value: U256,
        cold_allowed: bool,
    ) -> Result<Stored, Refusal>;

    /// A transient slot of a frame's own account (EIP-1153).
    fn tload(&mut self, address: Address, key: U256) -> U256;

    /// Writes a transient slot of a frame's own account. The frame is not static.
    fn tstore(&mut self, address: Address, key: U256, value: U256);

    /// Appends to the transaction's logs.
    fn log(&mut self, log: Log);

    /// Looks up the target of a call, and marks it accessed.
    fn call_target(&mut self, address: Address, cold_allowed: bool) -> Result<CallTarget, Refusal>;

    /// Marks an account accessed without reading it: the delegate of a call's target. True if it was cold.
    fn access_account(&mut self, address: Address, cold_allowed: bool) -> Result<bool, Refusal>;

    /// Moves the balance of a frame's own account to the beneficiary and marks the account destroyed
    /// as the fork has it (EIP-6780). The frame is not static.
    fn self_destruct(
        &mut self,
        account: AccountIndex,
        beneficiary: Address,
        cold_allowed: bool,
    ) -> Result<Destroyed, Refusal>;
}
