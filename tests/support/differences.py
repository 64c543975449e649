"""Where howdah differs from the oracle by intent: the one list, each with its reason.

docs/compatibility.md tells users. A test asks here before it compares, and checks howdah's own behaviour instead.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class ParameterDifference:
    """A kind of parameter that howdah treats otherwise."""

    reason: str
    concerns: Callable[[Any], bool]
    placeholders: frozenset[str]
    error: str | None
    """The exception that howdah raises; `None` if it sends the value and the oracle fails."""


def items(value: Any) -> Iterator[Any]:
    """What is in a list and the lists in it."""
    for item in value:
        if isinstance(item, list):
            yield from items(item)
        else:
            yield item


def starts_shallow(value: Any) -> bool:
    """A list with a list in it, but not in the first place."""
    return isinstance(value, list) and any(isinstance(v, list) for v in value) and not isinstance(value[0], list)


def moment(value: Any) -> str:
    """The type of a date or time; empty for anything else."""
    if isinstance(value, (dt.datetime, dt.time)):
        name = "timestamp" if isinstance(value, dt.datetime) else "time"
        return name if value.tzinfo is None else f"{name}tz"
    return "date" if isinstance(value, dt.date) else ""


TAKEN_FOR_ANOTHER = {
    ("date", "timestamp"), ("date", "timestamptz"), ("timestamp", "timestamptz"), ("timestamptz", "timestamp"),
    ("timestamptz", "date"), ("time", "timetz"), ("timetz", "time"),
}  # fmt: skip
"""The type that is wanted, and what the server makes another value of."""


def is_range(value: Any) -> bool:
    return type(value).__name__.endswith(("Range", "Multirange"))


def is_plain_range(value: Any) -> bool:
    """Whether the bounds decide what it is."""
    return type(value).__name__ in ("Range", "Multirange")


def mixes_moments(value: Any) -> bool:
    """A list, or bounds, of which the server would take some for others."""
    if isinstance(value, list):
        found = [v for v in items(value) if v is not None]
        kinds = [moment(next(numbers(v), None) if is_plain_range(v) else v) for v in found]
        return any(map(mixes_moments, found)) or any((kinds[-1], kind) in TAKEN_FOR_ANOTHER for kind in kinds)
    if not is_range(value):
        return False
    kinds = [moment(v) for v in numbers(value)]
    if not kinds:
        return False
    if type(value).__name__.startswith("Date"):
        return "date" in kinds and len(set(kinds)) > 1
    if type(value).__name__.startswith("Timestamp"):
        return {"timestamp", "timestamptz"} <= set(kinds)
    return any((kinds[0], kind) in TAKEN_FOR_ANOTHER for kind in kinds)


def is_negative_nan(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_nan() and value.is_signed()


INT_BITS = {"Int2": 16, "Int4": 32, "Int4Range": 32, "Int4Multirange": 32}
SINGLE_MAX = 3.4028235677973366e38


def overflows(value: Any) -> bool:
    """A value of a class that stands for a type, of a size up to 64 bits, but too large for that type."""
    name = type(value).__name__
    if name == "Float4":
        return SINGLE_MAX <= abs(float(value)) < math.inf
    return name in INT_BITS and any(number_overflows(n, INT_BITS[name]) for n in numbers(value))


def number_overflows(number: Any, bits: int) -> bool:
    if not isinstance(number, int) or not -(2**63) <= number < 2**63:
        return False
    return not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)


def numbers(value: Any) -> Iterator[Any]:
    """An int, or the bounds of a range or multirange."""
    if isinstance(value, int):
        yield value
        return
    for part in value if hasattr(value, "insert") else [value]:
        yield from (bound for bound in (part.lower, part.upper) if bound is not None)


def has_overflowing_item(value: Any) -> bool:
    return isinstance(value, list) and any(overflows(v) for v in items(value))


def has_big_int_numeric(value: Any) -> bool:
    found = items(value) if isinstance(value, list) else [value]
    return any(type(v).__name__ == "IntNumeric" and not -(2**63) <= v < 2**63 for v in found)


def is_list_of_untyped_ranges(value: Any) -> bool:
    """A list of ranges whose bounds are of no type that there are ranges of, or that have none."""
    found = [is_untyped_range(v) for v in items(value) if v is not None] if isinstance(value, list) else []
    return bool(found) and all(found)


def is_untyped_range(value: Any) -> bool:
    if not is_plain_range(value):
        return False
    typed = ("int", "Int4", "Int8", "IntNumeric", "Decimal", "date", "datetime")
    return next((type(n).__name__ not in typed for n in numbers(value)), True)


def mixes_addresses(value: Any) -> bool:
    """A list of addresses without and with a network."""
    found = {type(v).__name__[4:] for v in items(value)} if isinstance(value, list) else set()
    return found >= {"Address", "Interface"}


def mixes_types_of_ranges(value: Any) -> bool:
    """Ranges in a list, or bounds in a range, of several types; a range without bounds is of none."""
    found = list(items(value)) if isinstance(value, list) else [value]
    found = [v for v in found if v is not None]
    if not all(type(v).__name__.endswith(("Range", "Multirange")) for v in found):
        return False
    mixed = [kinds for v in found if len(kinds := kinds_of_bounds(v)) > 1]
    return bool(mixed) or len({min(kinds_of_bounds(v), default="") for v in found}) > 1


def kinds_of_bounds(value: Any) -> set[str]:
    """What decides the type: the class of the bounds of a plain range."""
    kinds = {type(bound).__name__ for bound in numbers(value)}
    return kinds if is_plain_range(value) or not kinds else {type(value).__name__}


def mixes_numerics(value: Any) -> bool:
    """A list of several of these: decimals, ints that are numerics by their class, and ints beyond 64 bits."""
    found = list(items(value)) if isinstance(value, list) else []
    kinds = {type(v).__name__ for v in found if isinstance(v, Decimal) or type(v).__name__ == "IntNumeric"}
    kinds |= {"int" for v in found if type(v) is int and not -(2**63) <= v < 2**63}
    return len(kinds) > 1


def has_int_numerics_of_many_sizes(value: Any) -> bool:
    """A list of numbers of which the last one needs fewer bytes than another."""
    found = [v for v in items(value) if v is not None] if isinstance(value, list) else []
    return (
        bool(found)
        and all(type(v).__name__ == "IntNumeric" for v in found)
        and any(abs(v) > abs(found[-1]) for v in found)
    )


def has_nul_and_more(value: Any) -> bool:
    """A list with a text that has a NUL, which no text may have, and a character that the client encoding may lack."""
    found = list(items(value)) if isinstance(value, list) else []
    return any(isinstance(v, str) and "\0" in v and not v.isascii() for v in found)


def has_other_spaces(value: Any) -> bool:
    """A list with a text that has white space which is not ASCII's."""
    found = list(items(value)) if isinstance(value, list) else []
    return any(isinstance(v, str) and any(c.isspace() and not c.isascii() for c in v) for v in found)


