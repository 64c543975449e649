"""Two drivers asked the same: the machinery of every test that hypothesis feeds.

HOWDAH_TESTS_EXAMPLES multiplies the number of examples of each test; HOWDAH_TESTS_RANDOM=1 draws new ones at every
run. An assertion that fails prints a seed: kept as a file in tests/seeds/, differential/test_seeds.py replays it.
"""

from __future__ import annotations

import enum
import functools
import importlib
import inspect
import itertools
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.differences import is_mixture, of_parameter, of_settings
from support.type_cases import portrait

EXAMPLES = float(os.environ.get("HOWDAH_TESTS_EXAMPLES", "1"))
RANDOM = os.environ.get("HOWDAH_TESTS_RANDOM") == "1"
ORACLE_SHARE = 10
"""The oracle is compared with itself, which validates the tests, on fewer examples."""

PLACEHOLDERS = ("%s", "%b", "%t")


def compared(count: int) -> Callable[[Any], Any]:
    """Runs a test of `pair` and `data` (and parameters) on so many examples, the same at every run of `make test`."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        outer = [p for p in signature.parameters.values() if p.name != "data"]

        @functools.wraps(test)
        def run(pair: Pair, **params: Any) -> None:
            @settings_of(count, pair)
            @given(data=st.data())
            def one(data: st.DataObject) -> None:
                test(pair=pair, data=data, **params)

            # Every parameter of a test has examples of its own.
            name = f"{test.__name__}{sorted(params.items())}"
            (one if RANDOM else hypothesis.seed(zlib.crc32(name.encode()))(one))()

        run.__signature__ = signature.replace(parameters=outer)  # type: ignore[attr-defined]
        return pytest.mark.limit(7200)(run)  # type: ignore[no-any-return]

    return decorate


def settings_of(count: int, pair: Pair) -> settings:
    number = int(count * EXAMPLES / (ORACLE_SHARE if pair.is_oracle_alone else 1))
    return settings(
        max_examples=max(2, number),
        deadline=None,
        derandomize=not RANDOM,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


@pytest.fixture(scope="module", params=["howdah", "psycopg"])
def pair(request: pytest.FixtureRequest, server: Any) -> Iterator[Pair]:
    """A connection of the driver and one of the oracle for all examples of the module."""
    if request.param == "howdah" and os.environ.get("HOWDAH_TESTS_ORACLE_ONLY") == "1":
        pytest.skip("HOWDAH_TESTS_ORACLE_ONLY is set")
    made = Pair(importlib.import_module(request.param), importlib.import_module("psycopg"), server.dsn)
    yield made
    made.close()


@dataclass(frozen=True)
class Call:
    """A value of a class that each driver has its own of: the class's name, and what it is called with."""

    name: str
    args: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.args))})"


@dataclass(frozen=True)
class Registered:
    """A type to register: its kind, the name that values call it by, and its name on the server."""

    kind: str
    key: str
    regtype: str


