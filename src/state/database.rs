//! Where the state before the block comes from: the trait that an embedder implements.

use std::{
    any::Any,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::AccountInfo;
use crate::{Address, B256, Code, U256};

/// The state before a block: read-only, and shared by all workers.
///
/// A failed read is an error, never an absent account and never zero. It ends the block's execution
/// and comes back to the embedder as its own type. A panic ends it too, as a defect. Neither does where several
/// workers have asked for what is not needed: whoever needs it asks again.
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

    /// Told the accounts that the coming round owns, before it starts, or where one worker runs the block's
    /// transactions, those that some hundred of them own, before they run: the chance to read them from a disk together.
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
    fn prefetch(&self, addresses: &[Address]) -> Result<(), DatabaseFault>;
}

/// A panic of the embedder's database, as an error of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database panicked: {0}")]
pub(crate) struct DatabasePanicked(pub String);

impl<D: Database> ErasedDatabase for D {
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, DatabaseFault> {
        caught(|| Database::account(self, address))
    }

    fn storage(&self, address: Address, key: U256) -> Result<U256, DatabaseFault> {
        caught(|| Database::storage(self, address, key))
    }

    fn has_storage(&self, address: Address) -> Result<bool, DatabaseFault> {
        caught(|| Database::has_storage(self, address))
    }

    fn code(&self, hash: B256) -> Result<Option<Code>, DatabaseFault> {
        caught(|| Database::code(self, hash))
    }

    fn block_hash(&self, number: u64) -> Result<B256, DatabaseFault> {
        caught(|| Database::block_hash(self, number))
    }

    fn prefetch(&self, addresses: &[Address]) -> Result<(), DatabaseFault> {
        caught(|| {
            Database::prefetch(self, addresses);
            Ok::<_, D::Error>(())
        })
    }
}

/// Asks the embedder's database. A panic is caught here, where it begins, so that no worker is lost whatever it was
/// about to do: the others would wait for it.
fn caught<T, E>(ask: impl FnOnce() -> Result<T, E>) -> Result<T, DatabaseFault>
where
    E: Error + Send + Sync + 'static,
{
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => Ok(answer?),
        Err(panic) => Err(Box::new(DatabasePanicked(panic_message(panic.as_ref())))),
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message").to_owned()
}
