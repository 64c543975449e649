"""What mkdocs has to be told of our pages: fences it cannot read, files outside of docs/, pages without a place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Give the pages of the manual that the navigation does not name a place in it."""
    manual = next(part["Manual"] for part in config.nav if "Manual" in part)
    pages = sorted(f"manual/{p.name}" for p in (Path(config.docs_dir) / "manual").glob("*.md"))
    manual += [p for p in pages if p not in manual]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page as mkdocs reads it."""
    up = "../" * (page.file.src_uri.count("/") + 1)
    markdown = re.sub(rf"\[([^\]]*)\]\({re.escape(up)}[^)]*\)", r"\1", markdown)
    markdown = re.sub(r"^( +)```\w*\n(.*?)^\1```$", _indented, markdown, flags=re.DOTALL | re.MULTILINE)
    # What stands behind the language is for the tests.
    markdown = re.sub(r"^```(\w+)[ ,].*$", r"```\1", markdown, flags=re.MULTILINE)
    return re.sub(r"^```no_run$", "```rust", markdown, flags=re.MULTILINE)


def _indented(fence: re.Match[str]) -> str:
    """Code in a point of a list, which cannot be fenced."""
    lines = fence[2].splitlines()
    return "\n" + "\n".join(" " * 6 + line for line in lines) + "\n"
