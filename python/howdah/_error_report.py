"""The text of a server error, as libpq lays it out at its default verbosity.

`str(exception)` has the primary message, the line of the statement where the error is with a caret
under the place, then DETAIL, HINT, QUERY and CONTEXT. The severity in front is left out.
"""

from __future__ import annotations

from codecs import lookup
from collections.abc import Mapping
from itertools import accumulate
from unicodedata import combining, east_asian_width

_MAX_COLUMNS = 60
_COLUMNS_AFTER_ERROR = 10
_MULTIBYTE_CODECS = frozenset(
    [
        "big5",
        "cp949",
        "euc_jis_2004",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gb2312",
        "gbk",
        "johab",
        "shift_jis",
        "shift_jis_2004",
        "utf-8",
    ]
)

_SHOWN = (("DETAIL", "D"), ("HINT", "H"), ("QUERY", "q"), ("CONTEXT", "W"))
_ERRORS = ("ERROR", "FATAL", "PANIC")
"""Of what is less, the context is not shown."""

_HALF_WIDTH_CODECS = frozenset(("euc_jis_2004", "euc_jp", "shift_jis", "shift_jis_2004"))


def error_text(fields: Mapping[str, bytes], encoding: str, query: bytes | None = None) -> str:
    """Lay out the fields of an error.

    `query` is the statement that the position in the fields counts in, when it is known; without
    it the position is written as a number. Bytes that are not valid in `encoding` become
    replacement characters.
    """
    texts = {key: value.decode(encoding, "replace") for key, value in fields.items()}
    source, position = _position(texts, query, encoding)
    head = texts.get("M", "")
    if position is not None and source is None:
        head += f" at character {position}"
    parts = [head]
    if position is not None and source is not None:
        parts += excerpt(source, _leading_int(position), lookup(encoding).name)
    shown = _SHOWN if texts.get("V", "ERROR") in _ERRORS else _SHOWN[:-1]
    parts += [f"{label}:  {texts[key]}" for label, key in shown if key in texts]
    return "\n".join(parts).strip() or "no error details available"


def error_message(fields: Mapping[str, bytes], encoding: str, query: bytes | None = None) -> bytes:
    """Lay out the fields of an error as libpq does: with the severity in front, and a line end behind."""
    severity = fields.get("S", b"").decode(encoding, "replace")
    text = error_text(fields, encoding, query)
    return f"{severity}:  {text}\n".encode(encoding, "replace")


def excerpt(source: str, position: int, encoding: str) -> list[str]:
    """Return the `LINE n:` line and the caret line, or nothing if the position is not in there.

    The position counts from 1; `encoding` is Python's own name of the codec.
    """
    at = position - 1
    if not 0 <= at <= len(source):
        return []
    start, end, cut_left, cut_right = _shown(source, at, encoding)
    prefix = f"LINE {_line_number(source, at)}: " + ("..." if cut_left else "")
    line = source[start:end].replace("\t", " ") + ("..." if cut_right else "")
    indent = len(prefix) + sum(_width(char, encoding) for char in source[start:at])
    return [prefix + line, " " * indent + "^"]


def _position(texts: Mapping[str, str], query: bytes | None, encoding: str) -> tuple[str | None, str | None]:
    """Return the text that the error points into, and the position as the server wrote it."""
    if "P" in texts:
        return (None if query is None else query.decode(encoding, "replace")), texts["P"]
    return texts.get("q"), texts.get("p")


def _leading_int(text: str) -> int:
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def _shown(source: str, at: int, encoding: str) -> tuple[int, int, bool, bool]:
    """Return the part of the line that is shown, and whether it is cut on the left and right.

    A line that is too wide loses its far right first, then its left. What counts is columns of the
    screen, so that the caret stands right under wide characters too.
    """
    start, end = _line_bounds(source, at)
    # A character has one column or more, so nothing farther away than this can be shown.
    left, right = max(start, at - _MAX_COLUMNS - 1), min(end, at + _MAX_COLUMNS + 1)
    widths = (_width(char, encoding) for char in source[left:right])
    column = dict(enumerate(accumulate(widths, initial=0), left))
    last = max(column[left] + _MAX_COLUMNS, column[at] + _COLUMNS_AFTER_ERROR)
    while column[right] > last:
        right -= 1
    while column[right] - column[left] > _MAX_COLUMNS:
        left += 1
    return left, right, left > start, right < end


def _line_bounds(source: str, at: int) -> tuple[int, int]:
    start = max(source.rfind("\n", 0, at), source.rfind("\r", 0, at)) + 1
    ends = (source.find("\n", at), source.find("\r", at))
    return start, min((end for end in ends if end >= 0), default=len(source))


def _line_number(source: str, at: int) -> int:
    return 1 + source.count("\r", 0, at) + source.count("\n", 0, at) - source.count("\r\n", 0, at)


def _width(char: str, encoding: str) -> int:
    if char < "\x80" or encoding not in _MULTIBYTE_CODECS:
        return 1
    if encoding == "utf-8":
        return 2 if east_asian_width(char) in "WF" and not combining(char) else 1
    return 1 if encoding in _HALF_WIDTH_CODECS and east_asian_width(char) == "H" else 2
