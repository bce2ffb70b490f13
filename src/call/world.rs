//! Everything a running transaction can see, put together: the host of its frames.

use crate::{
    AccountIndex, Address, B256, BlockEnvironment, CallTarget, Code, Destroyed, Environment, Fork,
    Host, Loaded, Log, Refusal, Stored, TransactionEnvironment, U256,
    precompiles::Precompiles,
    state::{Fault, Journal, State},
};

/// The journal over the round's start, with the block's and the root's facts.
pub struct World<'a> {
    /// The transaction's changes.
    pub journal: &'a mut Journal,
    /// The state as of the round's start.
    pub state: &'a State<'a>,
    /// The block's facts.
    pub block: &'a BlockEnvironment,
    /// The root transaction's facts.
    pub transaction: &'a TransactionEnvironment,
    /// The fork's precompiles.
    pub precompiles: &'a Precompiles,
    /// The rules.
    pub fork: Fork,
}

impl World<'_> {
    /// The reason of a refusal that was no lack of gas.
    pub(crate) fn fault(&mut self) -> Fault {
        self.journal
            .take_fault()
            .expect("a host that faults keeps the reason")
    }

    /// Unwraps what cannot be refused for lack of gas, since cold access was allowed.
    pub(crate) fn unrefused<T>(&mut self, result: Result<T, Refusal>) -> Result<T, Fault> {
        result.map_err(|_| self.fault())
    }
}

impl Host for World<'_> {
    #[inline]
    fn environment(&self) -> Environment<'_> {
        Environment {
            block: self.block,
            transaction: self.transaction,
        }
    }

    fn balance(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<U256>, Refusal> {
        self.journal.balance(self.state, address, cold_allowed)
    }

    fn own_balance(&mut self, account: AccountIndex) -> Result<U256, Refusal> {
        Ok(self.journal.balance_at(account.0))
    }

    fn code(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<Code>, Refusal> {
        self.journal.code_of(self.state, address, cold_allowed)
    }

    fn code_hash(&mut self, address: Address, cold_allowed: bool) -> Result<Loaded<B256>, Refusal> {
        self.journal.code_hash(self.state, address, cold_allowed)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Refusal> {
        self.journal.block_hash(self.state, number)
    }

    #[inline]
    fn sload(
        &mut self,
        account: AccountIndex,
        key: U256,
        cold_allowed: bool,
    ) -> Result<Loaded<U256>, Refusal> {
        self.journal.sload(self.state, account.0, key, cold_allowed)
    }

    #[inline]
    fn sstore(
        &mut self,
        account: AccountIndex,
        key: U256,
        value: U256,
        cold_allowed: bool,
    ) -> Result<Stored, Refusal> {
        self.journal
            .sstore(self.state, account.0, key, value, cold_allowed)
    }

    fn tload(&mut self, address: Address, key: U256) -> U256 {
        self.journal.tload(address, key)
    }

    fn tstore(&mut self, address: Address, key: U256, value: U256) {
        self.journal.tstore(address, key, value);
    }

    fn log(&mut self, log: Log) {
        self.journal.log(log);
    }

    fn call_target(&mut self, address: Address, cold_allowed: bool) -> Result<CallTarget, Refusal> {
        self.journal.call_target(self.state, address, cold_allowed)
    }

    fn access_account(&mut self, address: Address, cold_allowed: bool) -> Result<bool, Refusal> {
        self.journal
            .access(self.state, address, cold_allowed)
            .map(|(_, is_cold)| is_cold)
    }

    fn self_destruct(
        &mut self,
        account: AccountIndex,
        beneficiary: Address,
        cold_allowed: bool,
    ) -> Result<Destroyed, Refusal> {
        self.journal
            .self_destruct(self.state, account.0, beneficiary, cold_allowed)
    }
}
