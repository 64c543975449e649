"""Follow a table into a file: no committed change is lost or repeated, whichever side is stopped, and however.

    HOWDAH_DSN=... python follow_table.py SLOT PUBLICATION FILE

The file has a line of JSON for each change, and one behind each transaction with the position where that ended. So the
file itself says how far it is: what stands behind the last such line is cut off at the start, and comes again. The
server is told only what is on disk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import IO

import howdah
from howdah.replication import LSN, UNCHANGED, Begin, Change, Commit, Delete, Insert, Relation, Truncate, Update

DSN = os.environ.get("HOWDAH_DSN", "")


def main(slot: str, publication: str, path: str) -> None:
    with open(path, "a+b") as file:
        position = recover(file)
        while True:
            try:
                follow(slot, publication, file, position)
            except howdah.OperationalError as error:
                # The server has gone away, or has not noticed yet that the last follower has.
                print(f"waiting for the server: {error}", file=sys.stderr)
                time.sleep(0.2)
            position = recover(file)


def recover(file: IO[bytes]) -> LSN:
    """Cut off what does not belong to a whole transaction; return where the last whole one ended."""
    file.seek(0)
    end, position = 0, LSN(0)
    while (line := file.readline()).endswith(b"\n"):
        if ended := json.loads(line).get("end"):
            end, position = file.tell(), LSN(ended)
    file.truncate(end)
    file.seek(end)
    return position


def follow(slot: str, publication: str, file: IO[bytes], position: LSN) -> None:
    with (
        howdah.connect(DSN, replication="database", autocommit=True) as conn,
        conn.follow_changes(slot, publication, position) as stream,
    ):
        for change in stream:
            if isinstance(change, Commit):
                write(file, {"end": str(change.end_lsn)})
                file.flush()
                os.fsync(file.fileno())
                stream.flushed(change.end_lsn)
            elif (record := described(change)) is not None:
                write(file, record)


def described(change: Change) -> dict[str, object] | None:
    """What is kept of a change."""
    match change:
        case Insert(relation, new):
            return {"insert": relation.name, "row": named(relation, new)}
        case Update(relation, new, key=key):
            before = {"key": relation.key_dict(key)} if key is not None else {}
            return {"update": relation.name, "row": named(relation, new), **before}
        case Delete(relation, key=key) if key is not None:
            return {"delete": relation.name, "key": relation.key_dict(key)}
        case Truncate(relations):
            return {"truncate": [relation.name for relation in relations]}
        case Begin(xid):
            return {"transaction": xid}
    return None


def named(relation: Relation, row: tuple[object, ...]) -> dict[str, object]:
    """A row by the names of its columns, without what was not changed."""
    return {name: value for name, value in relation.as_dict(row).items() if value is not UNCHANGED}


def write(file: IO[bytes], record: dict[str, object]) -> None:
    file.write(json.dumps(record, default=str).encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
