//! Where the system contracts live.
//!
//! Owns the addresses only; the calls are made by `begin` and `requests`.

use alloy_primitives::hex;
use primitive_types::H160;

use crate::Address;

/// Keeps the parent beacon blocks' roots (EIP-4788).
pub const BEACON_ROOTS_ADDRESS: Address = H160(hex!("000f3df6d732807ef1319fb7b8bb8522d0beac02"));

/// Keeps the last blocks' hashes (EIP-2935).
pub const HISTORY_STORAGE_ADDRESS: Address = H160(hex!("0000f90827f1c53a10cb7a02335b175320002935"));

/// Queues withdrawal requests (EIP-7002).
pub const WITHDRAWAL_REQUEST_ADDRESS: Address =
    H160(hex!("00000961ef480eb55e80d19ad83579a64c007002"));

/// Queues consolidation requests (EIP-7251).
pub const CONSOLIDATION_REQUEST_ADDRESS: Address =
    H160(hex!("0000bbddc7ce488642fb579f8b00f3a590007251"));
