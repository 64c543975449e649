"""What hypothesis found once, in tests/seeds/: each a case that howdah failed, checked at every run.

A file has what the message of a failed comparison prints, `bug`: what went wrong, `columns` if it is expressions of
the server that were loaded wrong, and for those that are not mended
yet `open`: they are expected to fail, and a seed that passes has to lose the mark.
"""

from __future__ import annotations

import datetime
import json
import uuid
import zoneinfo
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

import pytest

from support.differential import Call, Case, Pair, Registered, check, pair

__all__ = ["pair"]

SEEDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parents[1] / "seeds").glob("*.json"))
}
PLAIN = {
    "datetime": datetime, "zoneinfo": zoneinfo, "UUID": uuid.UUID, "Decimal": Decimal, "bytearray": bytearray,
    "IPv4Address": IPv4Address, "IPv4Interface": IPv4Interface, "IPv4Network": IPv4Network,
    "IPv6Address": IPv6Address, "IPv6Interface": IPv6Interface, "IPv6Network": IPv6Network,
    "inf": float("inf"), "nan": float("nan"),
}  # fmt: skip


class Names(dict[str, Any]):
    """What the expression of a value may name: all else is a class that each driver has its own of."""

    def __missing__(self, name: str) -> Any:
        return lambda *args: Call(name, args)


def case_of(seed: dict[str, Any]) -> Case:
    return Case(
        eval(seed["value"], {}, Names(PLAIN)),
        seed["cast"],
        tuple(seed["ddl"]),
        tuple(Registered(**r) for r in seed["registered"]),
        seed["settings"],
        seed["binary"],
        seed["prepare"],
    )


@pytest.mark.parametrize("name", SEEDS)
def test_seed(pair: Pair, name: str, request: pytest.FixtureRequest) -> None:
    seed = SEEDS[name]
    if seed.get("open") and not pair.is_oracle_alone:
        request.applymarker(pytest.mark.xfail(reason=seed["bug"], strict=True))
    case = case_of(seed)
    if not seed.get("columns"):
        check(pair, case)
    else:
        with pair.prepared_for(case):
            query = "select " + ", ".join(seed["columns"])
            pair.same(lambda side: side.rows(query, binary=case.binary, prepare=case.prepare), query)
