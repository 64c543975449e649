"""`PGconn`s of their own, driven by the program: each scenario gives the same on both drivers."""

from __future__ import annotations

import re
import select
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.driving import drive, module, picture
from support.sessions import Meanwhile


@pytest.fixture
def pq(driver: ModuleType) -> Any:
    return module(driver)


@pytest.fixture
def pgconn(pq: Any, dsn: str) -> Iterator[Any]:
    made = pq.PGconn.connect(dsn.encode())
    assert made.status == pq.ConnStatus.OK, made.error_message
    yield made
    made.finish()


def test_connect_and_finish(pq: Any, dsn: str, driver: ModuleType) -> None:
    made = pq.PGconn.connect(dsn.encode())
    assert (made.status, made.transaction_status) == (pq.ConnStatus.OK, pq.TransactionStatus.IDLE)
    assert made.nonblocking == 0
    assert made.exec_(b"select 1").get_value(0, 0) == b"1"
    made.finish()
    made.finish()
    assert made.status == pq.ConnStatus.BAD
    with pytest.raises(driver.OperationalError, match="the connection is closed"):
        made.exec_(b"select 1")


def test_connect_that_fails(pq: Any, closed_port: int) -> None:
    made = pq.PGconn.connect(b"host=127.0.0.1 port=%d user=ann" % closed_port)
    assert (made.status, made.user) == (pq.ConnStatus.BAD, b"ann")
    assert b"failed: Connection refused" in made.error_message
    assert made.connect_poll() == pq.PollingStatus.FAILED


def test_connect_with_a_wrong_option(pq: Any) -> None:
    made = pq.PGconn.connect(b"nope=1")
    assert made.status == pq.ConnStatus.BAD
    assert b'invalid connection option "nope"' in made.error_message


def test_connect_to_a_database_that_is_not_there(pq: Any, dsn: str) -> None:
    made = pq.PGconn.connect(dsn.encode() + b" dbname=nope")
    assert made.status == pq.ConnStatus.BAD
    assert b'database "nope" does not exist' in made.error_message


def opened(pq: Any, made: Any, poll: Any) -> None:
    wanted = pq.PollingStatus.WRITING
    while True:
        reading = [made.socket] if wanted == pq.PollingStatus.READING else []
        writing = [made.socket] if wanted == pq.PollingStatus.WRITING else []
        assert any(select.select(reading, writing, [], 10))
        wanted = poll()
        if wanted in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
            return


@pytest.mark.parametrize("host", ["", " host=127.0.0.1", " host=localhost"])
def test_connect_step_by_step(pq: Any, dsn: str, host: str) -> None:
    made = pq.PGconn.connect_start((dsn + host).encode())
    assert made.status not in (pq.ConnStatus.OK, pq.ConnStatus.BAD)
    opened(pq, made, made.connect_poll)
    assert made.status == pq.ConnStatus.OK
    assert made.connect_poll() == pq.PollingStatus.OK
    assert made.exec_(b"select 1").get_value(0, 0) == b"1"
    made.finish()


def test_connect_step_by_step_to_the_second_server(pq: Any, server: Any, closed_port: int) -> None:
    conninfo = f"host=127.0.0.1,127.0.0.1 port={closed_port},{server.port} user=postgres dbname=postgres"
    made = pq.PGconn.connect_start(conninfo.encode())
    opened(pq, made, made.connect_poll)
    assert made.status == pq.ConnStatus.OK
    assert made.port == str(server.port).encode()
    made.finish()


def test_connect_step_by_step_with_a_password(pq: Any, password_server: Any) -> None:
    dsn = password_server.tcp_dsn
    made = pq.PGconn.connect_start(dsn.encode())
    opened(pq, made, made.connect_poll)
    assert (made.status, made.used_password) == (pq.ConnStatus.OK, True)
    made.finish()
    made = pq.PGconn.connect_start(f"{dsn} password=wrong".encode())
    opened(pq, made, made.connect_poll)
    assert (made.status, made.used_password) == (pq.ConnStatus.BAD, True)
    assert b"password authentication failed" in made.error_message


