//! Code ready to run: padded, with its jump destinations, shared by reference count.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Address, B256};

/// A contract's code, analysed once; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Code(Arc<Analysed>);

#[derive(Debug, Default)]
struct Analysed {
    bytes: Bytes,
    hash: B256,
}

impl Code {
    /// Code whose Keccak-256 hash is computed here.
    pub fn new(bytes: Bytes) -> Self {
        let hash = crate::keccak256(&bytes);
        Self::with_hash(bytes, hash)
    }

    /// Code whose Keccak-256 hash is known.
    pub fn with_hash(bytes: Bytes, hash: B256) -> Self {
        Self(Arc::new(Analysed { bytes, hash }))
    }

    /// The code's bytes, unpadded.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// Keccak-256 of the bytes.
    pub fn hash(&self) -> B256 {
        self.0.hash
    }

    /// Where the code delegates to, if it is an EIP-7702 designator (0xef0100 and an address).
    pub fn delegate(&self) -> Option<Address> {
        match self.0.bytes.strip_prefix(&[0xef, 0x01, 0x00]) {
            Some(address) if address.len() == 20 => Some(Address::from_slice(address)),
            _ => None,
        }
    }
}
