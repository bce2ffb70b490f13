//! An account while transactions work on it.

use primitive_types::H160;

use crate::{
    Address, B256, Code, U256,
    state::{AccountInfo, EMPTY_CODE_HASH, Storage, overlay::Loaded},
};

/// What a running transaction may do with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It has an owner: read live and written directly, and by no other than that.
    Owned,
    /// Read as of the round's start, or owned by a static record: never written.
    ReadOnly,
}

/// A slot while transactions work on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// The value now.
    pub present: U256,
    /// The value at the start of the transaction that accessed it last.
    pub original: U256,
    /// The value as of the round's start; zero if nothing of that storage shows through.
    pub loaded: U256,
    /// The transaction that accessed it last, by epoch.
    pub warm_in: u32,
    /// Whether anything has been written to it since it was loaded.
    pub is_written: bool,
}

/// An account while transactions work on it: loaded from the round's start, changed in place, and
/// passed by move from one owner to the next.
///
/// What concerns one transaction only is stamped with that transaction's epoch, so that the next
/// one need not clear it.
#[derive(Debug)]
pub struct LiveAccount {
    pub(super) address: Address,
    pub(super) info: AccountInfo,
    /// The account as of the round's start.
    pub(super) loaded: Loaded,
    /// Its code, if it has any and that has been loaded: no bytes otherwise.
    pub(super) code: Code,
    pub(super) exists: bool,
    pub(super) access: Access,
    pub(super) warm_in: u32,
    pub(super) touched_in: u32,
    pub(super) created_in: u32,
    pub(super) destroyed_in: u32,
    /// A transaction that has succeeded has written to it.
    pub(super) is_written: bool,
    /// Nothing of the storage as of the round's start shows through.
    pub(super) storage_cleared: bool,
    pub(super) storage: Storage<Slot>,
}

/// What is left of a [`LiveAccount`] when its round is over.
pub(crate) struct WrittenAccount<'a> {
    pub address: Address,
    pub info: Option<&'a AccountInfo>,
    /// As of the round's start.
    pub loaded: &'a Loaded,
    /// If it is another than the one that it was loaded with.
    pub code: Option<Code>,
    pub storage_cleared: bool,
    /// Slots that have been looked at since the account was loaded.
    pub storage: &'a Storage<Slot>,
}

impl LiveAccount {
    /// What stands at a place that is nobody's: it holds no code and no storage.
    pub(super) const VACANCY: Self = Self::new(H160([0; 20]), &Loaded::NONE, Access::ReadOnly);

    /// An account as the round's start has it. An account is long, and to move one takes as long as to make
    /// it: it is best made where it stays, which the compiler does if all fields are named.
    #[inline(always)]
    pub(super) const fn new(address: Address, loaded: &Loaded, access: Access) -> Self {
        Self {
            address,
            info: loaded.info,
            exists: loaded.exists,
            loaded: *loaded,
            code: Code::EMPTY,
            access,
            warm_in: 0,
            touched_in: 0,
            created_in: 0,
            destroyed_in: 0,
            is_written: false,
            storage_cleared: false,
            storage: Storage::EMPTY,
        }
    }

    /// Makes a vacancy such an account, where it stands; what room there is for slots stays.
    #[inline]
    pub(super) fn begin(&mut self, address: Address, loaded: &Loaded, access: Access) {
        debug_assert!(self.code.is_empty() && self.storage.is_empty());
        self.address = address;
        self.info = loaded.info;
        self.exists = loaded.exists;
        self.loaded = *loaded;
        self.access = access;
        self.warm_in = 0;
        self.touched_in = 0;
        self.created_in = 0;
        self.destroyed_in = 0;
        self.is_written = false;
        self.storage_cleared = false;
    }

    /// Whose account it is.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The account now, or `None` where it does not exist.
    pub fn info(&self) -> Option<&AccountInfo> {
        self.exists.then_some(&self.info)
    }

    /// Whether a transaction has written to it, so that the barrier has something to take over.
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Makes the account absent, its storage with it.
    pub(super) fn remove(&mut self) {
        self.info = AccountInfo::default();
        self.code = Code::EMPTY;
        self.exists = false;
        self.storage_cleared = true;
        self.storage.clear();
        // What was not there before is as it was.
        self.is_written = self.loaded.exists;
    }

    /// Lets go of what it holds besides itself: its place is vacant.
    pub(super) fn vacate(&mut self) {
        self.is_written = false;
        self.code = Code::EMPTY;
        self.storage.recycle();
    }

    pub(crate) fn has_code(&self) -> bool {
        self.info.code_hash != EMPTY_CODE_HASH
    }

    /// The code hash as EXTCODEHASH returns it: zero where the account is absent or empty.
    pub(super) fn visible_code_hash(&self) -> B256 {
        if self.exists && !self.info.is_empty() {
            self.info.code_hash
        } else {
            B256::zero()
        }
    }

    /// What the barrier has to take over, if anything; its code is taken.
    #[inline]
    pub(crate) fn take_written(&mut self) -> Option<WrittenAccount<'_>> {
        if !self.is_written {
            return None;
        }
        let has_new_code =
            || ![EMPTY_CODE_HASH, self.loaded.info.code_hash].contains(&self.info.code_hash);
        let code = std::mem::take(&mut self.code);
        Some(WrittenAccount {
            address: self.address,
            code: (!code.is_empty() && has_new_code()).then_some(code),
            info: self.exists.then_some(&self.info),
            loaded: &self.loaded,
            storage_cleared: self.storage_cleared,
            storage: &self.storage,
        })
    }
}