def test_reset(pq: Any, pgconn: Any) -> None:
    pid = pgconn.backend_pid
    pgconn.reset()
    assert pgconn.status == pq.ConnStatus.OK
    assert pgconn.backend_pid != pid
    pid = pgconn.backend_pid
    pgconn.reset_start()
    opened(pq, pgconn, pgconn.reset_poll)
    assert pgconn.status == pq.ConnStatus.OK
    assert pgconn.backend_pid != pid
    assert pgconn.exec_(b"select 1").get_value(0, 0) == b"1"


def test_reset_after_the_connection_was_lost(pq: Any, pgconn: Any) -> None:
    pgconn.exec_(b"select pg_terminate_backend(pg_backend_pid())")
    assert pgconn.status == pq.ConnStatus.BAD
    pgconn.reset()
    assert pgconn.exec_(b"select 1").get_value(0, 0) == b"1"


def test_ping(pq: Any, dsn: str, closed_port: int) -> None:
    ping = pq.PGconn.ping
    assert ping(dsn.encode()) == pq.Ping.OK
    assert ping(dsn.encode() + b" dbname=nope") == pq.Ping.OK
    assert ping(b"host=127.0.0.1 port=%d" % closed_port) == pq.Ping.NO_RESPONSE
    assert ping(b"nope=1") == pq.Ping.NO_ATTEMPT


def send_nothing(pgconn: Any) -> None:
    pass


SENDINGS = {
    "simple": lambda c: c.send_query(b"select 1 as a; select 'x' as b, 'y'"),
    "simple error": lambda c: c.send_query(b"select 1; select 1/0; select 2"),
    "empty": lambda c: c.send_query(b""),
    "params": lambda c: c.send_query_params(b"select $1::int + 1, $2::text", [b"2", None]),
    "params of types": lambda c: c.send_query_params(b"select $1, $2", [b"\0\0\0\7", b"t"], [23, 25], [1, 0]),
    "params binary": lambda c: c.send_query_params(b"select $1::int", [b"5"], result_format=1),
    "params without any": lambda c: c.send_query_params(b"select 1", None),
    "params error": lambda c: c.send_query_params(b"select $1::int", [b"x"]),
    "prepare": lambda c: c.send_prepare(b"one", b"select $1 + 1", [23]),
    "prepare error": lambda c: c.send_prepare(b"two", b"selct"),
    "prepared": lambda c: c.send_query_prepared(b"one", [b"4"]),
    "prepared binary": lambda c: c.send_query_prepared(b"one", [b"\0\0\0\7"], [1], 1),
    "prepared missing": lambda c: c.send_query_prepared(b"nope", []),
    "describe": lambda c: c.send_describe_prepared(b"one"),
    "describe missing": lambda c: c.send_describe_prepared(b"nope"),
    "describe portal missing": lambda c: c.send_describe_portal(b"nope"),
    "close": lambda c: c.send_close_prepared(b"one"),
    "close missing": lambda c: c.send_close_prepared(b"nope"),
    "close portal": lambda c: c.send_close_portal(b"nope"),
    "nothing": send_nothing,
}


@pytest.mark.parametrize("nonblocking", [0, 1])
def test_commands_driven_by_select(howdah: ModuleType, oracle: ModuleType, dsn: str, nonblocking: int) -> None:
    both: list[dict[str, Any]] = []
    for driver in (howdah, oracle):
        pgconn = module(driver).PGconn.connect(dsn.encode())
        pgconn.nonblocking = nonblocking
        both.append({})
        for name, send in SENDINGS.items():
            send(pgconn)
            both[-1][name] = [picture(result) for result in drive(pgconn)]
            assert pgconn.transaction_status == 0, name
        pgconn.finish()
    assert both[0] == both[1]
    assert [len(results) for results in both[0].values()] == [2, 2] + [1] * 17 + [0]


