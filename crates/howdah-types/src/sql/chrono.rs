//! chrono's naive types, `DateTime` of `Utc` and `FixedOffset`, and `TimeDelta`. What chrono has below a
//! microsecond is cut off when sent; a leap second is sent as the second after it. What is read has the offset +00:00.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Timelike, Utc,
};

use super::{Element, IsNull, SqlType, ToSql, Type, from_sql_as, to_sql_as};
use crate::datetime::{self as pg, CivilDate, MICROS_PER_DAY, Years};
use crate::{DecodeError, EncodeError, Format};

/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

to_sql_as!(NaiveDate, pg::Date, |value| from_date(*value)
    .ok_or(out_of_range("date"))?);
to_sql_as!(NaiveTime, pg::Time, |value| from_time(*value));
to_sql_as!(NaiveDateTime, pg::Timestamp, |value| {
    let micros = since_epoch(value.and_utc()).ok_or(out_of_range("timestamp"))?;
    pg::Timestamp { micros }
});
to_sql_as!(TimeDelta, pg::Interval, |value| pg::Interval {
    months: 0,
    days: 0,
    micros: value.num_microseconds().ok_or(out_of_range("interval"))?,
});

impl<Z: TimeZone<Offset: Sync>> ToSql for DateTime<Z> {
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        if !Self::is_sent_as(ty) {
            return Err(ty.refused::<Self>());
        }
        from_instant(self.to_utc())?.to_sql(ty, format, out)
    }
}

impl<Z: TimeZone<Offset: Sync>> SqlType for DateTime<Z> {
    fn is_sent_as(ty: Type<'_>) -> bool {
        pg::TimestampTz::is_sent_as(ty)
    }
}

impl<Z: TimeZone<Offset: Sync>> Element for DateTime<Z> {}

from_sql_as!(NaiveDate, pg::Date, date);
from_sql_as!(NaiveTime, pg::Time, time);
from_sql_as!(NaiveDateTime, pg::Timestamp, date_time);
from_sql_as!(DateTime<Utc>, pg::TimestampTz, instant);
// The server keeps no offset, and in binary tells none: it is UTC's in both formats.
from_sql_as!(DateTime<FixedOffset>, pg::TimestampTz, |value| {
    instant(value).map(|utc| utc.fixed_offset())
});
from_sql_as!(TimeDelta, pg::Interval, delta);

fn from_instant(value: DateTime<Utc>) -> Result<pg::TimestampTz, EncodeError> {
    let micros = since_epoch(value).ok_or(out_of_range("timestamptz"))?;
    Ok(pg::TimestampTz { micros })
}

fn date(value: pg::Date) -> Result<NaiveDate, DecodeError> {
    let civil = value.civil(Years::ALL)?;
    NaiveDate::from_ymd_opt(civil.year, u32::from(civil.month), u32::from(civil.day))
        .ok_or(unheld("date"))
}

fn time(value: pg::Time) -> Result<NaiveTime, DecodeError> {
    let civil = value.civil()?;
    let [hour, minute, second] = [civil.hour, civil.minute, civil.second].map(u32::from);
    NaiveTime::from_hms_micro_opt(hour, minute, second, civil.micro).ok_or(unheld("time"))
}

fn date_time(value: pg::Timestamp) -> Result<NaiveDateTime, DecodeError> {
    value.civil(Years::ALL)?;
    at(value.micros)
        .map(|utc| utc.naive_utc())
        .ok_or(unheld("timestamp"))
}

fn instant(value: pg::TimestampTz) -> Result<DateTime<Utc>, DecodeError> {
    value.civil_utc(Years::ALL)?;
    at(value.micros).ok_or(unheld("timestamptz"))
}

/// A day counts 24 hours; a month has no fixed length and is refused.
fn delta(value: pg::Interval) -> Result<TimeDelta, DecodeError> {
    if value.months != 0 {
        return Err(unheld("interval"));
    }
    let days = i64::from(value.days).checked_mul(MICROS_PER_DAY);
    let micros = days.and_then(|days| days.checked_add(value.micros));
    micros
        .map(TimeDelta::microseconds)
        .ok_or(unheld("interval"))
}

fn at(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.checked_add(EPOCH)?)
}

fn since_epoch(utc: DateTime<Utc>) -> Option<i64> {
    utc.timestamp_micros().checked_sub(EPOCH)
}

fn from_date(date: NaiveDate) -> Option<pg::Date> {
    pg::Date::from_civil(CivilDate {
        year: date.year(),
        month: u8::try_from(date.month()).ok()?,
        day: u8::try_from(date.day()).ok()?,
    })
}

