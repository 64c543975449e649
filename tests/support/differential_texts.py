"""What hypothesis writes for the server to make values of, and the settings that change how it writes them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from support.differential_values import (
    bits,
    boxes,
    interfaces,
    json_values,
    macs,
    near_sizes,
    networks,
    points,
    quotable,
    small,
    texts,
    words_of_text,
)  # fmt: skip

MAX_MONTHS = 32_000_000
"""An interval that Python cannot hold is a DataError; psycopg lets numbers wrap around, and takes infinity for zero."""

Texts = st.SearchStrategy[str]

DATE_STYLES = [f"{style}, {order}" for style in ("ISO", "SQL", "Postgres", "German") for order in ("DMY", "MDY", "YMD")]
ZONES = ["UTC", "Europe/Rome", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Amsterdam", "-03:30"]
ENCODINGS = [
    "UTF8", "LATIN1", "LATIN9", "WIN1252", "WIN1251", "KOI8R", "EUC_JP", "SJIS", "BIG5", "GB18030", "SQL_ASCII",
    "WIN874",
]  # fmt: skip
POSSIBLE = {
    "datestyle": st.sampled_from(DATE_STYLES),
    "intervalstyle": st.sampled_from(["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
    "timezone": st.sampled_from(ZONES),
    "client_encoding": st.sampled_from(["UTF8", "UTF8", *ENCODINGS]),
    "bytea_output": st.sampled_from(["hex", "escape"]),
    "extra_float_digits": st.integers(-3, 3).map(str),
    "standard_conforming_strings": st.sampled_from(["on", "on", "on", "off"]),
}
QUIET = {"escape_string_warning": "off"}
SETTINGS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries({}, optional=POSSIBLE).map(
    lambda found: {**QUIET, **found}
)
"""Settings of a client, of which any may keep its default."""


def quoted(text: str) -> str:
    """A literal that means the same in any encoding, and whatever standard_conforming_strings is.

    Without NUL, which a query cannot have.
    """
    return " E'" + "".join(escaped(c) for c in text if c != "\0") + "'"


def escaped(character: str) -> str:
    code = ord(character)
    if character in "\\'":
        return f"\\{character}"
    return character if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def year_text(year: int) -> str:
    return f"{year:04}" if year > 0 else f"{1 - year:04}"


@st.composite
def dates(draw: st.DrawFn) -> str:
    year = draw(st.integers(1, 9999) | st.integers(-4712, 12000) | st.sampled_from([-1, 0, 1, 9999, 10000, 294276]))
    month, day = draw(st.integers(1, 12)), draw(st.integers(1, 28))
    return f"{year_text(year)}-{month:02}-{day:02}{{}}{'' if year > 0 else ' BC'}"


@st.composite
def clocks(draw: st.DrawFn) -> str:
    hour, minute, second = draw(st.integers(0, 24)), draw(st.integers(0, 59)), draw(st.integers(0, 60))
    fraction = draw(st.just("") | st.integers(0, 10**6 - 1).map(lambda n: f".{n:06}"))
    return f"{hour:02}:{minute:02}:{second:02}{fraction}"


@st.composite
def offsets(draw: st.DrawFn) -> str:
    sign, hour = draw(st.sampled_from("+-")), draw(st.integers(0, 15))
    return f"{sign}{hour:02}" + draw(st.sampled_from(["", ":30", ":59", ":00:01", ":19:32"]))


infinity = st.sampled_from(["infinity", "-infinity"])
some_dates = dates().map(lambda text: text.format(""))
moments = st.builds(lambda day, clock: day.format(f" {clock}"), dates(), clocks())
zoned = st.builds(lambda day, clock, offset: day.format(f" {clock}{offset}"), dates(), clocks(), offsets())
months = st.integers(-3000, 3000) | st.integers(-MAX_MONTHS, MAX_MONTHS)
many_days = st.integers(-3000, 3000) | st.integers(-(10**9), 10**9)
many = st.integers(-(10**12), 10**12) | st.integers(-(10**17), 10**17)
intervals = st.builds("{} months {} days {} microseconds".format, months, many_days, many)
floats = st.floats().map(lambda x: repr(x).replace("inf", "Infinity"))
numerics = st.builds("{}e{}".format, st.integers(), st.integers(-60, 60)) | st.sampled_from(
    ["NaN", "Infinity", "-Infinity", "0.000", "-0", "1e1000", "1e-1000"]
)
integers = near_sizes.map(str) | small.map(str)
strings = texts | quotable


def json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


TEXTS: dict[str, Texts] = {
    "bool": st.sampled_from(["t", "f", "true", "off", "2"]),
    "int2": integers, "int4": integers, "int8": integers, "oid": integers, "xid8": integers, "regtype": integers,
    "numeric": numerics, "numeric(20,4)": numerics, "float4": floats, "float8": floats,
    "text": strings, "varchar": strings, "varchar(4)": strings, "bpchar": strings, "char(5)": strings,
    "name": strings, '"char"': strings,
    "bytea": st.binary(max_size=20).map(lambda raw: "\\x" + raw.hex()) | strings,
    "date": some_dates | infinity,
    "time": clocks(), "timetz": st.builds("{}{}".format, clocks(), offsets()),
    "timestamp": moments | infinity, "timestamptz": zoned | infinity, "timestamp(0)": moments,
    "interval": intervals, "interval(2)": intervals, "interval year to month": intervals,
    "uuid": st.uuids().map(str),
    "json": json_values.map(json_text), "jsonb": json_values.map(json_text),
    "inet": interfaces.map(str), "cidr": networks.map(str), "macaddr": macs, "macaddr8": macs,
    "bit(4)": bits, "varbit": bits, "money": st.decimals(-(10**6), 10**6, places=2).map(str),
    "tsvector": words_of_text.map(" ".join) | strings, "tsquery": words_of_text.map(" & ".join),
    "pg_lsn": st.builds("{:X}/{:X}".format, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    "point": points, "box": boxes, "lseg": boxes, "circle": st.builds("<{},{}>".format, points, st.integers(0, 9)),
    "path": st.lists(points, max_size=4).map(lambda p: f"[{','.join(p)}]"),
    "polygon": st.lists(points, min_size=1, max_size=4).map(lambda p: f"({','.join(p)})"),
    "line": st.builds("{{{},{},{}}}".format, small, small, small), "tid": points,
    "xml": strings.map(lambda text: text.replace("<", "")), "hstore": st.dictionaries(
        strings, strings, max_size=3
    ).map(lambda d: ", ".join(f"{hstore_item(k)}=>{hstore_item(v)}" for k, v in d.items())),
    "int4range": st.builds("[{},{})".format, small, small),
    "tsrange": st.builds('["{}",{}]'.format, moments, st.sampled_from(["", "infinity"])),
    "tstzmultirange": st.builds('{{["{}",]}}'.format, zoned),
    "daterange": st.builds("({},)".format, some_dates | infinity),
    "jsonpath": st.sampled_from(["$.a", "strict $[*]"]),
}  # fmt: skip
"""Each type, and text that the server may take for it; what it refuses is to be the same error."""


def hstore_item(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
