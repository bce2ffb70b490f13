//! Where the state before the block comes from: the trait that an embedder implements.

use std::error::Error;

use super::AccountInfo;
use crate::{Address, B256, Code, U256};

/// The state before a block: read-only, and shared by all workers.
///
/// A failed read is an error, never an absent account and never zero. It ends the block's execution
/// and comes back to the embedder as its own type.
pub trait Database: Sync {
    /// The embedder's error.
    type Error: Error + Send + Sync + 'static;

    /// An account, or `None` where there is none.
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error>;

    /// A slot's value; zero where it was never written.
    fn storage(&self, address: Address, key: U256) -> Result<U256, Self::Error>;

    /// Whether any slot of the account is not zero (EIP-7610 asks this before a creation).
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error>;

    /// The code with a hash, or `None` where only the hash is known: a transaction that needs the
    /// bytes then fails with `code missing`. Clones of one [`Code`] share its analysis, so keep it.
    fn code(&self, hash: B256) -> Result<Option<Code>, Self::Error>;

    /// The hash of an earlier block; zero where the chain does not have it.
    fn block_hash(&self, number: u64) -> Result<B256, Self::Error>;

    /// Told the accounts that the coming round owns, before it starts: the chance to read them from
    /// a disk together.
    fn prefetch(&self, _addresses: &[Address]) {}
}

/// A database's error with its type erased; it goes back to the embedder's own type where the
/// block's execution ends.
pub type DatabaseFault = Box<dyn Error + Send + Sync + 'static>;

/// A [`Database`] with its error type erased, so that the machinery above it is compiled once.
pub trait ErasedDatabase: Sync {
    /// See [`Database::account`].
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, DatabaseFault>;
    /// See [`Database::storage`].
    fn storage(&self, address: Address, key: U256) -> Result<U256, DatabaseFault>;
    /// See [`Database::has_storage`].
    fn has_storage(&self, address: Address) -> Result<bool, DatabaseFault>;
    /// See [`Database::code`].
    fn code(&self, hash: B256) -> Result<Option<Code>, DatabaseFault>;
    /// See [`Database::block_hash`].
    fn block_hash(&self, number: u64) -> Result<B256, DatabaseFault>;
    /// See [`Database::prefetch`].
    fn prefetch(&self, addresses: &[Address]);
}

impl<D: Database> ErasedDatabase for D {
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, DatabaseFault> {
        Ok(Database::account(self, address)?)
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, DatabaseFault> {
        Ok(Database::storage(self, address, key)?)
    }

    fn has_storage(&self, address: Address) -> Result<bool, DatabaseFault> {
        Ok(Database::has_storage(self, address)?)
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, DatabaseFault> {
        Ok(Database::code(self, hash)?)
    }

    fn block_hash(&self, number: u64) -> Result<B256, DatabaseFault> {
        Ok(Database::block_hash(self, number)?)
    }

    fn prefetch(&self, addresses: &[Address]) {
        Database::prefetch(self, addresses);
    }
}
