//! Parameters: each is encoded as the type that the server has inferred for it, or that was named, and as no other.

use std::sync::Arc;

use howdah_protocol::connection::{Params, Written};
use howdah_protocol::wire;
use howdah_types::{Format, IsNull, ToSql, Type, Types, memory};

use crate::error::{Error, Result};

/// Encodes parameters as values of `types`, the OIDs that the description of their statement gives or that were named; `known` has the
/// types made by users among them. [`UNKNOWN`](howdah_types::oid::UNKNOWN) is for one of which nothing is known: it goes as text without
/// a type.
///
/// # Errors
/// Another number of parameters than of types, or one that cannot be sent as its type: `out` is of no use then.
pub(crate) fn encode(
    params: &[&dyn ToSql],
    types: &[u32],
    known: &Types,
    out: &mut Params,
) -> Result<()> {
    out.clear();
    if params.len() != types.len() {
        return Err(Error::usage(format!(
            "the statement has {} parameters, and {} were given",
            types.len(),
            params.len()
        )));
    }
    for (index, (param, &declared)) in params.iter().zip(types).enumerate() {
        let ty = Type::new(declared, known);
        out.push(|buffer| {
            memory::room(buffer, memory::FIXED)
                .map_err(|error| Error::parameter(index + 1, ty, error.into()))?;
            let format = param.format(ty);
            let null = param
                .to_sql(ty, format, buffer)
                .map_err(|error| Error::parameter(index + 1, ty, error))?;
            Ok::<_, Error>(Written {
                oid: if ty.is_untyped() { 0 } else { declared },
                format: match format {
                    Format::Text => wire::Format::Text,
                    Format::Binary => wire::Format::Binary,
                },
                null: match null {
                    IsNull::Yes => wire::IsNull::Yes,
                    IsNull::No => wire::IsNull::No,
                },
            })
        })?;
    }
    Ok(())
}

/// Parameters of one execution as those see them who run it, of whatever type they are: code that runs statements is there once.
pub(crate) trait Parameters: Sync {
    fn count(&self) -> usize;

    /// The types that are named for them.
    fn named(&self) -> Option<Arc<[u32]>>;

    /// Whether these are the types that are named for them; `None` is for no types at all.
    fn are_of(&self, types: Option<&[u32]>) -> bool;

    /// Encodes them, as [`encode`].
    fn encode(&self, types: &[u32], known: &Types, out: &mut Params) -> Result<()>;
}

impl<P: ToParams> Parameters for P {
    fn count(&self) -> usize {
        self.with_params(|params| params.len())
    }

    fn named(&self) -> Option<Arc<[u32]>> {
        self.types().map(Arc::from)
    }

    fn are_of(&self, types: Option<&[u32]>) -> bool {
        self.types() == types
    }

    fn encode(&self, types: &[u32], known: &Types, out: &mut Params) -> Result<()> {
        self.with_params(|params| encode(params, types, known, out))
    }
}

/// The parameters of one execution, or the values of one row, for COPY:
///
/// * `()` for none;
/// * a tuple of up to 12 values, each of a type of its own: `(1, "ann")`, `(&id, &name)`, or `(id,)` for one;
/// * a list of values of one type: `[1, 2, 3]`, a slice, a `Vec`;
/// * a slice of [`&dyn ToSql`](ToSql), where their number or types are known at run time only.
///
/// Values can be given or lent: references to parameters are parameters.
///
/// ```no_run
/// use howdah::{Connection, Error, ToSql};
///
/// fn find(conn: &mut Connection, name: Option<&str>, age: Option<i32>) -> Result<(), Error> {
///     let mut sql = "SELECT id FROM users WHERE true".to_owned();
///     let mut params: Vec<&dyn ToSql> = Vec::new();
///     if let Some(name) = &name {
///         params.push(name);
///         sql += &format!(" AND name = ${}", params.len());
///     }
///     if let Some(age) = &age {
///         params.push(age);
///         sql += &format!(" AND age = ${}", params.len());
///     }
///     for row in conn.query(&sql, params)? {
///         conn.execute("INSERT INTO found (id, at) VALUES ($1, $2)", (row.get::<i64>(0)?, "now"))?;
///     }
///     Ok(())
/// }
/// ```
///
/// A type of your own can be one:
///
/// ```no_run
/// use howdah::{Connection, Error, ToParams, ToSql};
///
/// struct User {
///     id: i32,
///     name: String,
/// }
///
/// impl ToParams for User {
///     fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
///         work(&[&self.id, &self.name])
///     }
/// }
///
/// fn save(conn: &mut Connection, users: &[User]) -> Result<u64, Error> {
///     conn.execute_many("INSERT INTO users (id, name) VALUES ($1, $2)", users)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of parameters",
    label = "not `ToParams`",
    note = "give none as `()`, one as `(value,)`, and several as a tuple `(1, \"ann\")`"
)]
pub trait ToParams: Sync {
    /// Calls `work` with the parameters, in the order of their numbers.
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R;

