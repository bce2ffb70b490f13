//! Values that are made where they stay. What is long takes as long to move as to make, and longer if it is moved right
//! after its fields were written: the processor then waits for each of them.

use bytes::Bytes;

/// Adds a value that is made behind the others; [`Vec::push`] would move it there.
#[inline(always)]
pub fn push<T>(list: &mut Vec<T>, make: impl FnOnce() -> T) {
    list.extend(std::iter::once_with(make));
}

/// Takes bytes, most of which are none: those are made anew.
#[inline(always)]
pub fn take_bytes(bytes: &mut Bytes) -> Bytes {
    if bytes.is_empty() {
        return Bytes::new();
    }
    std::mem::take(bytes)
}

/// Takes a list, most of which are empty: those are made anew.
#[inline(always)]
pub fn take_list<T>(list: &mut Vec<T>) -> Vec<T> {
    if list.is_empty() {
        return Vec::new();
    }
    std::mem::take(list)
}