def test_commands_that_wait(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    def run(pgconn: Any) -> list[Any]:
        return [
            pgconn.exec_(b"select 1; select 2"),
            pgconn.exec_params(b"select $1::int + 1", [b"2"]),
            pgconn.prepare(b"p", b"select $1::int as a, 'x' as b", [23]),
            pgconn.exec_prepared(b"p", [b"6"]),
            pgconn.describe_prepared(b"p"),
            pgconn.exec_(b"begin; declare cur cursor for select 1 as one"),
            pgconn.describe_portal(b"cur"),
            pgconn.close_portal(b"cur"),
            pgconn.describe_portal(b"cur"),
            pgconn.exec_(b"rollback"),
            pgconn.close_prepared(b"p"),
            pgconn.exec_prepared(b"p", [b"6"]),
        ]

    both = []
    for driver in (howdah, oracle):
        pgconn = module(driver).PGconn.connect(dsn.encode())
        both.append([picture(result) for result in run(pgconn)])
        pgconn.finish()
    assert both[0] == both[1]


def test_one_command_at_a_time(driver: ModuleType, pgconn: Any) -> None:
    pgconn.send_query(b"select 1")
    with pytest.raises(driver.OperationalError, match="another command is already in progress"):
        pgconn.send_query(b"select 2")
    assert [picture(r)[6] for r in drive(pgconn)] == [[[b"1"]]]
    pgconn.send_query(b"select 3")
    # What runs is thrown away by a command that waits.
    assert pgconn.exec_(b"select 4").get_value(0, 0) == b"4"
    assert pgconn.get_result() is None


def test_busy_until_the_result_has_come(pq: Any, pgconn: Any) -> None:
    pgconn.send_query(b"select pg_sleep(0.1)")
    assert pgconn.is_busy() == 1
    assert pgconn.transaction_status == pq.TransactionStatus.ACTIVE
    assert pgconn.get_result().status == pq.ExecStatus.TUPLES_OK
    assert pgconn.get_result() is None
    assert pgconn.is_busy() == 0
    assert pgconn.transaction_status == pq.TransactionStatus.IDLE


def test_long_command_and_long_result(pgconn: Any) -> None:
    pgconn.nonblocking = 1
    text = b"x" * 5_000_000
    pgconn.send_query_params(b"select $1 || $1", [text])
    (result,) = drive(pgconn)
    assert result.get_value(0, 0) == 2 * text


def test_rows_one_by_one(pq: Any, pgconn: Any) -> None:
    pgconn.send_query(b"select generate_series(1, 3) as a; select 'x'")
    pgconn.set_single_row_mode()
    results = [picture(r) for r in drive(pgconn)]
    single, done = pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK
    assert [r[0] for r in results[:4]] == [single, single, single, done]
    assert [r[6] for r in results[:4]] == [[[b"1"]], [[b"2"]], [[b"3"]], []]
    assert results[3][3] == b"SELECT 3"
    assert {r[5][0] for r in results[:4]} == {b"a"}


def test_rows_in_chunks(pq: Any, pgconn: Any) -> None:
    pgconn.send_query_params(b"select generate_series(1, 5000)", None)
    pgconn.set_chunked_rows_mode(999)
    results = [picture(r) for r in drive(pgconn)]
    assert [r[0] for r in results] == [pq.ExecStatus.TUPLES_CHUNK] * 6 + [pq.ExecStatus.TUPLES_OK]
    assert [r[1] for r in results] == [999] * 5 + [5, 0]
    assert [int(row[0]) for r in results for row in r[6]] == list(range(1, 5001))


def test_rows_one_by_one_up_to_an_error(pq: Any, pgconn: Any) -> None:
    pgconn.send_query(b"select 10 / (3 - generate_series(1, 5))")
    pgconn.set_single_row_mode()
    results = [picture(r) for r in drive(pgconn)]
    assert [r[0] for r in results] == [pq.ExecStatus.SINGLE_TUPLE] * 2 + [pq.ExecStatus.FATAL_ERROR]
    assert results[2][4] == b"22012"


def test_mode_of_rows_is_chosen_after_sending(driver: ModuleType, pgconn: Any) -> None:
    with pytest.raises(driver.OperationalError):
        pgconn.set_single_row_mode()
    with pytest.raises(driver.OperationalError):
        pgconn.set_chunked_rows_mode(10)
    pgconn.send_query(b"select 1")
    for size in (0, -1):
        with pytest.raises(driver.OperationalError):
            pgconn.set_chunked_rows_mode(size)


def test_copy_in(pq: Any, pgconn: Any) -> None:
    pgconn.exec_(b"create temp table t (a int, b text)")
    for command in (pgconn.exec_, lambda q: pgconn.exec_params(q, None)):
        result = command(b"copy t from stdin")
        assert (result.status, result.nfields, result.binary_tuples) == (pq.ExecStatus.COPY_IN, 2, 0)
        assert pgconn.put_copy_data(b"1\tx\n") == 1
        assert pgconn.put_copy_data(memoryview(b"2\t\\N\n")) == 1
        assert pgconn.put_copy_end() == 1
        assert picture(pgconn.get_result())[:4] == (pq.ExecStatus.COMMAND_OK, 0, 0, b"COPY 2")
        assert pgconn.get_result() is None
    assert pgconn.exec_(b"select count(*) from t").get_value(0, 0) == b"4"


def test_copy_in_given_up(pq: Any, pgconn: Any) -> None:
    pgconn.exec_(b"create temp table t (a int)")
    pgconn.exec_(b"copy t from stdin")
    pgconn.put_copy_data(b"1\n")
    pgconn.put_copy_end(b"no more")
    result = pgconn.get_result()
    assert (result.status, result.error_field(ord("C"))) == (pq.ExecStatus.FATAL_ERROR, b"57014")
    assert b"no more" in result.error_message
    assert pgconn.get_result() is None
    assert pgconn.exec_(b"select count(*) from t").get_value(0, 0) == b"0"


def test_copy_in_of_data_that_is_wrong(pq: Any, pgconn: Any) -> None:
    pgconn.exec_(b"create temp table t (a int)")
    for command in (pgconn.exec_, lambda q: pgconn.exec_params(q, None)):
        command(b"copy t from stdin")
        pgconn.put_copy_data(b"x\n")
        pgconn.put_copy_end()
        assert pgconn.get_result().error_field(ord("C")) == b"22P02"
        assert pgconn.get_result() is None
        assert pgconn.exec_(b"select 1").get_value(0, 0) == b"1"


def test_copy_out(pq: Any, pgconn: Any) -> None:
    result = pgconn.exec_(b"copy (select generate_series(1, 3), 'x') to stdout")
    assert (result.status, result.nfields, result.fformat(0)) == (pq.ExecStatus.COPY_OUT, 2, 0)
    data = []
    while (got := pgconn.get_copy_data(0))[0] > 0:
        data.append(bytes(got[1]))
        assert len(data[-1]) == got[0]
    assert data == [b"1\tx\n", b"2\tx\n", b"3\tx\n"]
    assert got == (-1, b"")
    assert pgconn.get_result().command_status == b"COPY 3"
    assert pgconn.get_result() is None


def test_copy_out_driven_by_select(pq: Any, pgconn: Any) -> None:
    pgconn.nonblocking = 1
    pgconn.send_query(b"copy (select generate_series(1, 50000)) to stdout (format binary)")
    while pgconn.is_busy():
        select.select([pgconn.socket], [], [], 10)
        pgconn.consume_input()
    result = pgconn.get_result()
    assert (result.status, result.binary_tuples) == (pq.ExecStatus.COPY_OUT, 1)
    length = 0
    while (got := pgconn.get_copy_data(1))[0] >= 0:
        length += got[0]
        if not got[0]:
            select.select([pgconn.socket], [], [], 10)
            pgconn.consume_input()
    assert length == 11 + 8 + 50000 * 10 + 2
    assert [r.command_status for r in drive(pgconn)] == [b"COPY 50000"]


def test_copy_out_that_fails(pq: Any, pgconn: Any) -> None:
    pgconn.exec_(b"copy (select 10 / (3 - generate_series(1, 5))) to stdout")
    while (got := pgconn.get_copy_data(0))[0] > 0:
        pass
    assert got[0] in (-1, -2)
    assert pgconn.get_result().error_field(ord("C")) == b"22012"
    assert pgconn.get_result() is None


def test_copy_both_ways_is_refused_where_there_is_none(driver: ModuleType, pgconn: Any) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: pgconn.put_copy_data(b"x"),
        pgconn.put_copy_end,
        lambda: pgconn.get_copy_data(0),
    ]
    for use in uses:
        with pytest.raises(driver.OperationalError, match="no COPY in progress"):
            use()


