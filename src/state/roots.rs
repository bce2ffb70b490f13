//! State roots, by the Merkle-Patricia trie of `alloy-trie`.

use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount, root};

use super::{AccountInfo, InMemoryDatabase, MemoryAccount, StateChanges};
use crate::{B256, U256};

/// The root of a whole state held in memory.
pub fn state_root(database: &InMemoryDatabase) -> B256 {
    let accounts = database.accounts().map(|(address, account)| {
        (
            crate::keccak256(address).0.into(),
            trie_account(&account.info, storage_root(account)),
        )
    });
    B256(root::state_root_unsorted(accounts).0)
}

/// The root of a whole state once these changes have been made to it.
pub fn root_after(database: &InMemoryDatabase, changes: &StateChanges) -> B256 {
    let mut after = database.clone();
    after.apply(changes);
    state_root(&after)
}

/// The root of an account's storage.
pub fn storage_root(account: &MemoryAccount) -> B256 {
    if account.storage.is_empty() {
        return B256(EMPTY_ROOT_HASH.0);
    }
    let slots = account.storage.iter().map(|(key, value)| {
        (
            crate::keccak256(key.to_big_endian()).0.into(),
            edge_word(*value),
        )
    });
    B256(root::storage_root_unsorted(slots).0)
}

fn trie_account(info: &AccountInfo, storage_root: B256) -> TrieAccount {
    TrieAccount {
        nonce: info.nonce,
        balance: edge_word(info.balance),
        storage_root: storage_root.0.into(),
        code_hash: info.code_hash.0.into(),
    }
}

fn edge_word(word: U256) -> alloy_primitives::U256 {
    alloy_primitives::U256::from_limbs(word.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Code};

    #[test]
    fn an_empty_state_has_the_root_of_the_empty_trie() {
        assert_eq!(
            state_root(&InMemoryDatabase::default()).0,
            EMPTY_ROOT_HASH.0
        );
    }

    #[test]
    fn the_root_commits_to_every_field() {
        let address = Address::repeat_byte(1);
        let mut database = InMemoryDatabase::default();
        let mut roots = vec![state_root(&database)];
        database.insert_account(address, U256::zero(), 0, &Code::default());
        roots.push(state_root(&database));
        database.insert_account(address, U256::one(), 0, &Code::default());
        roots.push(state_root(&database));
        database.insert_account(address, U256::one(), 1, &Code::default());
        roots.push(state_root(&database));
        database.insert_account(address, U256::one(), 1, &Code::new(vec![0].into()));
        roots.push(state_root(&database));
        database.insert_storage(address, U256::one(), U256::from(7));
        roots.push(state_root(&database));
        let mut distinct = roots.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), roots.len());
        database.insert_storage(address, U256::one(), U256::zero());
        assert_eq!(state_root(&database), roots[4]);
    }
}
