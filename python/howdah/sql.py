"""Statements put together at run time, safely.

    from howdah import sql

    query = sql.SQL("select {} from {} where id = %s").format(sql.Identifier("name"), sql.Identifier("people"))
    cursor.execute(query, (10,))

Names of tables and columns cannot be parameters: they are part of the statement. The objects of this module are the
parts of a statement, and know how to write themselves: `Identifier` quotes a name, `Literal` writes a value, `SQL` is
text of the program's own, `Placeholder` stands for a parameter, and `Composed` is several of them. Whatever takes a
statement takes them, and template strings (`t"..."`, Python 3.14) as well.

A string from outside must never be given to `SQL`: it is inserted as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any, Final, overload

from ._compat import Interpolation, Template
from ._enums import PyFormat
from ._howdah import Transformer
from .errors import ProgrammingError

if TYPE_CHECKING:
    from ._compat import LiteralString
    from .abc import AdaptContext

__all__ = [
    "DEFAULT",
    "NULL",
    "SQL",
    "Composable",
    "Composed",
    "Identifier",
    "Literal",
    "Placeholder",
    "as_bytes",
    "as_string",
    "quote",
]


def quote(obj: Any, context: AdaptContext | None = None) -> str:
    """Return a value as a literal of SQL.

    Without a context it is written for a server with default settings, in UTF-8. Prefer parameters where the
    statement can have them. Raises `ProgrammingError` for a value that cannot be adapted.
    """
    return Literal(obj).as_string(context)


def as_string(obj: Any, context: AdaptContext | None = None) -> str:
    """Return a part of a statement, a template string, or any other value, as a literal, as SQL.

    The parameters of a template string are written into the statement.
    """
    if isinstance(obj, Template):
        return _decoded(as_bytes(obj, context), context)
    return _part(obj).as_string(context)


def as_bytes(obj: Any, context: AdaptContext | None = None) -> bytes:
    """Return what `as_string()` does, in the client encoding of the context's connection."""
    if isinstance(obj, Template):
        return _convert_template(obj, Transformer.from_context(context), None)
    return _part(obj).as_bytes(context)


class Composable(ABC):
    """A part of a statement.

    Parts are added with `+`, and repeated with `*`; both give a `Composed`. They are equal if they are of the same
    class and made of the same things.
    """

    def __init__(self, obj: Any) -> None:
        self._obj = obj

    @abstractmethod
    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the part as SQL, in the client encoding of the context's connection, or UTF-8 without one."""
        ...

    def as_string(self, context: AdaptContext | None = None) -> str:
        """Return the part as SQL.

        `context` is a connection or a cursor, whose adapters, client encoding and settings count. Without one the
        text is for a server with default settings.
        """
        return _decoded(self.as_bytes(context), context)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._obj!r})"

    def __add__(self, other: Composable) -> Composed:
        if isinstance(other, Composed):
            return Composed([self, *other])
        if isinstance(other, Composable):
            return Composed([self, other])
        return NotImplemented

    def __mul__(self, n: int) -> Composed:
        return Composed([self] * n)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and bool(self._obj == other._obj)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


class Composed(Composable):
    """Several parts of a statement, one behind the other.

    Values that are no parts are taken as literals.
    """

    _obj: list[Composable]

    def __init__(self, seq: Iterable[Any]) -> None:
        super().__init__([_part(obj) for obj in seq])

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the parts as SQL, in the client encoding of the context's connection."""
        # One for all of them: it remembers the dumpers of the literals.
        context = Transformer.from_context(context)
        return b"".join([part.as_bytes(context) for part in self._obj])

    def join(self, joiner: SQL | LiteralString) -> Composed:
        """Return the parts with `joiner` between them, which is a `SQL` or a string."""
        if isinstance(joiner, str):
            joiner = SQL(joiner)
        elif not isinstance(joiner, SQL):
            raise TypeError(f"parts are joined by a str or a SQL, got {joiner!r}")
        joined: Composed = joiner.join(self._obj)
        return joined

    def __iter__(self) -> Iterator[Composable]:
        return iter(self._obj)

    def __add__(self, other: Composable) -> Composed:
        if isinstance(other, Composed):
            return Composed([*self._obj, *other._obj])
        if isinstance(other, Composable):
            return Composed([*self._obj, other])
        return NotImplemented


