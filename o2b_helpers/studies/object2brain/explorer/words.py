"""What the explorer says in words, tables and pictures, as HTML; every name in it is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from o2b_helpers.report.pictures.laid_over import Outline, laid_over, outlined
from o2b_helpers.report.pictures.markup import LONGEST, paragraph, text
from o2b_helpers.report.style import number, significant_figures

if TYPE_CHECKING:
    from o2b_helpers.studies.object2brain.explorer.filter_pictures import FilterPicture

SIDE = 200  # pixels of a picture on the page
MOST_BOXES = 6  # drawn in a picture


@dataclass(frozen=True)
class Answer:
    """Rho of a model with some filters left out.

    Attributes
    ----------
    name : str
        What was left out, in words.
    rho : array (run,)
        NaN where a run's predictions are all the same.
    n : int
        Stimuli.
    """

    name: str
    rho: np.ndarray
    n: int


def whole_model(target: str, rho: np.ndarray, filters: int, chance: float | None) -> str:
    """Say how the whole model stands to a target, how to read effects, and how much of them chance gives."""
    spread = number(rho.std(ddof=1)) if len(rho) > 1 else "undefined"
    parts = [
        f"<p style='line-height:1.4;margin:4px 0;max-width:58rem'>Whole model on {text(target)}: rho "
        f"{number(rho.mean())}, sd {spread} over {len(rho)} runs. "
        "A filter’s lesion effect is rho of the whole model minus rho without the filter: above zero, the filter "
        "supports the agreement. <b>Mind:</b> of many filters, the largest effect is large by chance. "
    ]
    if chance is None:
        parts.append("How large, these results do not say: they lack the predictions without each filter.</p>")
    else:
        parts.append(
            f"With the target’s values shuffled among its stimuli 1000 times, the largest of these {filters} effects "
            f"exceeded {significant_figures(chance)} in 5 of 100 shuffles (dashed lines): a bar that stays between "
            "the lines is no more than chance gives. The bars’ whiskers are the sd over runs; they do not hold this "
            "chance.</p>"
        )
    return "".join(parts)


def through_filters(name: str, target: str, layer: str, filters: Sequence[tuple[int, float]], weight: float) -> str:
    """Say through which filters of a layer a class supports, or works against, a target."""
    named = ", ".join(f"{channel} ({significant_figures(share)})" for channel, share in filters)
    return (
        f"<p style='line-height:1.4;margin:4px 0;max-width:58rem'>Hiding {text(name)} in the stimuli takes "
        f"{significant_figures(weight)} of rho with {text(target)} away (<code>mediation</code>, soft ranks). In "
        f"{text(layer)} it passes most through filters {named}; the shares of all filters add up to the whole.</p>"
    )


def answers_table(answers: Sequence[Answer], single_sum: float | None, milliseconds: float, count: int) -> str:
    """Show rho with and without filters as a table; the first is the whole model's, `count` tells it from the last."""
    base = answers[0].rho
    cell = "padding:2px 12px 2px 0;text-align:"
    head = "".join(
        f"<th style='{cell}{'left' if place == 0 else 'right'}'>{name}</th>"
        for place, name in enumerate(("model", "rho (mean)", "sd over runs", "change", "n stimuli"))
    )
    rows = []
    for answer in answers:
        known = answer.rho[~np.isnan(answer.rho)]
        spread = number(known.std(ddof=1), 3) if len(known) > 1 else "undefined"
        change = "" if answer is answers[0] else _signed(float((answer.rho - base).mean()))
        mean = number(float(answer.rho.mean()), 3)
        cells = "".join(f"<td style='{cell}right'>{value}</td>" for value in (mean, spread, change, answer.n))
        rows.append(f"<tr><td style='{cell}left'>{text(answer.name, 300)}</td>{cells}</tr>")
    notes = []
    if any(np.isnan(answer.rho).any() for answer in answers):
        notes.append("Undefined: what is left predicts the same for every stimulus in at least one run.")
    if single_sum is not None and not np.isnan(single_sum):
        notes.append(
            f"One by one, the set’s filters change rho by {_signed(-single_sum)} in all; together they do what the "
            "table says. The two differ where filters stand in for each other."
        )
    small = (
        f"<div class='o2b-answered' data-count='{count}' style='font-size:11px;color:var(--jp-ui-font-color2,#57606a)'>"
        f"answered in {milliseconds:.0f} ms</div>"
    )
    return (
        f"<div style='line-height:1.35'><table style='border-collapse:collapse'><tr>{head}</tr>{''.join(rows)}</table>"
        f"{''.join(map(paragraph, notes))}{small}</div>"
    )


def pictures_row(pictures: Sequence[FilterPicture], channel: int, candidates: int, corpus: int) -> str:
    """Show the pictures with a filter's strongest response: map, boxes and their scores."""
    among = f"all {corpus}" if candidates == corpus else f"{candidates} of the {corpus}, drawn by chance,"
    if not pictures:
        return paragraph(f"Filter {channel} does not respond to any of the pictures ({among} of the corpus).")
    said = (
        f"The strongest responses of filter {channel} among {among} pictures of the corpus (strength: mean of its "
        "feature map; ours). The redder, the stronger the map there, each scaled to its own range. A detected box has "
        "the score of the map inside it (0 to 1) and, as counted, what it adds to the filter’s class profile: the mean "
        "over runs, with 0 for runs in which the filter speaks against the output on that picture."
    )
    shown = "".join(_picture(picture, channel) for picture in pictures)
    return f"{paragraph(said)}<div style='display:flex;flex-wrap:wrap;gap:14px'>{shown}</div>"


def _picture(picture: FilterPicture, channel: int) -> str:
    height, width = picture.pixels.shape[:2]
    boxes, listed = [], []
    for place, box in enumerate(picture.boxes.head(MOST_BOXES).itertuples(), start=1):
        boxes.append(Outline((box.x0, box.y0, box.x1, box.y1), str(place)))
        name = box[picture.boxes.columns.get_loc("class") + 1]
        listed.append(f"<div>{place}&ensp;{text(name, 20)} {number(box.map_score)}, counted {number(box.score)}</div>")
    if len(picture.boxes) > MOST_BOXES:
        listed.append(f"<div>and {len(picture.boxes) - MOST_BOXES} more with lower scores</div>")
    if picture.boxes.empty:
        listed.append("<div>no object was detected</div>")
    spoken = f"Where filter {channel} responds in picture {' '.join(picture.image.split())[:LONGEST]}"
    shown = outlined(laid_over(picture.pixels, picture.cam, SIDE), (width, height), SIDE, boxes, spoken)
    return (
        f"<figure style='margin:0;width:{SIDE}px;line-height:1.35'>{shown}"
        f"<figcaption style='font-size:11px;overflow-wrap:anywhere'>{text(picture.image, 40)}"
        f"<div>strength {significant_figures(picture.response)}; counts in {picture.positive_runs} of {picture.runs} "
        "runs</div>"
        f"{''.join(listed)}</figcaption></figure>"
    )


def _signed(value: float) -> str:
    return number(value, 3) if np.isnan(value) or value < 0 else f"+{number(value, 3)}"
