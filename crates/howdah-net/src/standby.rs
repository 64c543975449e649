//! What a stream of replication needs beside its session: the time, how often to tell the server, and what its end says.

use std::time::{Duration, Instant, SystemTime};

use howdah_protocol::connection::{Ending, QueryResult};
use howdah_protocol::session::Clock;

/// How often the server is told at least how far the client is, unless its user says otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// The question how long the server waits to hear from the client.
pub const ASK_TIMEOUT: &str = "SHOW wal_sender_timeout";

/// How often to tell a server that waits as long as it `said`: `1min`, `500ms`, `0` for ever.
#[must_use]
pub fn interval_within(said: &[u8]) -> Duration {
    let digits = said.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = said.split_at(digits);
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok());
    let millis = match unit {
        b"" | b"ms" => 1,
        b"s" => 1000,
        b"min" => 60_000,
        _ => 3_600_000,
    };
    match number.map(|number| Duration::from_millis(number.saturating_mul(millis) / 3)) {
        Some(third) if !third.is_zero() => third.min(DEFAULT_INTERVAL),
        _ => DEFAULT_INTERVAL,
    }
}

/// What the time is.
#[must_use]
pub fn clock() -> Clock {
    const TO_2000: Duration = Duration::from_secs(946_684_800);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default().saturating_sub(TO_2000);
    Clock {
        at: Instant::now(),
        micros: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
    }
}

/// The timeline that comes next, and the text of where it begins, if the server has told at the end of a stream.
#[must_use]
pub fn next_timeline(results: &[QueryResult]) -> Option<(u32, &[u8])> {
    let told = results.iter().find(|result| {
        result.ending == Ending::Complete
            && result.columns.as_ref().is_some_and(|all| all.len() == 2)
    })?;
    let mut row = told.rows.get(0)?;
    let timeline = std::str::from_utf8(row.next()??).ok()?.parse().ok()?;
    Some((timeline, row.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_thrice_in_its_time() {
        let millis = |said: &str| interval_within(said.as_bytes()).as_millis();
        assert_eq!(millis("1min"), 10_000);
        assert_eq!(millis("3s"), 1000);
        assert_eq!(millis("900ms"), 300);
        assert_eq!(millis("0"), 10_000);
        assert_eq!(millis("1d"), 10_000);
        assert_eq!(millis("soon"), 10_000);
    }
}