def test_command_ends_a_copy_that_is_under_way(pgconn: Any) -> None:
    pgconn.exec_(b"create temp table t (a int)")
    pgconn.exec_(b"copy t from stdin")
    assert pgconn.exec_(b"select 1").get_value(0, 0) == b"1"
    pgconn.exec_(b"copy (select generate_series(1, 100000)) to stdout")
    assert pgconn.exec_(b"select 2").get_value(0, 0) == b"2"


def test_pipeline(pq: Any, pgconn: Any) -> None:
    assert pgconn.pipeline_status == pq.PipelineStatus.OFF
    pgconn.enter_pipeline_mode()
    assert pgconn.pipeline_status == pq.PipelineStatus.ON
    pgconn.send_query_params(b"select $1", [b"1"])
    pgconn.send_prepare(b"p", b"select $1::int")
    pgconn.send_query_prepared(b"p", [b"2"])
    pgconn.send_describe_prepared(b"p")
    pgconn.pipeline_sync()
    pgconn.send_query_params(b"select 3", None)
    pgconn.pipeline_sync()
    seen = []
    for _ in range(4):
        seen.append([picture(r)[:1] + picture(r)[6:7] for r in drive(pgconn)])
    assert seen == [[(2, [[b"1"]])], [(1, [])], [(2, [[b"2"]])], [(1, [])]]
    assert pgconn.get_result().status == pq.ExecStatus.PIPELINE_SYNC
    assert [picture(r)[6] for r in drive(pgconn)] == [[[b"3"]]]
    assert pgconn.get_result().status == pq.ExecStatus.PIPELINE_SYNC
    pgconn.exit_pipeline_mode()
    assert pgconn.exec_(b"select 4").get_value(0, 0) == b"4"


