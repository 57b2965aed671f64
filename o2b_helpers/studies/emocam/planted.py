"""What the toy world plants: which classes raise which emotions, and how well a statistic finds these pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from o2b_helpers.core.params import Params
from o2b_helpers.kernels.recognition.recognition_scores import aurocs
from o2b_helpers.toyworld.emotions import shipped_emotions
from o2b_helpers.toyworld.truth import truth

STATISTICS = {"presence": "presence alone", "importance": "importance (M')", "conditional": "conditional importance",
              "lift": "lift"}  # fmt: skip


def is_planted(params: Params) -> bool:
    """Say whether the labels are those that the toy world plants."""
    options = params.analysis.emotions
    return params.analysis.corpus.kind == "toyworld" and (options.labels_from, options.column) == ("column", "emotion")


def planted_pairs() -> pd.DataFrame:
    """Return what each class of the toy world adds to each emotion: rows of planted_emotions.csv."""
    emotions, classes = shipped_emotions(), truth().set_index("class")["category"]
    effect = {(emotion, name): size for emotion, name, size in emotions.by_pair}
    pairs = [(emotion, name) for emotion in sorted(emotions.labels) for name in classes.index]
    table = pd.DataFrame(pairs, columns=["emotion", "class"])
    return table.assign(category=table["class"].map(classes), planted=[effect.get(pair, 0.0) for pair in pairs])


def planted_auc(rows: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Return how well each statistic of one network orders planted pairs before the others; undefined values last.

    Parameters
    ----------
    rows : DataFrame
        Rows of emotion_associations.csv.
    truth : DataFrame
        planted_emotions.csv.

    Returns
    -------
    dict of str to float
        Area under the ROC curve by the name of the column; NaN where nothing, or everything, is planted.

    Examples
    --------
    >>> rows = pd.DataFrame({"predicted": ["joy", "fear"], "class": ["Rose", "Rose"], "lift": [0.5, 0.1]})
    >>> rows = rows.assign(presence=[20.0, 20.0], importance=[9.0, 2.0], conditional=[0.4, 0.1])
    >>> truth = pd.DataFrame({"emotion": ["joy", "fear"], "class": ["Rose", "Rose"], "planted": [1.2, 0.0]})
    >>> planted_auc(rows, truth)
    {'presence': 0.5, 'importance': 1.0, 'conditional': 1.0, 'lift': 1.0}
    """
    both = rows.merge(truth.rename(columns={"emotion": "predicted"})[["predicted", "class", "planted"]])
    is_planted = both["planted"].to_numpy() > 0
    if is_planted.all() or not is_planted.any():
        return dict.fromkeys(STATISTICS, float("nan"))
    ranks = rankdata([both[name].fillna(-np.inf) for name in STATISTICS], axis=1)
    return dict(zip(STATISTICS, aurocs(ranks, is_planted).tolist(), strict=True))
