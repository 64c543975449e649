"""Schemas that hypothesis invents: trees of composites, ranges, domains, enums and arrays, with values of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from hypothesis import strategies as st

from support.differential import Call, Case, Registered
from support.differential_texts import SETTINGS
from support.differential_values import COMPARABLE, TYPES, Values, lists_of

NAMES = ["t{}", "t{}", '"T {}"', '"q""{}"', '"é{}"', '"{}x"', '"a.b{}"', '"select{}"']
FIELDS = ["a", '"B c"', '"q""d"', "é", '"1st"', "_under", '"class"', '"a.b"']
LABELS = ["a", "B c", "it's", 'q"u', "b\\s", "é", "NULL", "", "c,d", "{}", "1", "_x", "mro"]


@dataclass(frozen=True)
class Kind:
    """A type: what to write for it, what makes it, and values of it."""

    sql: str
    values: Values
    ddl: tuple[str, ...] = ()
    registered: tuple[Registered, ...] = ()
    comparable: bool = False
    is_array: bool = False
    has_dumper: bool = True
    """Whether the oracle has a binary dumper for its OID."""


class Drawing:
    """The types of one schema, numbered."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self._count = 0

    def name(self) -> tuple[str, str]:
        """A name for the server, and one for Python."""
        self._count += 1
        return self.draw(st.sampled_from(NAMES)).format(self._count), f"t{self._count}"

    def kind(self, depth: int) -> Kind:
        made = [self.scalar, self.enum]
        if depth > 0:
            made += [self.array, self.range, self.multirange, self.composite, self.composite, self.domain]
        return self.draw(st.sampled_from(made))(depth)

    def scalar(self, depth: int) -> Kind:
        name = self.draw(st.sampled_from(sorted(TYPES)))
        registered = (Registered("hstore", "hstore", "hstore"),) if name == "hstore" else ()
        comparable, has_dumper = name in COMPARABLE, oracle_has_dumper(name)
        return Kind(name, TYPES[name], registered=registered, comparable=comparable, has_dumper=has_dumper)

    def enum(self, depth: int) -> Kind:
        sql, key = self.name()
        labels = self.draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=5, unique=True))
        quoted = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
        ddl = f"create type {sql} as enum ({quoted})"
        members = st.sampled_from(labels).map(lambda label: Call(key, (label,)))
        kind = self.draw(st.sampled_from(["enum", "enum", "enum members"]))
        found = (Registered(kind, key, sql),) if self.is_registered() else ()
        values = members if found else st.sampled_from(labels)
        return Kind(sql, values, (ddl,), found, comparable=True, has_dumper=bool(found))

    def is_registered(self) -> bool:
        return self.draw(st.integers(0, 7)) > 0

    def array(self, depth: int) -> Kind:
        inner = self.kind(depth - 1)
        if inner.is_array:
            return inner
        return Kind(
            f"{inner.sql}[]", lists_of(inner.values), inner.ddl, inner.registered,
            is_array=True, has_dumper=inner.has_dumper,
        )  # fmt: skip

    def range(self, depth: int) -> Kind:
        return self._ranges(depth)[0]

    def multirange(self, depth: int) -> Kind:
        return self._ranges(depth)[1]

    def _ranges(self, depth: int) -> tuple[Kind, Kind]:
        subtype = self.kind(depth - 1)
        if not subtype.comparable:
            subtype = self.subtype()
        (sql, key), (multi_sql, multi_key) = self.name(), self.name()
        ddl = f"create type {sql} as range (subtype = {subtype.sql}, multirange_type_name = {multi_sql})"
        found = (Registered("range", key, sql), Registered("multirange", multi_key, multi_sql))
        registered = subtype.registered + (found if self.is_registered() else ())
        made = bounded(subtype.values)
        several = st.lists(made, max_size=3).map(lambda ranges: Call("Multirange", (ranges,)))
        return (
            Kind(sql, made, (*subtype.ddl, ddl), registered, comparable=True, has_dumper=False),
            Kind(multi_sql, several, (*subtype.ddl, ddl), registered, comparable=True, has_dumper=False),
        )

    def subtype(self) -> Kind:
        name = self.draw(st.sampled_from(COMPARABLE))
        return Kind(name, TYPES[name], comparable=True)

    def composite(self, depth: int) -> Kind:
        sql, key = self.name()
        names = self.draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))
        fields = [self.kind(depth - 1) for _ in names]
        columns = ", ".join(f"{name} {f.sql}" for name, f in zip(names, fields, strict=True))
        ddl = f"create type {sql} as ({columns})"
        kind = self.draw(st.sampled_from(["composite", "composite", "composite object"]))
        found = (Registered(kind, key, sql),) if self.is_registered() else ()
        # A NULL alone, and one without a dumper: see composite-of-*.json, among the seeds.
        nullable = [f.has_dumper and len(fields) > 1 for f in fields]
        rows = st.tuples(*((st.none() | f.values) if n else f.values for f, n in zip(fields, nullable, strict=True)))
        values = rows.map(lambda row: Call(key, row)) if found else rows
        has_dumper = bool(found) and all(f.has_dumper for f in fields)
        return Kind(
            sql, values, (*joined(f.ddl for f in fields), ddl), (*joined(f.registered for f in fields), *found),
            comparable=bool(fields) and all(f.comparable for f in fields), has_dumper=has_dumper,
        )  # fmt: skip

    def domain(self, depth: int) -> Kind:
        inner = self.kind(depth - 1)
        sql, key = self.name()
        check = self.draw(st.sampled_from(["", "", " not null"]))
        found = (Registered("type", key, sql),) if self.is_registered() else ()
        ddl = f"create domain {sql} as {inner.sql}{check}"
        # An array of a domain over an array is a type; a range of a domain compares as what it is over.
        return Kind(
            sql,
            inner.values,
            (*inner.ddl, ddl),
            (*inner.registered, *found),
            comparable=inner.comparable,
            has_dumper=False,
        )