def test_pipeline_that_fails(pq: Any, pgconn: Any) -> None:
    status = pq.ExecStatus
    pgconn.enter_pipeline_mode()
    pgconn.send_query_params(b"select 1/0", None)
    pgconn.send_query_params(b"select 2", None)
    pgconn.pipeline_sync()
    pgconn.send_query_params(b"select 3", None)
    pgconn.pipeline_sync()
    assert [r.status for r in drive(pgconn)] == [status.FATAL_ERROR]
    assert pgconn.pipeline_status == pq.PipelineStatus.ABORTED
    assert [r.status for r in drive(pgconn)] == [status.PIPELINE_ABORTED]
    assert pgconn.get_result().status == status.PIPELINE_SYNC
    assert pgconn.pipeline_status == pq.PipelineStatus.ON
    assert [r.get_value(0, 0) for r in drive(pgconn)] == [b"3"]
    assert pgconn.get_result().status == status.PIPELINE_SYNC
    pgconn.exit_pipeline_mode()


def test_pipeline_that_fails_before_its_synchronisation_point(pq: Any, pgconn: Any) -> None:
    status = pq.ExecStatus
    pgconn.enter_pipeline_mode()
    pgconn.send_query_params(b"select 1/0", None)
    pgconn.send_flush_request()
    assert [r.status for r in drive(pgconn)] == [status.FATAL_ERROR]
    pgconn.send_query_params(b"select 2", None)
    pgconn.pipeline_sync()
    assert [r.status for r in drive(pgconn)] == [status.PIPELINE_ABORTED]
    assert pgconn.get_result().status == status.PIPELINE_SYNC
    pgconn.send_query_params(b"select 3", None)
    pgconn.send_flush_request()
    assert [r.get_value(0, 0) for r in drive(pgconn)] == [b"3"]
    pgconn.pipeline_sync()
    assert pgconn.get_result().status == status.PIPELINE_SYNC
    pgconn.exit_pipeline_mode()


