"""The one check of every column that holds names, and of every column that holds measured values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.facts import counted
from o2b_helpers.inputs.corpora.names import normal_name, normal_names
from o2b_helpers.inputs.corpora.number_texts import number_of
from o2b_helpers.inputs.corpora.tables import name_some, row_labels, row_numbers

Code = float | str

# what people write where nothing was measured; common in SPSS and in surveys
_REPEATED = (77, 88, 97, 98, 99, 777, 888, 997, 998, 999, 7777, 8888, 9997, 9998, 9999, 99999)
USUAL_CODES = [-8.0, -9.0, 9.0, *(float(sign * code) for code in _REPEATED for sign in (-1, 1))]
_FAR = 4.0  # quartile ranges beyond the quartiles: about 6 standard deviations of a normal distribution
_EMPTY = "empty"  # what messages show for a cell without content
_FEW = 3  # with fewer values, nothing can be called far from them
SHEET_ERRORS = {
    "#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#NV", "#WERT!", "#BEZUG!",
}  # fmt: skip


def number_column(
    frame: pd.DataFrame,
    column: str,
    source: object,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    missing: Sequence[Code] = (),
    option: str | None = None,
) -> pd.Series:
    """Return a column as finite float64 numbers from `low` to `high`, both included, NaN where a code says missing.

    Parameters
    ----------
    frame : DataFrame
        The table; messages name its rows as `row_labels` does.
    column : str
        Which column.
    source : object
        How messages name the table.
    low, high : float
        The range of the values.
    missing : sequence of float or str
        Codes that stand for a value that was not measured, e.g. ``[-99, "n/a"]``; ``""`` stands for an empty cell.
    option : str, optional
        The option that states such codes, for messages.

    Raises
    ------
    InputError
        Naming the rows (1 = first below the header) that are empty, not numbers, infinite or out of range.

    Examples
    --------
    >>> number_column(pd.DataFrame({"value": ["1.5", "n/a"]}), "value", "t.csv", missing=["n/a"]).tolist()
    [1.5, nan]
    """
    numbers = _numbers(frame[column])
    stated = _stated_as_missing(frame[column], numbers, missing)
    wrong = ~stated & ~(np.isfinite(numbers) & (numbers >= low) & (numbers <= high))
    if wrong.any():
        places = np.flatnonzero(wrong)
        limits = "" if np.isinf(low) and np.isinf(high) else f" from {low:g} to {high:g}"
        raise InputError(
            f"{source} holds {len(places)} value{'s' if len(places) > 1 else ''} of {column} that cannot be used",
            value=name_some([f"{label}: {cell}" for label, cell in _cells(frame, column, places)]),
            expected=f"finite numbers{limits}, with a decimal point",
            remedy=_remedy(numbers[places], [cell for _, cell in _cells(frame, column, places)], option),
        )
    return pd.Series(np.where(stated, np.nan, numbers), index=frame.index, name=column)


def missing_values(numbers: pd.Series, source: object, what: str) -> list[str]:
    """Say how many values a code stands for; nothing where all were measured.

    Examples
    --------
    >>> missing_values(pd.Series([1.0, float("nan")]), "targets.csv", "value")
    ['targets.csv: 1 value is missing, as a code says, and is left out.']
    """
    count = int(numbers.isna().sum())
    if not count:
        return []
    verb = "is" if count == 1 else "are"
    return [f"{source}: {counted(count, what)} {verb} missing, as a code says, and {verb} left out."]


def far_values(numbers: pd.Series, source: object, *, missing_option: str, range_option: str) -> list[str]:
    """Look at values whose range nobody stated: refuse what looks like a code, and name what lies far from the rest.

    Parameters
    ----------
    numbers : Series
        The values; NaN where they are missing. Messages name its rows as `row_labels` does.
    source : object
        How messages name the table.
    missing_option, range_option : str
        The options that state codes and the range.

    Returns
    -------
    list of str
        A sentence, if values lie far from the others.

    Raises
    ------
    InputError
        Where a usual code for a missing value, such as -99, lies apart from all other values.

    Examples
    --------
    >>> names = {"missing_option": "missing", "range_option": "range"}
    >>> far_values(pd.Series([1.0, 2.5, 3.0, 4.5, 60.0]), "t.csv", **names)[0].split(";")[0]
    "t.csv: 1 value lies far from the others, which run from 1 to 4.5: 'row 5: 60'"
    """
    filled = numbers[np.isfinite(numbers)]
    coded = filled.isin(USUAL_CODES).to_numpy()
    values, others = filled.to_numpy(), filled.to_numpy()[~coded]
    if len(others) < _FEW:
        return []
    apart = coded & (_outside(values, others) | _apart(values, others))
    if apart.any():
        codes = sorted(set(values[apart]))
        raise InputError(
            f"{source} holds values that look like codes for a missing value",
            value=_named(filled, apart),
            expected=f"values like the others, which run from {others.min():g} to {others.max():g}",
            remedy="if nothing was measured there, state "
            f"{missing_option}: [{', '.join(f'{code:g}' for code in codes)}]; "
            f"if these are values, state {range_option}: [lowest, highest]",
        )
    far = _outside(values, values)
    if not far.any():
        return []
    rest = values[~far]
    return [
        f"{source}: {counted(int(far.sum()), 'value')} {'lies' if far.sum() == 1 else 'lie'} far from the others, "
        f"which run from {rest.min():g} to {rest.max():g}: {_named(filled, far)}; correct them, or state "
        f"{range_option} if they are right."
    ]


def text_column(frame: pd.DataFrame, column: str, source: object) -> pd.Series:
    """Return a column of names in normal form, without empty cells.

    Raises
    ------
    InputError
        Naming the rows that are empty, or hold an error of a spreadsheet such as ``#N/A``.
    """
    missing = frame[column].isna().to_numpy()
    texts = frame[column].astype("str").fillna("").to_numpy(dtype=object)
    values = pd.Series(normal_names(texts), index=frame.index, name=column, dtype="str")
    empty = missing | (values == "").to_numpy()
    rows = row_numbers(frame)
    if empty.any():
        raise InputError(
            f"{source} holds {int(empty.sum())} empty cell(s) in the column {column}",
            value="rows " + name_some([rows[place] for place in np.flatnonzero(empty)]),
            expected="a name in every row",
            remedy="fill in the names or remove the rows",
        )
    errors = np.flatnonzero(values.isin(SHEET_ERRORS))
    if len(errors):
        raise InputError(
            f"{source} holds {len(errors)} error(s) of a spreadsheet in the column {column}",
            value=name_some([f"row {rows[place]}: {values.iloc[place]}" for place in errors]),
            expected="a name in every row",
            remedy="mend the formulas of these cells or remove the rows",
        )
    return values


def _numbers(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return np.full(len(values), np.nan)
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: object) -> float:
    if isinstance(value, str):
        return number_of(value.strip())
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _stated_as_missing(values: pd.Series, numbers: np.ndarray, missing: Sequence[Code]) -> np.ndarray:
    stated = np.zeros(len(values), dtype=bool)
    if not missing:
        return stated
    empty = values.isna()
    texts = pd.Series(["" if blank else normal_name(str(v)).casefold() for v, blank in zip(values, empty, strict=True)])
    for code in missing:
        text = normal_name(str(code)).casefold()
        number = number_of(text)
        stated |= (numbers == number) if math.isfinite(number) else (texts == text).to_numpy()
    return stated


def _remedy(numbers: np.ndarray, cells: Sequence[str], option: str | None) -> str:
    remedy = (
        "correct these rows (row 1 is the first below the header), or take them out if the value was never measured"
    )
    if option is None:
        return remedy
    codes = [f"{number:g}" for number in dict.fromkeys(numbers[np.isin(numbers, USUAL_CODES)])]
    codes += [repr("" if cell == _EMPTY else cell) for cell in dict.fromkeys(cells) if not any(map(str.isdigit, cell))]
    if not codes:
        return remedy
    return f"{remedy}; for a value that is missing, state {option}: [{', '.join(codes[:3])}]"


def _cells(frame: pd.DataFrame, column: str, places: np.ndarray) -> list[tuple[str, str]]:
    labels = row_labels(frame)
    shown = ["" if pd.isna(value) else str(value).strip() for value in frame[column].iloc[places]]
    return [(labels[place], cell or _EMPTY) for place, cell in zip(places, shown, strict=True)]


def _named(values: pd.Series, chosen: np.ndarray) -> str:
    labels = row_labels(values)
    return name_some([f"{labels[place]}: {values.iloc[place]:g}" for place in np.flatnonzero(chosen)])


def _outside(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Say which values lie far outside of the middle half of the others."""
    first, third = np.quantile(others, [0.25, 0.75])
    reach = _FAR * (third - first)
    return np.zeros(len(values), dtype=bool) if reach == 0 else (values < first - reach) | (values > third + reach)


def _apart(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Say which values lie beyond all others by more than half of the range that these have."""
    lowest, highest = others.min(), others.max()
    reach = (highest - lowest) / 2
    return (values < lowest - reach) | (values > highest + reach)
