"""Names of newer Python versions that the annotations use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import LiteralString, Self, TypeVar

    __all__ = ["LiteralString", "Self", "TypeVar"]
else:
    from typing import TypeVar as _TypeVar

    def TypeVar(name: str, *args: Any, default: Any = None, **kwargs: Any) -> Any:
        """Make a type variable; the default is for type checkers, Python 3.10 has none."""
        return _TypeVar(name, *args, **kwargs)