    /// Gives each of them to `take` until that fails: where there are many rows it pays to know their types.
    fn visit<V: TakeParam>(&self, take: &mut V) -> Result<()> {
        self.with_params(|params| params.iter().try_for_each(|param| take.take(*param)))
    }

    /// The OIDs of the types that they are sent as, where the server is not to infer them: see [`Typed`], which gives them.
    ///
    /// ```
    /// use howdah::types::oid;
    /// use howdah::{ToParams, ToSql};
    ///
    /// struct Point(i32, i32);
    ///
    /// impl ToParams for Point {
    ///     fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
    ///         work(&[&self.0, &self.1])
    ///     }
    ///
    ///     fn types(&self) -> Option<&[u32]> {
    ///         Some(&[oid::INT8, oid::INT8])
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let product: i64 = conn.query_scalar("SELECT $1 * $2", Point(1 << 20, 1 << 20))?;
    /// assert_eq!(product, 1 << 40);
    /// # Ok(())
    /// # }
    /// ```
    fn types(&self) -> Option<&[u32]> {
        None
    }
}

/// Parameters of a statement with the OIDs of their types, in the place of those that the server infers.
///
/// A statement with parameters that the connection has not run before takes two round trips, as the types of parameters are the server's to
/// tell. With types that are named it takes one, which is for statements that are run once: the server is asked only for what else has
/// to be known. That is the columns where rows come as they arrive, as of `query_stream()` and `portal()`, and where the session has
/// another `DateStyle` than ISO or another `IntervalStyle` than `postgres`.
///
/// Values are sent as these types, exactly or not at all, as always. What may differ is the statement: the server reads `$1` as if
/// `$1::int4` were written, converts from there by its rules, and may find another function or operator.
///
/// Types made by users that are named are looked up, once for a connection. [`UNKNOWN`](crate::types::oid::UNKNOWN) is for a parameter
/// that is sent as its text, and read as the type that the server infers. In a batch nothing is used for such a statement that was
/// prepared before the batch. Of one `execute_many()` each may have other types than those before; it is quickest where all have the
/// same. Rows of a COPY are refused with types: `copy_in_typed()` takes them.
///
/// ```
/// use howdah::Typed;
/// use howdah::types::oid;
///
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let sum: i64 = conn.query_scalar("SELECT $1 + $2", Typed(&[oid::INT8, oid::INT4], (1, 2)))?;
/// assert_eq!(sum, 3);
/// let error = conn.query("SELECT $1", Typed(&[oid::TEXT], (1,))).expect_err("a number is no text");
/// assert!(error.is_usage());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Typed<'t, P>(
    /// The OIDs, one for each parameter.
    pub &'t [u32],
    /// The parameters.
    pub P,
);

impl<P: ToParams> ToParams for Typed<'_, P> {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        self.1.with_params(work)
    }

    fn visit<V: TakeParam>(&self, take: &mut V) -> Result<()> {
        self.1.visit(take)
    }

    fn types(&self) -> Option<&[u32]> {
        Some(self.0)
    }
}

/// What takes parameters one by one, as [`ToParams::visit`] gives them.
///
/// ```
/// use howdah::{Result, TakeParam, ToParams, ToSql};
///
/// /// Counts parameters.
/// struct Count(usize);
///
/// impl TakeParam for Count {
///     fn take<T: ToSql + ?Sized>(&mut self, _: &T) -> Result<()> {
///         self.0 += 1;
///         Ok(())
///     }
/// }
///
/// let mut count = Count(0);
/// (1, "ann", None::<f64>).visit(&mut count)?;
/// assert_eq!(count.0, 3);
/// # Ok::<(), howdah::Error>(())
/// ```
pub trait TakeParam {
    /// Takes the next one.
    ///
    /// # Errors
    /// It is not taken, and the rest is of no use either.
    fn take<T: ToSql + ?Sized>(&mut self, param: &T) -> Result<()>;
}

