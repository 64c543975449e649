"""Which processors the client and the private server run on.

Where the scheduler puts the two decides more than the driver does: on a 2-processor machine the floor costs 8 us when
both share a processor, 26 us when each reply has to wake an idle one, and anything between when they may move.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLACEMENTS", "Placement", "place", "pinned"]

PLACEMENTS = ("split", "same", "free")


@dataclass(frozen=True)
class Placement:
    """The processors of each side, and the words for the report."""

    client: frozenset[int]
    server: frozenset[int]
    text: str


def place(name: str, *, private_server: bool) -> Placement:
    """`split`: client and server apart, as on two machines; `same`: one processor for both; `free`: anywhere.

    A server that is not ours stays where it is, and so does the client then.
    """
    every = sorted(os.sched_getaffinity(0))
    if name == "same" and private_server:
        return Placement(frozenset(every[:1]), frozenset(every[:1]), "client and server share one processor")
    if name == "split" and private_server and len(every) > 1:
        half = len(every) // 2
        client, server = frozenset(every[:half]), frozenset(every[half:])
        return Placement(client, server, f"client on {_words(client)}, server on {_words(server)}")
    return Placement(frozenset(every), frozenset(every), "client and server anywhere")


@contextlib.contextmanager
def pinned(processors: frozenset[int]) -> Iterator[None]:
    """Processes started inside run on these processors only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _words(processors: frozenset[int]) -> str:
    listed = ", ".join(map(str, sorted(processors)))
    return f"processor{'s' if len(processors) > 1 else ''} {listed}"
