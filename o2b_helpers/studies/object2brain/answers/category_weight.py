"""What a category's weight is made of, in words, as the profile asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.report.provenance import option_values
from o2b_helpers.report.results import Results

OPTION = "analysis.object2brain.category_weight"
CLASSES = "analysis.object2brain.category_classes"
SHORT = {"mean": "mean weight", "sum": "summed weight"}
IN_FULL = {
    ("mean", "chosen"): "the mean of the weights of its classes that stand there",
    ("sum", "chosen"): "the sum of the weights of its classes that stand there",
    ("mean", "all"): "the mean of the weights of all its detected classes, where any of them stands there",
    ("sum", "all"): "the sum of the weights of all its detected classes, where any of them stands there",
}


def short_words(results: Results) -> str:
    """Name the number that a mark shows; just ``weight`` where the results do not say what it is.

    Parameters
    ----------
    results : Results
        Its provenance holds the options.
    """
    return SHORT.get(str(option_values(results.provenance).get(OPTION)), "weight")


def category_weight_sentence(values: Mapping[str, Any]) -> str:
    """Say what a category's weight at either end is; empty where the results do not say it.

    Parameters
    ----------
    values : mapping
        The options of the run, by their dotted names.

    Examples
    --------
    >>> category_weight_sentence({OPTION: "sum", CLASSES: "chosen"})
    'A category’s weight at an end is the sum of the weights of its classes that stand there.'
    >>> category_weight_sentence({})
    ''
    """
    words = IN_FULL.get((str(values.get(OPTION)), str(values.get(CLASSES))))
    return f"A category’s weight at an end is {words}." if words else ""


def with_sentence(results: Results, words: str) -> str:
    """Add that sentence to words about results, by the options in their provenance."""
    return f"{words} {category_weight_sentence(option_values(results.provenance))}".rstrip()