class SQL(Composable):
    """Text of a statement, inserted as it is.

    It is the program's own: `format()` and `join()` put into it what comes from elsewhere.
    """

    _obj: str

    def __init__(self, obj: LiteralString) -> None:
        super().__init__(_checked(obj, "SQL is made of a str"))

    def as_string(self, context: AdaptContext | None = None) -> str:
        """Return the text."""
        return self._obj

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the text in the client encoding of the context's connection."""
        return _encoded(self._obj, context)

    def format(self, *args: Any, **kwargs: Any) -> Composed:
        """Put parts where the text has `{}`, `{0}` or `{name}`; `{{` and `}}` stand for braces.

        Arguments that are no parts are taken as literals. Neither conversions (`{!r}`) nor formats (`{:>5}`) are
        possible: `ValueError`. `IndexError` or `KeyError` says that an argument is missing. The placeholders of
        parameters (`%s`) stay as they are.
        """
        parts: list[Any] = []
        fields = _Fields(args, kwargs)
        for text, name, spec, conversion in Formatter().parse(self._obj):
            if text:
                parts.append(SQL(text))
            if name is not None:
                parts.append(fields.get(name, spec, conversion))
        return Composed(parts)

    @overload
    def join(self, seq: Iterable[Template]) -> Template: ...
    @overload
    def join(self, seq: Iterable[Any]) -> Composed: ...
    def join(self, seq: Iterable[Any]) -> Any:
        """Return what `seq` holds with this text between its items.

        That is a `Composed`, of which items that are no parts are literals. Template strings give one template
        string; they cannot be mixed with anything else.
        """
        items = list(seq)
        if any(isinstance(item, Template) for item in items):
            return self._join_templates(items)
        parts = [part for item in items for part in (self, item)]
        return Composed(parts[1:])

    def _join_templates(self, items: Sequence[Any]) -> Template:
        parts: list[str | Interpolation] = []
        for item in items:
            if not isinstance(item, Template):
                raise TypeError(f"a template string is only joined with others, got {type(item).__name__}")
            parts += [self._obj, *item]
        joined: Template = type(items[0])(*parts[1:])
        return joined


class Identifier(Composable):
    """A name of the database's: of a table, a column, a schema...

    Several strings make a qualified name: `Identifier("schema", "table")` is `"schema"."table"`. A dot within a string
    is part of the name.
    """

    _obj: tuple[str, ...]

    def __init__(self, *strings: str) -> None:
        if not strings:
            raise TypeError("an Identifier has one string at least")
        super().__init__(tuple(_checked(string, "an Identifier is made of strings") for string in strings))

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the name in quotes, in the client encoding of the context's connection."""
        # No character has a byte that looks like a double quote, in any client encoding.
        quoted = ".".join(['"' + string.replace('"', '""') + '"' for string in self._obj])
        return _encoded(quoted, context)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._obj))})"


class Literal(Composable):
    """A value that is written into the statement.

    It is written as it would be sent as a parameter, with its type where that is not plain (`'2000-01-01'::date`), by
    the adapters of the context. Prefer parameters where the statement can have them.
    """

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the literal, in the client encoding of the context's connection.

        Raises `ProgrammingError` for a value that cannot be adapted.
        """
        return Transformer.from_context(context).as_literal(self._obj)


class Placeholder(Composable):
    """What stands for a parameter of the statement.

    It is `%s`, or `%(name)s` with a name. `format` says in what format the parameter is sent; with
    `PyFormat.BINARY` it is `%b`. Raises `ValueError` for a name with a `)` in it.
    """

    _obj: str

    def __init__(self, name: str = "", format: str | PyFormat = PyFormat.AUTO) -> None:
        super().__init__(_checked(name, "the name of a Placeholder is a str"))
        if ")" in name:
            raise ValueError(f"the name of a placeholder cannot have a ')' in it: {name!r}")
        self._format = PyFormat(format)

    def as_string(self, context: AdaptContext | None = None) -> str:
        """Return the placeholder."""
        name = f"({self._obj})" if self._obj else ""
        return f"%{name}{self._format.value}"

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """Return the placeholder in the client encoding of the context's connection."""
        return _encoded(self.as_string(), context)

    def __repr__(self) -> str:
        shown = [repr(self._obj)] if self._obj else []
        if self._format is not PyFormat.AUTO:
            shown.append(f"format={self._format.name}")
        return f"{type(self).__name__}({', '.join(shown)})"


