"""Gather the API pages of both doors: build_docs.py FOLDER.

The Rust pages are copied from where cargo left them, the Python ones made by pdoc, and an index leads to both.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>howdah</title>
<h1>howdah</h1>
<ul>
  <li><a href="python/howdah.html">Python: the package howdah</a></li>
  <li><a href="rust/howdah/index.html">Rust: the crate howdah</a></li>
  <li><a href="rust/howdah_protocol/index.html">Rust: the protocol engine</a></li>
  <li><a href="rust/howdah_types/index.html">Rust: the types</a></li>
</ul>
</html>
"""


def main(folder: Path) -> int:
    """Make the pages; the exit code."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(target_dir() / "doc", folder / "rust", ignore=shutil.ignore_patterns(".lock"))
    command = [sys.executable, "-m", "pdoc", "howdah", "-o", str(folder / "python")]
    code = subprocess.call(command, cwd=ROOT)
    (folder / "index.html").write_text(INDEX)
    if code == 0:
        print(f"written: {folder / 'index.html'}")
    return code


def target_dir() -> Path:
    """Where cargo builds, which the environment and its configuration may have moved."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1"]
    metadata = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
    return Path(metadata["target_directory"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
