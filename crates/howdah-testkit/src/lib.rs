//! Development tools of howdah.
