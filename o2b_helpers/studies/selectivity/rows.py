"""The tables of emotion-selective filters: by filter, by layer, their overlap, and other thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from o2b_helpers.kernels.selectivity.control_sets import share_as_extreme
from o2b_helpers.kernels.selectivity.selectivity_index import Selectivity
from o2b_helpers.kernels.statistics.bootstrap import interval
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.selectivity.found import Exchanged, Found, Overlap
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers
from o2b_helpers.studies.selectivity.tables import ALL_LAYERS, SETS, TRAINED, UNTRAINED

SHARES = tuple(round(0.1 * step, 1) for step in range(10))
NOTHING = float("nan")


def filter_rows(found: Found, layers: Layers) -> pd.DataFrame:
    """Return filter_selectivity.parquet of a network, without its name."""
    kept, frames = ~found.constant, []
    for number, (name, separation, selected) in enumerate(zip(SETS, found.separations, found.selected(), strict=True)):
        own = Selectivity(separation)
        frame = pd.DataFrame({"image_set": name, "layer": layers.layer, "channel": layers.channel})
        for kind, emotion in enumerate(EMOTIONS):
            frame[f"tuning_{emotion}"] = _spread(found.tuning[number][kind], kept)
        frame["index"] = _spread(own.index, kept)
        preferred = np.full(len(kept), "", dtype=object)
        preferred[kept] = np.array(EMOTIONS, dtype=object)[own.preferred]
        frame["preferred"] = preferred
        frame["selective"] = _spread(np.any(selected.members, axis=0), kept, 0).astype(np.int64)
        frame["emotion_selective"] = found.emotion_selective.any(0).astype(np.int64)
        frames.append(frame.assign(constant=found.constant.astype(np.int64)))
    return pd.concat(frames, ignore_index=True)


def layer_rows(
    found: Found,
    layers: Layers,
    drawn: Mapping[int, Found],
    exchanged: tuple[Exchanged, Exchanged],
    significance: Significance,
) -> pd.DataFrame:
    """Return layer_selectivity.csv of a network and of its twins with drawn weights, without its name."""
    frames = []
    for number, name in enumerate(SETS):
        own = _layers(found, layers, number).assign(image_set=name, network=TRAINED, seed=0)
        index = own["index"].to_numpy()
        samples = found.resampled(number, significance.bootstrap, significance.seed)
        own["index_low"], own["index_high"] = interval(samples, significance.confidence)
        own["exchanged"] = exchanged[number].index.mean(0)
        own["p"] = share_as_extreme(index, exchanged[number].index, "high")
        twins = [twin.mean_index(number) for twin in drawn.values()]
        frames.append(own.assign(**_untrained(index, np.stack(twins))))
    trained = pd.concat(frames, ignore_index=True)
    trained["q"] = benjamini_hochberg(trained["p"].to_numpy(dtype=np.float64))
    others = [
        _layers(twin, layers, number).assign(image_set=name, network=UNTRAINED, seed=seed)
        for seed, twin in drawn.items()
        for number, name in enumerate(SETS)
    ]
    return pd.concat([trained, *others], ignore_index=True)


def overlap_rows(
    found: Found,
    layers: Layers,
    drawn: Mapping[int, Found],
    exchanged: tuple[Exchanged, Exchanged],
    significance: Significance,
) -> pd.DataFrame:
    """Return selective_overlap.csv of a network and of its twins with drawn weights, without its name."""
    own = _overlaps(found.overlaps(), layers, significance.confidence).assign(network=TRAINED, seed=0)
    both, of_second = own["both"].to_numpy(), exchanged[1]
    count, strength = _with_all(of_second.both), _with_all(of_second.strength)
    own["exchanged"] = count.mean(0)
    own["exchanged_low"], own["exchanged_high"] = interval(count, significance.confidence)
    own["p_exchanged"] = share_as_extreme(both, count, "high")
    own["strength"] = _with_all(found.strength[None])[0]
    own["strength_exchanged"] = strength.mean(0)
    own["p_strength"] = share_as_extreme(own["strength"].to_numpy(), strength, "high")
    tables = {seed: _overlaps(twin.overlaps(), layers, significance.confidence) for seed, twin in drawn.items()}
    own = own.assign(**_untrained(both, np.stack([table["both"].to_numpy() for table in tables.values()])))
    whole = (own["layer"] == ALL_LAYERS).to_numpy()
    for p, q in (("p", "q"), ("p_exchanged", "q_exchanged"), ("p_strength", "q_strength")):
        values = own[p].to_numpy(dtype=np.float64)
        corrected = np.empty(len(own))
        for family in (whole, ~whole):
            corrected[family] = benjamini_hochberg(values[family])
        own[q] = corrected
    others = [table.assign(network=UNTRAINED, seed=seed) for seed, table in tables.items()]
    return pd.concat([own, *others], ignore_index=True)


def share_rows(found: Found, layers: Layers, shares: Iterable[float] = SHARES) -> pd.DataFrame:
    """Return selective_shares.csv of a network, without its name: the overlap at rising thresholds."""
    rows = []
    for share in sorted({*shares, found.lowest_share}):
        for layer, of_layer in zip([*layers.names, ALL_LAYERS], found.overlaps(share), strict=True):
            for emotion, overlap in zip(EMOTIONS, of_layer, strict=True):
                chance = overlap.chance
                rows.append((layer, emotion, share, overlap.first, overlap.second, overlap.both, chance.mean,
                             chance.p(overlap.both)))  # fmt: skip
    columns = ["layer", "emotion", "lowest_share", "first", "second", "both", "expected", "p"]
    return pd.DataFrame(rows, columns=columns)


def _layers(found: Found, layers: Layers, number: int) -> pd.DataFrame:
    counts = found.selected()[number].counts(found.layers)
    many = np.array([own.stop - own.start for own in found.layers])
    frame = pd.DataFrame({"layer": layers.names, "filters": many})
    frame["constant"] = np.array(list(layers.filters.values())) - many
    for kind, emotion in enumerate(EMOTIONS):
        frame[emotion] = counts[:, kind]
    frame["index"] = found.mean_index(number)
    return frame.assign(index_low=NOTHING, index_high=NOTHING, exchanged=NOTHING, p=NOTHING, q=NOTHING, **_UNKNOWN)


_UNKNOWN = dict.fromkeys(("untrained", "untrained_low", "untrained_high", "p_untrained"), NOTHING)


def _overlaps(overlaps: list[list[Overlap]], layers: Layers, confidence: float) -> pd.DataFrame:
    rows = []
    for layer, of_layer in zip([*layers.names, ALL_LAYERS], overlaps, strict=True):
        for emotion, own in zip(EMOTIONS, of_layer, strict=True):
            chance = own.chance
            rows.append((layer, emotion, own.filters, own.first, own.second, own.both, chance.mean,
                         *chance.interval(confidence), chance.p(own.both)))  # fmt: skip
    columns = ["layer", "emotion", "filters", "first", "second", "both", "expected", "expected_low", "expected_high"]
    frame = pd.DataFrame(rows, columns=[*columns, "p"])
    exchanged = ("exchanged", "exchanged_low", "exchanged_high", "p_exchanged", "q_exchanged")
    strength = ("strength", "strength_exchanged", "p_strength", "q_strength")
    return frame.assign(**dict.fromkeys(("q", *exchanged, *strength), NOTHING), **_UNKNOWN)


def _with_all(values: np.ndarray) -> np.ndarray:
    """Put the sum over layers behind them, (sample, layer, emotion) -> (sample, row)."""
    return np.concatenate([values, values.sum(1, keepdims=True)], axis=1).reshape(len(values), -1)


def _untrained(value: np.ndarray, twins: np.ndarray) -> dict[str, np.ndarray]:
    """Describe the twins (seed, row) beside the network's own values (row,)."""
    return {
        "untrained": twins.mean(0),
        "untrained_low": twins.min(0),
        "untrained_high": twins.max(0),
        "p_untrained": share_as_extreme(value, twins, "high"),
    }


def _spread(values: np.ndarray, kept: np.ndarray, empty: float = NOTHING) -> np.ndarray:
    """Put the values of kept filters to their places among all filters."""
    result = np.full(len(kept), empty, dtype=np.float64)
    result[kept] = values
    return result
