"""Try the howdah that is installed, not the source tree's: run with `python -I`. HOWDAH_DSN names a server."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import howdah
from howdah.conninfo import make_conninfo

TREE = Path(__file__).resolve().parents[1] / "python"


def main() -> int:
    """Try what needs no server, and what does where there is one; the exit code."""
    place = Path(howdah.__file__).resolve()
    assert TREE not in place.parents, f"{place} is not what was installed"
    assert make_conninfo("dbname=shop", user="ann") == "dbname=shop user=ann"
    assert howdah.sql.Identifier("a").as_string(None) == '"a"'
    try:
        howdah.connect("host=127.0.0.1 port=1 connect_timeout=10")
    except howdah.OperationalError as error:
        print(f"as it should: {str(error).splitlines()[0]}")
    else:
        return 1
    if dsn := os.environ.get("HOWDAH_DSN"):
        with howdah.connect(dsn) as conn:
            assert conn.execute("SELECT %s::int", (1,)).fetchone() == (1,)
        asyncio.run(wait(dsn))
        print("a server was asked")
    print(f"howdah {howdah.__version__} works: {place}")
    return 0


async def wait(dsn: str) -> None:
    """Ask the server in the other shell."""
    async with await howdah.AsyncConnection.connect(dsn) as conn:
        cur = await conn.execute("SELECT %s::text", ("x",))
        assert await cur.fetchone() == ("x",)


if __name__ == "__main__":
    sys.exit(main())