def test_pipeline_is_left_before_the_end_of_the_last_result_was_taken(pq: Any, driver: ModuleType, pgconn: Any) -> None:
    pgconn.enter_pipeline_mode()
    for number in (b"1", b"2"):
        pgconn.send_query_params(b"select $1", [number])
    pgconn.send_flush_request()
    assert pgconn.get_result().get_value(0, 0) == b"1"
    with pytest.raises(driver.OperationalError, match="cannot exit pipeline mode"):
        pgconn.exit_pipeline_mode()
    assert pgconn.get_result() is None
    assert pgconn.get_result().get_value(0, 0) == b"2"
    pgconn.exit_pipeline_mode()
    assert pgconn.pipeline_status == pq.PipelineStatus.OFF
    assert [r.get_value(0, 0) for r in [pgconn.exec_(b"select 3")]] == [b"3"]


def test_what_a_pipeline_refuses(driver: ModuleType, pgconn: Any) -> None:
    with pytest.raises(driver.OperationalError, match="not in pipeline mode"):
        pgconn.pipeline_sync()
    pgconn.exit_pipeline_mode()
    pgconn.enter_pipeline_mode()
    pgconn.enter_pipeline_mode()
    uses: list[Callable[[], Any]] = [lambda: pgconn.exec_(b"select 1"), lambda: pgconn.send_query(b"select 1")]
    for use in uses:
        with pytest.raises(driver.OperationalError, match="in pipeline mode"):
            use()
    pgconn.send_query_params(b"select 1", None)
    pgconn.pipeline_sync()
    with pytest.raises(driver.OperationalError, match="cannot exit pipeline mode"):
        pgconn.exit_pipeline_mode()
    assert [r.ntuples for r in drive(pgconn)] == [1]
    pgconn.get_result()
    pgconn.exit_pipeline_mode()
    pgconn.send_query(b"select 1")
    with pytest.raises(driver.OperationalError, match="enter pipeline mode"):
        pgconn.enter_pipeline_mode()


def test_notifications(pgconn: Any, channel: str, observer: Any) -> None:
    pgconn.exec_(f"listen {channel}".encode())
    assert pgconn.notifies() is None
    pgconn.exec_(f"notify {channel}, 'hello'; notify {channel}".encode())
    pid = pgconn.backend_pid
    assert tuple(pgconn.notifies()) == (channel.encode(), pid, b"hello")
    assert tuple(pgconn.notifies()) == (channel.encode(), pid, b"")
    assert pgconn.notifies() is None


def test_notices(pq: Any, pgconn: Any) -> None:
    seen = []
    pgconn.notice_handler = lambda r: seen.append((r.status, r.error_field(ord("M")), r.error_message))
    pgconn.exec_(b"do $$ begin raise notice 'hello' using hint = 'wave'; raise warning 'wolf'; end $$")
    # The context is told of errors only.
    assert seen == [
        (pq.ExecStatus.NONFATAL_ERROR, b"hello", b"NOTICE:  hello\nHINT:  wave\n"),
        (pq.ExecStatus.NONFATAL_ERROR, b"wolf", b"WARNING:  wolf\n"),
    ]
    pgconn.notice_handler = None
    pgconn.exec_(b"do $$ begin raise notice 'hello'; end $$")
    assert len(seen) == 2


def test_lost_connection_gives_a_result(pq: Any, pgconn: Any) -> None:
    result = pgconn.exec_(b"select pg_terminate_backend(pg_backend_pid())")
    assert result.status == pq.ExecStatus.FATAL_ERROR
    assert result.error_message
    assert pgconn.status == pq.ConnStatus.BAD
    assert pgconn.error_message
    assert pgconn.get_result() is None


def test_cancel(pq: Any, pgconn: Any, observer: Any) -> None:
    pgconn.send_query(b"select pg_sleep(30)")
    observer.wait_active(pgconn.backend_pid)
    pgconn.get_cancel().cancel()
    (result,) = drive(pgconn)
    assert result.error_field(ord("C")) == b"57014"


def test_cancel_object_that_was_freed(driver: ModuleType, pgconn: Any) -> None:
    cancel = pgconn.get_cancel()
    cancel.free()
    cancel.free()
    with pytest.raises(driver.OperationalError, match="cancel failed"):
        cancel.cancel()


