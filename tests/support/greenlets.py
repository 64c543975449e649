"""Scenarios of greenlets, each in a process of its own where gevent has patched the standard library.

Arguments: the driver, the scenario, and the connection string. Prints "done" if all was as it should be.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey  # type: ignore[import-untyped]

monkey.patch_all()

import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent

driver: Any = importlib.import_module(sys.argv[1])
dsn = sys.argv[3]
KEY = 7007
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
SCENARIOS: dict[str, Callable[[], None]] = {}


def scenario(function: Callable[[], None]) -> Callable[[], None]:
    SCENARIOS[function.__name__] = function
    return function


def connect(place: str = dsn, **kwargs: Any) -> Any:
    return driver.connect(place, autocommit=True, **kwargs)


def works(conn: Any) -> bool:
    return bool(conn.execute("select 1").fetchone() == (1,))


def sleeping(conn: Any) -> Any:
    """A greenlet whose statement runs."""
    greenlet = gevent.spawn(conn.execute, "select pg_sleep(60)")
    with connect() as other:
        query = "select count(*) from pg_stat_activity where pid = %s and query like %s and state = 'active'"
        while other.execute(query, (conn.info.backend_pid, "%pg_sleep(60)%")).fetchone() == (0,):
            gevent.sleep(0.01)
    return greenlet


def raises(kind: type[BaseException], function: Callable[..., Any], *args: Any, **kwargs: Any) -> BaseException:
    try:
        function(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{kind} was not raised")


class Silent:
    """A server that accepts connections and bytes, and says nothing but `greeting` to what begins a session."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = f"host=127.0.0.1 port={self.listener.getsockname()[1]} user=u dbname=d sslmode=disable"
        self.peers: list[socket.socket] = []
        self.greeting = greeting
        gevent.spawn(self.accept)

    def accept(self) -> None:
        while True:
            peer = self.listener.accept()[0]
            self.peers.append(peer)
            gevent.spawn(self.serve, peer)

    def serve(self, peer: socket.socket) -> None:
        if peer.recv(65536)[4:8] == b"\x00\x03\x00\x00" and self.greeting:
            peer.sendall(self.greeting)
        while peer.recv(65536):
            pass


@scenario
def a_statement_waits_for_another_greenlet() -> None:
    holder, waiter = connect(), connect()
    holder.execute("select pg_advisory_lock(%s)", (KEY,))
    greenlet = gevent.spawn(waiter.execute, "select pg_advisory_lock(%s)", (KEY,))
    while holder.execute(WAITING).fetchone() == (0,):
        gevent.sleep(0.01)
    holder.execute("select pg_advisory_unlock(%s)", (KEY,))
    assert greenlet.get().fetchone() == ("",)


@scenario
def a_generator_waits_for_another_greenlet() -> None:
    generators = importlib.import_module(f"{driver.__name__}.generators")
    holder, waiter = connect(), connect()
    holder.execute("select pg_advisory_lock(%s)", (KEY,))
    waiter.pgconn.send_query(b"select pg_advisory_lock(%d)" % KEY)
    greenlet = gevent.spawn(waiter.wait, generators.execute(waiter.pgconn))
    while holder.execute(WAITING).fetchone() == (0,):
        gevent.sleep(0.01)
    holder.execute("select pg_advisory_unlock(%s)", (KEY,))
    assert greenlet.get()[0].ntuples == 1


@scenario
def a_pgconn_waits_for_another_greenlet() -> None:
    pq = importlib.import_module(f"{driver.__name__}.pq")
    holder, live = connect(), connect()
    for waiter in (live.pgconn, pq.PGconn.connect(dsn.encode())):
        holder.execute("select pg_advisory_lock(%s)", (KEY,))
        greenlet = gevent.spawn(waiter.exec_, b"select pg_advisory_lock(%d)" % KEY)
        while holder.execute(WAITING).fetchone() == (0,):
            gevent.sleep(0.01)
        holder.execute("select pg_advisory_unlock(%s)", (KEY,))
        assert greenlet.get().ntuples == 1
        greenlet = gevent.spawn(waiter.exec_, b"select pg_sleep(60)")
        gevent.sleep(0.2)
        greenlet.kill()
        assert waiter.exec_(b"select 1").get_value(0, 0) == b"1"
        waiter.exec_(b"select pg_advisory_unlock(%d)" % KEY)


@scenario
def many_run_at_the_same_time() -> None:
    with connect() as holder:
        holder.execute("select pg_advisory_lock(%s)", (KEY,))
        greenlets = [
            gevent.spawn(lambda: connect().execute("select pg_advisory_lock_shared(%s)", (KEY,))) for _ in range(8)
        ]
        while holder.execute(WAITING).fetchone() != (8,):
            gevent.sleep(0.01)
        holder.execute("select pg_advisory_unlock(%s)", (KEY,))
        assert [greenlet.get().fetchone() for greenlet in greenlets] == [("",)] * 8


