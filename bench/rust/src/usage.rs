//! What this process has used so far: CPU of all its threads, and resident memory.

use std::mem::MaybeUninit;

use crate::Failure;

/// User and system seconds of every thread, `getrusage(RUSAGE_SELF)`.
pub(crate) fn cpu_seconds() -> f64 {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` is writable and as large as getrusage(2) expects.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(status, 0, "getrusage accepts RUSAGE_SELF");
    // SAFETY: getrusage(2) has filled it, as its status says.
    let usage = unsafe { usage.assume_init() };
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

/// Has the most memory that was resident count from here on, see proc(5).
pub(crate) fn forget_peak() -> Result<(), Failure> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// The most memory that was resident.
pub(crate) fn peak_bytes() -> Result<i64, Failure> {
    kilobytes("/proc/self/status", "VmHWM:")
}

/// Resident memory, from smaps_rollup: statm lags behind by what each CPU has not yet added up.
pub(crate) fn resident_bytes() -> Result<i64, Failure> {
    kilobytes("/proc/self/smaps_rollup", "Rss:")
}

/// The bytes of a line such as `Rss:  1234 kB`.
fn kilobytes(file: &str, name: &str) -> Result<i64, Failure> {
    let text = std::fs::read_to_string(file)?;
    let kilobytes: i64 = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))
        .ok_or_else(|| format!("{file} without {name}"))?
        .parse()?;
    Ok(kilobytes * 1024)
}