def test_cancel_connection(pq: Any, driver: ModuleType, pgconn: Any, observer: Any) -> None:
    request = pgconn.cancel_conn()
    assert request.status == pq.ConnStatus.ALLOCATED
    with pytest.raises(driver.OperationalError):
        request.socket  # noqa: B018
    pgconn.send_query(b"select pg_sleep(30)")
    observer.wait_active(pgconn.backend_pid)
    request.start()
    while (status := request.poll()) != pq.PollingStatus.OK:
        assert status != pq.PollingStatus.FAILED, request.error_message
        reading = status == pq.PollingStatus.READING
        select.select([request.socket] if reading else [], [] if reading else [request.socket], [], 10)
    assert request.status == pq.ConnStatus.OK
    (result,) = drive(pgconn)
    assert result.error_field(ord("C")) == b"57014"
    request.reset()
    pgconn.send_query(b"select pg_sleep(30)")
    observer.wait_active(pgconn.backend_pid)
    request.blocking()
    (result,) = drive(pgconn)
    assert result.error_field(ord("C")) == b"57014"
    request.finish()
    request.finish()
    with pytest.raises(driver.OperationalError):
        request.start()


def test_ctrl_c_in_a_command(howdah: ModuleType, dsn: str) -> None:
    pgconn = module(howdah).PGconn.connect(dsn.encode())
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        pgconn.exec_(b"select pg_sleep(60)")
    timer.join()
    assert pgconn.exec_(b"select 1").get_value(0, 0) == b"1"
    pgconn.finish()


def test_ctrl_c_in_a_command_of_a_live_connection(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        conn.execute("select 1")
        main = threading.main_thread().ident
        assert main is not None
        timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            conn.pgconn.exec_(b"select pg_sleep(60)")
        timer.join()
        assert conn.info.transaction_status == howdah.pq.TransactionStatus.INERROR
        conn.rollback()
        assert conn.execute("select 1").fetchone() == (1,)


def test_others_run_while_a_command_waits(driver: ModuleType, dsn: str, observer: Any) -> None:
    pgconn = module(driver).PGconn.connect(dsn.encode())
    observer.value("select pg_advisory_lock(4711)")

    def unlock() -> None:
        observer.wait_active(pgconn.backend_pid, "%4711%")
        observer.value("select pg_advisory_unlock(4711)")

    with Meanwhile(unlock):
        assert pgconn.exec_(b"select pg_advisory_lock(4711)").ntuples == 1
    pgconn.finish()


@pytest.mark.parametrize("algorithm", [b"md5", b"scram-sha-256", None])
def test_encrypted_password(driver: ModuleType, pgconn: Any, algorithm: bytes | None) -> None:
    text = pgconn.encrypt_password(b"secret", b"ann", algorithm)
    if algorithm == b"md5":
        assert text == b"md59d792a3a8853c2411afb9163d088c036"
    else:
        assert text.startswith(b"SCRAM-SHA-256$4096:")
    with pytest.raises(driver.OperationalError, match="unrecognized password encryption algorithm"):
        pgconn.encrypt_password(b"secret", b"ann", b"wat")


def test_change_password(pq: Any, driver: ModuleType, password_server: Any) -> None:
    dsn = password_server.tcp_dsn
    made = pq.PGconn.connect(dsn.encode())
    role = f'ann\'s "{driver.__name__}"'.encode()
    quoted = pq.Escaping(made).escape_identifier(role)
    made.exec_(b"create role " + quoted + b" login")
    made.change_password(role, b"p'w\\")
    other = pq.PGconn.connect(dsn.encode() + b" user='ann\\'s \"%s\"' password='p\\'w\\\\'" % driver.__name__.encode())
    assert other.status == pq.ConnStatus.OK, other.error_message
    other.finish()
    with pytest.raises(driver.OperationalError, match="does not exist"):
        made.change_password(b"nope", b"x")
    made.exec_(b"drop role " + quoted)
    made.finish()


def test_empty_result(pq: Any, driver: ModuleType, pgconn: Any) -> None:
    result = pgconn.make_empty_result(pq.ExecStatus.TUPLES_OK)
    result.set_attributes(
        [pq.PGresAttDesc(b"one", 7, 8, 0, 23, 4, -1), pq.PGresAttDesc(b"two", 0, 0, 1, 25, -1, 12)],
    )
    assert [result.fname(n) for n in range(3)] == [b"one", b"two", None]
    assert [(result.ftable(n), result.ftablecol(n), result.fformat(n)) for n in range(2)] == [(7, 8, 0), (0, 0, 1)]
    assert [(result.ftype(n), result.fsize(n), result.fmod(n)) for n in range(2)] == [(23, 4, -1), (25, -1, 12)]
    with pytest.raises(driver.OperationalError):
        result.set_attributes([pq.PGresAttDesc(b"one", 7, 8, 0, 23, 4, -1)])
    pgconn.exec_(b"wat")
    assert pgconn.make_empty_result(pq.ExecStatus.FATAL_ERROR).error_message == pgconn.error_message
    pgconn.finish()
    assert pgconn.make_empty_result(pq.ExecStatus.FATAL_ERROR).error_message == b""


def test_arguments_of_a_wrong_kind(pgconn: Any) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: pgconn.exec_("select 1"),
        lambda: pgconn.exec_params(b"select $1", ["x"]),
        lambda: pgconn.send_query("select 1"),
    ]
    for use in uses:
        with pytest.raises(TypeError):
            use()
    for kwargs in ({"param_types": [23]}, {"param_formats": [0, 0, 0]}):
        with pytest.raises(ValueError, match="param_"):
            pgconn.exec_params(b"select $1, $2", [b"x", b"y"], **kwargs)


