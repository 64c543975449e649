"""Changes as `pgoutput` tells them: of which classes they are, and their values."""

from __future__ import annotations

from typing import Any

import pytest
from howdah.replication import (
    LSN,
    UNCHANGED,
    Begin,
    BeginPrepare,
    Commit,
    CommitPrepared,
    Delete,
    Insert,
    Message,
    Origin,
    Prepare,
    Relation,
    RollbackPrepared,
    StreamAbort,
    StreamCommit,
    StreamPrepare,
    StreamStart,
    StreamStop,
    Truncate,
    Type,
    Update,
)

from support.doors import Door, howdah_alone
from support.replicating import Source, commits, replicating

pytestmark = howdah_alone

COLUMNS = """id int primary key, a int2, b int8, c numeric(20, 5), d float8, e text, f bytea, g bool, h date,
    i timestamptz, j interval, k uuid, l jsonb, m int[], n text[], o inet, p int4range, q time, r money, s point,
    t bit varying, u pg_lsn"""
VALUES = [
    """1, 2, 3, 4.5, 'NaN', 'é漢 \\', '\\x00ff', true, '2000-02-29', '1999-12-31 23:59:59.999999+01',
    '1 mon 2 days 3.5s', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null]}', '{1,null,3}', '{"x y",null}',
    '::1/64', '[1,5)', '12:34:56', '1.25', '(1,2)', '101', '16/B374D848'""",
    "2" + ", null" * 21,
]


@pytest.mark.parametrize("binary", [False, True])
async def test_values_are_those_of_a_query(door: Door, followed_dsn: str, binary: bool) -> None:
    with Source(followed_dsn, COLUMNS) as source:
        for values in VALUES:
            source.run(f"insert into {source.name} values ({values})")
        conn = await replicating(door, followed_dsn)
        async with conn.follow_changes(source.name, source.name, binary=binary) as stream:
            changes = await commits(stream, len(VALUES))
        rows = [change.new for change in changes if isinstance(change, Insert)]
        cur = source.conn.cursor(binary=binary)
        selected = cur.execute(f"select * from {source.name} order by 1").fetchall()
        assert repr(rows) == repr(selected)
        (relation,) = [change for change in changes if isinstance(change, Relation)]
        assert [column.name for column in relation.columns] == [column.name for column in cur.description or ()]
        assert [column.type_oid for column in relation.columns] == [
            column.type_code for column in cur.description or ()
        ]
        assert relation.as_dict(rows[0])["b"] == 3


async def test_loaders_of_the_user(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)

    class Loader(door.module.adapt.Loader):  # type: ignore[name-defined, misc]
        def load(self, data: Any) -> Any:
            return f"<{bytes(data).decode()}>"

    conn.adapters.register_loader("int4", Loader)
    source.insert(7)
    async with conn.follow_changes(source.name, source.name) as stream:
        changes = await commits(stream)
    assert [change.new for change in changes if isinstance(change, Insert)] == [("<7>", "row 7")]


async def test_a_value_that_cannot_be_loaded(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)

    class Loader(door.module.adapt.Loader):  # type: ignore[name-defined, misc]
        def load(self, data: Any) -> Any:
            return 1 // int(bytes(data))

    conn.adapters.register_loader("int4", Loader)
    source.insert(0)
    async with conn.follow_changes(source.name, source.name) as stream:
        assert isinstance(await stream.read(timeout=20), Begin)
        assert isinstance(await stream.read(timeout=20), Relation)
        with pytest.raises(ZeroDivisionError):
            await stream.read(timeout=20)
        assert isinstance(await stream.read(timeout=20), Commit)


