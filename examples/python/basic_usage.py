"""First steps: a connection, statements with parameters, and rows in the shapes that are wanted."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

import howdah
from howdah.rows import class_row, dict_row, scalar_row

DSN = os.environ.get("HOWDAH_DSN", "")


@dataclass
class Book:
    id: int
    title: str
    published: dt.date | None


def write(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """Values are given apart from the statement, and never put into its text."""
    with conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE book (id serial PRIMARY KEY, title text NOT NULL, published date)")
        cur.execute(
            "INSERT INTO book (title, published) VALUES (%s, %s)", ('It\'s a 100% "title"', dt.date(1999, 12, 31))
        )
        cur.execute("INSERT INTO book (title) VALUES (%(title)s)", {"title": "'); DROP TABLE book; --"})
        cur.executemany(
            "INSERT INTO book (title, published) VALUES (%s, %s)",
            [(f"Volume {n}", dt.date(2000 + n, 1, 1)) for n in range(1, 4)],
        )
        print("inserted:", cur.rowcount)
    conn.commit()


def read(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """A cursor gives one row, some, all that are left, or is iterated over."""
    with conn.cursor() as cur:
        cur.execute("SELECT id, title, published FROM book ORDER BY id")
        print("columns:", [column.name for column in cur.description or []])
        print("one:", cur.fetchone())
        print("some:", cur.fetchmany(2))
        for row in cur:
            print("the next:", row)

    # A connection makes a cursor by itself.
    print("short:", conn.execute("SELECT count(*) FROM book WHERE published IS NULL").fetchone())


def shapes(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """A row factory says what becomes of a row."""
    with conn.cursor(row_factory=dict_row) as cur:
        print("dict:", cur.execute("SELECT id, published FROM book WHERE id = %s", (3,)).fetchone())
    with conn.cursor(row_factory=class_row(Book)) as books:
        book = books.execute("SELECT * FROM book WHERE title = ANY(%s)", (["Volume 2", "Volume 9"],)).fetchone()
        print("object:", book)
    with conn.cursor(row_factory=scalar_row) as titles:
        print("values:", titles.execute("SELECT title FROM book WHERE id > 3 ORDER BY id").fetchall())


def failures(conn: howdah.Connection[tuple[object, ...]]) -> None:
    """An error has the class of its SQLSTATE, and what the server says in `diag`."""
    try:
        conn.execute("INSERT INTO book (title) VALUES (%s)", (None,))
    except howdah.errors.NotNullViolation as ex:
        print("refused:", ex.sqlstate, ex.diag.column_name)
    conn.rollback()


def main() -> None:
    with howdah.connect(DSN) as conn:
        write(conn)
        read(conn)
        shapes(conn)
        failures(conn)
    print("closed:", conn.closed)


if __name__ == "__main__":
    main()
