"""What the functions that register a type of the user's share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._globals import adapters_of

if TYPE_CHECKING:
    from .._howdah import AdaptersMap
    from .._typeinfo import TypeInfo
    from ..abc import AdaptContext


def register_info(info: TypeInfo | None, context: AdaptContext | None, question: str) -> AdaptersMap:
    """Make a type and its array known, and return the adapters to add to.

    Raises `TypeError` with the question if there is no type: `fetch()` did not find it.
    """
    if not info:
        raise TypeError(f"no info passed. {question}")
    info.register(context)
    return adapters_of(context)


def encoding_of(context: AdaptContext | None) -> str:
    """Return Python's name of the encoding of a context's connection; UTF-8 without one."""
    connection = context.connection if context else None
    return "utf-8" if connection is None else connection._encoding()