impl<T: ToParams + ?Sized> ToParams for &T {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        (**self).with_params(work)
    }

    #[inline]
    fn visit<V: TakeParam>(&self, take: &mut V) -> Result<()> {
        (**self).visit(take)
    }

    fn types(&self) -> Option<&[u32]> {
        (**self).types()
    }
}

/// So many values of a list are parameters without memory being asked for.
const FEW: usize = 16;

impl<T: ToSql> ToParams for [T] {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        let Some(first) = self.first() else {
            return work(&[]);
        };
        let mut few: [&dyn ToSql; FEW] = [first; FEW];
        match few.get_mut(..self.len()) {
            Some(few) => {
                for (place, value) in few.iter_mut().zip(self) {
                    *place = value;
                }
                work(few)
            }
            None => {
                let many: Vec<&dyn ToSql> = self.iter().map(|value| value as _).collect();
                work(&many)
            }
        }
    }
}

impl<T: ToSql> ToParams for Vec<T> {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        self.as_slice().with_params(work)
    }
}

impl<T: ToSql, const N: usize> ToParams for [T; N] {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        work(&self.each_ref().map(|value| value as _))
    }
}

macro_rules! tuples {
    ($($($name:ident $number:tt)*;)+) => {
        $(
            impl<$($name: ToSql),*> ToParams for ($($name,)*) {
                fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
                    work(&[$(&self.$number),*])
                }

                #[inline]
                fn visit<V: TakeParam>(&self, _take: &mut V) -> Result<()> {
                    $(_take.take(&self.$number)?;)*
                    Ok(())
                }
            }
        )+
    };
}

tuples! {
    ;
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 F 5;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}

#[cfg(test)]
mod tests {
    use howdah_types::{Definition, Kind, oid};

    use super::*;

    fn refused(param: &dyn ToSql, ty: u32) -> String {
        let mut types = Types::new();
        for (oid, name, kind) in [
            (20_000, "mood", Kind::Enum),
            (20_001, "age", Kind::Domain(oid::INT4)),
        ] {
            let name = name.to_owned();
            types.insert(oid, Definition { name, kind });
        }
        let error = encode(
            &[&1, param],
            &[oid::INT4, ty],
            &types,
            &mut Params::default(),
        );
        let error = error.unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    }

    #[test]
    fn errors_name_the_parameter_and_both_types() {
        assert_eq!(
            refused(&0.5, oid::INT4),
            "parameter $2 (int4): f64 cannot be sent as int4"
        );
        assert_eq!(
            refused(&None::<String>.map(|text| vec![text]), oid::INT4),
            "parameter $2 (int4): Option<Vec<String>> cannot be sent as int4"
        );
        assert_eq!(
            refused(&vec![1, 3_000_000_000_u32], oid::INT4_ARRAY),
            "parameter $2 (int4[]): 3000000000 (u32) is out of range for int4"
        );
        assert_eq!(
            refused(&(1_i64 << 40), 20_001),
            "parameter $2 (int4): 1099511627776 (i64) is out of range for int4"
        );
        assert_eq!(
            refused(&1, 20_000),
            "parameter $2 (mood): i32 cannot be sent as enum"
        );
        assert_eq!(
            refused(&"a\0", oid::TEXT),
            "parameter $2 (text): cannot write text: PostgreSQL text cannot contain NUL (0x00) bytes"
        );
    }

    #[test]
    fn as_many_parameters_as_types() {
        let known = Types::new();
        let error = encode(&[&1], &[], &known, &mut Params::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the statement has 0 parameters, and 1 were given"
        );
    }

    #[test]
    fn types_and_formats_go_with_the_values() {
        let known = Types::new();
        let mut out = Params::default();
        let types = [oid::INT8, oid::INT4, oid::TEXT, oid::UNKNOWN];
        encode(&[&7_u8, &"7", &None::<&str>, &7], &types, &known, &mut out).unwrap();
        assert_eq!(out.oids, [oid::INT8, oid::INT4, oid::TEXT, 0]);
        assert_eq!(
            out.formats,
            [
                wire::Format::Binary,
                wire::Format::Text,
                wire::Format::Binary,
                wire::Format::Text
            ]
        );
        assert_eq!(
            out.values,
            b"\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x017\xff\xff\xff\xff\0\0\0\x017"
        );
    }
}
