//! The numbers of libpq's enumerations that say how far a connection is.

/// Those of `howdah.pq.ConnStatus`.
pub(super) const OK: u8 = 0;
pub(super) const BAD: u8 = 1;
pub(super) const STARTED: u8 = 2;
pub(super) const MADE: u8 = 3;
pub(super) const ALLOCATED: u8 = 14;

/// Those of `howdah.pq.PollingStatus`.
pub(super) const POLL_FAILED: u8 = 0;
pub(super) const POLL_READING: u8 = 1;
pub(super) const POLL_WRITING: u8 = 2;
pub(super) const POLL_OK: u8 = 3;
