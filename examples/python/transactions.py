"""When what was done is kept: commit, autocommit, blocks within blocks, and what transactions are like."""

from __future__ import annotations

import os

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def names(conn: howdah.Connection[tuple[object, ...]]) -> list[object]:
    return [row[0] for row in conn.execute("SELECT name FROM account ORDER BY name")]


def status(conn: howdah.Connection[tuple[object, ...]]) -> str:
    return conn.info.transaction_status.name


def by_hand(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """The first statement begins a transaction, which lasts until `commit()` or `rollback()`."""
    print("at first:", status(conn))
    conn.execute("CREATE TEMP TABLE account (name text PRIMARY KEY, balance int CHECK (balance >= 0))")
    print("then:", status(conn))
    conn.execute("INSERT INTO account VALUES ('ann', 100)")
    conn.commit()
    conn.execute("INSERT INTO account VALUES ('bob', 100)")
    conn.rollback()
    print("kept:", names(conn))

    # After an error the server takes nothing but a rollback.
    try:
        conn.execute("INSERT INTO account VALUES ('ann', 1)")
    except howdah.errors.UniqueViolation:
        print("after an error:", status(conn))
    try:
        conn.execute("SELECT 1")
    except howdah.errors.InFailedSqlTransaction as ex:
        print("refused:", ex.diag.message_primary)
    conn.rollback()


def autocommit(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """Each statement is a transaction of its own."""
    conn.autocommit = True
    conn.execute("INSERT INTO account VALUES ('cid', 50)")
    print("autocommit:", status(conn), names(conn))


def blocks(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """A block is kept if it ends well. One within another is a savepoint: it can fail alone."""
    with conn.transaction():
        conn.execute("INSERT INTO account VALUES ('dan', 10)")
        try:
            with conn.transaction():
                conn.execute("UPDATE account SET balance = balance + 30 WHERE name = 'dan'")
                conn.execute("UPDATE account SET balance = balance - 300 WHERE name = 'ann'")
        except howdah.errors.CheckViolation:
            print("not enough: the transfer is undone, and", status(conn))
    print("dan:", conn.execute("SELECT balance FROM account WHERE name = 'dan'").fetchone())

    with conn.transaction() as tx:
        conn.execute("DELETE FROM account")
        raise_if_empty(conn, tx)
    print("on second thoughts:", len(names(conn)))

    with conn.transaction(force_rollback=True):
        conn.execute("DELETE FROM account")
        print("a trial run:", len(names(conn)))
    print("after it:", len(names(conn)))


def raise_if_empty(conn: howdah.Connection[tuple[object, ...]], tx: howdah.Transaction) -> None:
    """`Rollback` leaves a block and undoes it, and is an error to nobody outside."""
    if not names(conn):
        raise howdah.Rollback(tx)


def characteristics(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """What the transactions to come are like. They cannot be changed within one."""
    conn.autocommit = False
    conn.isolation_level = howdah.IsolationLevel.SERIALIZABLE
    conn.read_only = True
    print("level:", conn.execute("SHOW transaction_isolation").fetchone())
    try:
        conn.execute("CREATE TABLE never ()")
    except howdah.errors.ReadOnlySqlTransaction as ex:
        print("read only:", ex.diag.message_primary)
    conn.rollback()
    conn.isolation_level = conn.read_only = None


def two_phases(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """A transaction with a name, to be committed in several places. Without `tpc_prepare()` it is in one phase."""
    conn.tpc_begin(conn.xid(1, "transfer-7", "this-bank"))
    conn.execute("INSERT INTO account VALUES ('eve', 7)")
    conn.tpc_commit()
    print("in one phase:", names(conn))


def main() -> None:
    with howdah.connect(DSN) as conn:
        by_hand(conn)
        autocommit(conn)
        blocks(conn)
        characteristics(conn)
        two_phases(conn)


if __name__ == "__main__":
    main()
