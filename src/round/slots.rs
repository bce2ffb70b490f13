//! The places behind a vector's end, filled by several threads in any order.
//!
//! A round's receipts are made where they stay: moving them once more, in order, would take a tenth of
//! a round of transfers.

use std::{
    mem::ManuallyDrop,
    sync::atomic::{AtomicU8, Ordering},
};

/// A vector that grows by a fixed number of values, each set once by whichever thread has it.
pub struct Slots<T> {
    values: *mut T,
    length: usize,
    capacity: usize,
    /// For each value to come, whether it is there: [`FREE`], [`TAKEN`] or [`FILLED`].
    states: Box<[AtomicU8]>,
}

/// Nobody has come for the place.
const FREE: u8 = 0;

/// Somebody makes its value, or has panicked at it.
const TAKEN: u8 = 1;

/// The value is there.
const FILLED: u8 = 2;

// SAFETY: 1. The vector is owned, so it may go where its values may. 2. Shared, a place is written by
// the one thread that has found it free, and read only by an owner of the whole.
unsafe impl<T: Send> Send for Slots<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Slots<T> {}

impl<T> Slots<T> {
    /// So many places behind a vector's values.
    pub fn new(mut behind: Vec<T>, count: usize) -> Self {
        behind.reserve(count);
        let mut behind = ManuallyDrop::new(behind);
        Self {
            values: behind.as_mut_ptr(),
            length: behind.len(),
            capacity: behind.capacity(),
            states: (0..count).map(|_| AtomicU8::new(FREE)).collect(),
        }
    }

    /// Sets the value at a place, counted from the first new one, and makes it there.
    ///
    /// # Panics
    /// If there is no such place, or it has been set.
    #[inline(always)]
    pub fn set(&self, place: usize, make: impl FnOnce() -> T) {
        let state = &self.states[place];
        let taken = state.compare_exchange(FREE, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
        assert!(taken.is_ok(), "place {place} is set once");
        // SAFETY: 1. There is a state for `place`, so it is within the capacity that `new` reserved
        // behind `length`. 2. No one else has found the place free, so no one else writes here.
        unsafe { self.values.add(self.length + place).write(make()) };
        state.store(FILLED, Ordering::Relaxed);
    }

    /// The vector with all values, or `None` if some have not been set.
    pub fn finish(mut self) -> Option<Vec<T>> {
        if !self
            .states
            .iter_mut()
            .all(|state| *state.get_mut() == FILLED)
        {
            return None;
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: 1. The parts are those of the vector that `new` took apart, and `this` is not
        // dropped. 2. All values up to the new length have been written. 3. Whoever wrote one has given
        // up its share of `self`, which was passed on by something that synchronises.
        let (states, values) = unsafe {
            let states = std::ptr::read(&this.states);
            let length = this.length + states.len();
            (
                states,
                Vec::from_raw_parts(this.values, length, this.capacity),
            )
        };
        drop(states);
        Some(values)
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        for (place, state) in self.states.iter_mut().enumerate() {
            if *state.get_mut() == FILLED {
                // SAFETY: 1. The state says that the value has been written, and only here is it dropped.
                unsafe { self.values.add(self.length + place).drop_in_place() };
            }
        }
        // SAFETY: as in `finish`, with the values that were there before.
        drop(unsafe { Vec::from_raw_parts(self.values, self.length, self.capacity) });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Arc,
    };

    use super::*;

    #[test]
    fn values_set_by_several_threads_stand_in_their_order() {
        let slots = Slots::new(vec!["old".to_owned()], 100);
        std::thread::scope(|scope| {
            for part in 0..4 {
                let slots = &slots;
                scope.spawn(move || {
                    for place in (0..100).rev().filter(|place| place % 4 == part) {
                        slots.set(place, || place.to_string());
                    }
                });
            }
        });
        let values = slots.finish().unwrap();
        assert_eq!(values.len(), 101);
        assert_eq!(values[0], "old");
        assert!((0..100).all(|place| values[place + 1] == place.to_string()));
    }

    #[test]
    fn values_are_dropped_with_slots_that_are_not_all_set() {
        let value = Arc::new(());
        let slots = Slots::new(vec![value.clone()], 3);
        slots.set(1, || value.clone());
        assert!(slots.finish().is_none());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_place_whose_value_could_not_be_made_stays_empty() {
        let value = Arc::new(());
        let slots = Slots::new(Vec::new(), 2);
        slots.set(0, || value.clone());
        let make = || -> Arc<()> { panic!("no value") };
        assert!(catch_unwind(AssertUnwindSafe(|| slots.set(1, make))).is_err());
        assert!(slots.finish().is_none());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    #[should_panic(expected = "place 1 is set once")]
    fn a_place_is_set_once() {
        let slots = Slots::new(Vec::new(), 2);
        slots.set(1, || 5);
        slots.set(1, || 6);
    }
}
