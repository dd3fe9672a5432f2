//! Memory that is needed in a moment, asked for now.
//!
//! A media worker touches the state of a thousand legs in turn, more than the processor keeps at hand: each line of it
//! would be waited for. Who knows what comes next asks for it some packets ahead, while the system still sends the
//! packet before. It changes nothing but the time that things take.

/// Octets that come together.
const LINE_BYTES: usize = 64;

/// Asks for the line in which `value` begins.
#[inline]
pub fn fetch<T: ?Sized>(value: &T) {
    fetch_at(std::ptr::from_ref(value).cast::<u8>());
}

/// Asks for all lines of `value`.
#[inline]
pub fn fetch_whole<T: ?Sized>(value: &T) {
    let first = std::ptr::from_ref(value).cast::<u8>();
    for offset in (0..size_of_val(value)).step_by(LINE_BYTES) {
        fetch_at(first.wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch_at(place: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint may have any address and never fails.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
}

/// Without a stable way to ask, it comes when it is needed.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn fetch_at(_place: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_changes_nothing() {
        let values = [7u8; 300];
        fetch(&values);
        fetch_whole(&values);
        fetch_whole(&values[..0]);
        assert_eq!(values, [7; 300]);
    }
}
