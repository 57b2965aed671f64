"""Networks whose weights are drawn from seeds, with heads trained as usual: what a random network would reach."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment.head_training import FULL, heads_shard
from o2b_helpers.studies.common.options import Model

UNTRAINED = "untrained"
RUNS = 1  # ours: seeds differ more than the runs of a seed do, and every one costs a pass over the corpus


def controlled_models(params: Params) -> list[Model]:
    """Return a model with drawn weights for every architecture of the profile that has trained ones."""
    trained = [model for model in params.analysis.models if model.weights != UNTRAINED]
    first = {model.architecture: model for model in reversed(trained)}
    return [
        Model(
            architecture=model.architecture, definition=model.definition, weights=UNTRAINED, layers=model.layers,
            heads=model.heads, layer_models=False, object2brain=False,
        )
        for model in reversed(first.values())
    ]  # fmt: skip


def seeds(params: Params) -> list[int]:
    """Return the seeds of the drawn weights: those after ``analysis.seed``, which a profile's own control may use."""
    start = params.analysis.seed + 1
    return list(range(start, start + params.analysis.controls.untrained_seeds))


def with_seed(params: Params, seed: int) -> Params:
    """Return the profile that draws weights from a seed, and trains one head on a split of its own."""
    analysis = params.analysis
    heads = analysis.heads.model_copy(update={"runs": RUNS, "seed": analysis.heads.seed + seed})
    changed = {"seed": seed, "heads": heads, "models": controlled_models(params)}
    return params.model_copy(update={"analysis": analysis.model_copy(update=changed)})


def untrained_shards(
    params: Params, store: Store, corpus: pd.DataFrame, training: pd.DataFrame, stimuli: pd.DataFrame
) -> list[tuple[str, int, Shard]]:
    """Return the architecture, the seed and the work of every network with drawn weights."""
    return [
        (
            model.architecture,
            seed,
            heads_shard(with_seed(params, seed), store, model, FULL, corpus, training, stimuli),
        )
        for model in controlled_models(params)
        for seed in seeds(params)
    ]