def oracle_has_dumper(name: str) -> bool:
    info = psycopg.adapters.types.get(name.partition("(")[0].strip('"'))
    try:
        return info is not None and bool(psycopg.adapters.get_dumper_by_oid(info.oid, psycopg.pq.Format.BINARY))
    except psycopg.ProgrammingError:
        return False


def joined(parts: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


@st.composite
def bounded(draw: st.DrawFn, bound: Values) -> Call:
    lower, upper = draw(st.none() | bound), draw(st.none() | bound)
    if isinstance(lower, Call) or isinstance(upper, Call):
        upper = lower  # Calls have no order, and the oracle dumps both bounds as the class of one.
    elif lower is not None and upper is not None and draw(st.integers(0, 4)) > 0:
        try:
            lower, upper = min(lower, upper), max(lower, upper)
        except (TypeError, ArithmeticError):
            upper = lower
    return Call("Range", (lower, upper, draw(st.sampled_from(["[)", "[]"])), draw(st.integers(0, 9)) == 0))


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> Kind:
    """A type that is made of others, as deep as that."""
    drawing = Drawing(draw)
    made = [drawing.array, drawing.range, drawing.multirange, drawing.composite, drawing.composite, drawing.domain]
    return draw(st.sampled_from(made))(draw(st.integers(1, depth)))


@st.composite
def cases(draw: st.DrawFn, kind: Kind) -> Case:
    """A value of a type, or none, under the settings of a client."""
    value = draw(st.none() | kind.values) if draw(st.integers(0, 9)) == 0 else draw(kind.values)
    chosen = draw(SETTINGS) if draw(st.integers(0, 3)) == 0 else {}
    if not "".join(kind.ddl).isascii():
        chosen.pop("client_encoding", None)  # psycopg cannot write the names of the types in every encoding.
    return Case(
        value, kind.sql, kind.ddl, kind.registered, chosen, draw(st.booleans()), draw(st.sampled_from([None, True]))
    )