@dataclass(frozen=True)
class Case:
    """A value to send, and all that it needs."""

    value: Any
    cast: str
    """What the server is to make of it."""
    ddl: tuple[str, ...] = ()
    registered: tuple[Registered, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    binary: bool = False
    prepare: bool | None = None
    """Never, always, or when the driver has executed it often enough."""

    def types(self) -> str:
        return " ".join([self.cast, *self.ddl])

    def seed(self) -> str:
        return json.dumps({**asdict(self), "value": repr(self.value)}, indent=1, ensure_ascii=False)


class Side:
    """A connection of one driver, with the classes that values are made of."""

    def __init__(self, driver: ModuleType, dsn: str) -> None:
        self.driver = driver
        self.conn = driver.connect(dsn, autocommit=True)
        self.cursor = self.conn.cursor()
        self.classes = {name: getattr(self.part(f"types.{where}"), name) for name, where in HOMES.items()}
        self.names: dict[str, Any] = dict(self.classes)

    def part(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.driver.__name__}.{name}")

    def renew(self) -> None:
        """A cursor with nothing registered on it."""
        self.cursor = self.conn.cursor()
        self.names = dict(self.classes)

    def build(self, value: Any) -> Any:
        """The value, with what stands for objects of the driver's classes replaced by them."""
        if isinstance(value, Call):
            return self.names[value.name](*map(self.build, value.args))
        if type(value) is list:
            return [self.build(v) for v in value]
        if type(value) is tuple:
            return tuple(self.build(v) for v in value)
        if type(value) is dict:
            return {k: self.build(v) for k, v in value.items()}
        return value

    def outcome(self, action: Callable[[], Any]) -> Any:
        """What an action gives, or the class and the code of what it raises, and the connection's state then."""
        try:
            return portrait(action())
        except Exception as ex:
            code = getattr(ex, "sqlstate", None)
            return "error", type(ex).__name__, code, self.conn.info.transaction_status.name, self.conn.closed

    def rows(self, query: str, params: Any = None, *, binary: bool = False, prepare: bool | None = None) -> Any:
        return self.outcome(lambda: self.cursor.execute(query, params, binary=binary, prepare=prepare).fetchall())

    def transformer(self) -> Any:
        return self.part("adapt").Transformer(self.cursor)

    def formats(self) -> dict[str, Any]:
        return {f.value: f for f in self.part("adapt").PyFormat}


HOMES = {
    **{f"{n}Range": "range" for n in ("", "Int4", "Int8", "Numeric", "Date", "Timestamp", "Timestamptz")},
    **{f"{n}Multirange": "multirange" for n in ("", "Int4", "Int8", "Numeric", "Date", "Timestamp", "Timestamptz")},
    **dict.fromkeys(("Int2", "Int4", "Int8", "IntNumeric", "Oid", "Float4", "Float8"), "numeric"),
    "Json": "json", "Jsonb": "json",
}  # fmt: skip
"""Where the drivers have the classes that values may be of."""


class Pair:
    """A connection of the driver under test and one of the oracle."""

    def __init__(self, driver: ModuleType, oracle: ModuleType, dsn: str) -> None:
        self.ours, self.theirs = self.sides = Side(driver, dsn), Side(oracle, dsn)
        self.is_oracle_alone = driver is oracle
        self.seed = ""
        self._serial = itertools.count()
        self._admin = oracle.connect(dsn, autocommit=True)
        self._admin.execute("create extension if not exists hstore")

    def close(self) -> None:
        self._admin.close()
        for side in self.sides:
            side.conn.close()

    @contextmanager
    def prepared_for(self, case: Case) -> Iterator[bool]:
        """The types of the case exist, and its settings hold; whether they could be registered."""
        self.seed = case.seed()
        for side in self.sides:
            side.renew()
        try:
            with self._with_types(case.ddl), self.with_settings(case.settings):
                yield all(self._is_registered(r) for r in case.registered)
        finally:
            self.seed = ""

    def _is_registered(self, registered: Registered) -> bool:
        """An enumeration of Python, for one, cannot have a member of every name."""
        answer = self.same(lambda side: side.outcome(lambda: register(side, registered)), f"registering {registered}")
        return bool(answer[0] != "error")

    @contextmanager
    def with_settings(self, settings: dict[str, str]) -> Iterator[None]:
        if not settings:
            yield
            return
        calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
        for side in self.sides:
            side.conn.execute(f"select {calls}", prepare=False)
        try:
            yield
        finally:
            for side in self.sides:
                side.conn.execute("reset all", prepare=False)

    @contextmanager
    def _with_types(self, ddl: Sequence[str]) -> Iterator[None]:
        if not ddl:
            yield
            return
        for statement in ("drop schema if exists d cascade", "create schema d", "set search_path to d, public", *ddl):
            self._admin.execute(statement, prepare=False)
        for side in self.sides:
            side.conn.execute("set search_path to d, public", prepare=False)
        try:
            yield
        finally:
            # Statements that a driver has prepared know the types by their OIDs, and not by their names. The oracle
            # looks at what a command did only the first time that it sees its text.
            for side in self.sides:
                side.conn.execute("reset search_path", prepare=False)
                side.conn.execute(f"deallocate all -- {next(self._serial)}", prepare=False)
            self._admin.execute("drop schema if exists d cascade", prepare=False)

    def same(self, ask: Callable[[Side], Any], what: str) -> Any:
        """The answer of both, which must be equal."""
        ours, theirs = ask(self.ours), ask(self.theirs)
        assert ours == theirs, f"{what}\nhowdah:  {ours}\npsycopg: {theirs}\n{self.seed}"
        return ours


def register(side: Side, registered: Registered) -> None:
    """Fetches what the server knows of a type, and registers it on the side's cursor."""
    kind, _, way = registered.kind.partition(" ")
    where, info_class = INFOS[kind]
    info = getattr(side.part(where), info_class).fetch(side.conn, registered.regtype)
    if kind == "type":
        info.register(side.cursor)
        return
    function = getattr(side.part(f"types.{kind}"), f"register_{kind}")
    function(info, side.cursor, **WAYS[way](registered.key, info) if way else {})
    if kind == "composite":
        side.names[registered.key] = info.python_type
    elif kind == "enum":
        members = dict(zip(info.labels, info.enum, strict=False))
        side.names[registered.key] = members.__getitem__


class Fields:
    """An object for a composite that is no sequence."""

    def __init__(self, *fields: Any) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.fields!r}"


