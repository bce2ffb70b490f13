//! The state after every real block, under `synchronous`, is the one that revm comes to: every
//! account, nonce, balance, code hash and slot. Receipts do not show every slot; this does.

#[path = "../benches/common/bundles.rs"]
#[allow(dead_code)]
mod bundles;
#[path = "../benches/common/peer_block.rs"]
#[allow(dead_code)]
mod peer_block;

use std::collections::BTreeSet;

use deferevm::{
    Fork,
    state::{AccountInfo, InMemoryDatabase},
};
use peer_block::{convert, word};
use revm::{
    database::{AccountState, InMemoryDB},
    state::AccountInfo as PeerInfo,
};

#[test]
fn every_real_block_leaves_the_state_that_revm_leaves() {
    let blocks = bundles::load(|_| true).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        !blocks.is_empty(),
        "no *.json.zst where {} says",
        bundles::VARIABLE
    );
    let mut compared = 0;
    for block in blocks {
        let outcome = block
            .evm()
            .execute_prepared(&block.database, &block.block, &block.originals)
            .unwrap_or_else(|error| panic!("{}: {error}", block.name));
        let (results, peer) = block.peer().commit();
        for (receipt, result) in outcome.receipts.iter().zip(&results) {
            let place = format!("{} transaction {}", block.name, receipt.index);
            assert_eq!(receipt.tree_gas_used, Some(result.tx_gas_used()), "{place}");
            assert_eq!(receipt.status.is_success(), result.is_success(), "{place}");
            assert_eq!(receipt.logs.len(), result.logs().len(), "{place}");
        }
        let mut ours = block.database.clone();
        ours.apply(&outcome.changes);
        compared += compare(&block.name, block.bundle.fork, &ours, &peer);
    }
    assert!(
        compared > 10_000,
        "{compared} accounts and slots are too few"
    );
}

/// Compares all that either side has; how many accounts and slots there were.
fn compare(name: &str, fork: Fork, ours: &InMemoryDatabase, peer: &InMemoryDB) -> usize {
    let mut compared = 0;
    for (address, account) in ours.accounts() {
        let known = peer.cache.accounts.get(&convert(address));
        let theirs =
            known.and_then(|known| existing(fork, known.account_state.clone(), &known.info));
        assert_eq!(
            Some(summary(&account.info)),
            theirs.map(peer_summary),
            "{name}: {address:?}"
        );
        let known = known.expect("it exists, so it is listed");
        for (key, value) in &account.storage {
            assert_eq!(
                known.storage.get(&word(*key)).copied().unwrap_or_default(),
                word(*value),
                "{name}: {address:?} slot {key:#x}"
            );
            compared += 1;
        }
        let nonzero = known
            .storage
            .values()
            .filter(|value| !value.is_zero())
            .count();
        assert_eq!(nonzero, account.storage.len(), "{name}: {address:?}");
        compared += 1;
    }
    let listed: BTreeSet<_> = ours
        .accounts()
        .map(|(address, _)| convert(address))
        .collect();
    for (address, account) in &peer.cache.accounts {
        if existing(fork, account.account_state.clone(), &account.info).is_some() {
            assert!(listed.contains(address), "{name}: only revm has {address}");
        }
    }
    compared
}

/// What revm's cache says of an account, where it exists.
fn existing(fork: Fork, state: AccountState, info: &PeerInfo) -> Option<&PeerInfo> {
    // From Spurious Dragon an empty account that was touched is gone; the cache keeps it.
    let is_cleared = fork >= Fork::SpuriousDragon && info.is_empty();
    (!is_cleared && state != AccountState::NotExisting).then_some(info)
}

fn summary(info: &AccountInfo) -> (revm::primitives::U256, u64, [u8; 32]) {
    (word(info.balance), info.nonce, info.code_hash.0)
}

fn peer_summary(info: &PeerInfo) -> (revm::primitives::U256, u64, [u8; 32]) {
    (info.balance, info.nonce, info.code_hash.0)
}
