"""The types of what cursors are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    from ._compat import LiteralString

Query: TypeAlias = Union["LiteralString", bytes]
"""A statement.

Literal, for type checkers, because a statement put together at run time is how SQL injection
begins; `bytes` lets a program do it knowingly.
"""

Params: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""The values of a statement's placeholders: in order, or by name."""
