"""The figures as text: targets first, then a table for each case, in Markdown that is readable as it is."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cases import CASES, PEAKS, TARGETS
from .chart import Panel, draw
from .measure import Results, figures
from .model import Case, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Verdict", "markdown", "verdicts", "write"]

# What every figure is compared with, as far as it was measured: the floor, and a peer of the same mode.
YARDSTICKS = (("floor", "floor/blocking"), ("psycopg", "psycopg/{mode}"), ("asyncpg", "asyncpg/{mode}"))


@dataclass(frozen=True)
class Verdict:
    """A target, the best of its peers, and the ratio to that one; None where there is no figure."""

    target: Target
    peer: str | None
    ratio: float | None

    @property
    def reached(self) -> bool:
        """Whether the measured ratio is within the limit; a ratio that is not there is not reached."""
        return self.ratio is not None and self.ratio <= self.target.limit

    @property
    def text(self) -> str:
        """The outcome in words."""
        if self.ratio is None:
            return "not measured"
        return "reached" if self.reached else "not reached"


def verdicts(results: Results, cases: Sequence[Case]) -> list[Verdict]:
    """Every target of the cases that were measured."""
    chosen = {case.name for case in cases}
    return [_verdict(results, target) for target in TARGETS if target.case in chosen]


def _verdict(results: Results, target: Target) -> Verdict:
    case = CASES[target.case]
    peer = results.best(case, target.peers)
    return Verdict(target, peer, None if peer is None else results.ratio(case, target.driver, peer))


def markdown(results: Results, cases: Sequence[Case], facts: dict[str, str], *, with_chart: bool) -> str:
    """The whole report."""
    lines = ["# Benchmark", ""]
    lines += [f"* {name}: {value}" for name, value in facts.items()]
    lines += ["", *_explanation()]
    if with_chart:
        lines += ["", "![client CPU per operation](chart.svg)"]
    lines += ["", "## Targets", "", *_targets(results, cases)]
    for case in cases:
        lines += ["", f"## {case.title}", "", *_case(results, case)]
    lines += ["", "## Versions", "", *_table(("driver", "version"), results.versions.items())]
    if results.notes:
        lines += ["", "## Left out", "", *(f"* {note}" for note in results.notes)]
    return "\n".join(lines) + "\n"


def write(results: Results, cases: Sequence[Case], facts: dict[str, str], folder: Path) -> None:
    """Write `latest.md`, `latest.json` and `chart.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text(markdown(results, cases, facts, with_chart=True))
    caption = ", ".join(facts[name] for name in ("date", "machine", "server"))
    (folder / "chart.svg").write_text(draw(_panels(results, cases), caption))
    everything = {"facts": facts, **results.as_json(), "targets": [_verdict_json(v) for v in verdicts(results, cases)]}
    (folder / "latest.json").write_text(json.dumps(everything, indent=1) + "\n")


def _explanation() -> list[str]:
    return [
        "Figures are medians over the rounds; the range is that of the rounds. CPU is `getrusage(RUSAGE_SELF)` of the",
        "client process, user and system time of all its threads. The floor writes and reads the same messages without",
        "decoding them. All connections are over TCP, in autocommit, without TLS, to the same server. The last columns",
        "compare with the floor and with the peer of the same mode: the median of the ratio in each round. `-fresh` is",
        "the same driver in a process that has freed no large block yet: until then glibc maps and unmaps the 256 KiB",
        "that asyncio allocates for each receive. A long-lived program does not pay this; the targets do not count it.",
        "`x limit` compares with the floor and the time that CPython takes to build the same objects together",
        "(`objects`: `marshal.loads` of the result, `pickle.loads` where marshal does not know a type): what is above",
        "1 is the driver's own, or a way of building objects that is slower than marshal's.",
    ]


def _targets(results: Results, cases: Sequence[Case]) -> list[str]:
    rows = []
    for verdict in verdicts(results, cases):
        target = verdict.target
        measured = "-" if verdict.ratio is None else f"{verdict.ratio:.2f}"
        peer = target.peers[0] if len(target.peers) == 1 else f"{verdict.peer}, best of {len(target.peers)}"
        limit = f"{target.limit:.2f} x {peer}"
        rows.append((CASES[target.case].title, target.driver, limit, measured, verdict.text))
    for (name, driver), most in PEAKS.items():
        if (case := CASES[name]) not in cases:
            continue
        peak = results.median(case, driver)
        within = "not measured" if peak is None else "reached" if peak <= most else "not reached"
        measured = "-" if peak is None else f"{peak:,.0f} KiB"
        rows.append((case.title, driver, f"{most:,} KiB", measured, within))
    return _table(("case", "driver", "at most", "measured", ""), rows)


def _case(results: Results, case: Case) -> list[str]:
    memory = case.kind.is_memory
    head = ["driver", "KiB" if memory else "wall us/op" if case.wall else "CPU us/op", "range"]
    head += [] if memory else ["op/s", *(f"x {name}" for name, _ in YARDSTICKS), "x limit"]
    measured = results.rounds.get(case.name, {})
    return _table(head, [_row(results, case, driver) for driver in _fastest_first(results, case, measured)])


def _row(results: Results, case: Case, driver: str) -> list[str]:
    samples = results.rounds[case.name][driver]
    values = figures(case, samples)
    row = [driver, f"{statistics.median(values):.1f}", f"{min(values):.1f} - {max(values):.1f}"]
    if case.kind.is_memory:
        return row
    row.append(f"{statistics.median(s.rate for s in samples):,.0f}")
    mode = driver.partition("/")[2].removesuffix("-fresh")
    for _, yardstick in YARDSTICKS:
        ratio = results.ratio(case, driver, yardstick.format(mode=mode))
        row.append("-" if ratio is None else f"{ratio:.2f}")
    limit = results.limit(case)
    row.append("-" if limit is None else f"{statistics.median(values) / limit:.2f}")
    return row


def _fastest_first(results: Results, case: Case, drivers: Iterable[str]) -> list[str]:
    return sorted(drivers, key=lambda driver: results.median(case, driver) or 0.0)


def _panels(results: Results, cases: Sequence[Case]) -> list[Panel]:
    panels = []
    for case in cases:
        drivers = _fastest_first(results, case, results.rounds.get(case.name, {}))
        unit = "KiB of memory" if case.kind.is_memory else "microseconds of client CPU"
        if case.wall:
            unit = "microseconds"
        bars = [(driver, results.median(case, driver) or 0.0) for driver in drivers]
        if bars:
            panels.append(Panel(f"{case.title} ({unit})", bars))
    return panels


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    target = verdict.target
    return {
        "case": target.case,
        "driver": target.driver,
        "peer": verdict.peer,
        "limit": target.limit,
        "ratio": verdict.ratio,
        "outcome": verdict.text,
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            c.ljust(w) if i == 0 or not _is_number(c) else c.rjust(w)
            for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join(padded) + " |"

    return [line(head), "|" + "|".join("-" * (w + 2) for w in widths) + "|", *map(line, rows)]


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit()
