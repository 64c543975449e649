"""The adapter of `None`."""

from __future__ import annotations

from .._howdah import BuiltinDumper
from ..abc import AdaptContext, NoneType
from ..adapt import Dumper


class NoneDumper(BuiltinDumper, Dumper):
    """`None` to a NULL in the text of a statement; as a parameter NULL has no bytes that a dumper could make."""

    _codec = "none"


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapter of this module as howdah has it at first."""
    context.adapters.register_dumper(NoneType, NoneDumper)
