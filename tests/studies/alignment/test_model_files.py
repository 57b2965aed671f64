"""No model takes the place of another one, whatever they are called: not in a file, not among the facts."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from safetensors.numpy import load_file
from small_run import STEPS, step_folder
from study_fixture import write_study

from o2b_helpers.core.contract import Arrays
from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.facts import beside, facts_of_models, read_facts
from o2b_helpers.core.files.names import file_of
from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.registry import load_params, studies
from o2b_helpers.toyworld.weights import toynet_weights

# name and weights of the first and the second model: joined by a line, or on some disks, both are one
TWINS = [
    (("net", "a_b"), ("net_a", "b")),
    (("net", "toynet_x"), ("net_toynet", "x")),
    (("a", "b_c_d"), ("a_b", "c_d")),
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("twins") / "study")


def _params(study, models):
    tree = {"architecture": "toynet", "layer_models": False}
    overrides = {
        "analysis.models": [{**tree, **model} for model in models],
        "analysis.significance": {"permutations": 99, "bootstrap": 99},
    }
    return load_params(study, overrides)


@pytest.mark.parametrize(("first", "second"), TWINS)
def test_each_model_keeps_its_own_heads(study, first, second):
    for trained, (_, weights) in zip((True, False), (first, second), strict=True):
        shutil.copy(toynet_weights(trained), study.parent / f"{weights}.safetensors")
    models = [{"name": name, "weights": f"./{weights}.safetensors"} for name, weights in (first, second)]
    params = _params(study, models)
    for step in STEPS["filter_lesions"].closure():
        run_step(params, step.name)
    folder = step_folder(params, "valence_models")
    readouts = [np.ravel(load_readout(params, folder, model).weight) for model in params.analysis.models]
    stored = [
        load_file(file)["weight"].ravel()
        for file in sorted((params.store / "heads").glob("*/full_under_layer_rules.safetensors"))
    ]
    assert len(list(folder.glob("heads_*.safetensors"))) == 2
    assert len(list(folder.glob("full_under_layer_rules_*.safetensors"))) == 2
    assert not np.array_equal(*readouts)
    assert all(any(np.array_equal(readout, heads) for heads in stored) for readout in readouts)
    results = params.runs / "results"
    predictions = pd.read_csv(results / "layer_predictions.csv")
    assert set(predictions["layer"]) == {"full"}
    for name, _ in (first, second):
        own = predictions[(predictions["architecture"] == name) & (predictions["run"] == 0)]
        base = xr.load_dataset(results / f"lesion_predictions_{name}.nc", engine="h5netcdf")["base"][0].to_pandas()
        assert np.abs(own.set_index("stimulus")["prediction"] - base).max() < 1e-3, name


@pytest.mark.parametrize(
    ("first", "second"), [("Alex", "alex"), ("NET", "Net"), ("stra\u00dfe", "STRASSE"), ("a", "a")]
)
def test_names_that_some_disks_take_for_one_are_refused(study, first, second):
    models = [{"name": name, "weights": "toyworld"} for name in (first, second)]
    with pytest.raises(ParameterError, match="appears twice"):
        _params(study, models)
    models[1]["weights"] = "untrained"  # only one of them may have arrays of its own
    with pytest.raises(ParameterError, match="appears twice"):
        _params(study, models)
    models[1]["object2brain"] = False
    assert len(_params(study, models).analysis.models) == 2


def test_a_model_named_as_a_fact_leaves_the_fact_alone(study):
    models = [{"name": "method", "weights": "toyworld"}, {"name": "device", "weights": "untrained"}]
    params = _params(study, models)
    for step in STEPS["filter_lesions"].closure():
        run_step(params, step.name)
    facts = read_facts(step_folder(params, "filter_lesions"))
    assert (facts["method"], facts["device"]) == ("exact lesions", "cpu")
    assert [name for name, _ in facts_of_models(facts, "largest_effect")] == ["method (model)", "device (model)"]
    assert beside({}, {"warnings": {"filters": 1}}) == {"warnings (model)": {"filters": 1}}


def test_names_of_files_are_different_for_different_names():
    parts = ["a", "b", "a_b", "A", "a b", "a-b", "b_a", "_", "", "a/b", "\u00e9", "x" * 300]
    pairs = list(itertools.product(parts, repeat=2))
    names = {file_of("heads", pair, ".npy").casefold() for pair in pairs}
    assert len(names) == len(pairs)
    assert all(len(name.encode()) < 255 and "/" not in name for name in names)


def test_no_file_of_one_kind_of_arrays_can_be_one_of_another_kind():
    stems = [table.stem for study in studies() for table in study.tables if isinstance(table, Arrays)]
    assert len(stems) > 3
    for first, second in itertools.permutations(set(stems), 2):
        assert not second.startswith(f"{first}_")
