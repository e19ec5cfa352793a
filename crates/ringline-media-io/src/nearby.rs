//! Brings memory near before it is needed, without waiting for it: between two ticks of a leg everything else has gone
//! through the caches.

/// What the caches move at a time.
const LINE: usize = 64;

/// Begin to fetch so many bytes from `start` on. Only a hint: nothing is read, and no address is wrong.
#[inline]
pub(crate) fn fetch(start: *const u8, bytes: usize) {
    let first = start.align_offset(LINE);
    // The line that `start` is in, and all that begin before the end.
    hint(start);
    for offset in (first..bytes).step_by(LINE) {
        hint(start.wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn hint(address: *const u8) {
    use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
    // SAFETY: the instruction is part of every x86-64 processor, reads nothing, and ignores addresses that are not there.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn hint(_address: *const u8) {}
