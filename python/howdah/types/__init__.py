"""What Python objects become in PostgreSQL, and the other way round."""

from .._typeinfo import TypeInfo, TypesRegistry

__all__ = ["TypeInfo", "TypesRegistry"]
