//! Which values of a column are NULL.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use howdah_types::memory::{OutOfMemory, room};

/// One bit for each value, if any of them is NULL.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    bits: Vec<u8>,
    len: usize,
    nulls: usize,
}

impl Validity {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, valid: bool) -> Result<(), OutOfMemory> {
        if valid && self.nulls == 0 {
            self.len += 1;
            return Ok(());
        }
        self.push_bit(valid)
    }

    fn push_bit(&mut self, valid: bool) -> Result<(), OutOfMemory> {
        if self.nulls == 0 {
            // The first NULL: all before were none.
            let bytes = self.len / 8 + 1;
            room(&mut self.bits, bytes)?;
            self.bits.clear();
            self.bits.resize(bytes, 0xFF);
        } else if self.len.is_multiple_of(8) {
            room(&mut self.bits, 1)?;
            self.bits.push(0xFF);
        }
        if !valid {
            self.nulls += 1;
            if let Some(byte) = self.bits.get_mut(self.len / 8) {
                *byte &= !(1 << (self.len % 8));
            }
        }
        self.len += 1;
        Ok(())
    }

    /// The bits, which begin anew.
    pub(crate) fn finish(&mut self) -> Option<NullBuffer> {
        let done = std::mem::take(self);
        (done.nulls > 0).then(|| {
            let bits = BooleanBuffer::new(Buffer::from_vec(done.bits), 0, done.len);
            NullBuffer::new(bits)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_that_were_pushed() {
        for first in [0, 1, 7, 8, 9, 40] {
            let mut validity = Validity::default();
            let pushed: Vec<bool> = (0..50).map(|n| n != first && n % 11 != 10).collect();
            for &bit in &pushed {
                validity.push(bit).unwrap();
            }
            let found = validity.finish().unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), pushed);
            assert_eq!(validity.len(), 0);
        }
    }

    #[test]
    fn without_nulls_there_are_no_bits() {
        let mut validity = Validity::default();
        for _ in 0..20 {
            validity.push(true).unwrap();
        }
        assert!(validity.finish().is_none());
    }
}
