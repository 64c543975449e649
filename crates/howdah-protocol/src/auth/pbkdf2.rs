//! PBKDF2 with HMAC-SHA-256, in slices: its iterations may take long, and whoever computes has other things to look at.
//!
//! Source: RFC 8018, section 5.2; RFC 5802 calls it `Hi`. One block of output is all that SCRAM needs.

use hmac::digest::{Digest, FixedOutput};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Length of SHA-256's blocks, in bytes.
const BLOCK: usize = 64;

pub(super) type HmacSha256 = Hmac<Sha256>;

/// A derivation that has not come to its end.
pub(super) struct Pbkdf2 {
    prf: HmacSha256,
    /// The last iteration's output.
    last: [u8; 32],
    /// The sum (exclusive or) of all outputs so far.
    sum: [u8; 32],
    /// Iterations still to be done.
    left: u32,
}

impl Pbkdf2 {
    /// Begins, with the first of `iterations`, of which there is always one.
    pub(super) fn new(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let prf = keyed(password);
        let first = prf.clone().chain_update(salt).chain_update([0, 0, 0, 1]);
        let first = first.finalize().into_bytes().into();
        Self {
            prf,
            last: first,
            sum: first,
            left: iterations.saturating_sub(1),
        }
    }

    /// Goes on for so many iterations; gives the derived key once all are done.
    pub(super) fn run(&mut self, iterations: u32) -> Option<[u8; 32]> {
        let (mut last, mut sum) = (self.last, self.sum);
        for _ in 0..iterations.min(self.left) {
            let mut prf = self.prf.clone();
            prf.update(&last);
            last = prf.finalize_fixed().into();
            for (sum, byte) in sum.iter_mut().zip(&last) {
                *sum ^= byte;
            }
        }
        (self.last, self.sum) = (last, sum);
        self.left = self.left.saturating_sub(iterations);
        (self.left == 0).then_some(self.sum)
    }
}

/// HMAC with a key of any length: a long one is hashed, a short one padded with zeros, which leaves no length that could
/// be wrong.
pub(super) fn keyed(key: &[u8]) -> HmacSha256 {
    let hashed: [u8; 32];
    let key = if key.len() > BLOCK {
        hashed = Sha256::digest(key).into();
        &hashed
    } else {
        key
    };
    let mut block = [0; BLOCK];
    for (padded, byte) in block.iter_mut().zip(key) {
        *padded = *byte;
    }
    HmacSha256::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_slices(password: &[u8], salt: &[u8], iterations: u32, slice: u32) -> ([u8; 32], u32) {
        let mut derivation = Pbkdf2::new(password, salt, iterations);
        let mut slices = 1;
        loop {
            if let Some(key) = derivation.run(slice) {
                return (key, slices);
            }
            slices += 1;
        }
    }

    /// `pbkdf2` is the oracle.
    #[test]
    fn slices_add_up_to_what_the_crate_derives() {
        for length in [0, 1, 63, 64, 65, 200] {
            let password = vec![b'p'; length];
            for iterations in [1, 2, 3, 7, 50] {
                let expected =
                    ::pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(&password, b"salt", iterations);
                for slice in [1, 2, 3, 49, 50, u32::MAX] {
                    let (key, _) = in_slices(&password, b"salt", iterations, slice);
                    assert_eq!(key, expected, "{length} {iterations} {slice}");
                }
            }
        }
    }

    #[test]
    fn a_slice_is_no_longer_than_asked_for() {
        // The first iteration is done at the beginning.
        for (iterations, slice, slices) in [(1, 5, 1), (6, 5, 1), (7, 5, 2), (11, 5, 2), (12, 5, 3)]
        {
            assert_eq!(
                in_slices(b"", b"s", iterations, slice).1,
                slices,
                "{iterations}"
            );
        }
    }
}
