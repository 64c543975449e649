"""What the two kinds of server-side cursor share on the Python side."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Generic

from .abc import ConnectionType
from .errors import NotSupportedError
from .rows import Row


class ServerCursorMixin(Generic[ConnectionType, Row]):
    """The attributes of a cursor that lives in the server."""

    __slots__ = ()

    if TYPE_CHECKING:
        _server_name: str | None
        _scrollable: bool | None
        _withhold: bool
        _itersize: int

        @property
        def closed(self) -> bool: ...

    def __del__(self, _warn: Any = warnings.warn) -> None:
        # Without a name its constructor has failed.
        if not self.closed and self._server_name is not None:
            _warn(
                f"{object.__repr__(self)} was deleted while still open:"
                " please close it, or use it as a context manager",
                ResourceWarning,
                stacklevel=2,
            )

    @property
    def name(self) -> str:
        """The cursor's name in the server."""
        return self._server_name or ""

    @property
    def scrollable(self) -> bool | None:
        """Whether `scroll()` can go back; `None` leaves that to the server."""
        return self._scrollable

    @property
    def withhold(self) -> bool:
        """Whether it outlives the transaction that declared it."""
        return self._withhold

    @property
    def itersize(self) -> int:
        """How many rows iteration fetches at a time: 100 at first."""
        return self._itersize

    @itersize.setter
    def itersize(self, size: int) -> None:
        self._itersize = size  # type: ignore[misc]  # the extension has it


def check_no_options(options: dict[str, Any]) -> None:
    """Raise `TypeError` if there are any."""
    for name in options:
        raise TypeError(f"keyword not supported: {name}")


def executemany_not_supported() -> NotSupportedError:
    """Make the exception for `executemany()`: a cursor has one query."""
    return NotSupportedError("executemany not supported on server-side cursors")