class _Fields:
    """The arguments of `format()`."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self._next: int | None = 0

    def get(self, name: str, spec: str | None, conversion: str | None) -> Any:
        """Return the argument of a field."""
        if spec:
            raise ValueError("the fields of SQL.format() have no format")
        if conversion:
            raise ValueError("the fields of SQL.format() have no conversion")
        if not name:
            if self._next is None:
                raise ValueError("cannot switch from numbered fields to fields without number")
            self._next += 1
            return self._args[self._next - 1]
        if not name.isdigit():
            return self._kwargs[name]
        if self._next:
            raise ValueError("cannot switch from fields without number to numbered fields")
        self._next = None
        return self._args[int(name)]


def _part(obj: Any) -> Composable:
    return obj if isinstance(obj, Composable) else Literal(obj)


def _checked(obj: Any, rule: str) -> str:
    if not isinstance(obj, str):
        raise TypeError(f"{rule}, got {obj!r}")
    return obj


def _encoded(text: str, context: AdaptContext | None) -> bytes:
    return text.encode() if context is None else Transformer.from_context(context)._encode(text)


def _decoded(text: bytes, context: AdaptContext | None) -> str:
    return text.decode() if context is None else Transformer.from_context(context)._decode(text)


class _ServerParams:
    """The parameters of a template string that are sent beside the statement."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.formats = ""


def _convert_for_server(template: Template, tx: Transformer) -> tuple[bytes, list[Any], str]:
    """Return the statement of a template string, and the values and formats (a letter each) of its parameters."""
    params = _ServerParams()
    query = _convert_template(template, tx, params)
    return query, params.values, params.formats


def _convert_template(template: Template, tx: Transformer, params: _ServerParams | None) -> bytes:
    """Return the statement of a template string; without `params` its parameters are written into it."""
    parts = [tx._encode(part) if isinstance(part, str) else _interpolated(part, tx, params) for part in template]
    return b"".join(parts)


def _interpolated(item: Interpolation, tx: Transformer, params: _ServerParams | None) -> bytes:
    if item.conversion:
        raise TypeError(f"a statement has no conversions, got {_shown(item)}")
    value, spec = item.value, item.format_spec
    _check_spec(item)
    if isinstance(value, Template):
        return _convert_template(value, tx, params)
    if isinstance(value, Composable):
        return value.as_bytes(tx)
    if spec == "i":
        return Identifier(value).as_bytes(tx)
    if spec == "l" or params is None:
        return tx.as_literal(value)
    params.values.append(value)
    params.formats += spec or "s"
    return b"$%d" % len(params.values)


def _check_spec(item: Interpolation) -> None:
    """Raise `ProgrammingError` unless the format of an interpolation is one for its value."""
    value, spec = item.value, item.format_spec
    if spec not in ("", "s", "b", "t", "i", "l", "q"):
        raise ProgrammingError(f"the formats of a statement are s, b, t, i, l and q, got {_shown(item)}")
    if isinstance(value, Placeholder):
        raise ProgrammingError(f"a Placeholder cannot be in a template string, got {_shown(item)}")
    needed = _needed_spec(value)
    if needed and spec != needed:
        raise ProgrammingError(f"a {type(value).__qualname__} needs the format :{needed}, got {_shown(item)}")
    if spec == "q" and not needed:
        what = "a template string, a SQL or a Composed"
        raise ProgrammingError(f"the format :q is for {what}, got {type(value).__name__} in {_shown(item)}")
    if spec == "i" and not isinstance(value, str | Identifier):
        raise ProgrammingError(f"a name is a str or an Identifier, got {type(value).__name__} in {_shown(item)}")


def _needed_spec(value: Any) -> str:
    if isinstance(value, Literal):
        return "l"
    if isinstance(value, Identifier):
        return "i"
    return "q" if isinstance(value, Template | Composable) else ""


def _shown(item: Interpolation) -> str:
    conversion = f"!{item.conversion}" if item.conversion else ""
    spec = f":{item.format_spec}" if item.format_spec else ""
    return f"{{{item.expression}{conversion}{spec}}}"


NULL: Final = SQL("NULL")
"""The value NULL."""

DEFAULT: Final = SQL("DEFAULT")
"""The default of a column, in `insert` and `update`."""
