"""Where howdah differs from the oracle by intent: the one list, each with its reason.

docs/compatibility.md tells users. A test asks here before it compares, and checks howdah's own behaviour instead.
"""

from __future__ import annotations

import datetime as dt
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


def loses_zones(value: Any) -> bool:
    """A list of times with and without a zone, of which the last has none."""
    if not isinstance(value, list):
        return False
    zones = [v.tzinfo is not None for v in items(value) if isinstance(v, dt.time)]
    return any(zones) and not zones[-1]


def has_zone_without_offset(value: Any) -> bool:
    """A list like that with a time whose zone needs a date to tell the offset."""
    return loses_zones(value) and any(
        v.utcoffset() is None for v in items(value) if isinstance(v, dt.time) and v.tzinfo
    )


def is_negative_nan(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_nan() and value.is_signed()


PARAMETERS = [
    ParameterDifference(
        "A list that cannot be an array is a DataError wherever the inner list is; psycopg lets a TypeError out.",
        starts_shallow,
        frozenset(["%b"]),
        "DataError",
    ),
    ParameterDifference(
        "psycopg drops the zones without a word.",
        loses_zones,
        frozenset(["%b"]),
        "DataError",
    ),
    ParameterDifference(
        "Alone such a time is a DataError, and psycopg makes one without a zone of it if another comes last.",
        has_zone_without_offset,
        frozenset(["%s", "%b", "%t"]),
        "DataError",
    ),
    ParameterDifference(
        'psycopg sends "-NaN" as text, which the server refuses; NaN has no sign there.',
        is_negative_nan,
        frozenset(["%s", "%t"]),
        None,
    ),
]


def of_parameter(value: Any, placeholder: str) -> ParameterDifference | None:
    """How howdah differs for that value, if it does."""
    return next((d for d in PARAMETERS if placeholder in d.placeholders and d.concerns(value)), None)


AFTER_CLOSE = {
    ("fileno", "lost"): "the page watches the descriptor of a lost connection until close()",
}

SSL_ERROR = "NotSupportedError"
"""TLS is not built yet: the driver, not the server, lacks what was required, as everywhere else."""

UNSENT_STATUS = "IDLE"
"""An error found before bytes are written leaves the connection as it was; psycopg has sent BEGIN by then."""
