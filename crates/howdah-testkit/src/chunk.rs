//! Ways to cut a byte stream: an engine must not see the difference.

/// How bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunking {
    /// All at once.
    Whole,
    /// One byte at a time.
    Bytes,
    /// In two pieces, the first as long as given.
    SplitAt(usize),
}

impl Chunking {
    /// Cuts `bytes`; the pieces are never empty.
    pub fn cut(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let (head, tail) = match self {
            Self::Whole => (bytes, &bytes[bytes.len()..]),
            Self::Bytes => bytes.split_at(0),
            Self::SplitAt(at) => bytes.split_at(at.min(bytes.len())),
        };
        let width = match self {
            Self::Bytes => 1,
            Self::Whole | Self::SplitAt(_) => bytes.len().max(1),
        };
        head.chunks(width).chain(tail.chunks(width))
    }
}

/// Every way to cut a stream of `len` bytes: whole, byte by byte, and in two at every offset.
pub fn split_everywhere(len: usize) -> impl Iterator<Item = Chunking> {
    [Chunking::Whole, Chunking::Bytes]
        .into_iter()
        .chain((1..len).map(Chunking::SplitAt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_gives_the_same_bytes_in_the_pieces_it_says() {
        let bytes = b"elephant";
        let ways: Vec<_> = split_everywhere(bytes.len()).collect();
        assert_eq!(ways.len(), 2 + 7);
        for way in ways {
            let pieces: Vec<&[u8]> = way.cut(bytes).collect();
            assert_eq!(pieces.concat(), bytes, "{way:?}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()), "{way:?}");
            let expected = match way {
                Chunking::Whole => 1,
                Chunking::Bytes => 8,
                Chunking::SplitAt(_) => 2,
            };
            assert_eq!(pieces.len(), expected, "{way:?}");
        }
        assert_eq!(Chunking::SplitAt(3).cut(bytes).next(), Some(&b"ele"[..]));
        assert_eq!(Chunking::Whole.cut(b"").count(), 0);
        assert_eq!(Chunking::SplitAt(9).cut(b"").count(), 0);
    }
}
