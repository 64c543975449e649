"""Connecting: forms of conninfo, keyword arguments, `info`, and what a connection says of itself."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from pgserver import PgServer

from support.doors import Door, howdah_alone
from support.sessions import Observer


async def test_key_value_string(door: Door, server: PgServer) -> None:
    conn = await door.connect(f"host={server.socket_dir} port={server.port} user=postgres dbname=postgres")
    assert await (await conn.execute("select current_user::text")).fetchone() == ("postgres",)


async def test_key_value_with_quotes_and_escapes(door: Door, server: PgServer) -> None:
    conn = await door.connect(
        rf"host = '{server.socket_dir}' port={server.port} user='postgres'   dbname=postgres "
        r"application_name='it\'s \\ here'"
    )
    assert await (await conn.execute("show application_name")).fetchone() == (r"it's \ here",)


async def test_tcp(door: Door, server: PgServer) -> None:
    conn = await door.connect(server.tcp_dsn)
    assert conn.info.host == "127.0.0.1"
    assert await (await conn.execute("select inet_server_port()")).fetchone() == (server.port,)


async def test_uri(door: Door, server: PgServer) -> None:
    conn = await door.connect(f"postgresql://postgres@127.0.0.1:{server.port}/postgres?application_name=from%20uri")
    assert await (await conn.execute("show application_name")).fetchone() == ("from uri",)


async def test_uri_of_unix_socket(door: Door, server: PgServer) -> None:
    host = quote(server.socket_dir, safe="")
    conn = await door.connect(f"postgres://postgres@{host}:{server.port}/postgres")
    assert conn.info.host == server.socket_dir
    conn = await door.connect(f"postgres:///postgres?host={host}&port={server.port}&user=postgres")
    assert conn.info.host == server.socket_dir


async def test_keyword_arguments(door: Door, server: PgServer) -> None:
    conn = await door.connect("", host="127.0.0.1", port=server.port, user="postgres", dbname="postgres")
    assert (conn.info.host, conn.info.port, conn.info.user) == ("127.0.0.1", server.port, "postgres")


async def test_keyword_arguments_win(door: Door) -> None:
    conn = await door.connect(f"{door.dsn} application_name=string", application_name="keyword")
    assert await (await conn.execute("show application_name")).fetchone() == ("keyword",)


async def test_none_keyword_is_ignored(door: Door) -> None:
    conn = await door.connect(f"{door.dsn} application_name=string", application_name=None)
    assert await (await conn.execute("show application_name")).fetchone() == ("string",)


async def test_environment(door: Door, server: PgServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", server.socket_dir)
    monkeypatch.setenv("PGPORT", str(server.port))
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGDATABASE", "template1")
    conn = await door.connect("")
    assert conn.info.dbname == "template1"
    conn = await door.connect("dbname=postgres")
    assert conn.info.dbname == "postgres"


async def test_database_defaults_to_the_user(door: Door, server: PgServer) -> None:
    conn = await door.connect(f"host={server.socket_dir} port={server.port} user=postgres")
    assert conn.info.dbname == "postgres"


async def test_options(door: Door) -> None:
    conn = await door.connect(door.dsn, options="-c work_mem=123kB -c application_name=a\\ b")
    assert await (await conn.execute("show work_mem")).fetchone() == ("123kB",)
    assert await (await conn.execute("show application_name")).fetchone() == ("a b",)


async def test_resolved_name(door: Door, server: PgServer) -> None:
    conn = await door.connect(f"host=localhost port={server.port} user=postgres dbname=postgres")
    assert conn.info.host == "localhost"
    assert conn.info.hostaddr in ("127.0.0.1", "::1")


async def test_hostaddr_needs_no_resolution(door: Door, server: PgServer) -> None:
    conn = await door.connect(f"host=name.invalid hostaddr=127.0.0.1 port={server.port} user=postgres dbname=postgres")
    assert (conn.info.host, conn.info.hostaddr) == ("name.invalid", "127.0.0.1")


async def test_second_host_is_tried(door: Door, server: PgServer, closed_port: int) -> None:
    conn = await door.connect(
        f"host=127.0.0.1,127.0.0.1 port={closed_port},{server.port} user=postgres dbname=postgres"
    )
    assert conn.info.port == server.port


async def test_info(door: Door, server: PgServer) -> None:
    conn = await door.connect(server.tcp_dsn)
    info = conn.info
    assert (info.host, info.hostaddr, info.port) == ("127.0.0.1", "127.0.0.1", server.port)
    assert (info.dbname, info.user, info.password) == ("postgres", "postgres", "")
    assert await (await conn.execute("select pg_backend_pid()")).fetchone() == (info.backend_pid,)
    version = await (await conn.execute("select current_setting('server_version_num')::int")).fetchone()
    assert version == (info.server_version,)
    assert info.encoding == "utf-8"
    assert info.vendor == "PostgreSQL"
    assert info.error_message == ""
    assert info.parameter_status("client_encoding") == "UTF8"
    assert info.parameter_status("no_such_parameter") is None
    assert str(info.timezone) == "UTC"


async def test_error_message(door: Door) -> None:
    """It is libpq's: of the last command, with the severity."""
    conn = await door.connect()
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0")
    assert conn.info.error_message == "ERROR:  division by zero\n"
    assert conn.pgconn.error_message == b"ERROR:  division by zero\n"
    await conn.rollback()
    assert conn.info.error_message == ""
    conn.pgconn.exec_(b"wat")
    assert conn.info.error_message == 'ERROR:  syntax error at or near "wat"\nLINE 1: wat\n        ^\n'
    await conn.execute("select 1")
    assert conn.info.error_message == ""
    await conn.close()
    assert conn.info.error_message == "connection pointer is NULL\n"


