"""Measure howdah and its peers on one server: `python bench/run.py`, or `make bench`."""

from __future__ import annotations

import sys

from benchlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
