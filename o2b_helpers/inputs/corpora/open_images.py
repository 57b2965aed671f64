"""The 601 classes of Open Images V7, put into 34 categories.

Nine categories are the paper's: it gives their sizes and some members (the paper, section 3.2): Clothing 30, Furniture
25, Health 9, Body Parts 13, Human 5, Nature 14, Places 11, Sports 39, Transport 28. Which classes make up those sizes
(but for the members named there) and the other 25 categories are ours. They follow the Open Images hierarchy; a class
that stands in it more than once, or alone, went where a reader would look for it: Snowplow to Transport, Helmet to
Sports, Knife to Kitchenware, Bow and arrow to Weapons, Axe to Tools, lobsters and the like to Sea Animals, Tent to
Building Parts, Skull to Household and Decoration (Body Parts are the paper's 13), Animal and Carnivore to Mammals.

Class names are spelled as Ultralytics spells them; the one name that differs in the Open Images list, Doughnut, is
understood as Donut.

COCO's 80 classes, which detectors with masks usually know, are in the same categories: each went where the Open Images
class of the same thing is (cell phone as Mobile phone, cow as Cattle, potted plant as Houseplant, sports ball as Ball).
They leave 11 of the 34 categories empty. COCO spells in lower case and Open Images does not, so that no name is both.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.reading import read_frame
from o2b_helpers.inputs.corpora.tables import need_columns, refuse_duplicates
from o2b_helpers.inputs.corpora.values import text_column

_SPELLINGS = {"Doughnut": "Donut", "Donut": "Doughnut"}


def categories(path: Path | str | None = None, classes: Iterable[str] | None = None) -> pd.DataFrame:
    """Return the table of classes and categories.

    Parameters
    ----------
    path : Path, optional
        A table of your own with the columns class and category; by default one of those described above.
    classes : iterable of str, optional
        Names that the detector gave. Where all of them are COCO's, and no table of your own is given, the table is
        COCO's; in any other case it is that of Open Images.

    Returns
    -------
    DataFrame
        Columns class, category; 601 rows (COCO: 80) in the order of the detector's classes (of your file, if you gave
        one).

    Raises
    ------
    InputError
        For a table of your own that is missing, lacks a column, has empty cells or a class twice.

    Examples
    --------
    >>> len(categories()), len(categories(classes=["person", "dog"])), len(categories(classes=["Person", "dog"]))
    (601, 80, 601)
    """
    if path is None:
        names = set() if classes is None else set(classes)
        if names:
            coco = _shipped("coco_categories.csv")
            if names <= set(coco["class"]):
                return coco
        return _shipped("open_images_categories.csv")
    source = Path(path).name
    frame = read_frame(path, text=("class", "category"))
    need_columns(frame, ("class", "category"), source)
    frame = frame[["class", "category"]].assign(
        **{column: text_column(frame, column, source) for column in ("class", "category")}
    )
    refuse_duplicates(frame, ["class"], source)
    return frame


def category_of(class_name: str, table: pd.DataFrame | None = None) -> str:
    """Return the category of a class.

    Parameters
    ----------
    class_name : str
        As the detector spells it.
    table : DataFrame, optional
        What `categories` returned; hand it in when asking often.

    Raises
    ------
    InputError
        For an unknown class, with the most similar names.
    """
    table = categories() if table is None else table
    known = dict(zip(table["class"], table["category"], strict=True))
    for name in (class_name, _SPELLINGS.get(class_name)):
        if name in known:
            return known[name]
    by_lower = {name.lower(): name for name in known}
    near = [by_lower[hit] for hit in difflib.get_close_matches(str(class_name).lower(), by_lower, n=3)]
    raise InputError(
        "A class has no category",
        value=repr(class_name),
        expected=f"one of the {len(known)} classes of the category table"
        + (f", perhaps {', '.join(near)}" if near else ""),
        remedy="correct the name, or give a table of your own (columns class, category) that has it",
    )


def _shipped(name: str) -> pd.DataFrame:
    with as_file(files("o2b_helpers.inputs.corpora") / name) as path:
        return read_frame(path, text=("class", "category"))[["class", "category"]]