def test_concrete_classes_have_what_the_protocols_say(howdah: ModuleType) -> None:
    abc = module(howdah, "pq.abc")
    pq = module(howdah)
    for name in ("PGconn", "PGresult", "PGcancel", "PGcancelConn", "Conninfo", "Escaping"):
        protocol = getattr(abc, name)
        names = {n for n in vars(protocol) if not n.startswith("_")} | set(vars(protocol).get("__annotations__", ()))
        assert names
        assert sorted(n for n in names if not hasattr(getattr(pq, name), n)) == []


def traced(driver: ModuleType, dsn: str, path: Path, flags: int) -> list[str]:
    """What a trace says of some commands."""
    pgconn = module(driver).PGconn.connect(dsn.encode())
    with path.open("w") as file:
        pgconn.trace(file.fileno())
        pgconn.set_trace_flags(flags)
        pgconn.exec_(b"select 1 as a, null; select 'x y'")
        pgconn.exec_params(b"select $1::int", [b"5"], None, [0])
        pgconn.prepare(b"p", b"select $1::int", [23])
        pgconn.exec_prepared(b"p", [None], [0], 1)
        pgconn.exec_(b"wat")
        pgconn.exec_(b"copy (select 1) to stdout")
        while pgconn.get_copy_data(0)[0] > 0:
            pass
        assert pgconn.get_result().command_status == b"COPY 1"
        assert pgconn.get_result() is None
        pgconn.untrace()
        pgconn.exec_(b"select 'not seen'")
    pgconn.finish()
    return path.read_text().splitlines()


def test_trace(howdah: ModuleType, oracle: ModuleType, dsn: str, tmp_path: Path) -> None:
    trace = howdah.pq.Trace
    flags = trace.SUPPRESS_TIMESTAMPS | trace.REGRESS_MODE
    both = [traced(driver, dsn, tmp_path / driver.__name__, flags) for driver in (howdah, oracle)]
    assert len(both[0]) > 40
    assert both[0] == both[1]


def test_trace_with_the_time(driver: ModuleType, dsn: str, tmp_path: Path) -> None:
    lines = traced(driver, dsn, tmp_path / "trace", 0)
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\t[FB]\t", line) for line in lines)


def test_connection_that_nobody_finishes_is_closed(howdah: ModuleType, dsn: str, observer: Any) -> None:
    pgconn = module(howdah).PGconn.connect(dsn.encode())
    pid = pgconn.backend_pid
    del pgconn
    observer.wait_gone(pid)
