"""What takes several steps on a `PGconn`, as generators that never wait.

Each yields what its socket has to be ready for; the functions of `howdah.waiting` run them. Their connection has to be
`nonblocking`, as that of `Connection.pgconn` and of `connect()` is.
"""

from __future__ import annotations

import logging
from collections import deque

from . import pq
from .abc import Buffer, PipelineCommand, PQGen, PQGenConn
from .conninfo import conninfo_to_dict
from .errors import OperationalError, ProgrammingError, error_from_result
from .pq.abc import PGcancelConn, PGconn, PGresult
from .waiting import READY_R as READY_R
from .waiting import READY_RW as READY_RW
from .waiting import READY_W as READY_W
from .waiting import WAIT_R as WAIT_R
from .waiting import WAIT_RW as WAIT_RW
from .waiting import WAIT_W as WAIT_W

OK = pq.ConnStatus.OK
BAD = pq.ConnStatus.BAD

POLL_OK = pq.PollingStatus.OK
POLL_READING = pq.PollingStatus.READING
POLL_WRITING = pq.PollingStatus.WRITING
POLL_FAILED = pq.PollingStatus.FAILED

COMMAND_OK = pq.ExecStatus.COMMAND_OK
COPY_OUT = pq.ExecStatus.COPY_OUT
COPY_IN = pq.ExecStatus.COPY_IN
COPY_BOTH = pq.ExecStatus.COPY_BOTH
FATAL_ERROR = pq.ExecStatus.FATAL_ERROR
PIPELINE_SYNC = pq.ExecStatus.PIPELINE_SYNC

logger = logging.getLogger("howdah")


def connect(conninfo: str) -> PQGenConn[PGconn]:
    """Open a connection. Names are resolved at once, which may take a while.

    Raises `ProgrammingError` for a malformed connection string, `OperationalError` if no server accepts.
    """
    conninfo_to_dict(conninfo)
    conn: PGconn = pq.PGconn.connect_start(conninfo.encode())
    if conn.status == BAD:
        raise OperationalError(f"connection is bad: {conn.get_error_message()}", pgconn=conn)
    wanted = WAIT_W
    while True:
        yield conn.socket, wanted
        status = conn.connect_poll()
        if status == POLL_OK:
            conn.nonblocking = 1
            return conn
        if status == POLL_READING:
            wanted = WAIT_R
        elif status == POLL_WRITING:
            wanted = WAIT_W
        else:
            raise OperationalError(f"connection failed: {conn.get_error_message()}", pgconn=conn)


def cancel(cancel_conn: PGcancelConn) -> PQGenConn[None]:
    """Send a cancel request that was started, and wait until the server has taken note of it."""
    while True:
        status = cancel_conn.poll()
        if status == POLL_OK:
            return
        if status == POLL_READING:
            yield cancel_conn.socket, WAIT_R
        elif status == POLL_WRITING:
            yield cancel_conn.socket, WAIT_W
        else:
            raise OperationalError(f"cancellation failed: {cancel_conn.get_error_message()}")


def execute(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Send a query that was given to `pgconn`, and return its results, errors among them."""
    yield from send(pgconn)
    return (yield from fetch_many(pgconn))


def send(pgconn: PGconn) -> PQGen[None]:
    """Send what was given to `pgconn`, receiving meanwhile: the server may wait for that."""
    while pgconn.flush():
        ready = yield WAIT_RW
        if ready & READY_R:
            pgconn.consume_input()


def fetch_many(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Return the results of the query that has been sent: up to a COPY, or a synchronisation point alone."""
    results: list[PGresult] = []
    while (result := (yield from fetch(pgconn))) is not None:
        results.append(result)
        if result.status in (PIPELINE_SYNC, COPY_IN, COPY_OUT, COPY_BOTH):
            break
    return results


def fetch(pgconn: PGconn) -> PQGen[PGresult | None]:
    """Return the next result of the query that has been sent, `None` after the last."""
    while pgconn.is_busy():
        ready = yield WAIT_R
        if ready:
            _receive(pgconn)
    return pgconn.get_result()


def pipeline_communicate(pgconn: PGconn, commands: deque[PipelineCommand]) -> PQGen[list[list[PGresult]]]:
    """Send commands in pipeline mode, receiving meanwhile, until all are sent.

    Returns the results that have come: a list for each command, and one for each synchronisation point.
    """
    results: list[list[PGresult]] = []
    of_command: list[PGresult] = []
    while True:
        ready = yield WAIT_RW
        if ready & READY_R:
            _receive(pgconn)
            of_command = _take_results(pgconn, results, of_command)
        if ready & READY_W:
            pgconn.flush()
            if not commands:
                return results
            commands.popleft()()


def _take_results(pgconn: PGconn, results: list[list[PGresult]], of_command: list[PGresult]) -> list[PGresult]:
    """Take what has come whole; what has come of a command that goes on is returned."""
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            if not of_command:
                break
            results.append(of_command)
            of_command = []
        elif result.status == PIPELINE_SYNC:
            results.append([result])
        else:
            of_command.append(result)
    return of_command


def notifies(pgconn: PGconn) -> PQGen[list[pq.PGnotify]]:
    """Wait for notifications and return those that have come together."""
    while True:
        taken = _take_notifies(pgconn)
        if taken:
            return taken
        ready = yield WAIT_R
        if ready:
            pgconn.consume_input()


def copy_from(pgconn: PGconn) -> PQGen[memoryview | PGresult]:
    """Return the next data of a COPY from the server, or at its end the result."""
    while True:
        length, data = pgconn.get_copy_data(1)
        if length > 0:
            return data
        if length < 0:
            return (yield from _end_of_copy(pgconn))
        ready = yield WAIT_R
        if ready:
            pgconn.consume_input()


def copy_to(pgconn: PGconn, buffer: Buffer, flush: bool = True) -> PQGen[None]:
    """Give data to a COPY to the server; with `flush` until it has been sent."""
    while not pgconn.put_copy_data(buffer):
        yield WAIT_W
    if flush:
        yield from send(pgconn)


def copy_end(pgconn: PGconn, error: bytes | None) -> PQGen[PGresult]:
    """End a COPY to the server, with an error to give it up, and return its result."""
    while not pgconn.put_copy_end(error):
        yield WAIT_W
    yield from send(pgconn)
    return (yield from _end_of_copy(pgconn))


def _end_of_copy(pgconn: PGconn) -> PQGen[PGresult]:
    results = yield from fetch_many(pgconn)
    if len(results) > 1:
        raise ProgrammingError("a COPY cannot be run together with other statements")
    (result,) = results
    if result.status != COMMAND_OK:
        raise error_from_result(result)
    return result


def _receive(pgconn: PGconn) -> None:
    pgconn.consume_input()
    if pgconn.notify_handler:
        for notify in _take_notifies(pgconn):
            pgconn.notify_handler(notify)


def _take_notifies(pgconn: PGconn) -> list[pq.PGnotify]:
    taken = []
    while (notify := pgconn.notifies()) is not None:
        taken.append(notify)
    return taken
