//! The crate's own dates and times.

use super::{scalar_from_sql, scalar_to_sql};
use crate::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz};
use crate::oid;

scalar_to_sql!(Date, oid::DATE, |value, out| binary value.to_binary(out), text value.to_text(out));
scalar_to_sql!(Time, oid::TIME, |value, out| binary value.to_binary(out), text value.to_text(out));
scalar_to_sql!(TimeTz, oid::TIMETZ, |value, out|
    binary value.to_binary(out),
    text value.to_text(out));
scalar_to_sql!(Timestamp, oid::TIMESTAMP, |value, out|
    binary value.to_binary(out),
    text value.to_text(out));
scalar_to_sql!(TimestampTz, oid::TIMESTAMPTZ, |value, out|
    binary value.to_binary(out),
    text value.to_text(out));
scalar_to_sql!(Interval, oid::INTERVAL, |value, out|
    binary value.to_binary(out),
    text value.to_text(out));

scalar_from_sql!(Date, |raw, ctx| {
    oid::DATE => Self::from_text(raw, ctx.date_style), Self::from_binary(raw);
});
scalar_from_sql!(Time, |raw, ctx| {
    oid::TIME => Self::from_text(raw), Self::from_binary(raw);
});
scalar_from_sql!(TimeTz, |raw, ctx| {
    oid::TIMETZ => Self::from_text(raw), Self::from_binary(raw);
});
scalar_from_sql!(Timestamp, |raw, ctx| {
    oid::TIMESTAMP => Self::from_text(raw, ctx.date_style), Self::from_binary(raw);
});
scalar_from_sql!(TimestampTz, |raw, ctx| {
    oid::TIMESTAMPTZ => Self::from_text(raw, ctx.date_style), Self::from_binary(raw);
});
scalar_from_sql!(Interval, |raw, ctx| {
    oid::INTERVAL => Self::from_text(raw, ctx.interval_style), Self::from_binary(raw);
});