@scenario
def streams_are_interleaved() -> None:
    seen: list[int] = []

    def stream(number: int) -> None:
        query = "select pg_sleep(0.05), repeat('x', 20000) from generate_series(1, 8)"
        for _ in connect().cursor().stream(query):
            seen.append(number)

    gevent.joinall([gevent.spawn(stream, n) for n in range(3)], raise_error=True)
    assert sorted(seen) != seen, seen
    assert len(seen) == 24


@scenario
def copies_are_interleaved() -> None:
    seen: list[int] = []

    def copy(number: int) -> None:
        conn = connect()
        conn.execute("create temp table copied (a int, b text)")
        with conn.cursor().copy("copy copied from stdin") as data:
            for n in range(1000):
                data.write_row((n, "x" * 2000))
        query = "copy (select pg_sleep(0.05), repeat('x', 20000) from copied limit 8) to stdout"
        with conn.cursor().copy(query) as data:
            for _ in data:
                seen.append(number)

    gevent.joinall([gevent.spawn(copy, n) for n in range(3)], raise_error=True)
    assert sorted(seen) != seen, seen
    assert len(seen) == 24


@scenario
def a_timeout_is_raised() -> None:
    conn = connect()
    limit = gevent.Timeout(0.5)
    with limit:
        caught = raises(gevent.Timeout, conn.execute, "select pg_sleep(60)")
    assert caught is limit
    if driver.__name__ == "howdah":
        assert conn.info.transaction_status == 0
        assert works(conn)


@scenario
def a_greenlet_is_killed() -> None:
    conn = connect()
    greenlet = sleeping(conn)
    greenlet.kill()
    assert isinstance(greenlet.value, gevent.GreenletExit)
    if driver.__name__ == "howdah":
        assert works(conn)


@scenario
def a_greenlet_cancels_another() -> None:
    conn = connect()
    greenlet = sleeping(conn)
    conn.cancel()
    raises(driver.errors.QueryCanceled, greenlet.get)
    greenlet = sleeping(conn)
    conn.cancel_safe(timeout=30)
    raises(driver.errors.QueryCanceled, greenlet.get)
    assert works(conn)


@scenario
def ctrl_c() -> None:
    conn = connect()
    pid = os.getpid()
    gevent.spawn_later(0.5, os.kill, pid, signal.SIGINT)
    raises(KeyboardInterrupt, conn.execute, "select pg_sleep(60)")
    if driver.__name__ == "howdah":
        assert works(conn)


@scenario
def connecting_lets_others_run() -> None:
    server = Silent()
    others: list[int] = []

    def other() -> None:
        while True:
            others.append(1)
            gevent.sleep(0.01)

    running = gevent.spawn(other)
    with gevent.Timeout(1):
        raises(gevent.Timeout, connect, server.dsn)
    running.kill()
    assert len(others) > 5
    raises(driver.errors.ConnectionTimeout, connect, server.dsn, connect_timeout=2)


@scenario
def names_are_resolved() -> None:
    info = driver.conninfo.conninfo_to_dict(dsn)
    with connect(driver.conninfo.make_conninfo(dsn, host="localhost", port=info["port"])) as conn:
        assert works(conn)
    raises(driver.OperationalError, connect, "host=no.such.name.invalid")


@scenario
def greenlets_share_a_connection() -> None:
    conn = connect()

    def ask(number: int) -> Any:
        return conn.execute("select %s::int from pg_sleep(0.01)", (number,)).fetchone()

    greenlets = [gevent.spawn(ask, n) for n in range(20)]
    greenlets[7].kill()
    assert [greenlet.get() for n, greenlet in enumerate(greenlets) if n != 7] == [(n,) for n in range(20) if n != 7]


@scenario
def one_that_waits_for_its_turn_leaves() -> None:
    conn = connect()
    running = gevent.spawn(conn.execute, "select 'done' from pg_sleep(1.5)")
    gevent.sleep(0.1)
    waiting = [gevent.spawn(conn.execute, "select %s::int", (n,)) for n in range(3)]
    gevent.sleep(0.1)
    waiting[0].kill()
    raises(driver.errors.OperationTimeout, conn.execute, "select 1", timeout=0.2)
    assert not running.ready(), "it still runs"
    assert running.get().fetchone() == ("done",)
    assert [greenlet.get().fetchone() for greenlet in waiting[1:]] == [(1,), (2,)]
    assert works(conn)


@scenario
def a_stream_holds_the_connection() -> None:
    conn = connect()
    stream = conn.cursor().stream("select n, repeat('x', 20000) from generate_series(1, 50) n")
    next(stream)
    raises(driver.OperationalError, conn.execute, "select 1")
    waiting = gevent.spawn(conn.execute, "select 2")
    gevent.sleep(0.2)
    assert not waiting.ready()
    stream.close()
    assert waiting.get().fetchone() == (2,)


