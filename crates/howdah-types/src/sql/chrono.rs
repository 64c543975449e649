//! chrono's naive types, `DateTime` of `Utc` and `FixedOffset`, and `TimeDelta`. What chrono has below a
//! microsecond is cut off when sent; a leap second is sent as the second after it.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Timelike, Utc,
};

use super::{Element, FromSql, IsNull, SqlType, ToSql, scalar_from_sql, scalar_to_sql};
use crate::datetime::{self as pg, CivilDate, MICROS_PER_DAY, Years};
use crate::{DecodeError, EncodeError, Format, LoadContext, oid};

/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

scalar_to_sql!(NaiveDate, oid::DATE, Format::Binary, |value, out| {
    from_date(*value)
        .ok_or(out_of_range("date"))?
        .to_binary(out);
});
scalar_to_sql!(NaiveTime, oid::TIME, Format::Binary, |value, out| {
    from_time(*value).to_binary(out);
});
scalar_to_sql!(
    NaiveDateTime,
    oid::TIMESTAMP,
    Format::Binary,
    |value, out| {
        let micros = since_epoch(value.and_utc()).ok_or(out_of_range("timestamp"))?;
        pg::Timestamp { micros }.to_binary(out);
    }
);
scalar_to_sql!(TimeDelta, oid::INTERVAL, Format::Binary, |value, out| {
    let micros = value.num_microseconds().ok_or(out_of_range("interval"))?;
    pg::Interval {
        months: 0,
        days: 0,
        micros,
    }
    .to_binary(out);
});

impl<Z: TimeZone<Offset: Sync>> ToSql for DateTime<Z> {
    fn oid(&self) -> u32 {
        oid::TIMESTAMPTZ
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        let micros = since_epoch(self.to_utc()).ok_or(out_of_range("timestamptz"))?;
        pg::TimestampTz { micros }.to_binary(out);
        Ok(IsNull::No)
    }
}

impl<Z: TimeZone<Offset: Sync>> SqlType for DateTime<Z> {
    const OID: u32 = oid::TIMESTAMPTZ;
    const FORMAT: Format = Format::Binary;
}

impl<Z: TimeZone<Offset: Sync>> Element for DateTime<Z> {}

scalar_from_sql!(NaiveDate, |raw, ctx| {
    oid::DATE => pg::Date::from_text(raw, ctx.date_style).and_then(date), pg::Date::from_binary(raw).and_then(date);
});
scalar_from_sql!(NaiveTime, |raw, ctx| {
    oid::TIME => pg::Time::from_text(raw).and_then(time), pg::Time::from_binary(raw).and_then(time);
});
scalar_from_sql!(NaiveDateTime, |raw, ctx| {
    oid::TIMESTAMP => pg::Timestamp::from_text(raw, ctx.date_style).and_then(date_time),
        pg::Timestamp::from_binary(raw).and_then(date_time);
});
scalar_from_sql!(DateTime<Utc>, |raw, ctx| {
    oid::TIMESTAMPTZ => pg::TimestampTz::from_text(raw, ctx.date_style).and_then(instant),
        pg::TimestampTz::from_binary(raw).and_then(instant);
});
scalar_from_sql!(TimeDelta, |raw, ctx| {
    oid::INTERVAL => pg::Interval::from_text(raw, ctx.interval_style).and_then(delta),
        pg::Interval::from_binary(raw).and_then(delta);
});

impl FromSql<'_> for DateTime<FixedOffset> {
    /// Reads the instant; the offset is the one it was written with in text, and UTC in binary.
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let (stamp, offset) = match (ty, format) {
            (oid::TIMESTAMPTZ, Format::Text) => {
                pg::TimestampTz::from_text_with_offset(raw, ctx.date_style)?
            }
            (oid::TIMESTAMPTZ, Format::Binary) => (pg::TimestampTz::from_binary(raw)?, 0),
            _ => return Err(DecodeError::mismatch(ty, std::any::type_name::<Self>())),
        };
        let offset = FixedOffset::east_opt(offset).ok_or(unheld("timestamptz"))?;
        Ok(instant(stamp)?.with_timezone(&offset))
    }

    fn accepts(ty: u32) -> bool {
        ty == oid::TIMESTAMPTZ
    }
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
    use crate::DecodeErrorKind;

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + for<'a> FromSql<'a> + PartialEq + std::fmt::Debug,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(&mut out).unwrap();
        assert_eq!(
            T::from_sql(ty, Format::Binary, &out, &ctx).as_ref(),
            Ok(&value)
        );
        assert_eq!(
            T::from_sql(ty, Format::Text, text.as_bytes(), &ctx).as_ref(),
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
        let ctx = LoadContext::default();
        let text = b"2024-02-29 14:00:00.5+02";
        let fixed =
            DateTime::<FixedOffset>::from_sql(oid::TIMESTAMPTZ, Format::Text, text, &ctx).unwrap();
        assert_eq!(fixed, utc);
        assert_eq!(fixed.offset().local_minus_utc(), 7200);
        assert_eq!(Some(fixed).oid(), oid::TIMESTAMPTZ);
    }

    #[test]
    fn a_leap_second_stays_a_time_of_day() {
        let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_999).unwrap();
        assert_eq!(from_time(leap).micros, MICROS_PER_DAY);
    }

    #[test]
    fn what_chrono_does_not_have() {
        let ctx = LoadContext::default();
        let error = NaiveDate::from_sql(oid::DATE, Format::Text, b"-infinity", &ctx).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::NegInfinity);
        assert!(NaiveTime::from_sql(oid::TIME, Format::Text, b"24:00:00", &ctx).is_err());
        assert!(TimeDelta::from_sql(oid::INTERVAL, Format::Text, b"1 mon", &ctx).is_err());
        assert!(
            NaiveDate::from_sql(
                oid::DATE,
                Format::Binary,
                &(i32::MAX - 1).to_be_bytes(),
                &ctx
            )
            .is_err()
        );
    }
}
