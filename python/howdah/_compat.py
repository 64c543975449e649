"""Names of newer Python versions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import LiteralString, Self, TypeVar

    __all__ = ["Interpolation", "LiteralString", "Self", "Template", "TypeVar"]
else:
    from typing import TypeVar as _TypeVar

    def TypeVar(name: str, *args: Any, default: Any = None, **kwargs: Any) -> Any:
        """Make a type variable; the default is for type checkers, Python 3.10 has none."""
        return _TypeVar(name, *args, **kwargs)


if sys.version_info >= (3, 14):
    from string.templatelib import Interpolation, Template
else:

    class Interpolation:
        """What stands between braces in a template string; before Python 3.14 there are none."""

        value: Any
        expression: str
        conversion: str | None
        format_spec: str

    class Template:
        """A template string; before Python 3.14 there are none."""

        def __init__(self, *args: str | Interpolation) -> None:
            raise TypeError("template strings need Python 3.14")

        def __iter__(self) -> Iterator[str | Interpolation]:
            """Give the texts and what stands between them."""
            return iter(())
