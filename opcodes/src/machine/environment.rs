//! What an instruction can read of the block and of the transaction around it.
//!
//! Plain facts, filled in by whoever drives the frames; nothing here is computed.

use crate::{Address, B256, U256};

/// The block's facts, shared by every transaction in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockEnvironment {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Height.
    pub number: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Who receives the fees: the block's beneficiary.
    pub coinbase: Address,
    /// Gas.
    pub gas_limit: u64,
    /// Wei per gas; zero before London.
    pub base_fee: U256,
    /// Wei per blob gas; zero before Cancun.
    pub blob_base_fee: U256,
    /// Proof-of-work difficulty; zero from Paris.
    pub difficulty: U256,
    /// The beacon chain's randomness (EIP-4399); zero before Paris.
    pub prev_randao: B256,
}

/// The root transaction's facts, inherited by everything that it causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionEnvironment {
    /// The root's sender.
    pub origin: Address,
    /// The root's effective gas price in wei per gas.
    pub gas_price: U256,
    /// The root's versioned blob hashes (EIP-4844).
    pub blob_hashes: Vec<B256>,
}

/// Both, as an instruction sees them.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// The block's facts.
    pub block: &'a BlockEnvironment,
    /// The root transaction's facts.
    pub transaction: &'a TransactionEnvironment,
}
