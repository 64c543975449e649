"""Adapters that use the connection they adapt for, change what they adapt, or never end."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, loader, made, part

INT4, TEXT = 23, 25


def test_loader_that_queries(conn: Any, driver: ModuleType) -> None:
    cur, other = conn.cursor(), conn.cursor()

    def load(data: bytes) -> Any:
        return other.execute("select %s::text || '!'", (data.decode(),)).fetchone()[0]

    cur.adapters.register_loader("int4", loader(driver, load))
    cur.execute("select i from generate_series(1, 5) i")
    assert cur.fetchone() == ("1!",)
    assert cur.fetchall() == [(f"{i}!",) for i in range(2, 6)]


def test_loader_that_uses_its_own_cursor(conn: Any, driver: ModuleType) -> None:
    cur = conn.cursor()

    def load(data: bytes) -> Any:
        return cur.rowcount, len(cur.description), int(data)

    cur.adapters.register_loader("int4", loader(driver, load))
    cur.execute("select i from generate_series(1, 3) i")
    assert cur.fetchall() == [((3, 1, i),) for i in (1, 2, 3)]


def test_loader_that_executes_on_its_own_cursor(howdah: ModuleType, dsn: str) -> None:
    # What the row that is being loaded becomes is not said; that nothing breaks, is.
    with howdah.connect(dsn, autocommit=True) as conn:
        cur = conn.cursor()

        def load(data: bytes) -> Any:
            cur.execute("select 'other'")
            return 1

        cur.adapters.register_loader("int4", loader(howdah, load))
        cur.execute("select i, i from generate_series(1, 3) i")
        try:
            cur.fetchall()
        except howdah.Error:
            pass
        assert conn.execute("select 'x'").fetchone() == ("x",)


@pytest.mark.parametrize("what", ["close cursor", "close connection", "register"])
def test_loader_that_changes_its_cursor(howdah: ModuleType, dsn: str, what: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        cur = conn.cursor()
        actions: dict[str, Any] = {"close cursor": cur.close, "close connection": conn.close}
        actions["register"] = lambda: cur.adapters.register_loader("int4", loader(howdah, lambda data: "new"))

        def load(data: bytes) -> Any:
            actions[what]()
            return "old"

        cur.adapters.register_loader("int4", loader(howdah, load))
        cur.execute("select i, i from generate_series(1, 3) i")
        try:
            rows = cur.fetchall()
        except howdah.Error:
            rows = []
        assert all(value in ("old", "new") for row in rows for value in row)
        if what != "close connection":
            assert conn.execute("select 'x'").fetchone() == ("x",)


@pytest.mark.parametrize("place", ["alone", "list", "tuple"])
def test_dumper_that_queries(howdah: ModuleType, dsn: str, place: str) -> None:
    # psycopg waits for a lock that it holds itself.
    with howdah.connect(dsn, autocommit=True) as conn:
        answers = []

        def dump(value: Any) -> bytes:
            answers.append(conn.cursor().execute("select 'inner'").fetchone())
            return b"x"

        conn.adapters.register_dumper(Thing, dumper(howdah, dump, oid=TEXT))
        value = {"alone": Thing(1), "list": [Thing(1)], "tuple": (Thing(1),)}[place]
        try:
            row = conn.execute("select %s::text", (value,)).fetchone()
        except howdah.Error:
            assert answers == []
        else:
            assert (row, answers) == (
                ({"alone": "x", "list": "{x}", "tuple": "(x)"}[place],),
                [("inner",)] * len(answers),
            )
            assert answers
        assert conn.execute("select 1").fetchone() == (1,)


def test_dumper_that_changes_the_list(conn: Any, driver: ModuleType) -> None:
    for change in ("clear", "append"):
        values: list[Any] = [Thing(i) for i in range(5)]

        def dump(value: Any, values: list[Any] = values, change: str = change) -> bytes:
            if change == "clear":
                values.clear()
            elif len(values) < 20:
                values.append(Thing(0))
            return b"x"

        for placeholder in ("%t", "%b"):
            conn.adapters.register_dumper(Thing, dumper(driver, dump, oid=TEXT, binary=placeholder == "%b"))
            values[:] = [Thing(i) for i in range(5)]
            try:
                found = conn.execute(f"select {placeholder}::text[]", (values,)).fetchone()[0]
            except driver.Error:
                conn.rollback()
            else:
                assert set(found) <= {"x"}


def test_adapters_that_call_themselves(conn: Any, driver: ModuleType) -> None:
    adapt, form = part(driver, "adapt"), part(driver, "pq").Format

    def dump(self: Any, obj: Any) -> Any:
        return self._tx.get_dumper(obj, adapt.PyFormat.TEXT).dump(obj)

    def load(self: Any, data: Any) -> Any:
        return self._tx.get_loader(INT4, form.TEXT).load(data)

    conn.adapters.register_dumper(Thing, made(adapt.RecursiveDumper, dump=dump))
    conn.adapters.register_loader("int4", made(adapt.RecursiveLoader, load=load))
    with pytest.raises(RecursionError):
        conn.execute("select %s::text", (Thing(1),))
    with pytest.raises(RecursionError):
        conn.execute("select 1").fetchone()
    assert conn.execute("select 'x'").fetchone() == ("x",)


def test_upgrade_that_upgrades_for_ever(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "adapt").Dumper
    cls = made(base, get_key=lambda self, obj, form: (self.cls, object()), dump=lambda self, obj: b"x", oid=TEXT)
    cls.upgrade = lambda self, obj, form: self
    conn.adapters.register_dumper(Thing, cls)
    assert conn.execute("select %s, %s", (Thing(1), Thing(2))).fetchone() == ("x", "x")


@pytest.mark.parametrize("key", [None, 5, "key", ()], ids=repr)
def test_keys_of_other_kinds(conn: Any, driver: ModuleType, key: Any) -> None:
    base = part(driver, "adapt").Dumper
    upgraded = dumper(driver, lambda value: b"upgraded", oid=TEXT)
    cls = made(base, get_key=lambda self, obj, form: key, dump=lambda self, obj: b"first", oid=TEXT)
    cls.upgrade = lambda self, obj, form: upgraded(self.cls)
    conn.adapters.register_dumper(Thing, cls)
    assert conn.execute("select %s, %s", (Thing(1), Thing(2))).fetchone() == ("upgraded", "upgraded")


def test_key_that_cannot_be_hashed(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "adapt").Dumper
    conn.adapters.register_dumper(
        Thing, made(base, get_key=lambda self, obj, form: [], dump=lambda self, obj: b"x", oid=TEXT)
    )
    with pytest.raises(TypeError, match="unhashable"):
        conn.execute("select %s", (Thing(1),))
    assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("wrong", [None, 5, object()], ids=["none", "int", "object"])
def test_upgrade_that_gives_no_dumper(conn: Any, driver: ModuleType, wrong: Any) -> None:
    base = part(driver, "adapt").Dumper
    cls = made(base, get_key=lambda self, obj, form: (self.cls,), dump=lambda self, obj: b"x", oid=TEXT)
    cls.upgrade = lambda self, obj, form: wrong
    conn.adapters.register_dumper(Thing, cls)
    for value in (Thing(1), [Thing(1)]):
        with pytest.raises((AttributeError, TypeError, driver.Error)):
            conn.execute("select %s", (value,))
    assert conn.execute("select 1").fetchone() == (1,)


class Duck:
    """A dumper that inherits from nothing: the protocol is enough."""

    oid = TEXT

    def __init__(self, cls: type, context: Any = None) -> None:
        self.cls = cls

    def dump(self, obj: Any) -> bytes:
        return b"duck"

    def quote(self, obj: Any) -> bytes:
        return b"'quack'"

    def get_key(self, obj: Any, form: Any) -> Any:
        return self.cls

    def upgrade(self, obj: Any, form: Any) -> Any:
        return self


class DuckLoader:
    """A loader that inherits from nothing."""

    def __init__(self, oid: int, context: Any = None) -> None:
        self.oid = oid

    def load(self, data: Any) -> Any:
        return "duck", bytes(data)


def test_protocols_are_enough(conn: Any, driver: ModuleType) -> None:
    form = part(driver, "pq").Format.TEXT
    conn.adapters.register_dumper(Thing, type("Duck", (Duck,), {"format": form}))
    conn.adapters.register_loader("int4", type("DuckLoader", (DuckLoader,), {"format": form}))
    row = conn.execute("select %s, %s, 5, array[6]", (Thing(1), [Thing(1)])).fetchone()
    assert row == ("duck", ["duck"], ("duck", b"5"), [("duck", b"6")])
    assert part(driver, "adapt").Transformer(conn).as_literal(Thing(1)) == b"'quack'"


def test_formats_given_as_ints(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "adapt").Loader
    conn.adapters.register_loader("int4", made(base, load=lambda self, data: bytes(data), format=1))
    assert conn.execute("select 5", binary=True).fetchone() == (b"\0\0\0\5",)
    assert conn.execute("select 5").fetchone() == (5,)


@pytest.mark.limit(120)
def test_registering_from_other_threads(conn: Any, driver: ModuleType) -> None:
    stop = threading.Event()
    loaders = [loader(driver, lambda data, i=i: i) for i in range(3)]

    def register() -> None:
        while not stop.is_set():
            for each in loaders:
                conn.adapters.register_loader("int4", each)

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            rows = conn.execute("select 7 from generate_series(1, 50)").fetchall()
            assert {row[0] for row in rows} <= {0, 1, 2, 7}
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("named", [False, True])
def test_dumper_that_takes_parameters_away(howdah: ModuleType, dsn: str, named: bool) -> None:
    # The server is not to be asked to notice it.
    with howdah.connect(dsn, autocommit=True) as conn:
        params: Any = {"a": Thing(1), "b": 2} if named else [Thing(1), 2]
        conn.adapters.register_dumper(Thing, dumper(howdah, lambda value: params.clear() or b"1"))
        with pytest.raises(howdah.ProgrammingError) as raised:
            conn.execute("select %(a)s::int, %(b)s::int" if named else "select %s::int, %s::int", params)
        assert raised.value.sqlstate is None
