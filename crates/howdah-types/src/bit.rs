//! `bit` and `varbit`: zeros and ones in text, a count of bits and packed bytes in binary (`bit_recv`).

use crate::DecodeError;
use crate::reader::Reader;

const NAME: &str = "bit";

/// A string of bits, the first in the highest bit of the first byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Bits {
    length: usize,
    bytes: Vec<u8>,
}

impl Bits {
    /// Reads the text form.
    ///
    /// # Errors
    /// A character that is neither 0 nor 1.
    pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
        let byte = |chunk: &[u8]| {
            chunk
                .iter()
                .zip((0..8).rev())
                .try_fold(0, |byte, (digit, shift)| match digit {
                    b'0' => Ok(byte),
                    b'1' => Ok(byte | 1 << shift),
                    _ => Err(DecodeError::invalid(NAME, "neither 0 nor 1")),
                })
        };
        Ok(Self {
            length: raw.len(),
            bytes: raw.chunks(8).map(byte).collect::<Result<_, _>>()?,
        })
    }

    /// Reads the binary form. Bits beyond the count are cleared.
    ///
    /// # Errors
    /// A negative count, or one that contradicts the number of bytes.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let length = usize::try_from(reader.i32()?)
            .map_err(|_| DecodeError::range(NAME, "negative length"))?;
        let mut bytes = reader.rest().to_vec();
        if bytes.len() != length.div_ceil(8) {
            return Err(DecodeError::length(
                NAME,
                "number of bits and length disagree",
            ));
        }
        if let Some(last) = bytes.last_mut() {
            *last &= 0xFF << unused_bits(length);
        }
        Ok(Self { length, bytes })
    }

    /// The number of bits.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bits packed into bytes, the last filled up with zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bit at `index`, `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<bool> {
        let byte = self.bytes.get(index / 8).filter(|_| index < self.length)?;
        Some(byte & (0x80 >> (index % 8)) != 0)
    }

    /// Appends the text form.
    pub fn to_text(&self, out: &mut Vec<u8>) {
        out.extend(
            (0..self.length)
                .map_while(|at| self.get(at))
                .map(|bit| b'0' + u8::from(bit)),
        );
    }

    /// Appends the binary form; more than 2147483647 bits, which no server has, are cut off.
    pub fn to_binary(&self, out: &mut Vec<u8>) {
        let length = i32::try_from(self.length).unwrap_or(i32::MAX);
        let bytes = length.unsigned_abs().div_ceil(8);
        out.extend_from_slice(&length.to_be_bytes());
        let bytes = usize::try_from(bytes)
            .ok()
            .and_then(|count| self.bytes.get(..count));
        out.extend_from_slice(bytes.unwrap_or_default());
    }
}

/// How many bits of the last byte are not used.
const fn unused_bits(length: usize) -> usize {
    (8 - length % 8) % 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layouts() {
        let bits = Bits::from_text(b"101000001").unwrap();
        assert_eq!(
            (bits.len(), bits.as_bytes()),
            (9, &[0b1010_0000, 0b1000_0000][..])
        );
        assert_eq!(
            (bits.get(0), bits.get(8), bits.get(9)),
            (Some(true), Some(true), None)
        );
        let mut out = Vec::new();
        bits.to_binary(&mut out);
        assert_eq!(out, [0, 0, 0, 9, 0b1010_0000, 0b1000_0000]);
        assert!(Bits::from_text(b"").unwrap().is_empty());
    }

    #[test]
    fn refused() {
        assert!(Bits::from_text(b"012").is_err());
        for bad in [
            &[][..],
            &[0, 0, 0],
            &[0, 0, 0, 9, 1],
            &[0, 0, 0, 8, 1, 1],
            &[0xFF; 4],
            &[0x7F, 0xFF, 0xFF, 0xFF],
        ] {
            assert!(Bits::from_binary(bad).is_err(), "{bad:?}");
        }
        let padded = Bits::from_binary(&[0, 0, 0, 1, 0xFF]).unwrap();
        assert_eq!(padded.as_bytes(), [0x80]);
    }

    proptest! {
        #[test]
        fn round_trip(text in "[01]{0,70}") {
            let bits = Bits::from_text(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            bits.to_binary(&mut out);
            let again = Bits::from_binary(&out).unwrap();
            prop_assert_eq!(&again, &bits);
            out.clear();
            again.to_text(&mut out);
            prop_assert_eq!(out, text.into_bytes());
        }
    }
}