@scenario
def a_connection_is_closed_meanwhile() -> None:
    conn = connect()
    greenlet = sleeping(conn)
    waiting = gevent.spawn(conn.execute, "select 1")
    gevent.sleep(0.1)
    conn.close()
    raises(driver.OperationalError, greenlet.get)
    raises(driver.OperationalError, waiting.get)


@scenario
def operations_have_a_time() -> None:
    conn = connect()
    raises(driver.errors.OperationTimeout, conn.execute, "select pg_sleep(60)", timeout=1)
    assert works(conn)
    raises(driver.errors.ConnectTimeout, connect, Silent().dsn, timeout=0.5)


@scenario
def a_server_says_nothing() -> None:
    from support.hostile import GREETING

    server = Silent(GREETING)
    conn = connect(server.dsn, cancel_timeout=50.0)
    raises(driver.errors.OperationTimeout, conn.execute, "select 1", timeout=0.5)
    assert conn.closed
    conn = connect(server.dsn, cancel_timeout=0.5)
    greenlet = gevent.spawn(conn.execute, "select 1")
    gevent.sleep(0.1)
    greenlet.kill()
    assert conn.closed
    # Who is killed a second time does not wait any longer.
    conn = connect(server.dsn, cancel_timeout=50.0)
    greenlet = gevent.spawn(conn.execute, "select 1")
    gevent.sleep(0.1)
    greenlet.kill(block=False)
    gevent.sleep(0.2)
    assert not greenlet.ready()
    greenlet.kill(block=False)
    greenlet.join(10)
    assert greenlet.ready()
    assert conn.closed


@scenario
def a_callback_of_the_hub_cannot_wait() -> None:
    conn = connect()
    caught: list[BaseException] = []

    def callback() -> None:
        try:
            conn.execute("select pg_sleep(0.2)")
        except BaseException as error:
            caught.append(error)

    gevent.get_hub().loop.run_callback(callback)
    gevent.sleep(0.5)
    assert isinstance(caught[0], gevent.exceptions.BlockingSwitchOutError)
    # Where the server was so quick that there was nothing to wait for, the statement was cancelled.
    assert conn.closed or conn.execute("select 1").fetchone() == (1,)


@scenario
def threads_of_a_pool() -> None:
    conn = connect()
    results = gevent.get_hub().threadpool.map(lambda n: conn.execute("select %s::int", (n,)).fetchone(), range(20))
    assert results == [(n,) for n in range(20)]
    begun = time.monotonic()
    raises(driver.errors.QueryCanceled, sleep_and_cancel, conn)
    assert time.monotonic() - begun < 30


def sleep_and_cancel(conn: Any) -> Any:
    greenlet = gevent.get_hub().threadpool.spawn(conn.execute, "select pg_sleep(60)")
    gevent.sleep(0.5)
    conn.cancel()
    return greenlet.get()


@scenario
def notifications_are_waited_for() -> None:
    conn = connect()
    conn.execute("listen greenlets")
    gevent.spawn_later(0.3, lambda: connect().execute("notify greenlets, 'hello'"))
    assert [n.payload for n in conn.notifies(timeout=30, stop_after=1)] == ["hello"]
    assert [n.payload for n in conn.notifies(timeout=0.1)] == []


@scenario
def one_that_waits_for_notifications_gives_way() -> None:
    conn = connect()
    conn.execute("listen greenlets")
    waiting = gevent.spawn(lambda: [n.payload for n in conn.notifies(timeout=30, stop_after=1)])
    gevent.sleep(0.1)
    for number in range(20):
        assert conn.execute("select %s::int", (number,)).fetchone() == (number,)
    assert not waiting.ready()
    connect().execute("notify greenlets, 'hello'")
    assert waiting.get(timeout=30) == ["hello"]


@scenario
def a_listener_lets_others_run() -> None:
    with driver.Listener(dsn, channels=["greenlets"], application_name="ear", min_delay=0.01) as listener:
        other = connect()
        gevent.spawn_later(0.3, other.execute, "notify greenlets, 'hello'")
        assert listener.get(timeout=30).payload == "hello"
        ends = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ear'"
        gevent.spawn_later(0.3, other.execute, ends)
        assert listener.get(timeout=30) == driver.Gap(True, 0)
        waiting = gevent.spawn(list, listener)
        gevent.sleep(0.1)
        listener.close()
        assert waiting.get(timeout=30) == []


@scenario
def much_is_sent_and_received() -> None:
    conn = connect()
    text = "x" * 30_000_000
    assert conn.execute("select %s::text", (text,)).fetchone() == (text,)
    cur = conn.cursor()
    cur.executemany("select %s::int", [(n,) for n in range(20_000)])
    assert cur.rowcount == 20_000


if __name__ == "__main__":
    SCENARIOS[sys.argv[2]]()
    print("done")
