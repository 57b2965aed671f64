"""Pick which models and layers a figure or a table shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from o2b_helpers.core.errors import InputError

FULL = "full"
P_SIGNIFICANT = 0.05


class NothingToShow(InputError):
    """The results are whole, and hold nothing of what is asked for: no such model, or no number that is defined."""


def named(table: pd.DataFrame, alignment: pd.DataFrame) -> pd.DataFrame:
    """Make the names in column ``architecture`` unique: weights are added where a name stands for several models.

    Which names do is read from `alignment` (alignment.csv holds every model), so that tables agree.
    """
    pairs = alignment[["architecture", "weights"]].drop_duplicates()
    repeated = set(pairs.loc[pairs["architecture"].duplicated(), "architecture"])
    both = table["architecture"] + " (" + table["weights"] + ")"
    return table.assign(architecture=table["architecture"].where(~table["architecture"].isin(repeated), both))


def models(table: pd.DataFrame) -> list[str]:
    """List the models (column ``architecture``) in the order of the results."""
    return list(dict.fromkeys(table["architecture"]))


def chosen_models(table: pd.DataFrame, wanted: Sequence[str] | None, most: int, what: str) -> list[str]:
    """List the models a figure draws: those wanted, or the first `most` of the table.

    Raises
    ------
    NothingToShow
        When the table holds no model at all.
    InputError
        When it lacks a wanted one.
    """
    known = models(table)
    if not known:
        raise NothingToShow(
            f"There are no {what} to draw",
            expected=f"{what} of at least one model in the results",
            remedy="ask for them in the profile (analysis.models); where they are asked for, none is defined, because "
            "predictions are the same for every stimulus or no object lies inside what the network sees",
        )
    unknown = [name for name in wanted or [] if name not in known]
    if unknown:
        raise InputError(
            f"There are no {what} to draw for a model",
            value=", ".join(unknown),
            expected=f"one of {', '.join(known)}",
            remedy="choose a model of the results",
        )
    return list(wanted or known[:most])


def shown_or_reason(make: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Make what a notebook shows, or say in a sentence why there is nothing to show; any other error is one.

    Examples
    --------
    >>> shown_or_reason(chosen_models, pd.DataFrame({"architecture": ["toynet"]}), None, 4, "layer models")
    ['toynet']
    >>> shown_or_reason(chosen_models, pd.DataFrame({"architecture": []}), None, 4, "layer models")[:38]
    'There are no layer models to draw. Ask'
    """
    try:
        return make(*arguments, **options)
    except NothingToShow as error:
        return f"{error.problem}. {error.remedy[:1].upper()}{error.remedy[1:]}."


def models_left_out(table: pd.DataFrame, shown: Sequence[str]) -> str:
    """Say, for a figure's subtitle, how many models of the table are drawn; nothing where all are."""
    count = len(models(table))
    return "" if len(shown) == count else f"<br>Drawn: {len(shown)} of {count} models; the files hold all."


def layers(table: pd.DataFrame, model: str) -> list[str]:
    """List the layers of one model from input to output, as the results list them, without ``full``."""
    names = dict.fromkeys(table.loc[table["architecture"] == model, "layer"])
    return [layer for layer in names if layer != FULL] or list(names)  # a class hidden in the picture has no layer


def last_layer(table: pd.DataFrame, model: str) -> str:
    """Name the target layer of a model that is nearest to its output."""
    return layers(table, model)[-1]
