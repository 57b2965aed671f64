"""Example filters: for some layers and each emotion one that is selective in both sets, and what it responds to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.kernels.selectivity.selectivity_index import Selectivity
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers
from o2b_helpers.studies.selectivity.tables import SETS

COLUMNS = ["layer", "emotion", "channel", "image_set", "rank", "image", "response", "scaled_valence"]


def example_layers(names: list[str]) -> list[str]:
    """Return an early layer, one in the middle and the last one, as the paper's figure 2 shows.

    Examples
    --------
    >>> example_layers(["a", "b", "c", "d", "e"]), example_layers(["a"])
    (['a', 'c', 'e'], ['a'])
    """
    return list(dict.fromkeys([names[0], names[len(names) // 2], names[-1]]))


def example_rows(found: Found, layers: Layers, sets: ImageSets, strongest: int) -> pd.DataFrame:
    """Return example_filters.csv of a network, without its name.

    Of the filters of a layer that are selective for an emotion in both sets, the one is shown whose smaller index of
    the two sets is the largest.
    """
    index = np.full(len(found.constant), -np.inf)
    index[~found.constant] = np.minimum(*(Selectivity(own).index for own in found.separations))
    frames = [pd.DataFrame(columns=COLUMNS)]
    for layer in example_layers(layers.names):
        for kind, emotion in enumerate(EMOTIONS):
            candidates = np.flatnonzero(found.emotion_selective[kind] & (layers.layer == layer))
            if not len(candidates):
                continue
            chosen = candidates[index[candidates].argmax()]
            for name, table, seen in zip(SETS, sets.both, found.responses, strict=True):
                order = np.argsort(-seen[:, chosen], kind="stable")[:strongest]
                rows = table.iloc[order]
                frames.append(
                    pd.DataFrame(
                        {
                            "layer": layer, "emotion": emotion, "channel": layers.channel[chosen], "image_set": name,
                            "rank": np.arange(1, len(rows) + 1), "image": rows["image"].to_numpy(),
                            "response": seen[order, chosen], "scaled_valence": rows["scaled_valence"].to_numpy(),
                        }
                    )
                )  # fmt: skip
    return pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
