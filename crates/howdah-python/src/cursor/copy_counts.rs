//! How far a COPY has come, for those who want to know.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use howdah_adapt::lock;

/// How far a COPY has come.
#[derive(Default)]
pub(super) struct Counts {
    /// Whether somebody wants to know.
    pub(super) wanted: AtomicBool,
    /// What was read.
    rows: AtomicU64,
    bytes: AtomicU64,
    /// What was told last.
    told: Mutex<(u64, u64)>,
}

impl Counts {
    #[inline]
    pub(super) fn add(&self, rows: usize, bytes: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The numbers of rows and bytes, with those that were written, unless these were told already.
    pub(super) fn news(&self, written: (u64, u64)) -> Option<(u64, u64)> {
        let rows = self.rows.load(Ordering::Relaxed) + written.0;
        let counts = (rows, self.bytes.load(Ordering::Relaxed) + written.1);
        let told = std::mem::replace(&mut *lock(&self.told), counts);
        (told != counts).then_some(counts)
    }
}
