"""Build the site: build_docs.py FOLDER.

mkdocs makes it of docs/. The Rust API pages are copied into it from where cargo left them, the Python ones are
pdoc's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> int:
    """Make the pages; the exit code."""
    shutil.rmtree(folder, ignore_errors=True)
    site = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder.resolve())]
    code = subprocess.call(site, cwd=ROOT)
    if code != 0:
        return code
    shutil.copytree(target_dir() / "doc", folder / "rust", ignore=shutil.ignore_patterns(".lock"))
    command = [sys.executable, "-m", "pdoc", "howdah", "-o", str(folder / "python")]
    code = subprocess.call(command, cwd=ROOT)
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
