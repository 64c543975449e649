"""The types of what cursors are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    from ._compat import LiteralString, Template
    from .sql import SQL, Composed

QueryNoTemplate: TypeAlias = Union["LiteralString", bytes, "SQL", "Composed"]
"""A statement that is not a template string.

Literal, for type checkers, because a statement put together at run time is how SQL injection
begins; `howdah.sql` does it safely, and `bytes` lets a program do it knowingly.
"""

Query: TypeAlias = Union[QueryNoTemplate, "Template"]
"""A statement. A template string (Python 3.14) has its parameters within, and is executed without others."""

Params: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""The values of a statement's placeholders: in order, or by name."""
