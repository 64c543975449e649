"""What Python objects become in PostgreSQL, and the other way round."""

from .._registry import TypesRegistry
from .._typeinfo import TypeInfo

__all__ = ["TypeInfo", "TypesRegistry"]
