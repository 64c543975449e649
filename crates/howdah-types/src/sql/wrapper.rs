//! Types of which neither Rust nor another crate has a counterpart: numbers and bytes with a name.

use std::fmt;

use super::{scalar_from_sql, scalar_to_sql};
use crate::lsn::{pg_lsn_from_binary, pg_lsn_from_text, pg_lsn_to_binary, pg_lsn_to_text};
use crate::money::{money_from_binary, money_from_text, money_to_binary, money_to_text};
use crate::net::{macaddr_from_binary, macaddr_from_text, macaddr_to_binary, macaddr_to_text};
use crate::oid;

/// Declares one, with the functions that read and write it.
macro_rules! wrapper {
    (
        $(#[$doc:meta])*
        $name:ident($inner:ty), $oid:path,
        $from_text:ident, $from_binary:ident, |$value:ident, $out:ident| $to_text:expr, $to_binary:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        scalar_to_sql!($name, $oid, |$value, $out| binary $to_binary, text $to_text);

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
    /// A `money`, in hundredths: read where the server's `lc_monetary` writes two decimals after a point, as C and the
    /// English ones do; what another locale writes is an error.
    Money(i64), oid::MONEY, money_from_text, money_from_binary,
    |value, out| money_to_text(value.0, out), money_to_binary(value.0, out)
}

wrapper! {
    /// A `pg_lsn`: a position in the write-ahead log.
    PgLsn(u64), oid::PG_LSN, pg_lsn_from_text, pg_lsn_from_binary,
    |value, out| pg_lsn_to_text(value.0, out), pg_lsn_to_binary(value.0, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSqlOwned, LoadContext, ToSql};

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + FromSqlOwned + PartialEq + fmt::Debug + fmt::Display,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(&mut out).unwrap();
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
        round_trip(oid::MONEY, Money(-1250), "-12.50");
    }
}
