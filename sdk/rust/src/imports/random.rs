//! Randomness of the run's own: the same when an activation is taken up again.

use super::sys;

/// So many bytes, at most 1,024.
pub fn bytes(length: u32) -> Vec<u8> {
    sys::random::bytes(length)
}