fn from_time(time: NaiveTime) -> pg::Time {
    let seconds = i64::from(time.num_seconds_from_midnight());
    // During a leap second chrono counts nanoseconds past a billion.
    let micros = seconds * pg::MICROS_PER_SECOND + i64::from(time.nanosecond() / 1000);
    pg::Time {
        micros: micros.min(MICROS_PER_DAY),
    }
}

const fn unheld(name: &'static str) -> DecodeError {
    DecodeError::range(name, "chrono has no such value")
}

const fn out_of_range(name: &'static str) -> EncodeError {
    EncodeError::new(name, "out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeErrorKind, EncodeErrorKind, FromSql, LoadContext, oid};

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + for<'a> FromSql<'a> + PartialEq + std::fmt::Debug,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out).unwrap();
        assert_eq!(
            T::from_sql(ty.into(), Format::Binary, &out, &ctx).as_ref(),
            Ok(&value)
        );
        assert_eq!(
            T::from_sql(ty.into(), Format::Text, text.as_bytes(), &ctx).as_ref(),
            Ok(&value)
        );
    }

    #[test]
    fn naive_types() {
        let date = NaiveDate::from_ymd_opt(1997, 12, 17).unwrap();
        round_trip(oid::DATE, date, "1997-12-17");
        round_trip(
            oid::DATE,
            NaiveDate::from_ymd_opt(-43, 3, 15).unwrap(),
            "0044-03-15 BC",
        );
        let time = NaiveTime::from_hms_micro_opt(7, 37, 16, 10).unwrap();
        round_trip(oid::TIME, time, "07:37:16.00001");
        round_trip(
            oid::TIMESTAMP,
            date.and_time(time),
            "1997-12-17 07:37:16.00001",
        );
        round_trip(
            oid::INTERVAL,
            TimeDelta::microseconds(-90_000_000_001),
            "-1 days -01:00:00.000001",
        );
    }

    #[test]
    fn instants() {
        let utc = DateTime::from_timestamp_micros(1_709_208_000_500_000).unwrap();
        round_trip(oid::TIMESTAMPTZ, utc, "2024-02-29 14:00:00.5+02");
        round_trip(
            oid::TIMESTAMPTZ,
            utc.fixed_offset(),
            "2024-02-29 14:00:00.5+02",
        );
        let ctx = LoadContext::default();
        let mut binary = Vec::new();
        utc.to_sql(oid::TIMESTAMPTZ.into(), Format::Binary, &mut binary)
            .unwrap();
        for (format, raw) in [
            (Format::Text, &b"2024-02-29 14:00:00.5+02"[..]),
            (Format::Binary, &binary),
        ] {
            let ty = oid::TIMESTAMPTZ.into();
            let fixed = DateTime::<FixedOffset>::from_sql(ty, format, raw, &ctx).unwrap();
            assert_eq!(fixed.offset().local_minus_utc(), 0);
        }
    }

    #[test]
    fn an_instant_is_no_local_time_and_no_date() {
        let utc = DateTime::from_timestamp_micros(0).unwrap();
        let naive = utc.naive_utc();
        let pairs: [(&dyn ToSql, u32); 7] = [
            (&utc, oid::TIMESTAMP),
            (&utc, oid::DATE),
            (&Some(utc.fixed_offset()), oid::TIMESTAMP),
            (&naive, oid::TIMESTAMPTZ),
            (&naive, oid::DATE),
            (&naive.date(), oid::TIMESTAMP),
            (&naive.time(), oid::TIMETZ),
        ];
        for (value, ty) in pairs {
            for format in [Format::Text, Format::Binary] {
                let error = value
                    .to_sql(ty.into(), format, &mut Vec::new())
                    .unwrap_err();
                assert_eq!(error.kind(), EncodeErrorKind::Mismatch);
            }
        }
        let error = None::<DateTime<Utc>>.to_sql(oid::DATE.into(), Format::Text, &mut Vec::new());
        assert!(error.is_err());
    }

    #[test]
    fn a_leap_second_stays_a_time_of_day() {
        let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_999).unwrap();
        assert_eq!(from_time(leap).micros, MICROS_PER_DAY);
    }

    #[test]
    fn what_chrono_does_not_have() {
        let ctx = LoadContext::default();
        let error =
            NaiveDate::from_sql(oid::DATE.into(), Format::Text, b"-infinity", &ctx).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::NegInfinity);
        assert!(NaiveTime::from_sql(oid::TIME.into(), Format::Text, b"24:00:00", &ctx).is_err());
        assert!(TimeDelta::from_sql(oid::INTERVAL.into(), Format::Text, b"1 mon", &ctx).is_err());
        assert!(
            NaiveDate::from_sql(
                oid::DATE.into(),
                Format::Binary,
                &(i32::MAX - 1).to_be_bytes(),
                &ctx
            )
            .is_err()
        );
    }
}
