"""Hooks for queries: functions that are told when operations begin and end.

A hook is called with a `QueryEvent` when an operation begins, and returns a function to be called with a `QueryOutcome`
when that ends, or `None`. `Connection.add_query_hook()` adds one to a connection, `add_query_hook()` of this module to
all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from ._howdah import QueryEvent, QueryOutcome, add_query_hook, remove_query_hook

QueryHook = Callable[[QueryEvent], Callable[[QueryOutcome], object] | None]

_in_hook: ContextVar[bool] = ContextVar("howdah_in_hook", default=False)
"""Whether a hook runs: what it does is not told to hooks."""

__all__ = ["QueryEvent", "QueryHook", "QueryOutcome", "add_query_hook", "remove_query_hook"]