PARAMETERS = [
    ParameterDifference(
        "Of two errors psycopg raises that of the encoding.",
        has_nul_and_more,
        frozenset(["%s", "%t"]),
        "DataError",
    ),
    ParameterDifference(
        "A list that cannot be an array is a DataError wherever the inner list is; psycopg lets a TypeError out.",
        starts_shallow,
        frozenset(["%b"]),
        "DataError",
    ),
    ParameterDifference(
        "psycopg sends all as the type of one of them: the server drops time zones and times of day, or adds them. Or "
        "a TypeError comes out.",
        mixes_moments,
        frozenset(["%s", "%b", "%t"]),
        "DataError",
    ),
    ParameterDifference(
        'psycopg sends "-NaN" as text, which the server refuses; NaN has no sign there.',
        is_negative_nan,
        frozenset(["%s", "%t"]),
        None,
    ),
    ParameterDifference(
        "psycopg sends the low bits of the int, and infinity for the float.",
        overflows,
        frozenset(["%s", "%b"]),
        "DataError",
    ),
    ParameterDifference(
        "The same in a list.",
        has_overflowing_item,
        frozenset(["%b"]),
        "DataError",
    ),
    ParameterDifference(
        "psycopg has no binary dumper for it, and the one of int raises TypeError.",
        has_big_int_numeric,
        frozenset(["%b"]),
        None,
    ),
    ParameterDifference(
        "psycopg puts the binary form of a range into an array of text.",
        is_list_of_untyped_ranges,
        frozenset(["%b"]),
        None,
    ),
    ParameterDifference(
        "psycopg asks each address for the network that only the last one has, and lets an AttributeError out.",
        mixes_addresses,
        frozenset(["%b"]),
        None,
    ),
]


