"""Rho with and without filters, a dot for each run, as a drawing small enough to be sent with every answer."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from o2b_helpers.report.style import number
from o2b_helpers.studies.object2brain.explorer.words import Answer

WIDTH, LEFT, RIGHT, ROW, TOP = 440, 120, 20, 36, 30  # pixels
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # between two marks of the axis
BLUE = "#0072B2"  # stands out from a light and from a dark page


def dots(answers: Sequence[Answer], names: Sequence[str]) -> str:
    """Draw the runs' rho as dots and their mean as a line, an answer in each row; a pointer on a dot shows its value.

    Parameters
    ----------
    answers : sequence of Answer
        The whole model's first.
    names : sequence of str
        Short names of the rows.
    """
    known = np.concatenate([answer.rho[~np.isnan(answer.rho)] for answer in answers])
    if not len(known):
        return "<p>Rho is undefined in every run.</p>"
    low, high = float(known.min()), float(known.max())
    step = next((step for step in STEPS if (high - low) / step <= 5), 0.5)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    bottom = TOP + ROW * len(answers)

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value / step - first) / (last - first)

    parts = ["<text x='0' y='14' font-size='13'>Rho without filters, every run</text>"]
    for mark in range(first, last + 1):
        x = across(mark * step)
        parts.append(
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{TOP}' y2='{bottom}' stroke='currentColor' "
            f"stroke-opacity='{0.15 if mark else 0.6}'/><text x='{x:.1f}' y='{bottom + 14}' text-anchor='middle'>"
            f"{number(mark * step)}</text>"
        )
    for place, (answer, name) in enumerate(zip(answers, names, strict=True)):
        y = TOP + ROW * (place + 0.5)
        parts.append(f"<text x='{LEFT - 12}' y='{y + 4:.0f}' text-anchor='end'>{html.escape(name)}</text>")
        for run, rho in enumerate(answer.rho):
            if not np.isnan(rho):
                said = f"<title>run {run}: rho {number(float(rho), 3)}</title>"
                parts.append(
                    f"<circle cx='{across(rho):.1f}' cy='{y:.1f}' r='5' fill='{BLUE}' "
                    f"fill-opacity='0.6'>{said}</circle>"
                )
        if not np.isnan(answer.rho).any():
            x, said = across(float(answer.rho.mean())), f"<title>mean {number(float(answer.rho.mean()), 3)}</title>"
            parts.append(
                f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y - 12:.1f}' y2='{y + 12:.1f}' stroke='currentColor' "
                f"stroke-width='3'>{said}</line>"
            )
    parts.append(f"<text x='{across((first + last) / 2 * step):.0f}' y='{bottom + 32}' text-anchor='middle'>rho</text>")
    return (
        f"<svg role='img' aria-label='Rho of every run; the table below holds means and spread' width='{WIDTH}' "
        f"height='{bottom + 40}' font-size='11' fill='currentColor' style='display:block'>{''.join(parts)}</svg>"
    )
