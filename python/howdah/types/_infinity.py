"""Loaders for dates and timestamps that Python cannot hold; see `howdah.types.datetime.register_infinity()`."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, ClassVar, NamedTuple

from .._globals import adapters_of
from ..abc import AdaptContext, Buffer
from ..adapt import Loader
from ..errors import DataError


class Replacements(NamedTuple):
    """What is loaded instead; an ellipsis stands for the nearest value of the class, `DataError` for the error."""

    infinity: Any
    minus_infinity: Any
    too_late: Any
    too_early: Any


class Bounded(NamedTuple):
    """A type of which Python holds a part: the ends of that part, and the loaders in text and in binary."""

    first: date
    last: date
    loaders: tuple[type[Loader], type[Loader]]


def register(
    context: AdaptContext | None, known: Mapping[str, Bounded], types: Iterable[str], given: Replacements
) -> None:
    """Register loaders that put replacements in the place of what Python cannot hold, for some of the known types."""
    adapters = adapters_of(context)
    names = [types] if isinstance(types, str) else list(types)
    for name in names:
        if name not in known:
            raise ValueError(f"not a type that can be infinite: {name!r}")
    for name in names:
        first, last, bases = known[name]
        values = Replacements(*(_chosen(value, end) for value, end in zip(given, (last, first) * 2, strict=True)))
        for base, reading in zip(bases, (_TextLoader, _BinaryLoader), strict=True):
            # Named like the built-in one, but without a codec of its own, so that its method is called.
            loader = type(f"Infinity{base.__name__}", (reading, base), {"replacements": values})
            adapters.register_loader(name, loader)


def _chosen(value: Any, end: date) -> Any:
    return end if value is ... else value


class _InfinityLoader(Loader):
    """Loads what the built-in loader after it in the order of resolution cannot."""

    replacements: ClassVar[Replacements]

    def load(self, data: Buffer) -> Any:
        """Return the value or its replacement. Raises what the built-in loader does if there is none."""
        try:
            return super().load(data)  # type: ignore[safe-super]
        except (DataError, NotImplementedError):
            # The latter for a timestamptz if DateStyle is not ISO; whether it is infinite can be seen there too.
            found = self._replacement(bytes(data))
            if found is DataError:
                raise
            return found

    @abstractmethod
    def _replacement(self, data: bytes) -> Any: ...


class _TextLoader(_InfinityLoader):
    def _replacement(self, data: bytes) -> Any:
        if data == b"infinity":
            return self.replacements.infinity
        if data == b"-infinity":
            return self.replacements.minus_infinity
        if data.endswith(b"BC"):
            return self.replacements.too_early
        return self.replacements.too_late if _LONG_YEAR.search(data) else DataError


class _BinaryLoader(_InfinityLoader):
    def _replacement(self, data: bytes) -> Any:
        if len(data) not in (4, 8):
            return DataError
        number, end = int.from_bytes(data, "big", signed=True), 1 << (8 * len(data) - 1)
        if number < 0:
            return self.replacements.minus_infinity if number == -end else self.replacements.too_early
        return self.replacements.infinity if number == end - 1 else self.replacements.too_late


# In every DateStyle; the fraction of a second is the other number that is that long.
_LONG_YEAR = re.compile(rb"(?<!\d)(?<!:\d\d\.)\d{5}")
