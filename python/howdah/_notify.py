"""The notification that `NOTIFY` sends to the sessions that listen."""

from __future__ import annotations

from typing import NamedTuple


class Notify(NamedTuple):
    """A notification: its channel, its payload, and the process that sent it."""

    channel: str
    """The channel it was sent to."""

    payload: str
    """The text sent with it, empty if there is none."""

    pid: int
    """The process ID of the server session that sent it."""


Notify.__module__ = "howdah"
