"""Horizontal bars as SVG, one panel for each case; written here because it is forty lines and no dependency."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Panel", "draw"]

WIDTH, LABELS, FIGURES, MARGIN = 860, 170, 70, 24
BAR, STEP, HEADING = 14, 20, 34
OURS, FLOOR, PEERS, INK, FAINT = "#b4541a", "#7d8590", "#8fb3d9", "#1f2328", "#59636e"


@dataclass(frozen=True)
class Panel:
    """A case: its heading, and a figure for each driver, smallest first."""

    title: str
    bars: Sequence[tuple[str, float]]

    @property
    def height(self) -> int:
        """Pixels from its heading to the next one."""
        return HEADING + STEP * len(self.bars) + MARGIN


def draw(panels: Sequence[Panel], caption: str) -> str:
    """The chart as the text of an SVG file; shorter bars are better."""
    height = 2 * MARGIN + sum(panel.height for panel in panels) + STEP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    top = MARGIN
    for panel in panels:
        parts += _panel(panel, top)
        top += panel.height
    parts.append(_text(MARGIN, top + STEP, f"Shorter is better. {caption}", size=9, colour=FAINT))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, top: int) -> list[str]:
    longest = max(value for _, value in panel.bars) or 1.0
    room = WIDTH - 2 * MARGIN - LABELS - FIGURES
    parts = [_text(MARGIN, top + 14, panel.title, size=14, weight="bold")]
    for i, (driver, value) in enumerate(panel.bars):
        y = top + HEADING + i * STEP
        length = max(1.0, value / longest * room)
        left = MARGIN + LABELS
        weight = "bold" if driver.startswith("howdah/") else "normal"
        parts.append(_text(left - 8, y + 11, driver, anchor="end", weight=weight))
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{_colour(driver)}"/>')
        parts.append(_text(left + length + 6, y + 11, f"{value:.1f}", weight=weight))
    return parts


def _colour(driver: str) -> str:
    return {"howdah": OURS, "floor": FLOOR}.get(driver.partition("/")[0], PEERS)


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal", colour: str = INK
) -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
