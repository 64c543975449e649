"""What mkdocs has to be told of our pages: fences it cannot read, and files outside of docs/."""

from __future__ import annotations

import re
from typing import Any


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
