//! Types of which neither Rust nor another crate has a counterpart: numbers and bytes with a name.

use std::fmt;
use std::str::FromStr;

use super::{Element, IsNull, SqlType, ToSql, Type, scalar_from_sql, scalar_to_sql};
use crate::int::{int_to_text, oid_from_binary, oid_from_text, oid_to_binary};
use crate::lsn::{pg_lsn_from_binary, pg_lsn_from_text, pg_lsn_to_binary, pg_lsn_to_text};
use crate::money::{money_from_binary, money_from_text, money_to_binary, money_to_text};
use crate::net::{macaddr_from_binary, macaddr_from_text, macaddr_to_binary, macaddr_to_text};
use crate::{DecodeError, EncodeError, Format, oid};

/// Declares one, with the functions that read and write it.
macro_rules! wrapper {
    (
        $(#[$doc:meta])*
        $name:ident($inner:ty), $oid:path,
        $from_text:ident, $from_binary:ident, |$value:ident, $out:ident| $to_text:expr, $to_binary:expr
    ) => {
        wrapper! {
            @read $(#[$doc])*
            $name($inner), $oid, $from_text, $from_binary, |$value, $out| $to_text
        }

        scalar_to_sql!($name, $oid, |$value, $out| binary $to_binary, text $to_text);
    };
    (
        @read $(#[$doc:meta])*
        $name:ident($inner:ty), $oid:path,
        $from_text:ident, $from_binary:ident, |$value:ident, $out:ident| $to_text:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        scalar_from_sql!($name, |raw, ctx| {
            $oid => $from_text(raw).map(Self), $from_binary(raw).map(Self);
        });

        impl fmt::Display for $name {
            /// Writes the text form.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self;
                let mut text = Vec::new();
                let $out = &mut text;
                $to_text;
                f.write_str(&String::from_utf8_lossy(&text))
            }
        }
    };
}

wrapper! {
    /// A `macaddr`.
    MacAddr([u8; 6]), oid::MACADDR, macaddr_from_text, macaddr_from_binary,
    |value, out| macaddr_to_text(&value.0, out), macaddr_to_binary(&value.0, out)
}

wrapper! {
    /// A `macaddr8`.
    MacAddr8([u8; 8]), oid::MACADDR8, macaddr_from_text, macaddr_from_binary,
    |value, out| macaddr_to_text(&value.0, out), macaddr_to_binary(&value.0, out)
}

wrapper! {
    @read
    /// A `money`, in hundredths: read where the server's `lc_monetary` writes two decimals after a point, as C and the
    /// English ones do; what another locale writes is an error.
    ///
    /// It is sent in binary only, because what its text means depends on `lc_monetary` as well. So a struct or tuple that has
    /// one beside a string for a type other than text cannot be sent.
    Money(i64), oid::MONEY, money_from_text, money_from_binary, |value, out| money_to_text(value.0, out)
}

impl ToSql for Money {
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        match (ty.oid(), format) {
            (oid::MONEY, Format::Binary) => money_to_binary(self.0, out),
            (oid::MONEY | oid::UNKNOWN, Format::Text) => {
                return Err(EncodeError::new(
                    "money",
                    "lc_monetary decides what its text means, and something beside it can be sent as text only",
                ));
            }
            _ => return Err(ty.refused::<Self>()),
        }
        Ok(IsNull::No)
    }
}

impl SqlType for Money {
    fn is_sent_as(ty: Type<'_>) -> bool {
        matches!(ty.oid(), oid::MONEY | oid::UNKNOWN)
    }
}

impl Element for Money {}

wrapper! {
    /// A `pg_lsn`: a position in the write-ahead log.
    PgLsn(u64), oid::PG_LSN, pg_lsn_from_text, pg_lsn_from_binary,
    |value, out| pg_lsn_to_text(value.0, out), pg_lsn_to_binary(value.0, out)
}

impl FromStr for PgLsn {
    type Err = DecodeError;

    /// Reads the text form, as `16/B374D848`.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        pg_lsn_from_text(text.as_bytes()).map(Self)
    }
}

wrapper! {
    /// An `oid`, the number of an object in the catalogues. A `u32` is sent and read as one too; this says what it is.
    Oid(u32), oid::OID, oid_from_text, oid_from_binary,
    |value, out| int_to_text(value.0, out), oid_to_binary(value.0, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromSqlOwned, LoadContext};

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + FromSqlOwned + PartialEq + fmt::Debug + fmt::Display,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out).unwrap();
        assert_eq!(
            T::from_sql(ty.into(), Format::Binary, &out, &ctx).as_ref(),
            Ok(&value)
        );
        assert_eq!(value.to_string(), text);
        assert_eq!(
            T::from_sql(ty.into(), Format::Text, text.as_bytes(), &ctx),
            Ok(value)
        );
        assert!(T::from_sql(oid::TEXT.into(), Format::Text, text.as_bytes(), &ctx).is_err());
        out.push(0);
        assert!(T::from_sql(ty.into(), Format::Binary, &out, &ctx).is_err());
    }

    #[test]
    fn values() {
        round_trip(
            oid::MACADDR,
            MacAddr([8, 0, 43, 1, 2, 3]),
            "08:00:2b:01:02:03",
        );
        round_trip(
            oid::MACADDR8,
            MacAddr8([8, 0, 43, 1, 2, 3, 4, 5]),
            "08:00:2b:01:02:03:04:05",
        );
        round_trip(oid::PG_LSN, PgLsn(0x16_B374_D848), "16/B374D848");
        assert_eq!("16/B374D848".parse(), Ok(PgLsn(0x16_B374_D848)));
        assert!("16".parse::<PgLsn>().is_err());
        round_trip(oid::MONEY, Money(-1250), "-12.50");
        round_trip(oid::OID, Oid(u32::MAX), "4294967295");
    }

    #[test]
    fn money_is_not_sent_as_text() {
        let mut out = Vec::new();
        let refused = Money(5).to_sql(oid::MONEY.into(), Format::Text, &mut out);
        assert!(refused.unwrap_err().detail().contains("lc_monetary"));
        assert!(
            Money(5)
                .to_sql(oid::INT8.into(), Format::Binary, &mut out)
                .is_err()
        );
        assert!(
            Oid(5)
                .to_sql(oid::INT4.into(), Format::Binary, &mut out)
                .is_err()
        );
    }
}
