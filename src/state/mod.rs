//! Accounts and everything that keeps them: the database below, the state as of a round's start
//! above it, and the journal of a running transaction on top.

pub mod access_list;
pub mod account;
pub mod changes;
pub mod database;
pub mod journal;
pub mod key_hash;
pub mod memory;
pub mod overlay;
pub mod roots;
pub mod storage;
mod writes;

pub use access_list::AccessList;
pub use account::{AccountInfo, EMPTY_CODE_HASH};
pub use changes::{AccountChange, Changes, StateChanges};
pub(crate) use database::DatabasePanicked;
pub use database::{Database, DatabaseFault, ErasedDatabase};
pub use journal::{Fault, Journal, LiveAccount};
pub use memory::{InMemoryDatabase, MemoryAccount};
pub use overlay::State;
pub use storage::Storage;
pub use writes::Writes;

/// The hash map of everything that is looked up while a transaction runs. Its order is random, so
/// nothing that is reported may be taken from an iteration over it without sorting.
pub type Map<K, V> = hashbrown::HashMap<K, V, key_hash::KeyState>;
/// The set that goes with [`Map`].
pub type Set<K> = hashbrown::HashSet<K, key_hash::KeyState>;
