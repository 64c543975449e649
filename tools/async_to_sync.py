#!/usr/bin/env python3
"""Generate the synchronous twins of the asynchronous modules of the Python package.

A twin is the same module without `async` and `await`, with the names of `NAMES` and `NAMES_IN` replaced in code,
comments and strings, and without the lines that end with `# async only`; everything else stays. The result goes
through `ruff`.
Without arguments all twins are written. `--check` writes nothing, and exits with status 1 if a twin is not current.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TWINS = {
    "python/howdah/_copy_async.py": "python/howdah/_copy.py",
    "python/howdah/_listener_async.py": "python/howdah/_listener.py",
    "python/howdah/_lobject_async.py": "python/howdah/_lobject.py",
    "python/howdah/_pipeline_async.py": "python/howdah/_pipeline.py",
    "python/howdah/_replication_async.py": "python/howdah/_replication.py",
    "python/howdah/_server_cursor_async.py": "python/howdah/_server_cursor.py",
    "python/howdah/_transaction_async.py": "python/howdah/_transaction.py",
    "python/howdah/connection_async.py": "python/howdah/connection.py",
    "python/howdah/cursor_async.py": "python/howdah/cursor.py",
}

NAMES = {
    "AsyncBell": "Bell",
    "AsyncCopy": "Copy",
    "AsyncLibpqWriter": "LibpqWriter",
    "AsyncQueue": "Queue",
    "AsyncRows": "Rows",
    "AsyncQueuedLibpqWriter": "QueuedLibpqWriter",
    "AsyncWriter": "Writer",
    "_copy_async": "_copy",
    "asynccontextmanager": "contextmanager",
    "join_worker_async": "join_worker",
    "start_worker_async": "start_worker",
    "AsyncConnection": "Connection",
    "AsyncConnectionBase": "SyncConnection",
    "AsyncCursor": "Cursor",
    "AsyncCursorBase": "SyncCursor",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncLargeObject": "LargeObject",
    "AsyncListener": "Listener",
    "AsyncLock": "Lock",
    "AsyncPipeline": "Pipeline",
    "AsyncReplicationStream": "ReplicationStream",
    "AsyncRowFactory": "RowFactory",
    "AsyncSecret": "Secret",
    "AsyncServerCursor": "ServerCursor",
    "AsyncTransaction": "Transaction",
    "AsyncWaiters": "Waiters",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "_listener_async": "_listener",
    "_lobject_async": "_lobject",
    "_pipeline_async": "_pipeline",
    "_replication_async": "_replication",
    "_server_cursor_async": "_server_cursor",
    "_transaction_async": "_transaction",
    "aclose": "close",
    "as_raw_file_async": "as_raw_file",
    "connection_async": "connection",
    "cursor_async": "cursor",
    "end_worker_async": "end_worker",
    "open_session_async": "open_session",
    "settled_async": "settled",
    "run_beside_async": "run_beside",
    "run_generator_async": "run_generator",
}

NAMES_IN = {
    "_pipeline.py": {"BasePipeline": "SyncPipelineBase", "__aexit__": "_exit"},
    "_transaction.py": {"BaseTransaction": "SyncTransactionBase", "__aenter__": "_enter", "__aexit__": "_exit"},
    "connection.py": {"__aexit__": "_exit"},
}
"""The same in one twin: the `with` statements of these are the extension's, which calls what the twin has."""

WORDS = {"asynchronous": "synchronous", "Tasks": "Threads"}
"""Replaced only in comments and strings."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the twins are current")
    check = parser.parse_args().check
    stale = [pair for pair in TWINS.items() if not is_current(*pair)]
    for source, twin in stale:
        if check:
            print(f"{twin} is not current: run tools/async_to_sync.py")
        else:
            (ROOT / twin).write_text(twin_text(source, twin))
            print(f"wrote {twin}")
    return 1 if check and stale else 0


def is_current(source: str, twin: str) -> bool:
    path = ROOT / twin
    return path.exists() and path.read_text() == twin_text(source, twin)


def twin_text(source: str, twin: str) -> str:
    header = f"# Made from {Path(source).name} by tools/async_to_sync.py: do not edit.\n"
    text = header + to_sync(_for_both((ROOT / source).read_text()), {**NAMES, **NAMES_IN.get(Path(twin).name, {})})
    text = ruff(["check", "--fix-only", "--quiet", "--select", "I", "--stdin-filename", twin, "-"], text)
    return ruff(["format", "--quiet", "--stdin-filename", twin, "-"], text)


def _for_both(source: str) -> str:
    """The lines that are not for the asynchronous module alone."""
    return "".join(line for line in source.splitlines(True) if not line.rstrip().endswith("# async only"))


def to_sync(text: str, names: dict[str, str]) -> str:
    """Return the synchronous form of a module's text."""
    lines = text.splitlines(keepends=True)
    # From the end, so that a change does not move what is still to be changed.
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        replacement = replace(token, names)
        if replacement is not None:
            put(lines, token, replacement)
    return "".join(lines)


def replace(token: tokenize.TokenInfo, names: dict[str, str]) -> str | None:
    """Return what a token becomes, empty if it goes away, `None` if it stays."""
    if token.string in ("async", "await"):
        return ""
    if token.type == tokenize.NAME:
        return names.get(token.string)
    if token.type in (tokenize.STRING, tokenize.COMMENT):
        return replace_prose(token.string, names)
    return None


def replace_prose(text: str, names: dict[str, str]) -> str:
    text = re.sub(r"\b(?:async|await) ", "", text)
    return re.sub(r"\w+", lambda m: names.get(m[0]) or WORDS.get(m[0]) or m[0], text)


def put(lines: list[str], token: tokenize.TokenInfo, replacement: str) -> None:
    """Put text in the place of a token; with nothing to put, the spaces after the token go too."""
    (first, start), (last, end) = token.start, token.end
    rest = lines[last - 1][end:]
    if not replacement:
        rest = rest.lstrip(" ")
    lines[first - 1 : last] = [lines[first - 1][:start] + replacement + rest]
    # A token of several lines leaves one element with several lines in it: positions before it still hold.


def ruff(arguments: list[str], text: str) -> str:
    found = Path(sysconfig.get_path("scripts")) / "ruff"
    program = str(found) if found.exists() else shutil.which("ruff")
    if program is None:
        sys.exit("ruff is not installed here")
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"ruff failed: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
