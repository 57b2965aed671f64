"""How many class weights survive in a finished run, and how many when people's answers are shuffled first?

    python benchmarks/shuffled_ratings.py runs/oasis --shuffles 20

Each shuffle exchanges the targets' values between the stimuli of a condition and tests every class weight anew, as
notebook 08 does. Nothing should survive then, but for the share of tables that q allows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.studies.common.beyond_chance import beyond_chance, corrected
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import exchangeable
from o2b_helpers.studies.object2brain.weights.class_weights import Design
from o2b_helpers.studies.object2brain.weights.evidence import Sources, evidence_of
from o2b_helpers.studies.object2brain.weights.inference import tested_weights
from o2b_helpers.studies.registry import load_params


def surviving(params, design: Design, needs: dict[str, Path], estimator: str) -> pd.DataFrame:
    """Return the mean weights over runs with p and q: columns model, layer, class, target, weight, p, q."""
    result = []
    for model in (m for m in params.analysis.models if m.object2brain):
        for layer, classes, evidence in evidence_of(Sources(needs, model), estimator, design.stimuli):
            tested = tested_weights(evidence, design.groups, design.permutations, None, params.analysis.significance)
            index = pd.MultiIndex.from_product([classes, design.described["target"]], names=["class", "target"])
            table = pd.DataFrame(
                {"weight": tested.weight[-1].ravel(), "p": tested.p[-1].ravel(), "q": tested.q[-1].ravel()}, index
            )
            result.append(table.reset_index().assign(model=model.label, layer=layer))
    return pd.concat(result)


def shuffled(targets: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Exchange all values of a stimulus with those of another of its condition."""
    stimuli = targets["stimulus"].drop_duplicates()
    order = permutations_within(exchangeable(targets, stimuli), 1, seed)[0]
    taken = dict(zip(stimuli, stimuli.to_numpy()[order], strict=True))
    return targets.assign(stimulus=targets["stimulus"].map(taken))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="runs/<profile>")
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--estimators", nargs="+", default=["sum", "occlusion"])
    arguments = parser.parse_args()
    params = load_params(arguments.run.name)
    needs = dict.fromkeys(("filter_sensitivity", "filter_lesions", "occlusion"), arguments.run)
    targets = TARGETS.read(arguments.run / "results")
    for estimator in arguments.estimators:
        real = corrected(surviving(params, Design.of(params, targets), needs, estimator))
        kept = real[real["q"] < 0.05].sort_values("weight", key=np.abs, ascending=False)
        print(f"{estimator}: {len(kept)} of {len(real)} weights have q < 0.05 over all of them")
        print(kept.head(30).to_string(index=False))
        counts = []
        for seed in range(arguments.shuffles):
            null = surviving(params, Design.of(params, shuffled(targets, 1000 + seed)), needs, estimator)
            families = null.groupby(["model", "layer", "target"])["q"].min()
            counts.append((beyond_chance(null["p"])[0], (families < 0.05).sum(), len(families)))
        weights, tables, of = np.array(counts).sum(0)
        print(
            json.dumps(
                {
                    "estimator": estimator,
                    "shuffles": arguments.shuffles,
                    "weights_per_shuffle": len(real),
                    "surviving_weights_per_shuffle": weights / arguments.shuffles,
                    "share_of_layer_and_target_tables_with_any": tables / of,
                    "shuffles_with_any": int(sum(count[1] > 0 for count in counts)),
                }
            )
        )


if __name__ == "__main__":
    main()
