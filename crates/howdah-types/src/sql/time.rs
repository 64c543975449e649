//! The types of the `time` crate. What they have below a microsecond is cut off when sent; an `OffsetDateTime` is sent as
//! its instant, and comes back in UTC.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::{from_sql_as, to_sql_as};
use crate::datetime::{self as pg, CivilDate, CivilDateTime, CivilTime, Years};
use crate::{DecodeError, EncodeError};

/// The years that the crate has whatever its features are.
const YEARS: Years = Years {
    first: -9999,
    last: 9999,
};

to_sql_as!(Date, pg::Date, |value| pg::Date::from_civil(from_date(
    *value
))
.ok_or(out_of_range("date"))?);
to_sql_as!(Time, pg::Time, |value| pg::Time::from_civil(from_time(
    *value
))
.ok_or(out_of_range("time"))?);
to_sql_as!(PrimitiveDateTime, pg::Timestamp, |value| {
    pg::Timestamp::from_civil(from_date_time(*value)).ok_or(out_of_range("timestamp"))?
});
to_sql_as!(OffsetDateTime, pg::TimestampTz, |value| from_instant(
    *value
)?);
to_sql_as!(Duration, pg::Interval, |value| pg::Interval {
    months: 0,
    days: 0,
    micros: i64::try_from(value.whole_microseconds()).map_err(|_| out_of_range("interval"))?,
});

from_sql_as!(Date, pg::Date, |value| date(value.civil(YEARS)?, "date"));
from_sql_as!(Time, pg::Time, |value| time(value.civil()?, "time"));
from_sql_as!(PrimitiveDateTime, pg::Timestamp, |value| date_time(
    value.civil(YEARS)?,
    "timestamp"
));
from_sql_as!(OffsetDateTime, pg::TimestampTz, |value| {
    date_time(value.civil_utc(YEARS)?, "timestamptz").map(PrimitiveDateTime::assume_utc)
});
from_sql_as!(Duration, pg::Interval, duration);

fn date(civil: CivilDate, name: &'static str) -> Result<Date, DecodeError> {
    let month = Month::try_from(civil.month).ok();
    month
        .and_then(|month| Date::from_calendar_date(civil.year, month, civil.day).ok())
        .ok_or(unheld(name))
}

fn time(civil: CivilTime, name: &'static str) -> Result<Time, DecodeError> {
    Time::from_hms_micro(civil.hour, civil.minute, civil.second, civil.micro)
        .map_err(|_| unheld(name))
}

fn date_time(civil: CivilDateTime, name: &'static str) -> Result<PrimitiveDateTime, DecodeError> {
    Ok(PrimitiveDateTime::new(
        date(civil.date, name)?,
        time(civil.time, name)?,
    ))
}

/// Only an interval without months and days has one length.
fn duration(value: pg::Interval) -> Result<Duration, DecodeError> {
    if value.months != 0 || value.days != 0 {
        return Err(DecodeError::range(
            "interval",
            "it has days or months, which are of no fixed length",
        ));
    }
    Ok(Duration::microseconds(value.micros))
}

fn from_instant(value: OffsetDateTime) -> Result<pg::TimestampTz, EncodeError> {
    let offset = value.offset().whole_seconds();
    let civil = from_date_time(PrimitiveDateTime::new(value.date(), value.time()));
    pg::TimestampTz::from_civil(civil, offset).ok_or(out_of_range("timestamptz"))
}

fn from_date_time(value: PrimitiveDateTime) -> CivilDateTime {
    CivilDateTime {
        date: from_date(value.date()),
        time: from_time(value.time()),
    }
}

fn from_date(date: Date) -> CivilDate {
    CivilDate {
        year: date.year(),
        month: date.month().into(),
        day: date.day(),
    }
}

fn from_time(time: Time) -> CivilTime {
    CivilTime {
        hour: time.hour(),
        minute: time.minute(),
        second: time.second(),
        micro: time.microsecond(),
    }
}

const fn unheld(name: &'static str) -> DecodeError {
    DecodeError::range(name, "the time crate has no such value")
}

const fn out_of_range(name: &'static str) -> EncodeError {
    EncodeError::new(name, "out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeErrorKind, Format, FromSqlOwned, LoadContext, ToSql, oid};

    fn read<T: FromSqlOwned>(ty: u32, format: Format, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(ty.into(), format, raw, &LoadContext::default())
    }

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + FromSqlOwned + PartialEq + std::fmt::Debug,
    {
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out).unwrap();
        assert_eq!(read::<T>(ty, Format::Binary, &out).as_ref(), Ok(&value));
        assert_eq!(
            read::<T>(ty, Format::Text, text.as_bytes()).as_ref(),
            Ok(&value)
        );
        out.clear();
        value.to_sql(ty.into(), Format::Text, &mut out).unwrap();
        assert_eq!(read::<T>(ty, Format::Text, &out), Ok(value));
    }

    #[test]
    fn values() {
        let date = Date::from_calendar_date(1997, Month::December, 17).unwrap();
        let time = Time::from_hms_micro(7, 37, 16, 10).unwrap();
        round_trip(oid::DATE, date, "1997-12-17");
        round_trip(oid::TIME, time, "07:37:16.00001");
        let both = PrimitiveDateTime::new(date, time);
        round_trip(oid::TIMESTAMP, both, "1997-12-17 07:37:16.00001");
        round_trip(
            oid::TIMESTAMPTZ,
            both.assume_utc(),
            "1997-12-17 08:37:16.00001+01",
        );
        round_trip(oid::INTERVAL, Duration::milliseconds(-1500), "-00:00:01.5");
        let ancient = Date::from_calendar_date(-43, Month::March, 15).unwrap();
        round_trip(oid::DATE, ancient, "0044-03-15 BC");
    }

    #[test]
    fn an_instant_is_no_local_time() {
        let instant = OffsetDateTime::UNIX_EPOCH;
        let local = PrimitiveDateTime::new(instant.date(), instant.time());
        let pairs: [(&dyn ToSql, u32); 3] = [
            (&instant, oid::TIMESTAMP),
            (&local, oid::TIMESTAMPTZ),
            (&instant.date(), oid::TIMESTAMP),
        ];
        for (value, ty) in pairs {
            let error = value.to_sql(ty.into(), Format::Binary, &mut Vec::new());
            assert_eq!(error.unwrap_err().kind(), crate::EncodeErrorKind::Mismatch);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let kind = |raw: &str| {
            read::<Date>(oid::DATE, Format::Text, raw.as_bytes())
                .unwrap_err()
                .kind()
        };
        assert_eq!(kind("infinity"), DecodeErrorKind::Infinity);
        assert_eq!(kind("-infinity"), DecodeErrorKind::NegInfinity);
        assert_eq!(kind("10000-01-01"), DecodeErrorKind::YearTooLarge);
        assert!(read::<OffsetDateTime>(oid::TIMESTAMPTZ, Format::Text, b"infinity").is_err());
        assert!(read::<Time>(oid::TIME, Format::Text, b"24:00:00").is_err());
        assert!(read::<Duration>(oid::INTERVAL, Format::Text, b"1 mon").is_err());
        assert!(read::<Duration>(oid::INTERVAL, Format::Text, b"infinity").is_err());
        assert!(
            Duration::MAX
                .to_sql(oid::INTERVAL.into(), Format::Binary, &mut Vec::new())
                .is_err()
        );
    }
}
