"""Types by name and by OID."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, overload

from ._compat import TypeVar

if TYPE_CHECKING:
    from ._typeinfo import TypeInfo

T = TypeVar("T", bound="TypeInfo")

RegistryKey: TypeAlias = str | int | tuple[type, int]


class TypesRegistry:
    """Types by name and by OID; that of an array finds its element's type.

    A registry made from another one begins with its types, and is independent of it.
    """

    __module__ = "howdah.types"

    def __init__(self, template: TypesRegistry | None = None) -> None:
        self._registry: dict[RegistryKey, TypeInfo] = {}
        self._own_state = True
        if template is not None:
            # Shared until one of the two is written to.
            self._registry = template._registry
            self._own_state = template._own_state = False

    def clear(self) -> None:
        """Forget all types."""
        self._registry = {}
        self._own_state = True

    def add(self, info: TypeInfo) -> None:
        """Add a type; it takes the place of another one of its name or OID."""
        self._ensure_own_state()
        keys = [key for key in (info.oid, info.array_oid) if key]
        self._registry.update(dict.fromkeys((*keys, info.name), info))
        if info.regtype:
            self._registry.setdefault(info.regtype, info)
        info._added(self)

    def __iter__(self) -> Iterator[TypeInfo]:
        return iter({id(info): info for info in self._registry.values()}.values())

    @overload
    def __getitem__(self, key: str | int) -> TypeInfo: ...
    @overload
    def __getitem__(self, key: tuple[type[T], int]) -> T: ...
    def __getitem__(self, key: RegistryKey) -> TypeInfo:
        """Return the type of a name or an OID. Raises `KeyError` if it is not known.

        A name may be that of SQL, such as `double precision`, and may have `[]` after it.
        """
        if isinstance(key, str):
            key = key.removesuffix("[]")
        elif not isinstance(key, (int, tuple)):
            raise TypeError(f"the key must be an oid or a name, got {type(key)}")
        try:
            return self._registry[key]
        except KeyError:
            raise KeyError(f"couldn't find the type {key!r} in the types registry") from None

    @overload
    def get(self, key: str | int) -> TypeInfo | None: ...
    @overload
    def get(self, key: tuple[type[T], int]) -> T | None: ...
    def get(self, key: RegistryKey) -> TypeInfo | None:
        """Return the type of a name or an OID, `None` if it is not known."""
        try:
            return self[key]
        except KeyError:
            return None

    def get_oid(self, name: str) -> int:
        """Return the OID of a type, or of its array if there is `[]` after the name.

        Raises `KeyError` if the type is not known.
        """
        info = self[name]
        return info.array_oid if name.endswith("[]") else info.oid

    def get_by_subtype(self, cls: type[T], subtype: int | str) -> T | None:
        """Return the range or multirange whose bounds are of a type, given by name or OID.

        `cls` is `RangeInfo` or `MultirangeInfo`. Returns `None` if there is none.
        """
        element = self.get(subtype)
        return None if element is None else self.get((cls, element.oid))

    def _ensure_own_state(self) -> None:
        if not self._own_state:
            self._registry = self._registry.copy()
            self._own_state = True
