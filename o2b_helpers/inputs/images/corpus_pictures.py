"""The pictures of a corpus beside the profile's own: looked at once, with what is left out."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.images.image_check import check_images, left_out_warnings, with_checked
from o2b_helpers.inputs.images.picture_digests import refuse_changes


def corpus_pictures(
    store: Store,
    corpus: Corpus,
    what: str,
    option: str,
    *,
    max_pixels: int,
    min_images: int,
    memory_gib: float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Check all pictures of a corpus.

    Parameters
    ----------
    store : Store
        Remembers the digests of files.
    corpus : Corpus
        Table and folder.
    what, option : str
        How messages call the corpus, and where it stands in the profile.
    max_pixels, min_images, memory_gib : int, int, float
        As the options of a corpus, and of the execution, have them.

    Returns
    -------
    DataFrame
        image, valence, width, height, sha256, pixels, look of the pictures that can be used.
    list of str
        A sentence for what is left out.

    Raises
    ------
    InputError
        Too few pictures can be read.
    """
    check = check_images(corpus.folder, corpus.table["image"].tolist(), max_pixels, memory_gib=memory_gib)
    refuse_changes(store, corpus.folder, check)
    if len(check.found) < min_images:
        raise InputError(
            "too few images can be read",
            value=f"{len(check.found)} of the {what} ({check.summary().splitlines()[-1].strip()})",
            expected=f"at least {min_images}",
            remedy=f"check {option}.folder, or lower {option}.min_images",
        )
    return with_checked(corpus.ratings, check), left_out_warnings(check.problems.assign(role=what))
