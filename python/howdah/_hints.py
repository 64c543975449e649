"""Hints for mistakes that many programs make once: notes of exceptions, beside the one that shows the place.

Only what is certain gives a hint: the server (or the driver) has refused the statement, and the place where it did
leaves one explanation.
"""

from __future__ import annotations

import re
from typing import Final

_SYNTAX_ERROR: Final = "42601"
_UNDEFINED_PARAMETER: Final = "42P02"

_PROTOCOL_VIOLATION: Final = "08P01"  # The number of parameters is not what the statement wants.

_NO_PARAMETERS: Final = (
    "no parameters were given; a cursor's placeholders are %s or %(name)s, and $1 is for howdah.RawCursor"
)

_NAME: Final = (
    "a name cannot be a parameter: put it in with howdah.sql, sql.SQL('... {} ...').format(sql.Identifier(name))"
)

_SPACE: Final = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)"
_FIRST_WORD: Final = re.compile(rf"{_SPACE}*([a-z]+)", re.IGNORECASE | re.DOTALL)
_LAST_WORD: Final = re.compile(rf"([a-z]+|=){_SPACE}*\(?{_SPACE}*$", re.IGNORECASE | re.DOTALL)
_NUMBERED: Final = re.compile(r"\$[0-9]+")
_NAMED: Final = re.compile(r":[A-Za-z_]\w*")
_QUERY_WORD: Final = re.compile(r"\b(?:select|values|with|table)\b", re.IGNORECASE)
_ZONE: Final = re.compile(r"\bwith(?:out)?\s+time\s+zone\s*$", re.IGNORECASE)
# Strings, quoted names and comments, in which nothing is a placeholder.
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1", re.DOTALL)
# A question mark where a value is wanted: behind an operator, a comma, a bracket or such a word, not behind a value.
_QUESTION_MARK: Final = re.compile(
    r"(?:[=<>(,+*/|-]|\b(?:select|where|in|limit|offset|i?like|and|or|not|between|values|returning|when|then|else|set|by))"
    r"\s*\?(?![?|&#@-])",
    re.IGNORECASE,
)

_TYPES: Final = frozenset(["date", "interval", "time", "timestamp", "timestamptz", "timetz"])
_BEFORE_NAMES: Final = frozenset(["from", "into", "join", "only", "table", "update"])
_WITHOUT_PARAMETERS: Final = frozenset(
    re.findall(
        r"\w+",
        "alter analyze checkpoint close cluster comment copy create deallocate discard do drop fetch grant import"
        " listen load lock move notify prepare reassign refresh reindex reset revoke rollback savepoint security show"
        " truncate unlisten vacuum",
    )
)
_CURSORS_AND_LOCKS: Final = frozenset(["alter", "fetch", "lock", "move"])


def hint(error: BaseException, statement: bytes, place: int | None, mark: str) -> None:
    """Add to an error of the server what was probably meant.

    `statement` is what was sent, and `place` where in it the error is, in characters. `mark` is what its parameters
    were written as.
    """
    text = statement.decode(getattr(error, "_encoding", "utf-8"), "replace")
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate == _PROTOCOL_VIOLATION and not re.search(r"\b0\b", str(error)):
        # Some were given.
        return
    _add(error, _server_hint(sqlstate, text, place, mark))


def hint_count(error: BaseException, statement: bytes) -> None:
    """Add to the error about parameters for a statement without placeholders what else looks like one in it."""
    text = _plain(statement.decode("utf-8", "replace"))
    if found := _NUMBERED.search(text):
        _add(error, f"a cursor's placeholders are %s or %(name)s, not {found[0]}: that is for howdah.RawCursor")
    elif _QUESTION_MARK.search(text):
        _add(error, "placeholders are %s or %(name)s, not ?")
    elif found := re.search(rf"(?<!:){_NAMED.pattern}", text):
        _add(error, f"placeholders are %s or %(name)s, not {found[0]}")


def hint_failed_block(error: BaseException) -> None:
    """Add to the error of a block that was to be committed, but had failed, how that is avoided."""
    _add(
        error,
        "a statement failed, or was left before its end (a stream or a COPY), and the block went on: catch errors"
        " outside of it, or give the statement a transaction() block of its own",
    )


def _plain(text: str) -> str:
    """Return a statement without comments, and with nothing in its strings."""
    return _QUOTED.sub(lambda found: " " if found[0][:1] in "-/" else "''", text)


def _server_hint(sqlstate: str | None, text: str, place: int | None, mark: str) -> str | None:
    match = _FIRST_WORD.match(text)
    first = match[1].lower() if match else ""
    if sqlstate == _PROTOCOL_VIOLATION:
        return _NO_PARAMETERS if mark == "$1" and _NUMBERED.search(_plain(text)) else None
    if place is None:
        # Within the text of a DO, or of a statement that is only looked at when it runs.
        return _utility_hint(first, mark) if sqlstate == _UNDEFINED_PARAMETER and first in _WITHOUT_PARAMETERS else None
    if sqlstate == _SYNTAX_ERROR and _NAMED.match(text, place):
        return "placeholders are %s or %(name)s, with the values in a sequence or a mapping; :name is none"
    if not _NUMBERED.match(text, place):
        return None
    if sqlstate == _UNDEFINED_PARAMETER:
        if first in _WITHOUT_PARAMETERS:
            return _utility_hint(first, mark)
        return _NO_PARAMETERS
    if sqlstate == _SYNTAX_ERROR:
        return _place_hint(first, text[:place], mark)
    return None


def _place_hint(first: str, before: str, mark: str) -> str | None:
    """Tell what a parameter is not taken for by the grammar, from what is before it."""
    match = _LAST_WORD.search(before)
    last = match[1].lower() if match else ""
    if last == "in" and first not in _CURSORS_AND_LOCKS:
        negated = re.search(r"\bnot\s+in\s*$", before, re.IGNORECASE)
        operator = "<> ALL" if negated else "= ANY"
        return f"one parameter is one value, and IN wants several: write {operator}({mark}) and give a list"
    if first == "set":
        return f"SET takes no parameters: use SELECT set_config('name', {mark}, false), with true for SET LOCAL"
    if first in _WITHOUT_PARAMETERS and not (first == "create" and _QUERY_WORD.search(before)):
        return _utility_hint(first, mark)
    if last in _TYPES:
        return f"{last} '...' is a way to write constants: for a parameter write {mark}::{last}"
    if zone := _ZONE.search(before):
        return f"that is a way to write constants: for a parameter write CAST({mark} AS timestamp {zone[0].strip()})"
    if last in _BEFORE_NAMES:
        return _NAME
    return None


def _utility_hint(first: str, mark: str) -> str:
    if first == "notify":
        return f"NOTIFY takes no parameters: use SELECT pg_notify({mark}, {mark})"
    return (
        f"{first.upper()} takes no parameters: put values and names in with howdah.sql,"
        " sql.SQL('... {} ...').format(sql.Literal(value)) or sql.Identifier(name)"
    )


def _add(error: BaseException, text: str | None) -> None:
    # Python 3.10 has no notes.
    add_note = getattr(error, "add_note", None)
    if text and add_note:
        add_note(f"hint: {text}")