async def test_updates_and_deletes(door: Door, followed_dsn: str) -> None:
    with Source(followed_dsn, "id int primary key, a text, big text") as source:
        name = source.name
        source.run(f"alter table {name} alter big set storage external")
        source.run(f"insert into {name} values (1, 'x', repeat('b', 5000))")
        source.run(f"update {name} set a = 'y'")
        source.run(f"update {name} set id = 2, a = null")
        source.run(f"delete from {name}")
        source.run(f"alter table {name} replica identity full")
        source.run(f"insert into {name} values (3, 'x', 'small')")
        source.run(f"update {name} set a = 'y'")
        source.run(f"delete from {name}")
        source.run(f"truncate {name} restart identity cascade")
        conn = await replicating(door, followed_dsn)
        async with conn.follow_changes(name, name) as stream:
            changes = await commits(stream, 8)
    wanted = (Insert, Update, Delete, Truncate)
    seen: list[Any] = [change for change in changes if isinstance(change, wanted)]
    assert [(type(change).__name__, getattr(change, "old", None), getattr(change, "key", None)) for change in seen] == [
        ("Insert", None, None),
        ("Update", None, None),
        ("Update", None, (1,)),
        ("Delete", None, (2,)),
        ("Insert", None, None),
        ("Update", (3, "x", "small"), None),
        ("Delete", (3, "y", "small"), None),
        ("Truncate", None, None),
    ]
    assert seen[1].new == (1, "y", UNCHANGED)
    assert seen[2].new == (2, None, UNCHANGED)
    assert seen[3].relation.key_dict(seen[3].key) == {"id": 2}
    assert seen[5].new == (3, "y", "small")
    assert seen[7].restart_identity
    assert seen[7].cascade
    assert [relation.name for relation in seen[7].relations] == [name]
    assert (seen[0].relation.replica_identity, seen[4].relation.replica_identity) == ("d", "f")
    begins = [change for change in changes if isinstance(change, Begin)]
    assert [change.xid for change in seen] == [begin.xid for begin in begins]
    ends = [change for change in changes if isinstance(change, Commit)]
    assert [begin.final_lsn for begin in begins] == [end.commit_lsn for end in ends]
    assert all(isinstance(end.end_lsn, LSN) and end.commit_time.utcoffset() is not None for end in ends)


async def test_types_origins_and_messages(door: Door, followed_dsn: str) -> None:
    with Source(followed_dsn) as source:
        name = source.name
        source.run(f"create type {name}_mood as enum ('good', 'bad')")
        source.run(f"alter table {name} add mood {name}_mood")
        source.run(f"select pg_replication_origin_create('from {name}')")
        source.run(f"select pg_replication_origin_session_setup('from {name}')")
        source.run(
            f"begin; select pg_replication_origin_xact_setup('16/B374D848', now());"
            f"insert into {name} values (1, 'x', 'bad'); commit"
        )
        source.run("select pg_replication_origin_session_reset()")
        source.run("select pg_logical_emit_message(true, 'é', '\\x00ff'::bytea)")
        source.run("select pg_logical_emit_message(false, 'b', 'c')")
        source.run(f"delete from {name}")
        conn = await replicating(door, followed_dsn)
        async with conn.follow_changes(name, name, messages=True) as stream:
            changes = await commits(stream, 3)
        async with (await replicating(door, followed_dsn)).follow_changes(name, name) as stream:
            assert not [change for change in await commits(stream, 2) if isinstance(change, Message)]
        source.run(f"select pg_replication_origin_drop('from {name}')")
        source.run(f"alter table {name} drop mood")
        source.run(f"drop type {name}_mood")
    (origin,) = [change for change in changes if isinstance(change, Origin)]
    assert (origin.name, origin.commit_lsn) == (f"from {name}", LSN("16/B374D848"))
    (kind,) = [change for change in changes if isinstance(change, Type)]
    assert (kind.schema, kind.name) == ("public", f"{name}_mood")
    inside, beside = sorted((c for c in changes if isinstance(c, Message)), key=lambda c: not c.transactional)
    assert (inside.prefix, inside.content, inside.xid is not None) == ("é", b"\0\xff", True)
    assert (beside.prefix, beside.content, beside.xid) == ("b", b"c", None)


