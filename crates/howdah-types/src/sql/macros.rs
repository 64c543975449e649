//! What the codecs of single values are made with.

/// Implements [`ToSql`](crate::ToSql), [`SqlType`](crate::SqlType) and [`Element`](crate::Element) for a type that is sent
/// as one PostgreSQL type, or as any of a pattern of them.
macro_rules! scalar_to_sql {
    ($rust:ty, $oid:pat, |$value:ident, $out:ident| binary $binary:expr, text $text:expr) => {
        impl $crate::ToSql for $rust {
            fn to_sql(
                &self,
                ty: $crate::Type<'_>,
                format: $crate::Format,
                $out: &mut Vec<u8>,
            ) -> Result<$crate::IsNull, $crate::EncodeError> {
                if !<Self as $crate::SqlType>::is_sent_as(ty) {
                    return Err(ty.refused::<Self>());
                }
                let $value = self;
                match format {
                    $crate::Format::Binary => $binary,
                    $crate::Format::Text => $text,
                }
                Ok($crate::IsNull::No)
            }
        }

        impl $crate::SqlType for $rust {
            fn is_sent_as(ty: $crate::Type<'_>) -> bool {
                matches!(ty.oid(), $oid | $crate::oid::UNKNOWN)
            }
        }

        impl $crate::Element for $rust {}
    };
}

/// The same for a type that is sent as another one, which `convert` makes of it.
macro_rules! to_sql_as {
    ($rust:ty, $other:ty, |$value:ident| $convert:expr) => {
        impl $crate::ToSql for $rust {
            fn to_sql(
                &self,
                ty: $crate::Type<'_>,
                format: $crate::Format,
                out: &mut Vec<u8>,
            ) -> Result<$crate::IsNull, $crate::EncodeError> {
                if !<Self as $crate::SqlType>::is_sent_as(ty) {
                    return Err(ty.refused::<Self>());
                }
                let $value = self;
                $crate::ToSql::to_sql(&$convert, ty, format, out)
            }
        }

        impl $crate::SqlType for $rust {
            fn is_sent_as(ty: $crate::Type<'_>) -> bool {
                <$other as $crate::SqlType>::is_sent_as(ty)
            }
        }

        impl $crate::Element for $rust {}
    };
}

/// Implements [`FromSql`](crate::FromSql) for an owned type, with one arm for each PostgreSQL type and format. The first
/// arm is what the Rust type takes an untyped value for.
macro_rules! scalar_from_sql {
    ($rust:ty, |$raw:ident, $ctx:ident| {
        $first:pat => $first_text:expr, $first_binary:expr;
        $($oid:pat => $text:expr, $binary:expr;)*
    }) => {
        impl $crate::FromSql<'_> for $rust {
            #[inline]
            fn from_sql(
                ty: $crate::Type<'_>,
                format: $crate::Format,
                $raw: &[u8],
                $ctx: &$crate::LoadContext,
            ) -> Result<Self, $crate::DecodeError> {
                let _ = $ctx;
                match (ty.oid(), format) {
                    ($first | $crate::oid::UNKNOWN, $crate::Format::Text) => $first_text,
                    ($first, $crate::Format::Binary) => $first_binary,
                    $(
                        ($oid, $crate::Format::Text) => $text,
                        ($oid, $crate::Format::Binary) => $binary,
                    )*
                    _ => Err(ty.mismatch::<Self>()),
                }
            }

            fn accepts(ty: $crate::Type<'_>) -> bool {
                matches!(ty.oid(), $first | $crate::oid::UNKNOWN $(| $oid)*)
            }
        }
    };
}

/// Implements [`FromSql`](crate::FromSql) for an owned type that is made of another one, which is read first.
#[cfg(any(
    feature = "bytes",
    feature = "chrono",
    feature = "geo-types",
    feature = "ipnet",
    feature = "jiff",
    feature = "serde_json",
    feature = "time"
))]
macro_rules! from_sql_as {
    ($rust:ty, $other:ty, $convert:expr) => {
        impl $crate::FromSql<'_> for $rust {
            fn from_sql(
                ty: $crate::Type<'_>,
                format: $crate::Format,
                raw: &[u8],
                ctx: &$crate::LoadContext,
            ) -> Result<Self, $crate::DecodeError> {
                if !<Self as $crate::FromSql<'_>>::accepts(ty) {
                    return Err(ty.mismatch::<Self>());
                }
                <$other as $crate::FromSql<'_>>::from_sql(ty, format, raw, ctx).and_then($convert)
            }

            fn accepts(ty: $crate::Type<'_>) -> bool {
                <$other as $crate::FromSql<'_>>::accepts(ty)
            }
        }
    };
}

#[cfg(any(
    feature = "bytes",
    feature = "chrono",
    feature = "geo-types",
    feature = "ipnet",
    feature = "jiff",
    feature = "serde_json",
    feature = "time"
))]
pub(super) use from_sql_as;
pub(super) use scalar_from_sql;
pub(super) use scalar_to_sql;
pub(super) use to_sql_as;
