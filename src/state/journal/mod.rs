//! The journal of a running transaction: the accounts that it has looked at, what it has done to
//! them, and how to undo that.
//!
//! It knows ownership (what may be written) and no policy: who owns what is told by its caller. It
//! reads the round's start through a [`State`] that is handed to each method, so that it can live as
//! long as its worker and keep its allocations.

mod account;
mod deferred_call;
mod host;
mod load;
mod owned;
mod places;
mod undo;

pub use account::{Access, LiveAccount};
pub use deferred_call::{DeferredCall, Input};
pub use undo::Checkpoint;

pub(crate) use account::Slot;
use deferred_call::Inputs;
use owned::OwnedPlaces;
use places::Places;
use undo::Undo;

use deferevm_opcodes::machine::word;

use super::{AccessList, DatabaseFault, EMPTY_CODE_HASH, Map, State, Writes, overlay::Loaded};
use crate::{Address, B256, Code, Fork, Log, Refusal, U256, in_place};

/// Why a transaction cannot go on at all. What it has done so far is undone by its caller.
#[derive(Debug)]
pub enum Fault {
    /// The database failed: the block fails.
    Database(DatabaseFault),
    /// The bytes of a code are needed, and only its hash is known: the transaction fails.
    CodeMissing(Address),
    /// A write to an account that is not owned: a defect of whoever told the journal what is owned.
    NotOwned(Address),
    /// A balance would exceed 2²⁵⁶−1 wei: the state is not one that Ethereum can have.
    BalanceOverflow(Address),
    /// An embedder's hook panicked.
    Panicked(String),
}

/// Room for so many logs, credits or deferred calls is kept from transaction to transaction.
const KEPT: usize = 1024;

/// Stands for an account that is not loaded.
pub const NO_PLACE: u32 = u32::MAX;

/// Wei to be added to a balance at the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Who receives it.
    pub address: Address,
    /// Wei; zero is a touch.
    pub amount: U256,
}

/// What a transaction leaves behind besides its accounts.
#[derive(Debug, Default)]
pub struct Effects {
    /// In the order in which they were emitted.
    pub logs: Vec<Log>,
    /// To be applied at the barrier.
    pub credits: Vec<Credit>,
    /// Deferred calls, in the order in which they were emitted.
    pub deferred_calls: Vec<DeferredCall>,
    /// Wei that ceased to exist: from the journal, with destroyed accounts.
    pub burnt: U256,
}

/// The accounts of a worker, and the changes of the transaction that it runs.
#[derive(Debug)]
pub struct Journal {
    fork: Fork,
    /// Ethereum's own rule: every account that is looked at is owned.
    owns_everything: bool,
    accounts: Vec<LiveAccount>,
    vacant: Vec<u32>,
    /// Where everything is owned: the places of all accounts.
    index: Places,
    /// Elsewhere: the places of those that the running transaction owns.
    owned: OwnedPlaces,
    /// The places of accounts as of the round's start, for those who do not own them.
    reads: Map<Address, u32>,
    /// Of the running transaction; never 0, and no two transactions of a block share one.
    epoch: u32,
    access_list: AccessList,
    undo: Vec<Undo>,
    logs: Vec<Log>,
    credits: Vec<Credit>,
    deferred_calls: Vec<DeferredCall>,
    inputs: Inputs,
    transient: Map<(Address, U256), U256>,
    burnt: U256,
    fault: Option<Fault>,
    /// Accounts that could not be loaded ahead, and why: whoever needs one fails with it.
    not_loaded: Vec<(Address, DatabaseFault)>,
    /// Codes by hash, if other threads run the same ones: see [`Journal::keep_codes`].
    codes: Option<Map<B256, Code>>,
}