async def test_transactions_in_progress(door: Door, followed_dsn: str, source: Source) -> None:
    name, many = source.name, "select n, 'x' from generate_series"
    source.run(
        f"begin; insert into {name} {many}(1, 2000) n; savepoint s; insert into {name} {many}(2001, 4000) n;"
        f"rollback to s; insert into {name} {many}(4001, 6000) n; commit"
    )
    source.run(f"begin; insert into {name} {many}(10001, 12000) n; rollback")
    source.insert(0)
    conn = await replicating(door, followed_dsn)
    rows: dict[int, dict[int, list[int]]] = {}
    kept: list[int] = []
    aborted = open_xid = 0
    async with conn.follow_changes(name, name, streaming=True) as stream:
        for change in await commits(stream, 2):
            match change:
                case StreamStart(xid, first):
                    assert first == (xid not in rows)
                    rows.setdefault(xid, {})
                    open_xid = xid
                case StreamStop():
                    open_xid = 0
                case Insert(new=(number, _), xid=xid) if open_xid:
                    rows[open_xid].setdefault(xid, []).append(number)
                case Insert(new=(number, _)):
                    kept.append(number)
                case StreamAbort(xid, subxid):
                    aborted += 1
                    if xid == subxid:
                        rows.pop(xid, None)
                    else:
                        rows[xid].pop(subxid, None)
                case StreamCommit(xid):
                    for numbers in rows.pop(xid).values():
                        kept.extend(numbers)
    assert aborted
    assert sorted(kept) == [row[0] for row in source.run(f"select id from {name} order by 1")]


async def test_prepared_transactions(door: Door, followed_dsn: str) -> None:
    with Source(followed_dsn, two_phase=True) as source:
        name = source.name
        if source.conn.info.server_version < 150000:
            pytest.skip("two-phase decoding is of PostgreSQL 15")
        source.run(f"begin; insert into {name} values (1, 'x'); prepare transaction '{name} one'")
        source.run(f"begin; insert into {name} values (2, 'x'); prepare transaction '{name} two'")
        source.run(
            f"begin; insert into {name} select n, 'x' from generate_series(1001, 4000) n;prepare transaction '{name} é'"
        )
        source.run(f"commit prepared '{name} one'")
        source.run(f"rollback prepared '{name} two'")
        source.run(f"commit prepared '{name} é'")
        source.insert(3)
        conn = await replicating(door, followed_dsn)
        async with conn.follow_changes(name, name, two_phase=True, streaming=True) as stream:
            changes: list[Any] = await commits(stream)
            while not isinstance(changes[-1], Commit):
                changes += await commits(stream)
    told = (BeginPrepare, Prepare, StreamPrepare, CommitPrepared, RollbackPrepared)
    seen = [(type(change).__name__, change.gid) for change in changes if isinstance(change, told)]
    one, two, three = (f"{name} {which}" for which in ("one", "two", "é"))
    assert seen == [
        ("BeginPrepare", one),
        ("Prepare", one),
        ("BeginPrepare", two),
        ("Prepare", two),
        ("StreamPrepare", three),
        ("CommitPrepared", one),
        ("RollbackPrepared", two),
        ("CommitPrepared", three),
    ]
    xids = {change.gid: change.xid for change in changes if isinstance(change, told)}
    assert all(change.xid == xids[change.gid] for change in changes if isinstance(change, told))
    (undone,) = [change for change in changes if isinstance(change, RollbackPrepared)]
    (made,) = [change for change in changes if isinstance(change, Prepare) and change.gid == two]
    assert undone.prepare_end_lsn == made.end_lsn < undone.end_lsn
    assert undone.prepare_time == made.prepare_time <= undone.rollback_time


@pytest.mark.parametrize("version", [1, 2, 3, 4])
async def test_versions(door: Door, followed_dsn: str, source: Source, version: int) -> None:
    newest = {15: 3, 14: 2}.get(source.conn.info.server_version // 10000, 4)
    conn = await replicating(door, followed_dsn)
    source.insert(1)
    if version > newest:
        with pytest.raises(door.module.Error):
            async with conn.follow_changes(source.name, source.name, version=version) as stream:
                await commits(stream)
        return
    streaming: Any = {2: True, 3: True, 4: "parallel"}.get(version, False)
    async with conn.follow_changes(source.name, source.name, version=version, streaming=streaming) as stream:
        source.run(f"begin; insert into {source.name} select n, 'x' from generate_series(1001, 4000) n; rollback")
        source.insert(2)
        changes = await commits(stream, 2)
    aborts = [change for change in changes if isinstance(change, StreamAbort)]
    # Newer servers do not stream what they know to be aborted.
    assert all((abort.abort_lsn is not None) == (version == 4) for abort in aborts)
    assert [change.new[0] for change in changes if isinstance(change, Insert) and change.new[0] < 1000] == [1, 2]