async def failed(door: Door, **kwargs: Any) -> Any:
    """A connection whose last command has failed."""
    conn = await door.connect(autocommit=True, **kwargs)
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0")
    assert conn.info.error_message == "ERROR:  division by zero\n"
    return conn


async def test_error_message_is_gone_when_the_next_command_begins(door: Door) -> None:
    conn = await failed(door)
    # Nothing is sent.
    await conn.commit()
    async with conn.pipeline():
        assert conn.info.error_message == "ERROR:  division by zero\n"
        await conn.execute("select 1")
        assert conn.info.error_message == ""
    assert conn.info.error_message == ""
    conn = await failed(door)
    await conn.cursor().executemany("select %s::int", [(1,), (2,)])
    assert conn.info.error_message == ""
    conn = await failed(door)
    async for _ in conn.cursor().stream("select generate_series(1, 2)"):
        assert conn.info.error_message == ""
    conn = await failed(door)
    async with conn.cursor().copy("copy (select 1) to stdout") as copy:
        assert conn.info.error_message == ""
        while await copy.read():
            pass
    conn = await failed(door)
    async with conn.transaction():
        assert conn.info.error_message == ""
    with pytest.raises(door.errors.DivisionByZero):
        await conn.cursor().executemany("select 1 / %s", [(1,), (0,)])
    await conn.execute("select 1")
    assert conn.info.error_message == ""


async def test_error_message_while_the_next_command_runs(door: Door, observer: Observer) -> None:
    conn = await failed(door)
    pid, sleep = conn.info.backend_pid, "select pg_sleep(10)"
    task = asyncio.create_task(asyncio.to_thread(conn.wrapped.execute, sleep) if door.is_sync else conn.execute(sleep))
    try:
        await asyncio.to_thread(observer.wait_event, pid, "PgSleep")
        assert conn.info.error_message == ""
    finally:
        observer.value("select pg_cancel_backend(%s)", (pid,))
    with pytest.raises(door.errors.QueryCanceled):
        await task


@pytest.mark.parametrize("encoding", ["latin1", "utf8", "sjis"])
async def test_error_message_in_the_client_encoding(door: Door, encoding: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"set client_encoding to {encoding}")
    name = "表" if encoding == "sjis" else "é"
    with pytest.raises(door.errors.UndefinedColumn):
        await conn.execute(f'select "{name}"')
    first = f'column "{name}" does not exist'
    assert conn.info.error_message.startswith(f"ERROR:  {first}\n")
    assert conn.pgconn.error_message.startswith(f"ERROR:  {first}\n".encode(conn.info.encoding))
    assert conn.pgconn.get_error_message().startswith(first)


