//! The state a block starts from: a bundle's own, or what geth's `prestateTracer` found.
//!
//! Owns merging one object per transaction into one state; what is missing from it is counted by
//! whoever reads it.

use bytes::Bytes;
use deferevm_opcodes::{Address, B256, U256};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Deserializer};

use crate::json::{hex, hex::Hex};

/// An account before the block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrestateAccount {
    /// Wei.
    pub balance: U256,
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Its code, where it is known; empty for an account without.
    pub code: Option<Bytes>,
    /// The code's hash, where it is given; alone, the code's bytes are unknown.
    pub code_hash: Option<B256>,
    /// Slots that are known, zero ones too, in the file's order.
    pub storage: Vec<(U256, U256)>,
}

/// The accounts that are known, in the order of their first appearance.
pub type Prestate = Vec<(Address, PrestateAccount)>;

/// What one object says of an account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountPart {
    #[serde(default, deserialize_with = "hex::optional")]
    balance: Option<U256>,
    #[serde(default, deserialize_with = "hex::optional")]
    nonce: Option<u64>,
    #[serde(default, deserialize_with = "code")]
    code: Option<Bytes>,
    #[serde(default, deserialize_with = "hex::optional")]
    code_hash: Option<B256>,
    #[serde(default, deserialize_with = "storage")]
    storage: Vec<(U256, U256)>,
}

fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    hex::code(deserializer).map(Some)
}

fn storage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(U256, U256)>, D::Error> {
    let slots: Vec<(U256, Hex<U256>)> = hex::pairs(deserializer)?;
    Ok(slots
        .into_iter()
        .map(|(slot, Hex(value))| (slot, value))
        .collect())
}

/// One object: the accounts that it knows.
#[derive(Clone, Debug, Default)]
pub(super) struct StatePart(Vec<(Address, AccountPart)>);

impl<'de> Deserialize<'de> for StatePart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::pairs(deserializer).map(Self)
    }
}

/// An account while it is merged: which fields are settled, and which slots are known.
#[derive(Default)]
struct Merged {
    balance: Option<U256>,
    nonce: Option<u64>,
    code: Option<Bytes>,
    code_hash: Option<B256>,
    is_complete: bool,
    storage: Vec<(U256, U256)>,
    slots: HashSet<U256>,
}

impl Merged {
    /// Takes what is not known yet.
    ///
    /// A part with a balance is complete, as geth writes it: a nonce or a code that it leaves out
    /// is zero or empty, and later parts, which show the account after earlier transactions, do not
    /// change that.
    fn add(&mut self, part: AccountPart) {
        if !(self.is_complete && part.balance.is_some()) {
            self.balance = self.balance.or(part.balance);
            self.nonce = self.nonce.or(part.nonce);
            if self.code.is_none() && self.code_hash.is_none() {
                self.code = part.code;
                self.code_hash = part.code_hash;
            }
        }
        self.is_complete |= part.balance.is_some();
        for (slot, value) in part.storage {
            if self.slots.insert(slot) {
                self.storage.push((slot, value));
            }
        }
    }

    fn finish(self) -> PrestateAccount {
        let code = match (self.code, self.code_hash) {
            (None, None) => Some(Bytes::new()),
            (code, _) => code,
        };
        PrestateAccount {
            balance: self.balance.unwrap_or_default(),
            nonce: self.nonce.unwrap_or_default(),
            code,
            code_hash: self.code_hash,
            storage: self.storage,
        }
    }
}

/// Merges the parts in the order of the transactions: the first occurrence of an account's field or
/// slot wins.
pub(super) fn merge(parts: impl IntoIterator<Item = StatePart>) -> Prestate {
    let mut places: HashMap<Address, usize> = HashMap::new();
    let mut accounts: Vec<(Address, Merged)> = Vec::new();
    for (address, part) in parts.into_iter().flat_map(|part| part.0) {
        let place = *places.entry(address).or_insert_with(|| {
            accounts.push((address, Merged::default()));
            accounts.len() - 1
        });
        accounts[place].1.add(part);
    }
    accounts
        .into_iter()
        .map(|(address, merged)| (address, merged.finish()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(parts: &[&str]) -> Prestate {
        merge(parts.iter().map(|part| serde_json::from_str(part).unwrap()))
    }

    #[test]
    fn the_first_occurrence_of_a_field_or_slot_wins() {
        let state = merged(&[
            r#"{"0x1": {"balance": "0x5", "nonce": 3, "storage": {"0x1": "0x0", "0x2": "0x7"}}}"#,
            r#"{"0x2": {"balance": "0x1"}, "0x1": {"balance": "0x4", "nonce": 4, "storage": {"0x1": "0x9", "0x3": "0x8"}}}"#,
        ]);
        assert_eq!(state.len(), 2);
        let account = &state[0].1;
        assert_eq!((account.balance, account.nonce), (5.into(), 3));
        assert_eq!(
            account.storage,
            [
                (1.into(), 0.into()),
                (2.into(), 7.into()),
                (3.into(), 8.into())
            ]
        );
    }

    #[test]
    fn what_a_complete_object_leaves_out_is_zero() {
        let state = merged(&[
            r#"{"0x1": {"balance": "0x5"}}"#,
            r#"{"0x1": {"balance": "0x4", "nonce": 1, "code": "0x00"}}"#,
        ]);
        assert_eq!(state[0].1.nonce, 0);
        assert_eq!(state[0].1.code, Some(Bytes::new()));
    }

    #[test]
    fn objects_without_a_balance_complete_each_other() {
        let state = merged(&[
            r#"{"0x1": {"storage": {"0x1": "0x2"}}}"#,
            r#"{"0x1": {"balance": "0x4", "nonce": 1}}"#,
            r#"{"0x1": {"code": "0x00"}}"#,
        ]);
        let account = &state[0].1;
        assert_eq!((account.balance, account.nonce), (4.into(), 1));
        assert_eq!(account.code.as_deref(), Some(&[0][..]));
    }

    #[test]
    fn code_known_by_hash_only_stays_unknown() {
        let state = merged(&[r#"{"0x1": {"balance": "0x5", "codeHash": "0x7"}}"#]);
        assert_eq!(state[0].1.code, None);
        assert_eq!(state[0].1.code_hash, Some(B256::from_low_u64_be(7)));
    }
}
