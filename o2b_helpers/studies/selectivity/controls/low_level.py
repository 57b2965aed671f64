"""How well the emotion of a picture is told from its light, contrast, colour and edges, without any network."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.tables import TEST, TRAIN

PENALTIES = (0.01, 0.1, 1.0, 10.0)


def low_level_rows(features: np.ndarray, emotions: np.ndarray, parts: np.ndarray) -> pd.DataFrame:
    """Learn each emotion against the rest by a linear SVM (scikit-learn), split by split.

    Parameters
    ----------
    features : array (picture, feature)
        See `low_level_features`.
    emotions : array (picture,)
        Number of each picture's emotion, in the order of `EMOTIONS`.
    parts : array (split, picture) of str
        train, validation or test. Training pictures learn with each penalty, validation pictures choose the one with
        the largest AUROC, and both together learn the SVM that the test pictures judge.

    Returns
    -------
    DataFrame
        low_level_emotions.csv of one set, without its name.
    """
    rows = []
    for kind, emotion in enumerate(EMOTIONS):
        labels = (emotions == kind).astype(np.int64)
        for split, of_pictures in enumerate(parts):
            train, test = of_pictures == TRAIN, of_pictures == TEST
            penalty = _chosen(features, labels, train, ~train & ~test)
            svm = _svm(penalty).fit(features[~test], labels[~test])
            said, truth = svm.predict(features[test]), labels[test]
            share = truth.mean()
            rows.append(
                {
                    "emotion": emotion, "split": split, "learned": int((~test).sum()), "tested": int(test.sum()),
                    "penalty": penalty, "auroc": roc_auc_score(truth, svm.decision_function(features[test])),
                    "balanced_accuracy": balanced_accuracy_score(truth, said), "f1": f1_score(truth, said),
                    "f1_always": 2 * share / (1 + share),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _chosen(features: np.ndarray, labels: np.ndarray, train: np.ndarray, validation: np.ndarray) -> float:
    reached = []
    for penalty in PENALTIES:
        svm = _svm(penalty).fit(features[train], labels[train])
        reached.append(roc_auc_score(labels[validation], svm.decision_function(features[validation])))
    return PENALTIES[int(np.argmax(reached))]


def _svm(penalty: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LinearSVC(C=penalty, class_weight="balanced", dual=False, max_iter=5000))
