"""Weights of boxes that are not a class's own: one sham is taken for the class, and the other shams stay its null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from o2b_helpers.studies.common.targets import TargetGroup
from o2b_helpers.studies.object2brain.weights.inference import Evidence, sham_p


def p_of_lent_boxes(evidence: Evidence, groups: Sequence[TargetGroup], number: int) -> np.ndarray:
    """Test a sham, by its number, as if it were the class's own boxes: (class, target), NaN where there is none."""
    shams = evidence.shams
    assert shams is not None  # asked for only where boxes are hidden
    others = replace(shams, prediction=np.delete(shams.prediction, number, axis=0))
    lent = replace(evidence, lesioned=shams.of(number, evidence.base), shams=others)
    return sham_p(lent, groups, lent.weights(groups))
