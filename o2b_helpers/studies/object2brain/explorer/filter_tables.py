"""What the explorer shows of filters and classes, as tables: no widgets, no figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.report.results import Results

SHUFFLES, SEED = 1000, 0


class FilterTables:
    """One model's filters: scores and lesion effects, read once.

    Parameters
    ----------
    results : Results
        Needs filter_scores_<model>.nc, lesion_effects_<model>.nc and object_weights.csv.
    model : str
        A name of column ``architecture`` in object_weights.csv.
    """

    def __init__(self, results: Results, model: str) -> None:
        self.model = model
        scores, lesions = results.filter_scores(model), results.lesion_effects(model)
        self.layer = np.array([str(name) for name in scores["layer"].values])
        self.channel = scores["channel"].values.astype(int)
        self.classes = [str(name) for name in scores["class"].values]
        self.targets = [str(name) for name in lesions["target"].values]
        self.delta = lesions["delta"].transpose("run", "filter", "target").values
        self.rho = lesions["rho"].transpose("run", "target").values
        self.boxes = scores["box_count"].values
        count = np.where(self.boxes > 0, self.boxes, np.nan)
        self.score = scores["score_sum"].transpose("run", "filter", "class").values / count
        self._results = results
        weights = results.object_weights
        self.weights = weights[weights["architecture"] == model]

    @property
    def layers(self) -> list[str]:
        """Target layers in the order of the filters."""
        return list(dict.fromkeys(self.layer.tolist()))

    def ranked_filters(self, layer: str, target: str) -> pd.DataFrame:
        """Rank a layer's filters by their mean lesion effect on a target, largest first.

        Returns
        -------
        pandas.DataFrame
            Columns filter (position on the long filter axis), channel, delta (mean over runs), sd.
        """
        here = np.flatnonzero(self.layer == layer)
        effect = self.delta[:, here, self.targets.index(target)]
        table = pd.DataFrame(
            {"filter": here, "channel": self.channel[here], "delta": effect.mean(axis=0), "sd": _sd(effect)}
        )
        return table.sort_values("delta", ascending=False, kind="stable", ignore_index=True)

    def chance_level(self, layer: str, target: str) -> float | None:
        """Find how large the largest lesion effect of a layer is by chance (ours).

        The target's values are shuffled among its stimuli; each time the filters' effects (means over runs) are worked
        out again, and the largest of them, without its sign, is kept.

        Returns
        -------
        float or None
            What the largest effect exceeds in 5 of 100 shuffles; None where the results do not hold the predictions
            without each filter, or no filter's effect is defined.
        """
        predictions = self._results.lesion_predictions(self.model)
        if predictions is None:
            return None
        values = self._results.targets
        values = values[(values["target"] == target) & values["value"].notna()].set_index("stimulus")["value"]
        stimuli = [str(name) for name in predictions["stimulus"].values]
        places = np.array([place for place, name in enumerate(stimuli) if name in values.index])
        here = self.layer == layer
        base = predictions["base"].transpose("run", "stimulus").values[:, places]
        without = predictions["prediction"].transpose("run", "filter", "stimulus").values[:, here][:, :, places]
        forms = (unit_ranks(base)[:, None] - unit_ranks(without)).mean(axis=0)
        forms = forms[~np.isnan(forms).any(axis=1)]
        if not len(forms):
            return None
        series = values[[stimuli[place] for place in places]].to_numpy(dtype=np.float64)
        shuffles = permutations_within(np.zeros(len(places)), SHUFFLES, SEED)
        null = LinearStatistics(forms, series[None], np.arange(len(places))).permuted(shuffles)[0]
        return float(np.quantile(np.abs(null).max(axis=1), 0.95))

    def class_profile(self, position: int) -> pd.DataFrame:
        """Compare a filter's mean box score of every detected class with the mean of its layer.

        Returns
        -------
        pandas.DataFrame
            Columns class, boxes, score, layer_mean, difference; most different first.
        """
        layer = self.layer == self.layer[position]
        table = pd.DataFrame(
            {
                "class": self.classes,
                "boxes": self.boxes,
                "score": self.score[:, position].mean(axis=0),
                "layer_mean": self.score[:, layer].mean(axis=(0, 1)),
            }
        )
        table = table[table["boxes"] > 0].assign(difference=lambda part: part["score"] - part["layer_mean"])
        return table.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)

    def class_weights(self, layer: str, target: str) -> pd.DataFrame:
        """Average the class weights of a layer and target over runs, highest first: class, category, mean, sd."""
        here = self.weights[(self.weights["layer"] == layer) & (self.weights["target"] == target)]
        grouped = here.groupby(["class", "category"], sort=False)["weight"]
        table = grouped.agg(mean="mean", sd="std").reset_index()
        return table.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def _sd(values: np.ndarray) -> np.ndarray:
    """Compute the standard deviation over runs; NaN where there is only one."""
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