def as_object(key: str, info: Any) -> dict[str, Any]:
    """A class of the type's own, with functions that make it and take it apart."""
    made = type(f"Fields{key}", (Fields,), {})
    return {
        "factory": made,
        "make_object": lambda values, info: made(*values),
        "make_sequence": lambda found, info: found.fields,
    }


def as_members(key: str, info: Any) -> dict[str, Any]:
    """An enumeration whose names are not the labels."""
    made: Any = enum.Enum(f"Members{key}", [f"M{i}" for i in range(len(info.labels))])  # type: ignore[misc]
    return {"enum": made, "mapping": dict(zip(made, info.labels, strict=True))}


WAYS: dict[str, Callable[[str, Any], dict[str, Any]]] = {"object": as_object, "members": as_members}
"""Ways to register a type: a second word after its kind."""

INFOS = {
    "type": ("types", "TypeInfo"),
    "hstore": ("types", "TypeInfo"),
    "composite": ("types.composite", "CompositeInfo"),
    "enum": ("types.enum", "EnumInfo"),
    "range": ("types.range", "RangeInfo"),
    "multirange": ("types.multirange", "MultirangeInfo"),
}


def check(pair: Pair, case: Case) -> None:
    """The value as parameter in each format, as literal, and what the transformer says of it."""
    with pair.prepared_for(case) as is_registered:
        if not is_registered or of_settings(case.settings, case.types(), case.value):
            return
        for placeholder in PLACEHOLDERS:
            if differs_by_intent(pair, case, placeholder):
                continue
            check_adaptation(pair, case, placeholder)
            check_parameter(pair, case, placeholder)
        if not differs_by_intent(pair, case, "%t"):
            check_literal(pair, case)


def differs_by_intent(pair: Pair, case: Case, placeholder: str) -> bool:
    """Whether the case is one of differences.py; if so, howdah does what is said there."""
    ours = pair.ours
    if pair.is_oracle_alone:
        return False
    value = ours.build(case.value)
    # A part is dumped for its place, in a format that the whole decides.
    inner = [(ours.build(p), f) for p in parts(case.value) if p is not case.value for f in PLACEHOLDERS]
    if is_mixture(value, placeholder) or any(is_mixture(*p) or of_parameter(*p) for p in inner):
        return True
    difference = of_parameter(value, placeholder)
    if difference is None:
        return False
    found = ours.rows(f"select {placeholder}", (value,))
    if difference.error is not None:
        assert found[:2] == ("error", difference.error), f"{found}\n{pair.seed}"
    return True


