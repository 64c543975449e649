"""Protocol 3.2 and servers that do not speak it, and other options that ask for more than there is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, howdah_alone
from support.gssapi import has_gssapi
from support.hostile import HostileServer, Peer
from support.sessions import Meanwhile

NEW, OLD = 30002, 30000
DEFAULTS: list[tuple[dict[str, str], int]] = [
    ({}, OLD),
    ({"max_protocol_version": "3.0"}, OLD),
    ({"max_protocol_version": "3.2"}, NEW),
    ({"max_protocol_version": "latest"}, NEW),
    ({"min_protocol_version": "3.0"}, OLD),
    ({"min_protocol_version": "3.2"}, NEW),
    ({"min_protocol_version": "3.0", "max_protocol_version": "latest"}, NEW),
    ({"min_protocol_version": "latest"}, NEW),
]


@pytest.fixture(scope="module", params=["embedded", "debian"])
def any_server(request: pytest.FixtureRequest) -> Any:
    if request.param not in available_flavours():
        pytest.skip(f"there is no {request.param} server")
    with PgServer(request.param) as server:
        yield server


@pytest.mark.parametrize(("options", "wanted"), DEFAULTS)
async def test_versions(door: Door, any_server: PgServer, options: dict[str, str], wanted: int) -> None:
    """A server before 18 says that it speaks 3.0 only, which is enough unless a minimum was given."""
    speaks_new = any_server.flavour == "embedded"
    if not speaks_new and options.get("min_protocol_version") in ("3.2", "latest"):
        with pytest.raises(door.module.OperationalError, match=r"3\.0.*min_protocol_version"):
            await door.connect(any_server.dsn, **options)
        return
    conn = await door.connect(any_server.dsn, **options)
    assert conn.info.full_protocol_version == (wanted if speaks_new else OLD)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@pytest.mark.parametrize("version", ["3.1", "3.3", "4.0", "2.0", "wat", "LATEST"])
async def test_versions_that_do_not_exist(door: Door, any_server: PgServer, version: str) -> None:
    for name in ("min_protocol_version", "max_protocol_version"):
        with pytest.raises(door.module.OperationalError, match=version):
            await door.connect(any_server.dsn, **{name: version})
    with pytest.raises(door.module.OperationalError, match="greater than"):
        await door.connect(any_server.dsn, min_protocol_version="3.2", max_protocol_version="3.0")


@pytest.mark.doors("sync")
async def test_long_cancel_keys(door: Door, any_server: PgServer) -> None:
    """PostgreSQL 18 gives 32 bytes to who speaks 3.2."""
    conn = await door.connect(any_server.dsn, max_protocol_version="latest")

    def cancel() -> None:
        time.sleep(0.2)
        conn.wrapped.cancel_safe()

    with Meanwhile(cancel), pytest.raises(door.errors.QueryCanceled):
        await conn.execute("select pg_sleep(60)")


async def test_gssapi_encryption(door: Door, server: PgServer) -> None:
    """Without credentials `prefer` goes on, and `require` fails."""
    for mode in ("disable", "prefer"):
        conn = await door.connect(server.tcp_dsn, gssencmode=mode)
        assert await (await conn.execute("select 1")).fetchone() == (1,)
    kind = door.module.OperationalError if has_gssapi(door) else door.module.NotSupportedError
    with pytest.raises(kind, match=r"(?i)gss"):
        await door.connect(server.tcp_dsn, gssencmode="require")


@howdah_alone
@pytest.mark.doors("sync", "asyncio")
async def test_the_timeout_is_for_each_host(door: Door) -> None:
    """Three that are silent take three times as long as one: at least, and each is told of."""

    def silent(peer: Peer) -> None:
        peer.read_startup()
        peer.drain()

    with HostileServer(silent) as server:
        target = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={server.port} user=x dbname=x sslmode=disable"
        begin = time.monotonic()
        with pytest.raises(door.errors.ConnectionTimeout) as caught:
            await door.connect(target, connect_timeout=1)
        # One second counts as two.
        assert time.monotonic() - begin >= 6
    assert str(caught.value).count("timeout expired") == 4
