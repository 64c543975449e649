"""Server messages: notices, their handlers, and the Diagnostic that they get."""

from __future__ import annotations

import logging
from typing import Any

from .stage import Stage

TITLE = "Server messages"
RAISE = "DO $$ BEGIN RAISE {level} 'a {level} from PL/pgSQL' USING DETAIL = 'in detail', HINT = 'a hint'; END $$"


def no_transaction(stage: Stage) -> None:
    """The page's example: ROLLBACK outside a transaction."""
    out = stage.out
    out.code(f"""
        def log_notice(diag):
            print(f"The server says: {{diag.severity}} - {{diag.message_primary}}")
        conn = {stage.name}.connect(dsn, autocommit=True)
        conn.add_notice_handler(log_notice)
        cur = conn.execute("ROLLBACK")
        print(cur.statusmessage)
    """)
    said: list[str] = []
    with stage.connect(autocommit=True) as conn:
        conn.add_notice_handler(lambda d: said.append(f"The server says: {d.severity} - {d.message_primary}"))
        cur = conn.execute("ROLLBACK")
        out.got("\n".join([*said, cur.statusmessage]))
        expected = ["The server says: WARNING - there is no transaction in progress"]
        out.equal("the handler is called with the warning", said, expected)
        out.equal("the statement succeeds", cur.statusmessage, "ROLLBACK")


def raised_by_functions(stage: Stage) -> None:
    """RAISE in PL/pgSQL: below EXCEPTION a message, at EXCEPTION a DatabaseError."""
    out = stage.out
    seen: list[tuple[str, str]] = []
    with stage.connect(autocommit=True) as conn:
        conn.add_notice_handler(lambda d: seen.append((d.severity, d.message_primary)))
        conn.execute(RAISE.format(level="NOTICE"))
        conn.execute(RAISE.format(level="WARNING"))
        error = caught(stage, conn, RAISE.format(level="EXCEPTION"))
    out.got(f"messages: {seen}\nerror: {error!r}")
    expected = [("NOTICE", "a NOTICE from PL/pgSQL"), ("WARNING", "a WARNING from PL/pgSQL")]
    out.equal("messages below EXCEPTION reach the handler", seen, expected)
    out.check("EXCEPTION raises a DatabaseError", isinstance(error, stage.db.DatabaseError), error)
    diag = getattr(error, "diag", None)
    out.equal("Error.diag is the same kind of object", getattr(diag, "message_hint", None), "a hint")


def client_min_messages(stage: Stage) -> None:
    """client_min_messages chooses the level, and a removed handler hears no more."""
    out = stage.out
    seen: list[str] = []

    def listen(diag: Any) -> None:
        seen.append(diag.severity)

    with stage.connect(autocommit=True) as conn:
        conn.add_notice_handler(listen)
        conn.execute("SET client_min_messages TO debug1")
        conn.execute(RAISE.format(level="DEBUG"))
        conn.execute("SET client_min_messages TO warning")
        conn.execute(RAISE.format(level="NOTICE"))
        levels = list(seen)
        conn.execute("SET client_min_messages TO notice")
        conn.remove_notice_handler(listen)
        conn.execute(RAISE.format(level="NOTICE"))
    out.got(f"at debug1: {levels}; after remove_notice_handler: {seen[len(levels) :]}")
    out.equal("debug messages come when asked for, notices stay away when not", levels, ["DEBUG"])
    out.equal("after remove_notice_handler() nothing comes", seen, levels)


def ignored_by_default(stage: Stage) -> None:
    """Without a handler messages are ignored; a handler that raises is logged and harms nothing."""
    out = stage.out
    catcher = Catcher()
    logger = logging.getLogger(stage.name)
    logger.addHandler(catcher)
    try:
        with stage.connect(autocommit=True) as conn:
            quiet = conn.execute("ROLLBACK").statusmessage
            conn.add_notice_handler(lambda diag: 1 / 0)
            harmless = conn.execute("ROLLBACK").statusmessage
            answer = conn.execute("SELECT 1").fetchone()
    finally:
        logger.removeHandler(catcher)
    out.got(f"statuses {quiet}, {harmless}; then {answer}; logged: {catcher.caught}")
    out.equal("no handler, no problem", quiet, "ROLLBACK")
    out.equal("a handler that raises does not disturb the statement", (harmless, answer), ("ROLLBACK", (1,)))
    out.check("but is logged", len(catcher.caught) == 1, catcher.caught)


def diagnostic_afterwards(stage: Stage) -> None:
    """The Diagnostic after the callback: the page warns of it, howdah keeps it valid."""
    out = stage.out
    if not stage.is_howdah:
        out.say("Not promised by this driver.")
        return
    kept: list[Any] = []
    with stage.connect(autocommit=True) as conn:
        conn.add_notice_handler(kept.append)
        conn.execute(RAISE.format(level="NOTICE"))
    diag = kept[0]
    fields = (diag.severity, diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint)
    out.got("connection closed; the Diagnostic says", fields)
    expected = ("NOTICE", "00000", "a NOTICE from PL/pgSQL", "in detail", "a hint")
    out.equal("it still has every field", fields, expected)


def on_asyncio(stage: Stage) -> None:
    """The same on asyncio."""
    out = stage.out
    said = stage.run(rollback_async(stage))
    out.got(said)
    out.equal("the handler is called with the warning", said, ["WARNING - there is no transaction in progress"])


async def rollback_async(stage: Stage) -> list[str]:
    said: list[str] = []
    async with await stage.aconnect(autocommit=True) as conn:
        conn.add_notice_handler(lambda d: said.append(f"{d.severity} - {d.message_primary}"))
        await conn.execute("ROLLBACK")
    return said


class Catcher(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.caught: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.caught.append(record.getMessage())


def caught(stage: Stage, conn: Any, statement: str) -> Exception | None:
    """The driver's error that a statement gives."""
    try:
        conn.execute(statement)
    except stage.db.Error as ex:
        return ex  # type: ignore[no-any-return]
    return None


PARTS = [
    no_transaction,
    raised_by_functions,
    client_min_messages,
    ignored_by_default,
    diagnostic_afterwards,
    on_asyncio,
]
