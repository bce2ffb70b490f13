//! One hash over all results of a block, to compare two executions of it.

use sha3::{Digest, Keccak256};

use super::{BlockOutcome, RoundOutcome};
use crate::{
    Address, B256, Log, U256,
    state::{AccountChange, Storage},
    transaction::{Kind, Receipt, Status},
};

/// Feeds values of fixed width, and lengths before what varies, so that no two results read the same.
struct Sink(Keccak256);

impl BlockOutcome {
    /// Keccak-256 over every receipt with all its fields, the rounds with the ids they ran, the
    /// requests, and the changes of the state. What depends on workers, partition or time is not in
    /// it.
    pub fn digest(&self) -> B256 {
        let mut sink = Sink(Keccak256::new());
        sink.length(self.receipts.len());
        self.receipts
            .iter()
            .for_each(|receipt| sink.receipt(receipt));
        sink.length(self.rounds.len());
        self.rounds.iter().for_each(|round| sink.round(round));
        sink.number(self.gas_used);
        sink.length(self.requests.iter().count());
        self.requests.iter().for_each(|request| sink.bytes(request));
        sink.length(self.changes.accounts.len());
        for (address, change) in self.changes.sorted() {
            sink.address(address);
            sink.change(change);
        }
        B256(sink.0.finalize().into())
    }
}

impl Sink {
    fn receipt(&mut self, receipt: &Receipt) {
        self.hash(receipt.id);
        self.hash(receipt.parent.unwrap_or_default());
        self.number(receipt.root.into());
        self.number(receipt.round.into());
        self.number(receipt.index);
        match receipt.kind {
            Kind::Original(kind) => self.0.update([0, kind.byte()]),
            Kind::Virtual { opcode, is_static } => self.0.update([1 + u8::from(is_static), opcode]),
        }
        self.address(receipt.sender);
        self.address(receipt.target);
        self.status(&receipt.status);
        self.number(receipt.gas_used);
        self.word(receipt.bounced);
        self.length(receipt.logs.len());
        receipt.logs.iter().for_each(|log| self.log(log));
        self.flag(receipt.created.is_some());
        self.address(receipt.created.unwrap_or_default());
        self.flag(receipt.tree_gas_used.is_some());
        self.number(receipt.tree_gas_used.unwrap_or_default());
    }

    fn status(&mut self, status: &Status) {
        self.bytes(status.word().as_bytes());
        self.bytes(status.reason().unwrap_or_default().as_bytes());
    }

    fn log(&mut self, log: &Log) {
        self.address(log.address);
        self.length(log.topics.len());
        log.topics.iter().for_each(|topic| self.hash(*topic));
        self.bytes(&log.data);
    }

    fn round(&mut self, round: &RoundOutcome) {
        self.number(round.index.into());
        self.length(round.receipts.start);
        self.length(round.receipts.end);
        self.length(round.executed);
        self.number(round.gas_used);
    }

    fn change(&mut self, change: &AccountChange) {
        self.flag(change.info.is_some());
        let info = change.info.unwrap_or_default();
        self.word(info.balance);
        self.number(info.nonce);
        self.hash(info.code_hash);
        self.flag(change.storage_cleared);
        self.storage(&change.storage);
    }

    fn storage(&mut self, storage: &Storage<U256>) {
        let mut slots: Vec<(U256, U256)> =
            storage.iter().map(|(key, value)| (*key, *value)).collect();
        slots.sort_unstable();
        self.length(slots.len());
        for (key, value) in slots {
            self.word(key);
            self.word(value);
        }
    }

    fn flag(&mut self, flag: bool) {
        self.0.update([u8::from(flag)]);
    }

    fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    fn word(&mut self, word: U256) {
        self.0.update(word.to_big_endian());
    }

    fn hash(&mut self, hash: B256) {
        self.0.update(hash);
    }

    fn address(&mut self, address: Address) {
        self.0.update(address);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.update(bytes);
    }
}
