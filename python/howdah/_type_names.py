"""Names and modifiers of PostgreSQL's built-in types, for `Column`.

A type modifier is the number in `varchar(10)` or `numeric(6,2)`, in the form that the server sends.
Source: catalogue `pg_type`.
"""

from __future__ import annotations

from typing import Final

HEADER_BYTES: Final = 4
"""What the server adds to the modifiers of the character types and numeric: `VARHDRSZ`."""

_INTERVAL_FULL_PRECISION: Final = 0xFFFF

_BPCHAR, _VARCHAR, _CHAR, _BIT, _VARBIT, _NUMERIC, _INTERVAL = 1042, 1043, 18, 1560, 1562, 1700, 1186
_TIMES = frozenset((1083, 1114, 1184, 1266))


def type_display(oid: int, modifier: int) -> str:
    """Return the name of a column's type, or its number if it is not a built-in type."""
    base = _element_oid(oid)
    if base not in BUILTIN_TYPES:
        return str(oid)
    numbers = _shown_numbers(base, modifier)
    shown = f"({','.join(map(str, numbers))})" if numbers else ""
    return BUILTIN_TYPES[base][1] + shown + ("[]" if base != oid else "")


def display_size(oid: int, modifier: int) -> int | None:
    """Return the greatest length of a character or bit string, `None` if it has none."""
    base = _element_oid(oid)
    if modifier < 0:
        return None
    if base in (_BPCHAR, _VARCHAR, _CHAR):
        return modifier - HEADER_BYTES
    return modifier if base in (_BIT, _VARBIT) else None


def precision(oid: int, modifier: int) -> int | None:
    """Return the digits of a numeric, or the digits of the seconds of a time; else `None`."""
    base = _element_oid(oid)
    if modifier < 0:
        return None
    if base == _NUMERIC:
        return modifier >> 16
    digits = modifier & 0xFFFF
    if base in _TIMES or (base == _INTERVAL and digits != _INTERVAL_FULL_PRECISION):
        return digits
    return None


def scale(oid: int, modifier: int) -> int | None:
    """Return the digits of a numeric after the decimal point, maybe negative; else `None`."""
    if _element_oid(oid) != _NUMERIC or modifier < 0:
        return None
    # Eleven bits, signed: numeric.c, numeric_typmod_scale().
    bits = (modifier - HEADER_BYTES) & 0x7FF
    return bits - 0x800 if bits >= 0x400 else bits


def _shown_numbers(oid: int, modifier: int) -> tuple[int, ...]:
    digits, decimals = precision(oid, modifier), scale(oid, modifier)
    if digits is not None:
        return (digits,) if decimals is None else (digits, decimals)
    size = display_size(oid, modifier)
    return (size,) if size else ()


def _element_oid(oid: int) -> int:
    return _ELEMENT_BY_ARRAY.get(oid, oid)


BUILTIN_TYPES: Final[dict[int, tuple[int, str]]] = {
    16: (1000, "bool"),
    17: (1001, "bytea"),
    18: (1002, '"char"'),
    19: (1003, "name"),
    20: (1016, "int8"),
    21: (1005, "int2"),
    22: (1006, "int2vector"),
    23: (1007, "int4"),
    24: (1008, "regproc"),
    25: (1009, "text"),
    26: (1028, "oid"),
    27: (1010, "tid"),
    28: (1011, "xid"),
    29: (1012, "cid"),
    30: (1013, "oidvector"),
    114: (199, "json"),
    142: (143, "xml"),
    600: (1017, "point"),
    601: (1018, "lseg"),
    602: (1019, "path"),
    603: (1020, "box"),
    604: (1027, "polygon"),
    628: (629, "line"),
    650: (651, "cidr"),
    700: (1021, "float4"),
    701: (1022, "float8"),
    718: (719, "circle"),
    774: (775, "macaddr8"),
    790: (791, "money"),
    829: (1040, "macaddr"),
    869: (1041, "inet"),
    1033: (1034, "aclitem"),
    1042: (1014, "bpchar"),
    1043: (1015, "varchar"),
    1082: (1182, "date"),
    1083: (1183, "time"),
    1114: (1115, "timestamp"),
    1184: (1185, "timestamptz"),
    1186: (1187, "interval"),
    1266: (1270, "timetz"),
    1560: (1561, "bit"),
    1562: (1563, "varbit"),
    1700: (1231, "numeric"),
    1790: (2201, "refcursor"),
    2202: (2207, "regprocedure"),
    2203: (2208, "regoper"),
    2204: (2209, "regoperator"),
    2205: (2210, "regclass"),
    2206: (2211, "regtype"),
    2249: (2287, "record"),
    2950: (2951, "uuid"),
    2970: (2949, "txid_snapshot"),
    3220: (3221, "pg_lsn"),
    3614: (3643, "tsvector"),
    3615: (3645, "tsquery"),
    3642: (3644, "gtsvector"),
    3734: (3735, "regconfig"),
    3769: (3770, "regdictionary"),
    3802: (3807, "jsonb"),
    3904: (3905, "int4range"),
    3906: (3907, "numrange"),
    3908: (3909, "tsrange"),
    3910: (3911, "tstzrange"),
    3912: (3913, "daterange"),
    3926: (3927, "int8range"),
    4072: (4073, "jsonpath"),
    4089: (4090, "regnamespace"),
    4096: (4097, "regrole"),
    4191: (4192, "regcollation"),
    4451: (6150, "int4multirange"),
    4532: (6151, "nummultirange"),
    4533: (6152, "tsmultirange"),
    4534: (6153, "tstzmultirange"),
    4535: (6155, "datemultirange"),
    4536: (6157, "int8multirange"),
    5069: (271, "xid8"),
}
"""By OID: the OID of the type's array, and its name."""

_ELEMENT_BY_ARRAY: Final = {array: oid for oid, (array, _) in BUILTIN_TYPES.items()}
