"""Full models by their own rules and by those of the layer models: which result uses which, and how each is trained."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from small_run import STEPS, step_folder
from study_fixture import write_study

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.models.heads.training import HeadSettings, predict, stratified_splits, train_heads
from o2b_helpers.studies.alignment import inputs, valence_models
from o2b_helpers.studies.alignment.head_training import heads_part
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.registry import load_params

MODELS = [
    {"architecture": "toynet", "weights": "toyworld", "layers": ["features.9"]},
    {"architecture": "toynet", "weights": "toyworld", "name": "by sgd", "layer_models": False,
     "heads": {"optimiser": "sgd", "momentum": 0.9, "decay": "none", "full_under_layer_rules": {"output": "sigmoid"}}},
    {"architecture": "toynet", "weights": "untrained", "name": "control", "layer_models": False, "object2brain": False},
]  # fmt: skip
OVERRIDES = {
    "analysis.models": MODELS,
    "analysis.heads": {
        "runs": 2, "learning_rates": [0.01, 0.1], "batch_size": 8, "full": {"epochs": 6}, "layer": {"epochs": 2},
        "full_under_layer_rules": {"epochs": 3, "learning_rates": [0.003, 0.03, 0.3]},
    },
    "analysis.significance": {"permutations": 99, "bootstrap": 99},
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("sets") / "study")


@pytest.fixture(scope="module")
def params(study):
    params = load_params(study, deepcopy(OVERRIDES))
    for step in (*STEPS["alignment_by_layer"].closure(), STEPS["alignment_by_architecture"], STEPS["filter_lesions"]):
        run_step(params, step.name)
    return params


@pytest.fixture(scope="module")
def results(params):
    return params.runs / "results"


def test_every_table_holds_its_set(results):
    heads = pd.read_csv(results / "heads.csv")
    trained = heads.groupby(["architecture", "rules"], sort=False)["epoch"].max().to_dict()
    assert trained == {
        ("toynet", "full"): 5, ("toynet", "full_under_layer_rules"): 2, ("toynet", "layer"): 1,
        ("by sgd", "full"): 5, ("by sgd", "full_under_layer_rules"): 2, ("control", "full"): 5,
    }  # fmt: skip
    rates = heads.groupby("rules")["learning_rate"].unique().map(list).to_dict()
    assert rates == {"full": [0.01, 0.1], "full_under_layer_rules": [0.003, 0.03, 0.3], "layer": [0.01, 0.1]}
    assert list(pd.read_csv(results / "predictions.csv")["architecture"].unique()) == ["toynet", "by sgd", "control"]
    for name in ("layer_predictions.csv", "layer_alignment.csv", "layer_alignment_summary.csv"):
        rows = pd.read_csv(results / name)[["architecture", "layer"]].drop_duplicates()
        assert rows.to_numpy().tolist() == [["toynet", "features.9"], ["toynet", "full"], ["by sgd", "full"]]


@pytest.mark.parametrize("number", [0, 1])
def test_both_sets_are_what_each_is_alone_on_the_networks_features(params, results, number):
    model, store = params.analysis.models[number], Store(params.store)
    data, network = inputs.load(params, step_folder(params, "inputs")), load_model(params, model)
    training, last = valence_models.training_set(params, data.corpus), network.stages[-1][0]
    known = pictures(params, store, model, data.corpus, "corpus").of(training["sha256"])
    shown = pictures(params, store, model, data.stimuli, "stimuli")
    features, stimuli = (layer_features(network, images, [last])[last] for images in (known, shown))
    test = stratified_splits(training["stratum"].to_numpy(), 2, 0.2, 0, training["group"].to_numpy())
    labels, ratings = training["target"].to_numpy(), training["valence"].to_numpy()
    more = {"optimiser": "sgd", "momentum": 0.9, "decay_epochs": None} if number else {}
    first = HeadSettings(6, 8, "linear", False, 8, (0.01, 0.1), **more)
    second = HeadSettings(3, 6, "sigmoid" if number else "linear", True, 8, (0.003, 0.03, 0.3), **more)
    for settings, file in ((first, "predictions.csv"), (second, "layer_predictions.csv")):
        alone = train_heads(features, labels, ratings, test, settings, 0)
        table = pd.read_csv(results / file)
        table = table[table["architecture"] == model.label]
        table = table[table["layer"] == "full"] if "layer" in table else table
        expected = predict(stimuli, alone.weight, alone.bias, settings.output)
        assert np.abs(table["prediction"].to_numpy().reshape(2, -1) - expected).max() < 1e-6
    readout = valence_models.load_readout(params, step_folder(params, "valence_models"), model)
    assert readout.link == second.output and np.allclose(readout.weight[:, 0], alone.weight, atol=1e-6)


def test_a_model_without_a_second_set_has_no_readout_for_object2brain(params):
    with pytest.raises(InputError, match="control has no heads for Object2Brain"):
        valence_models.load_readout(params, step_folder(params, "valence_models"), params.analysis.models[2])


def test_only_what_matters_is_in_the_key(study, params):
    store, data = Store(params.store), inputs.load(params, step_folder(params, "inputs"))
    training = valence_models.training_set(params, data.corpus)

    def part(model, layer, **changed):
        other = load_params(
            study, deepcopy(OVERRIDES) | {name.replace("__", "."): value for name, value in changed.items()}
        )
        return heads_part(other, store, other.analysis.models[model], layer, training, data.stimuli)

    layer, full = part(0, "features.9"), part(0, "full")
    second = {"analysis__heads__full_under_layer_rules__epochs": 4}
    assert part(0, "features.9", **second) == layer and part(0, "full", **second) != full
    assert part(0, "features.9", analysis__heads__full__epochs=7) == layer
    assert part(0, "full", analysis__heads__layer__epochs=7) == full
    assert part(0, "full", analysis__heads__validation_share=0.3) == full
    assert part(0, "full", analysis__heads__select="validation") != full
    assert part(0, "full", analysis__heads__learning_rates=[0.5]) != full
    assert part(2, "full", **second) == part(2, "full"), "the control has no second set"
    assert set(part(1, "full")["rules"]) == {"full", "full_under_layer_rules"}


def test_validation_pictures_choose_and_held_out_ones_are_only_measured(study):
    overrides = deepcopy(OVERRIDES) | {"analysis.models": MODELS[:1], "analysis.heads.select": "validation"}
    params = load_params(study, overrides)
    for name in ("inputs", "valence_models"):
        result = run_step(params, name)
    heads = pd.read_csv(params.runs / "results" / "heads.csv")
    assert set(heads["split"]) == {"train", "validation", "test"}
    assert "chosen on validation pictures" in result.summary()
    kept = pd.read_csv(next((params.store / "heads").glob("*/full_kept.csv")))
    assert list(kept.columns) == ["run", "learning_rate", "epoch"]
