//! How accounts come into a journal from the state as of the round's start: one by one, or many together.

use super::{Access, Fault, Journal, NO_PLACE, index_of};
use crate::{
    Address, Code, Refusal,
    state::{DatabaseFault, State, overlay::Loaded},
};

impl Journal {
    /// Loads an account that is to be owned, as of the round's start: its place, which stays its own
    /// until it is given up.
    ///
    /// # Errors
    /// The database's.
    pub fn load(&mut self, state: &State<'_>, address: Address) -> Result<u32, Fault> {
        let (loaded, code) = self.as_of_start(state, address)?;
        let place = self.place(address, &loaded, Access::Owned);
        self.accounts[place as usize].code = code;
        Ok(place)
    }

    /// Loads accounts that are to be owned, those that are not read already, and passes on where each
    /// stands. What the database fails at is kept for whoever needs it.
    ///
    /// The loads do not wait for each other, as in [`Journal::preload`].
    pub fn load_together(
        &mut self,
        state: &State<'_>,
        wanted: impl Iterator<Item = (u32, Address)>,
        places: &mut [u32],
    ) {
        self.not_loaded.clear();
        for (number, address) in wanted {
            let place = &mut places[number as usize];
            let is_read = !self.reads.is_empty() && self.reads.contains_key(&address);
            let has_failed = self.not_loaded.iter().any(|(failed, _)| *failed == address);
            if *place != NO_PLACE || is_read || has_failed {
                continue;
            }
            match state.load(address) {
                Ok(loaded) => *place = self.place(address, &loaded, Access::Owned),
                Err(error) => self.not_loaded.push((address, error)),
            }
        }
    }

    /// Loads accounts that are about to be looked at, where everything is owned: adds their places to a list.
    ///
    /// The loads do not wait for each other, so that what each of them waits for, memory or a disk's
    /// cache, comes together.
    ///
    /// # Errors
    /// Which account is the first that the database failed at, and how.
    pub fn preload(
        &mut self,
        state: &State<'_>,
        addresses: impl Iterator<Item = Address>,
        places: &mut Vec<u32>,
    ) -> Result<(), (Address, DatabaseFault)> {
        debug_assert!(self.owns_everything, "what is owned is told by `own`");
        // Where everything is owned no place becomes vacant.
        let first = self.accounts.len();
        for address in addresses {
            let accounts = &self.accounts;
            let address_at = |place: u32| accounts[place as usize].address;
            let next = index_of(accounts.len());
            let place = self.index.insert(address, address_at, || next);
            if place == next {
                match state.load(address) {
                    Ok(loaded) => {
                        self.place(address, &loaded, Access::Owned);
                    }
                    Err(error) => {
                        self.index.truncate(index_of(first));
                        self.accounts.truncate(first);
                        return Err((address, error));
                    }
                }
            }
            places.push(place);
        }
        Ok(())
    }

    /// The place of an account, loading it if need be; not an access in the sense of EIP-2929.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the database fails.
    pub fn locate(&mut self, state: &State<'_>, address: Address) -> Result<u32, Refusal> {
        if let Some(index) = self.known(address) {
            return Ok(index);
        }
        match state.load(address) {
            Ok(loaded) if self.owns_everything => {
                let index = self.place(address, &loaded, Access::Owned);
                let accounts = &self.accounts;
                let address_at = |place: u32| accounts[place as usize].address;
                self.index.insert(address, address_at, || index);
                Ok(index)
            }
            Ok(loaded) => {
                let index = self.place(address, &loaded, Access::ReadOnly);
                self.reads.insert(address, index);
                Ok(index)
            }
            Err(error) => self.refuse(Fault::Database(error)),
        }
    }

    /// An account as of the round's start, with its code if that is loaded; what an earlier transaction of
    /// this worker has read of it is used, but not taken.
    fn as_of_start(
        &mut self,
        state: &State<'_>,
        address: Address,
    ) -> Result<(Loaded, Code), Fault> {
        let failed = self.not_loaded.iter().position(|(at, _)| *at == address);
        if let Some(at) = failed {
            return Err(Fault::Database(self.not_loaded.swap_remove(at).1));
        }
        match self.reads.get(&address) {
            Some(index) => {
                let live = &self.accounts[*index as usize];
                Ok((live.loaded, live.code.clone()))
            }
            None => {
                let loaded = state.load(address).map_err(Fault::Database)?;
                Ok((loaded, Code::EMPTY))
            }
        }
    }
}
