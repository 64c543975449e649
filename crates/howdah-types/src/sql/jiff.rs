//! jiff's civil types, `Timestamp` and `Span`. What jiff has below a microsecond is cut off when sent.
//!
//! A `timestamptz` has no zone: it reads as a `Timestamp`, and a `ZonedDateTime` is sent as its instant.

use jiff::civil;
use jiff::{Span, Timestamp, ZonedDateTime};

use super::{from_sql_as, to_sql_as};
use crate::datetime::{self as pg, CivilDate, CivilDateTime, CivilTime, Years};
use crate::{DecodeError, EncodeError};

/// The years of jiff's types.
const YEARS: Years = Years {
    first: -9999,
    last: 9999,
};
/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

to_sql_as!(civil::Date, pg::Date, |value| pg::Date::from_civil(
    from_date(*value)
)
.ok_or(out_of_range("date"))?);
to_sql_as!(civil::Time, pg::Time, |value| pg::Time::from_civil(
    from_time(*value)
)
.ok_or(out_of_range("time"))?);
to_sql_as!(civil::DateTime, pg::Timestamp, |value| {
    let civil = CivilDateTime {
        date: from_date(value.date()),
        time: from_time(value.time()),
    };
    pg::Timestamp::from_civil(civil).ok_or(out_of_range("timestamp"))?
});
to_sql_as!(Timestamp, pg::TimestampTz, |value| instant(*value)?);
to_sql_as!(ZonedDateTime, pg::TimestampTz, |value| instant(
    value.timestamp()
)?);
to_sql_as!(Span, pg::Interval, |value| from_span(value)
    .ok_or(out_of_range("interval"))?);

from_sql_as!(civil::Date, pg::Date, date);
from_sql_as!(civil::Time, pg::Time, time);
from_sql_as!(civil::DateTime, pg::Timestamp, date_time);
from_sql_as!(Timestamp, pg::TimestampTz, timestamp);
from_sql_as!(Span, pg::Interval, span);

fn date(value: pg::Date) -> Result<civil::Date, DecodeError> {
    to_date(value.civil(YEARS)?).ok_or(unheld("date"))
}

fn time(value: pg::Time) -> Result<civil::Time, DecodeError> {
    to_time(value.civil()?).ok_or(unheld("time"))
}

fn date_time(value: pg::Timestamp) -> Result<civil::DateTime, DecodeError> {
    let civil = value.civil(YEARS)?;
    let date = to_date(civil.date).ok_or(unheld("timestamp"))?;
    let time = to_time(civil.time).ok_or(unheld("timestamp"))?;
    Ok(civil::DateTime::from_parts(date, time))
}

fn timestamp(value: pg::TimestampTz) -> Result<Timestamp, DecodeError> {
    value.civil_utc(YEARS)?;
    let micros = value
        .micros
        .checked_add(EPOCH)
        .ok_or(unheld("timestamptz"))?;
    Timestamp::from_microsecond(micros).map_err(|_| unheld("timestamptz"))
}

fn span(value: pg::Interval) -> Result<Span, DecodeError> {
    if value.is_infinite() {
        return Err(unheld("interval"));
    }
    // Whole seconds apart, because a span's microseconds reach only 292 thousand years back and forth.
    let span = Span::new()
        .try_months(value.months)
        .and_then(|span| span.try_days(value.days))
        .and_then(|span| span.try_seconds(value.micros / pg::MICROS_PER_SECOND))
        .and_then(|span| span.try_microseconds(value.micros % pg::MICROS_PER_SECOND));
    span.map_err(|_| unheld("interval"))
}

fn from_span(span: &Span) -> Option<pg::Interval> {
    let months = i32::from(span.get_years())
        .checked_mul(12)?
        .checked_add(span.get_months())?;
    let days = span
        .get_weeks()
        .checked_mul(7)?
        .checked_add(span.get_days())?;
    let minutes = i64::from(span.get_hours())
        .checked_mul(60)?
        .checked_add(span.get_minutes())?;
    let seconds = minutes.checked_mul(60)?.checked_add(span.get_seconds())?;
    let micros = seconds
        .checked_mul(pg::MICROS_PER_SECOND)?
        .checked_add(span.get_milliseconds().checked_mul(1000)?)?
        .checked_add(span.get_microseconds())?
        .checked_add(span.get_nanoseconds() / 1000)?;
    Some(pg::Interval {
        months,
        days,
        micros,
    })
}

fn instant(value: Timestamp) -> Result<pg::TimestampTz, EncodeError> {
    let micros = value.as_microsecond().checked_sub(EPOCH);
    micros
        .map(|micros| pg::TimestampTz { micros })
        .ok_or(out_of_range("timestamptz"))
}

