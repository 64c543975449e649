"""What the demo prints, and the count of what held and what did not."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

WIDTH = 100


class Report:
    """Sections, parts, and one PASS or FAIL line for each promise."""

    def __init__(self) -> None:
        self.passed = 0
        self.failures: list[str] = []
        self._where = ""

    def section(self, title: str) -> None:
        """Begin a section of the page."""
        print(f"\n{title}\n{'=' * len(title)}", flush=True)
        self._where = title

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """Begin a part of a section; what escapes from it is a failure."""
        print(f"\n-- {title}", flush=True)
        try:
            yield
        except Exception as ex:
            print(textwrap.indent(traceback.format_exc(), "     ! "), end="")
            self.check(f"{title}: ends without {type(ex).__name__}", False)

    def say(self, text: str) -> None:
        """Explain, in a sentence."""
        print(textwrap.fill(text, WIDTH, initial_indent="   ", subsequent_indent="   "), flush=True)

    def code(self, text: str) -> None:
        """Show what the program does."""
        print(textwrap.indent(textwrap.dedent(text).strip("\n"), "     > "), flush=True)

    def got(self, *values: object) -> None:
        """Show what came back."""
        for line in " ".join(str(v) for v in values).splitlines() or [""]:
            print(f"     < {line}", flush=True)

    def check(self, promise: str, held: bool, found: object = "") -> bool:
        """Print and count whether a promise of the page held; `found` is shown when it did not."""
        if held:
            self.passed += 1
            print(f"   PASS  {promise}", flush=True)
        else:
            self.failures.append(f"{self._where}: {promise}")
            print(f"   FAIL  {promise}{f' -- found {found!r}' if found != '' else ''}", flush=True)
        return held

    def equal(self, promise: str, found: object, expected: object) -> bool:
        """Check that what was found is what the page promises."""
        return self.check(promise, found == expected, found)

    def conclude(self) -> int:
        """Print the sum; the exit code."""
        print(f"\n{self.passed} promises held, {len(self.failures)} did not.", flush=True)
        for failure in self.failures:
            print(f"   FAIL  {failure}", flush=True)
        return 1 if self.failures or not self.passed else 0