impl Journal {
    /// An empty journal. `owns_everything` is Ethereum's synchronous rule; otherwise what may be
    /// written is what [`Journal::own`] has been told.
    pub fn new(fork: Fork, owns_everything: bool) -> Self {
        Self {
            fork,
            owns_everything,
            accounts: Vec::new(),
            vacant: Vec::new(),
            index: Places::default(),
            owned: OwnedPlaces::default(),
            reads: Map::default(),
            epoch: 0,
            access_list: AccessList::default(),
            undo: Vec::new(),
            logs: Vec::new(),
            credits: Vec::new(),
            deferred_calls: Vec::new(),
            inputs: Inputs::default(),
            transient: Map::default(),
            burnt: U256::zero(),
            fault: None,
            not_loaded: Vec::new(),
            codes: None,
        }
    }

    /// From now on each code is kept with a count of its own, and its clones are made from that: threads
    /// that run the same code do not wait for each other to count them.
    pub fn keep_codes(&mut self) {
        self.codes.get_or_insert_default();
    }

    /// Forgets all accounts: the state below has changed, or another block begins.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.vacant.clear();
        self.index.clear();
        self.owned.clear();
        self.reads.clear();
        self.not_loaded.clear();
    }

    /// What is warm from the start of the coming transaction; see [`Journal::begin`].
    pub fn access_list_mut(&mut self) -> &mut AccessList {
        &mut self.access_list
    }

    /// Starts a transaction. `epoch` is its own within the block, and not 0.
    pub fn begin(&mut self, epoch: u32) {
        debug_assert!(epoch != 0, "0 stands for never");
        self.epoch = epoch;
        self.access_list.clear();
        self.undo.clear();
        self.logs.clear();
        self.credits.clear();
        self.deferred_calls.clear();
        self.inputs.clear();
        self.transient.clear();
        self.burnt = U256::zero();
        self.fault = None;
    }

    /// Ends a transaction: destroyed accounts go, empty ones that were touched go (EIP-161), and so does what
    /// code has stored as an account that does not exist; what is left counts as written.
    #[inline(always)]
    pub fn end(&mut self) -> Effects {
        self.end_accounts();
        self.inputs.hand_out(&mut self.deferred_calls);
        Effects {
            logs: handed_out(&mut self.logs),
            credits: handed_out(&mut self.credits),
            deferred_calls: handed_out(&mut self.deferred_calls),
            burnt: self.burnt,
        }
    }

    fn end_accounts(&mut self) {
        let clears_empty = self.clears_empty();
        for undo in self.undo.drain(..) {
            let account = match undo {
                Undo::Touched { account, .. }
                | Undo::Slot { account, .. }
                | Undo::Created { account, .. } => account,
                _ => continue,
            };
            let account = &mut self.accounts[account as usize];
            account.is_written = true;
            if account.destroyed_in == self.epoch {
                self.burnt = word::saturating_add(self.burnt, account.info.balance);
                account.destroyed_in = 0;
                account.remove();
            } else if !account.exists || clears_empty && account.info.is_empty() {
                account.remove();
            }
        }
    }

    /// Takes an account over as its last owner left it: its place.
    pub fn adopt(&mut self, account: LiveAccount) -> u32 {
        match self.vacant.pop() {
            Some(place) => {
                self.accounts[place as usize] = account;
                place
            }
            None => {
                self.accounts.push(account);
                index_of(self.accounts.len() - 1)
            }
        }
    }

    /// Makes the account at a place one that the coming transactions own, until [`Journal::disown_all`].
    pub fn own(&mut self, place: u32) {
        self.owned.insert(place, &self.accounts);
    }

    /// Nothing is owned any more: all is read as of the round's start.
    pub fn disown_all(&mut self) {
        self.owned.clear();
    }

    /// Whether anything has been written to the account at a place.
    pub fn is_written(&self, place: u32) -> bool {
        self.accounts[place as usize].is_written
    }

    /// Lets go of the account at a place, which nobody needs again as it is: what has been done to it, if
    /// anything, is among the writes from now on. Another one may take the place.
    pub fn retire(&mut self, place: u32, writes: &mut Writes) {
        let account = &mut self.accounts[place as usize];
        writes.add(account);
        account.vacate();
        self.vacant.push(place);
    }

    /// Gives up the account at a place, which another one may take.
    pub fn give_up(&mut self, place: u32) -> LiveAccount {
        self.vacant.push(place);
        std::mem::replace(&mut self.accounts[place as usize], LiveAccount::VACANCY)
    }

    /// Gives up every account, those included that have only been read: a round is over.
    pub fn take_accounts(&mut self) -> Vec<LiveAccount> {
        let accounts = std::mem::take(&mut self.accounts);
        self.clear();
        accounts
    }

    /// Gives up every account: what has been done to them.
    pub fn take_writes(&mut self) -> Writes {
        let mut writes = Writes::default();
        self.move_writes(&mut writes);
        writes
    }

    /// Gives up every account: adds what has been done to them.
    pub fn move_writes(&mut self, writes: &mut Writes) {
        for account in &mut self.accounts {
            writes.add(account);
            // While it is at hand: to free all of them afterwards takes a sixth of a block of token transfers.
            account.storage.clear();
        }
        self.clear();
    }

    /// Gives up every account, and has the state take over what has been done to them.
    pub fn drain_into(&mut self, state: &mut State<'_>) {
        state.absorb(self.take_writes());
    }

    /// All accounts, in no order, where everything is owned.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.index
            .iter()
            .map(|place| self.accounts[place as usize].address)
    }

    /// Makes room for so many more accounts.
    pub fn reserve(&mut self, accounts: usize) {
        self.accounts.reserve(accounts);
        if self.owns_everything {
            self.index.reserve(accounts, &self.accounts);
        }
    }

    /// Takes the reason of the last [`Refusal::Fault`].
    pub fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// The account at a place.
    pub fn account(&self, account: u32) -> &LiveAccount {
        &self.accounts[account as usize]
    }

    /// The place of an account as the running transaction sees it, if it is loaded.
    fn known(&self, address: Address) -> Option<u32> {
        if self.owns_everything {
            return self.index.get(address, &self.accounts);
        }
        let owned = self.owned.get(address, &self.accounts);
        if owned.is_some() || self.reads.is_empty() {
            return owned;
        }
        self.reads.get(&address).copied()
    }

    /// Marks an account accessed; the place, and whether the access was the transaction's first.
    ///
    /// # Errors
    /// [`Refusal::OutOfGas`] if it would be cold and that is not allowed.
    pub fn access(
        &mut self,
        state: &State<'_>,
        address: Address,
        cold_allowed: bool,
    ) -> Result<(u32, bool), Refusal> {
        let known = self.known(address);
        if let Some(index) = known
            && self.accounts[index as usize].warm_in == self.epoch
        {
            return Ok((index, false));
        }
        let is_cold = !self.access_list.contains_address(address);
        if is_cold && !cold_allowed {
            return Err(Refusal::OutOfGas);
        }
        let index = match known {
            Some(index) => index,
            None => self.locate(state, address)?,
        };
        self.accounts[index as usize].warm_in = self.epoch;
        self.undo.push(Undo::AccountWarmed(index));
        Ok((index, is_cold))
    }

    /// Whether the account at a place has code.
    pub fn has_code(&self, account: u32) -> bool {
        self.accounts[account as usize].has_code()
    }

    /// The code of the account at a place, its bytes loaded.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the database fails or knows the hash only.
    pub fn code(&mut self, state: &State<'_>, account: u32) -> Result<Code, Refusal> {
        let live = &mut self.accounts[account as usize];
        if !live.code.is_empty() || !live.has_code() {
            return Ok(live.code.clone());
        }
        let hash = live.info.code_hash;
        if let Some(code) = self.codes.as_ref().and_then(|codes| codes.get(&hash)) {
            live.code = code.clone();
            return Ok(code.clone());
        }
        match state.code(hash) {
            Ok(Some(mut code)) => {
                if let Some(codes) = &mut self.codes {
                    code = code.with_own_count();
                    codes.insert(hash, code.clone());
                }
                live.code = code.clone();
                Ok(code)
            }
            Ok(None) => {
                let address = live.address;
                self.refuse(Fault::CodeMissing(address))
            }
            Err(error) => self.refuse(Fault::Database(error)),
        }
    }

    /// Whether the account at a place has code, a nonce or storage (EIP-684, EIP-7610).
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the database fails.
    pub fn is_taken(&mut self, state: &State<'_>, account: u32) -> Result<bool, Refusal> {
        let live = &self.accounts[account as usize];
        if live.info.nonce != 0
            || live.has_code()
            || live.storage.values().any(|slot| !slot.present.is_zero())
        {
            return Ok(true);
        }
        if live.storage_cleared {
            return Ok(false);
        }
        match state.has_storage(live.address) {
            Ok(has_storage) => Ok(has_storage),
            Err(error) => self.refuse(Fault::Database(error)),
        }
    }

    /// Whether the fork clears touched empty accounts (EIP-161).
    pub fn clears_empty(&self) -> bool {
        self.fork >= Fork::SpuriousDragon
    }

    /// Touches the account at a place: it exists from now on, and goes at the transaction's end if
    /// it is empty then and the fork clears such.
    pub fn touch(&mut self, account: u32) {
        let live = &mut self.accounts[account as usize];
        if live.touched_in != self.epoch {
            self.undo.push(Undo::Touched {
                account,
                existed: live.exists,
            });
            live.touched_in = self.epoch;
            live.exists = true;
        }
    }

    /// Adds to the balance at a place.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the account is not owned or the sum is not below 2²⁵⁶.
    pub fn add_balance(&mut self, account: u32, amount: U256) -> Result<(), Refusal> {
        let previous = self.writable(account)?.info.balance;
        let Some(balance) = word::checked_add(previous, amount) else {
            let address = self.accounts[account as usize].address;
            return self.refuse(Fault::BalanceOverflow(address));
        };
        self.touch(account);
        if !amount.is_zero() {
            self.set_balance(account, previous, balance);
        }
        Ok(())
    }

    /// Takes from the balance at a place: false, with nothing done, where it does not suffice.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the account is not owned.
    pub fn sub_balance(&mut self, account: u32, amount: U256) -> Result<bool, Refusal> {
        let previous = self.writable(account)?.info.balance;
        let Some(balance) = word::checked_sub(previous, amount) else {
            return Ok(false);
        };
        self.touch(account);
        if !amount.is_zero() {
            self.set_balance(account, previous, balance);
        }
        Ok(true)
    }

    /// Sets the nonce at a place.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the account is not owned.
    pub fn set_nonce(&mut self, account: u32, nonce: u64) -> Result<(), Refusal> {
        let previous = self.writable(account)?.info.nonce;
        self.touch(account);
        self.undo.push(Undo::Nonce { account, previous });
        self.accounts[account as usize].info.nonce = nonce;
        Ok(())
    }

    /// Sets the code at a place.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the account is not owned.
    pub fn set_code(&mut self, account: u32, code: Code) -> Result<(), Refusal> {
        let live = self.writable(account)?;
        let previous = Box::new((live.info, std::mem::take(&mut live.code)));
        live.info.code_hash = if code.bytes().is_empty() {
            EMPTY_CODE_HASH
        } else {
            code.hash()
        };
        live.code = code;
        self.undo.push(Undo::Code(account, previous));
        self.touch(account);
        Ok(())
    }

    /// Marks the account at a place as created in this transaction (EIP-6780). It has no storage: a
    /// place that has some is taken.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the account is not owned.
    pub fn mark_created(&mut self, account: u32) -> Result<(), Refusal> {
        let epoch = self.epoch;
        let live = self.writable(account)?;
        let previous = std::mem::replace(&mut live.created_in, epoch);
        let was_cleared = std::mem::replace(&mut live.storage_cleared, true);
        self.undo.push(Undo::Created {
            account,
            previous,
            was_cleared,
        });
        self.touch(account);
        Ok(())
    }

    /// Counts wei that ceases to exist with the running transaction.
    pub fn burn(&mut self, amount: U256) {
        self.burnt = word::saturating_add(self.burnt, amount);
    }

    /// Adds a credit for the barrier.
    pub fn credit(&mut self, address: Address, amount: U256) {
        self.credits.push(Credit { address, amount });
    }

    /// Appends a deferred call; it goes if the frame that emitted it fails.
    pub fn emit(&mut self, mut emission: DeferredCall, input: &[u8]) {
        emission.input = self.inputs.push(input, self.deferred_calls.last());
        self.deferred_calls.push(emission);
    }

    /// The place of an account if the running transaction owns it. Where everything is owned that is
    /// every account.
    pub fn locate_owned(
        &mut self,
        state: &State<'_>,
        address: Address,
    ) -> Option<Result<u32, Refusal>> {
        if self.owns_everything {
            return Some(self.locate(state, address));
        }
        self.owned.get(address, &self.accounts).map(Ok)
    }

    /// Adds to the balance at a place for good, outside any transaction. Nothing added to an empty
    /// account clears it, where the fork clears such (EIP-161).
    ///
    /// # Errors
    /// The balance would not fit in 256 bits.
    pub fn deposit(&mut self, account: u32, amount: U256) -> Result<(), Fault> {
        let live = &mut self.accounts[account as usize];
        live.info.balance = word::checked_add(live.info.balance, amount)
            .ok_or(Fault::BalanceOverflow(live.address))?;
        live.exists = true;
        live.is_written = true;
        if live.info.is_empty() && self.fork >= Fork::SpuriousDragon {
            live.remove();
        }
        Ok(())
    }

    /// The deferred calls of the running transaction that have survived.
    pub fn deferred_calls(&self) -> &[DeferredCall] {
        &self.deferred_calls
    }

    /// The same, to be given their gas.
    pub fn deferred_calls_mut(&mut self) -> &mut [DeferredCall] {
        &mut self.deferred_calls
    }

    /// The deferred calls emitted since a checkpoint.
    pub fn deferred_calls_since(&self, checkpoint: Checkpoint) -> &[DeferredCall] {
        &self.deferred_calls[checkpoint.deferred_calls..]
    }

    /// The balance at a place, in wei.
    pub fn balance_at(&self, account: u32) -> U256 {
        self.accounts[account as usize].info.balance
    }

    /// The nonce at a place.
    pub fn nonce_at(&self, account: u32) -> u64 {
        self.accounts[account as usize].info.nonce
    }

    fn set_balance(&mut self, account: u32, previous: U256, balance: U256) {
        self.undo.push(Undo::Balance { account, previous });
        self.accounts[account as usize].info.balance = balance;
    }

    fn writable(&mut self, account: u32) -> Result<&mut LiveAccount, Refusal> {
        if self.accounts[account as usize].access != Access::Owned {
            let address = self.accounts[account as usize].address;
            return self.refuse(Fault::NotOwned(address));
        }
        Ok(&mut self.accounts[account as usize])
    }

    fn refuse<T>(&mut self, fault: Fault) -> Result<T, Refusal> {
        self.fault = Some(fault);
        Err(Refusal::Fault)
    }

    /// A place for an account as of the round's start.
    #[inline(always)]
    fn place(&mut self, address: Address, loaded: &Loaded, access: Access) -> u32 {
        match self.vacant.pop() {
            Some(place) => {
                self.accounts[place as usize].begin(address, loaded, access);
                place
            }
            None => {
                let place = index_of(self.accounts.len());
                in_place::push(&mut self.accounts, || {
                    LiveAccount::new(address, loaded, access)
                });
                place
            }
        }
    }
}

/// What a list holds, in no more memory than that takes. The list keeps its own for the next transaction, unless
/// that is much: then it goes along.
#[inline(always)]
fn handed_out<T>(list: &mut Vec<T>) -> Vec<T> {
    if list.is_empty() {
        return Vec::new();
    }
    hand_out(list)
}

#[inline(never)]
fn hand_out<T>(list: &mut Vec<T>) -> Vec<T> {
    if list.len() > KEPT {
        let mut all = std::mem::take(list);
        all.shrink_to_fit();
        return all;
    }
    let mut all = Vec::with_capacity(list.len());
    all.append(list);
    list.shrink_to(KEPT);
    all
}

fn index_of(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 accounts fit in memory")
}