async def test_error_message_of_a_lost_connection(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    observer.terminate(conn.info.backend_pid)
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")
    assert conn.info.error_message.startswith("FATAL:  terminating connection due to administrator command\n")


@howdah_alone
@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii"])
async def test_options_are_not_in_the_client_encoding(door: Door, encoding: str) -> None:
    conn = await door.connect(password="dé", application_name="é", client_encoding=encoding)
    assert (conn.info.password, conn.info.get_parameters()["application_name"]) == ("dé", "é")
    again = await door.connect(conn.info.dsn, password=conn.info.password)
    assert (again.info.dsn, again.info.password) == (conn.info.dsn, "dé")
    assert "application_name=é" in again.info.dsn


@howdah_alone
async def test_info_of_a_connection_that_nobody_keeps(door: Door) -> None:
    connecting = door.connection_class.connect(door.dsn)
    info = connecting.info if door.is_sync else (await connecting).info
    del connecting
    gc.collect()
    assert info.dbname == "postgres"
    info.pgconn.finish()


async def test_parameter_status_follows_the_session(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("set timezone to 'Europe/Rome'")
    assert conn.info.parameter_status("TimeZone") == "Europe/Rome"
    assert str(conn.info.timezone) == "Europe/Rome"
    await conn.rollback()
    assert conn.info.parameter_status("TimeZone") == "UTC"


async def test_transaction_status(door: Door) -> None:
    conn = await door.connect()
    assert conn.info.transaction_status.name == "IDLE"
    await conn.execute("select 1")
    assert conn.info.transaction_status.name == "INTRANS"
    with pytest.raises(door.module.Error):
        await conn.execute("wat")
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    assert conn.info.transaction_status.name == "IDLE"
    assert conn.info.transaction_status == 0
    await conn.close()
    assert conn.info.transaction_status.name == "UNKNOWN"


async def test_info_never_tells_the_password(door: Door) -> None:
    conn = await door.connect(f"{door.dsn} password=secret application_name=shown")
    assert conn.info.password == "secret"
    assert "secret" not in conn.info.dsn
    assert "secret" not in repr(conn)
    assert conn.info.get_parameters()["application_name"] == "shown"
    assert "password" not in conn.info.get_parameters()


async def test_dsn_of_info_connects_again(door: Door) -> None:
    first = await door.connect(f"{door.dsn} application_name='a b'")
    second = await door.connect(first.info.dsn)
    assert await (await second.execute("show application_name")).fetchone() == ("a b",)


async def test_closed_and_broken(door: Door) -> None:
    conn = await door.connect()
    assert (conn.closed, conn.broken) == (False, False)
    await conn.close()
    assert (conn.closed, conn.broken) == (True, False)
    await conn.close()


async def test_repr(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    name = "AsyncConnection" if not door.is_sync else "Connection"
    text = repr(conn.wrapped if door.is_sync else conn)
    assert text.startswith(f"<{door.module.__name__}.{name} [IDLE] (port={conn.info.port} database=postgres) at 0x")
    tcp = await door.connect(server.tcp_dsn, dbname="template1")
    place = f"(host=127.0.0.1 port={server.port} user=postgres database=template1)"
    assert place in repr(tcp.wrapped if door.is_sync else tcp)
    await conn.close()
    assert "[BAD]" in repr(conn.wrapped if door.is_sync else conn)


async def test_connect_timeout_does_not_disturb(door: Door) -> None:
    conn = await door.connect(f"{door.dsn} connect_timeout=10")
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    conn = await door.connect(door.dsn, connect_timeout=0)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_unicode_user_and_application(door: Door, observer: Any) -> None:
    observer.conn.execute('drop role if exists "jürgen"')
    observer.conn.execute('create role "jürgen" login')
    try:
        conn = await door.connect(door.dsn, user="jürgen")
        assert conn.info.user == "jürgen"
        assert await (await conn.execute("select session_user::text")).fetchone() == ("jürgen",)
        await conn.close()
    finally:
        observer.conn.execute('drop role "jürgen"')


def test_module_connect_is_the_class_method(driver: ModuleType, dsn: str) -> None:
    conn = driver.connect(dsn)
    assert type(conn) is driver.Connection
    conn.close()


def test_passfile(driver: ModuleType, password_server: PgServer, tmp_path: Any) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"# comment\n127.0.0.1:{password_server.port}:*:postgres:{password_server.password}\n")
    passfile.chmod(0o600)
    target = f"host=127.0.0.1 port={password_server.port} user=postgres dbname=postgres passfile={passfile}"
    with driver.connect(target) as conn:
        assert conn.execute("select 1").fetchone() == (1,)


def test_loggers_are_quiet(driver: ModuleType, dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    assert logging.getLogger(driver.__name__).level == logging.WARNING
    driver.connect(dsn).close()
    assert caplog.records == []


@pytest.mark.skipif(os.name != "posix", reason="file descriptors")
async def test_descriptors_are_not_inherited(door: Door) -> None:
    conn = await door.connect()
    assert conn.fileno() > 2
    assert not os.get_inheritable(conn.fileno())


@pytest.mark.parametrize("autocommit", [True, False])
async def test_a_replication_connection_runs_its_commands(door: Door, autocommit: bool) -> None:
    # Only the simple protocol is spoken there, for the implicit BEGIN as well.
    conn = await door.connect(replication="database", autocommit=autocommit)
    for _ in range(4):
        (row,) = await (await conn.execute("IDENTIFY_SYSTEM")).fetchall()
        assert len(row) == 4
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]
    await conn.commit()
    assert conn.info.transaction_status == 0