fn to_date(civil: CivilDate) -> Option<civil::Date> {
    let year = i16::try_from(civil.year).ok()?;
    civil::Date::new(
        year,
        i8::try_from(civil.month).ok()?,
        i8::try_from(civil.day).ok()?,
    )
    .ok()
}

fn to_time(civil: CivilTime) -> Option<civil::Time> {
    let [hour, minute, second] = [civil.hour, civil.minute, civil.second].map(i8::try_from);
    let nanos = i32::try_from(civil.micro).ok()?.checked_mul(1000)?;
    civil::Time::new(hour.ok()?, minute.ok()?, second.ok()?, nanos).ok()
}

fn from_date(date: civil::Date) -> CivilDate {
    CivilDate {
        year: i32::from(date.year()),
        month: date.month().unsigned_abs(),
        day: date.day().unsigned_abs(),
    }
}

fn from_time(time: civil::Time) -> CivilTime {
    CivilTime {
        hour: time.hour().unsigned_abs(),
        minute: time.minute().unsigned_abs(),
        second: time.second().unsigned_abs(),
        micro: time.subsec_nanosecond().unsigned_abs() / 1000,
    }
}

const fn unheld(name: &'static str) -> DecodeError {
    DecodeError::range(name, "jiff has no such value")
}

const fn out_of_range(name: &'static str) -> EncodeError {
    EncodeError::new(name, "out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeErrorKind, Format, FromSql, LoadContext, ToSql, oid};

    fn round_trip<T>(ty: u32, value: &T, text: &str)
    where
        T: ToSql + for<'a> FromSql<'a> + PartialEq + std::fmt::Debug,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out).unwrap();
        assert_eq!(
            T::from_sql(ty.into(), Format::Binary, &out, &ctx).as_ref(),
            Ok(value)
        );
        assert_eq!(
            T::from_sql(ty.into(), Format::Text, text.as_bytes(), &ctx).as_ref(),
            Ok(value)
        );
    }

    #[test]
    fn civil_types() {
        round_trip(oid::DATE, &civil::date(1997, 12, 17), "1997-12-17");
        round_trip(oid::DATE, &civil::date(-43, 3, 15), "0044-03-15 BC");
        round_trip(oid::TIME, &civil::time(7, 37, 16, 10_000), "07:37:16.00001");
        round_trip(
            oid::TIMESTAMP,
            &civil::datetime(1997, 12, 17, 7, 37, 16, 0),
            "1997-12-17 07:37:16",
        );
    }

    #[test]
    fn instants_and_spans() {
        let instant = Timestamp::from_microsecond(1_709_208_000_500_000).unwrap();
        round_trip(oid::TIMESTAMPTZ, &instant, "2024-02-29 14:00:00.5+02");
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        let span = Span::new()
            .years(1)
            .months(2)
            .days(3)
            .hours(4)
            .milliseconds(5);
        span.to_sql(oid::INTERVAL.into(), Format::Binary, &mut out)
            .unwrap();
        let read = Span::from_sql(oid::INTERVAL.into(), Format::Binary, &out, &ctx).unwrap();
        assert_eq!((read.get_months(), read.get_days()), (14, 3));
        assert_eq!(
            (read.get_seconds(), read.get_microseconds()),
            (14_400, 5000)
        );
    }

    #[test]
    fn an_instant_is_no_local_time() {
        let instant = Timestamp::UNIX_EPOCH;
        let zoned = instant.to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let pairs: [(&dyn ToSql, u32); 4] = [
            (&instant, oid::TIMESTAMP),
            (&zoned, oid::TIMESTAMP),
            (&zoned.datetime(), oid::TIMESTAMPTZ),
            (&zoned.date(), oid::TIMESTAMP),
        ];
        for (value, ty) in pairs {
            let error = value.to_sql(ty.into(), Format::Binary, &mut Vec::new());
            assert_eq!(error.unwrap_err().kind(), crate::EncodeErrorKind::Mismatch);
        }
    }

    #[test]
    fn what_jiff_does_not_have() {
        let ctx = LoadContext::default();
        let kind = |raw: &str| {
            civil::Date::from_sql(oid::DATE.into(), Format::Text, raw.as_bytes(), &ctx)
                .unwrap_err()
                .kind()
        };
        assert_eq!(kind("infinity"), DecodeErrorKind::Infinity);
        assert_eq!(kind("10000-01-01"), DecodeErrorKind::YearTooLarge);
        assert!(civil::Time::from_sql(oid::TIME.into(), Format::Text, b"24:00:00", &ctx).is_err());
        assert!(Span::from_sql(oid::INTERVAL.into(), Format::Text, b"infinity", &ctx).is_err());
        assert!(
            Timestamp::from_sql(
                oid::TIMESTAMPTZ.into(),
                Format::Binary,
                &i64::MAX.to_be_bytes(),
                &ctx
            )
            .is_err()
        );
    }
}