@dataclass(frozen=True)
class Mixture:
    """Values of several types where the oracle's outcome is an accident: of their order, or of the last one's size.

    howdah sends them as what they are, or raises DataError.
    """

    reason: str
    concerns: Callable[[Any], bool]
    placeholders: frozenset[str]


MIXTURES = [
    Mixture(
        "psycopg quotes what Unicode calls a space, which the server does not.",
        has_other_spaces,
        frozenset(["%s", "%t"]),
    ),
    Mixture(
        "psycopg dumps all ranges as the type of one of them, which the server refuses or takes for something else.",
        mixes_types_of_ranges,
        frozenset(["%b"]),
    ),
    Mixture(
        "psycopg takes the last one for the widest, or whichever is the greatest, and dumps the others as that: an "
        "AttributeError, InvalidOperation or DataError, or it works.",
        mixes_numerics,
        frozenset(["%s", "%b", "%t"]),
    ),
    Mixture(
        "psycopg takes the size of the last number and cuts the others.",
        has_int_numerics_of_many_sizes,
        frozenset(["%b"]),
    ),
]


def is_mixture(value: Any, placeholder: str) -> bool:
    return any(placeholder in m.placeholders and m.concerns(value) for m in MIXTURES)


def of_parameter(value: Any, placeholder: str) -> ParameterDifference | None:
    """How howdah differs for that value, if it does."""
    return next((d for d in PARAMETERS if placeholder in d.placeholders and d.concerns(value)), None)


@dataclass(frozen=True)
class SettingDifference:
    """Types that the oracle cannot send or load under some settings, where howdah can or says so."""

    reason: str
    setting: str
    values: Callable[[str], bool]
    types: Callable[[str], bool]
    only_beyond_ascii: bool = False


SETTINGS = [
    SettingDifference(
        "psycopg doubles the backslash of a parameter, as in a literal, and the server takes it for other bytes.",
        "standard_conforming_strings",
        "off".__eq__,
        lambda types: "bytea" in types,
    ),
    SettingDifference(
        "psycopg unescapes on to the end of the array or record that the bytes are in.",
        "bytea_output",
        "escape".__eq__,
        lambda types: "bytea" in types and types != "bytea",
    ),
    SettingDifference(
        "psycopg takes JSON for UTF-8, whatever the encoding.",
        "client_encoding",
        "UTF8".__ne__,
        lambda types: "json" in types,
        only_beyond_ascii=True,
    ),
    SettingDifference(
        "psycopg lets the TypeError of a regular expression out, which is for str and is given bytes.",
        "client_encoding",
        "SQL_ASCII".__eq__,
        lambda types: "hstore" in types,
    ),
    SettingDifference(
        "In binary the server sends lengths that are not those of the converted text; psycopg does not look.",
        "client_encoding",
        "UTF8".__ne__,
        lambda types: "hstore" in types,
        only_beyond_ascii=True,
    ),
]


def of_settings(settings: dict[str, str], types: str, value: Any) -> SettingDifference | None:
    """How the oracle fails under those settings with those types, if it does."""
    for found in SETTINGS:
        holds = found.setting in settings and found.values(settings[found.setting]) and found.types(types)
        if holds and not (found.only_beyond_ascii and is_ascii(value)):
            return found
    return None


def is_ascii(value: Any) -> bool:
    """Whether all text in a value is; what a driver makes an object of is in its `args`."""
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, dict):
        return all(map(is_ascii, value.items()))
    inner = value if isinstance(value, (list, tuple)) else getattr(value, "args", ())
    return all(map(is_ascii, inner))


AFTER_CLOSE = {
    ("fileno", "lost"): "the page watches the descriptor of a lost connection until close()",
}

UNSENT_STATUS = "IDLE"
"""An error found before bytes are written leaves the connection as it was; psycopg has sent BEGIN by then."""
