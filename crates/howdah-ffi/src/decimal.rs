//! `decimal.Decimal` made from its digits.
//!
//! The interpreter's C implementation of `decimal` can only be asked for a number by way of a str, which takes most of
//! the time that a `numeric` does. So the objects are filled here, as `_decimal.c` and libmpdec lay them out since
//! CPython 3.3. The layout is no promise: [`DecimalMaker::find`] compares it with numbers that the interpreter made,
//! and where anything differs (another implementation, 32 bits, a later version) there is no maker.

use std::mem::offset_of;

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// `PyDecObject` of _decimal.c, with the members of its `mpd_t`.
#[repr(C)]
struct DecimalObject {
    head: ffi::PyObject,
    hash: ffi::Py_hash_t,
    flags: u8,
    exponent: isize,
    digits: isize,
    len: isize,
    alloc: isize,
    data: *mut u64,
    words: [u64; WORDS],
}

/// `_Py_DEC_MINALLOC`: the words that lie within the object.
const WORDS: usize = 4;
/// `MPD_RADIX` where words have 64 bits.
const RADIX: u128 = 10_u128.pow(19);
/// `MPD_NEG`
const NEGATIVE: u8 = 1;
/// `MPD_STATIC | MPD_STATIC_DATA`: neither the number nor its words are to be freed by themselves.
const STATIC: u8 = 16 | 32;
/// `hash` of an object that has not been asked for it.
const NO_HASH: ffi::Py_hash_t = -1;

/// A finite number: `coefficient * 10^exponent`, with a sign because there is a negative zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// The sign.
    pub negative: bool,
    /// Less than 10^38, the square of what a word holds.
    pub coefficient: u128,
    /// The power of ten that the coefficient is multiplied by.
    pub exponent: isize,
}

/// Makes instances of `decimal.Decimal`.
pub struct DecimalMaker {
    class: Py<PyType>,
}

/// Numbers whose objects show every member of the layout.
const PROBES: [(&str, Digits); 4] = [
    (
        "-12345678901234567890123.4567",
        digits(true, 123_456_789_012_345_678_901_234_567, -4),
    ),
    (
        "9999999999999999999",
        digits(false, 9_999_999_999_999_999_999, 0),
    ),
    ("0.000", digits(false, 0, -3)),
    ("7E+20", digits(false, 7, 20)),
];

const fn digits(negative: bool, coefficient: u128, exponent: isize) -> Digits {
    Digits {
        negative,
        coefficient,
        exponent,
    }
}

impl DecimalMaker {
    /// The maker for `decimal.Decimal`, `None` if its objects are not laid out as expected.
    ///
    /// # Errors
    /// Only of the interpreter.
    pub fn find(class: &Bound<'_, PyType>) -> PyResult<Option<Self>> {
        let class_ptr = class.as_type_ptr();
        // SAFETY: a live type object; numbers are read.
        let (size, item_size) = unsafe { ((*class_ptr).tp_basicsize, (*class_ptr).tp_itemsize) };
        if size != size_of::<DecimalObject>().cast_signed() || item_size != 0 {
            return Ok(None);
        }
        for (text, expected) in PROBES {
            let made = class.call1((text,))?;
            if !made.get_type().is(class) || !is_laid_out(&made, expected) {
                return Ok(None);
            }
        }
        Ok(Some(Self {
            class: class.clone().unbind(),
        }))
    }

    /// The number; `None` if the coefficient is too large.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn make<'py>(
        &self,
        py: Python<'py>,
        digits: Digits,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(Words { words, len }) = Words::of(digits.coefficient) else {
            return Ok(None);
        };
        let class = self.class.bind(py).as_type_ptr();
        // SAFETY: the class is alive; a new reference of at least its basic size, all zeros behind the head, or null
        // with an exception set comes back.
        let made = unsafe {
            let alloc = (*class)
                .tp_alloc
                .ok_or_else(|| PyMemoryError::new_err(()))?;
            Bound::from_owned_ptr_or_err(py, alloc(class, 0))?
        };
        let object = made.as_ptr().cast::<DecimalObject>();
        // SAFETY: `find` has seen that objects of this class have this size and these members; this one is ours alone
        // until it is given away. `data` points into the object itself, which does not move; the flags say so, and its
        // deallocator then frees nothing else.
        unsafe {
            (*object).hash = NO_HASH;
            (*object).flags = flags(digits);
            (*object).exponent = digits.exponent;
            (*object).digits = decimal_digits(digits.coefficient);
            (*object).len = len;
            (*object).alloc = WORDS.cast_signed();
            (*object).data = (&raw mut (*object).words).cast();
            (&raw mut (*object).words).cast::<[u64; 2]>().write(words);
        }
        Ok(Some(made))
    }
}

/// A coefficient in base 10^19, the lowest word first.
struct Words {
    words: [u64; 2],
    len: isize,
}

impl Words {
    #[inline]
    fn of(coefficient: u128) -> Option<Self> {
        if coefficient < RADIX {
            let low = u64::try_from(coefficient).ok()?;
            return Some(Self {
                words: [low, 0],
                len: 1,
            });
        }
        let high = coefficient / RADIX;
        if high >= RADIX {
            return None;
        }
        Some(Self {
            words: [
                u64::try_from(coefficient % RADIX).ok()?,
                u64::try_from(high).ok()?,
            ],
            len: 2,
        })
    }
}

#[inline]
fn flags(digits: Digits) -> u8 {
    STATIC | if digits.negative { NEGATIVE } else { 0 }
}

/// How many decimal digits there are; zero has one.
#[inline]
fn decimal_digits(coefficient: u128) -> isize {
    let log = match u64::try_from(coefficient) {
        Ok(small) => small.checked_ilog10(),
        Err(_) => coefficient.checked_ilog10(),
    };
    log.map_or(1, |log| log as isize + 1)
}

/// Whether an object that the interpreter made holds what [`DecimalMaker::make`] would write.
fn is_laid_out(object: &Bound<'_, PyAny>, expected: Digits) -> bool {
    let Some(Words { words, len }) = Words::of(expected.coefficient) else {
        return false;
    };
    let object = object.as_ptr().cast::<DecimalObject>();
    // SAFETY: the caller has compared the size of the object's class with that of the struct, so that all of it can be
    // read, and any bytes are values of its members; padding is not read. `data` is compared, not followed.
    unsafe {
        (*object).hash == NO_HASH
            && (*object).flags == flags(expected)
            && (*object).exponent == expected.exponent
            && (*object).digits == decimal_digits(expected.coefficient)
            && (*object).len == len
            && (*object).alloc == WORDS.cast_signed()
            && (*object)
                .data
                .cast_const()
                .cast::<u8>()
                .addr()
                .wrapping_sub(object.addr())
                == offset_of!(DecimalObject, words)
            && (*object).words[0] == words[0]
            && (len == 1 || (*object).words[1] == words[1])
    }
}