def parts(value: Any) -> Iterator[Any]:
    """The value, and all that it is made of."""
    yield value
    inner = value.args if isinstance(value, Call) else value if isinstance(value, (list, tuple)) else ()
    for item in inner:
        yield from parts(item)


def writes_other_bytes(case: Case) -> bool:
    """Whether an int is sent as numeric: howdah leaves groups of zeros out at the end, as the server does."""
    ints = [p for p in parts(case.value) if isinstance(p, int) and not isinstance(p, bool)]
    return bool(ints) and ("num" in case.types() or any(not -(2**63) <= p < 2**63 for p in ints))


def check_adaptation(pair: Pair, case: Case, placeholder: str) -> None:
    """The dumper's OID, format and bytes, and those of the same value in a row of parameters."""

    is_comparable = not writes_other_bytes(case)

    def data(dumped: Any) -> bytes | None:
        """Any buffer as bytes: which of them it is, is not in question."""
        return bytes(dumped) if is_comparable and dumped is not None else None

    def dumped(side: Side) -> Any:
        value, fmt, tx = side.build(case.value), side.formats()[placeholder[1]], side.transformer()
        dumper = tx.get_dumper(value, fmt)
        return [dumper.oid, dumper.format.name, data(dumper.dump(value))]

    def in_a_row(side: Side) -> Any:
        value, fmt, tx = side.build(case.value), side.formats()[placeholder[1]], side.transformer()
        found = tx.dump_sequence([value, None, value], [fmt] * 3)
        return [[data(v) for v in found], list(tx.types), [f.name for f in tx.formats]]

    if case.value is None:
        return
    pair.same(lambda side: side.outcome(lambda: dumped(side)), f"dumper of {placeholder}")
    pair.same(lambda side: side.outcome(lambda: in_a_row(side)), f"dump_sequence of {placeholder}")


def check_parameter(pair: Pair, case: Case, placeholder: str) -> None:
    """The value itself, its type, and what the server makes of it: at once, or one by one if that fails."""
    columns = [p.format(placeholder) for p in ("{}", "pg_typeof({})::text", f"{{}}::{case.cast}")]
    columns.append(f"{columns[-1]}::text")
    if not ask(pair, case, columns):
        for column in columns:
            ask(pair, case, [column])


def ask(pair: Pair, case: Case, columns: list[str]) -> bool:
    """Whether it was no error, which both drivers agree on."""
    query = f"select {', '.join(columns)}"

    def answer(side: Side) -> Any:
        params = [side.build(case.value)] * len(columns)
        # Again and again if prepared: the driver knows the description of the result by then.
        times = 3 if case.prepare else 1
        return [side.rows(query, params, binary=case.binary, prepare=case.prepare) for _ in range(times)]

    return bool(pair.same(answer, f"{query} binary={case.binary}")[0][0] != "error")


def check_literal(pair: Pair, case: Case) -> None:
    """The literal, and what the server makes of it; of text in another encoding than that of the query, too."""

    def literal(side: Side) -> Any:
        return bytes(side.transformer().as_literal(side.build(case.value)))

    text = pair.same(lambda side: side.outcome(lambda: literal(side)), "as_literal")
    if text[0] == "error":
        return
    encoded = literal(pair.theirs)
    # Bytes, as they are already in the encoding of the client; without parameters, so that "%" is nothing special.
    for query in (b"select " + encoded, b"select (" + encoded + b")::" + case.cast.encode()):
        pair.same(lambda side, q=query: side.rows(q, binary=case.binary, prepare=case.prepare), f"{query!r}")  # type: ignore[misc]
