"""The global types and adapters, which connections are made with a copy of. `howdah.postgres` fills and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._howdah import AdaptersMap
from ._registry import TypesRegistry

if TYPE_CHECKING:
    from .abc import AdaptContext

types = TypesRegistry()
"""The types of every PostgreSQL server, and those that the program registers without a context."""

adapters = AdaptersMap(types=types)
"""The dumpers and loaders of those types, and those that the program registers without a context."""


def adapters_of(context: AdaptContext | None) -> AdaptersMap:
    """Return the adapters of a context, the global ones without a context."""
    return adapters if context is None else context.adapters
