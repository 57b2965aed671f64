from __future__ import annotations

import pytest
from helpers import ROOT, SMALL, command, write_profile

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.options import options
from o2b_helpers.studies.registry import Profile, load_params


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ({"analysis.detector.confidance": 0.4}, "did you mean 'confidence'?"),
        ({"analysis.models.0.wieghts": "imagenet"}, "did you mean 'weights'?"),
        ({"analysis.models.0.heads": {"layer": {"epoch": 3}}}, "did you mean 'epochs'?"),
        ({"analysis.models.0.heads": {"runs": 3}}, "did you mean 'analysis.heads.runs'?"),
        ({"analysiss.seed": 1}, "did you mean 'analysis'?"),
        ({"confidence": 0.4}, "did you mean 'analysis.significance.confidence' or 'analysis.detector.confidence'?"),
    ],
)
def test_a_misspelt_option_is_refused_with_a_suggestion(override, suggestion):
    with pytest.raises(ParameterError) as caught:
        load_params("demo", override)
    assert "unknown option" in str(caught.value) and suggestion in str(caught.value)
    assert next(iter(override)).split(".")[0] in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        {"analysis.detector.confidence": "high"},
        {"analysis.detector.confidence": 1.5},
        {"analysis.heads.runs": 0},
        {"analysis.heads.runs": 2.5},
        {"analysis.sensitivity.score": "median"},
        {"analysis.models": []},
        {"execution.device": "tpu"},
        {"analysis.heads.learning_rates": 0.1},
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(override):
    with pytest.raises(ParameterError) as caught:
        load_params("demo", override)
    assert next(iter(override)) in str(caught.value)
    assert repr(next(iter(override.values()))) in str(caught.value)


def test_a_models_own_heads_replace_those_of_all_by_key():
    heads = {"optimiser": "sgd", "momentum": 0.9, "layer": {"learning_rates": [0.5]}}
    params = load_params("demo", {"analysis.models.0.heads": heads, "analysis.heads.layer.epochs": 9})
    first, second = (params.analysis.heads_of(model) for model in params.analysis.models)
    assert second == params.analysis.heads and second.optimiser == "adam" and second.layer.learning_rates is None
    assert (first.optimiser, first.momentum, first.batch_size) == ("sgd", 0.9, 64)
    assert (first.layer.epochs, first.layer.output, first.layer.learning_rates) == (9, "sigmoid", [0.5])
    assert first.full == params.analysis.heads.full
    assert [model["heads"] for model in params.model_dump()["analysis"]["models"]] == [heads, {}]


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ({"analysis.heads.momentum": 0.5}, "momentum is for optimiser: sgd"),
        ({"analysis.models.0.heads": {"momentum": 0.5}}, "heads of toynet: .*momentum is for optimiser: sgd"),
        ({"analysis.heads.label": "rating"}, "in heads.full_under_layer_rules and heads.layer"),
    ],
)
def test_heads_that_cannot_be_trained_are_refused_before_a_run(override, what):
    with pytest.raises(ParameterError, match=what):
        load_params("demo", override)


def test_an_exponent_without_a_point_is_a_number(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("analysis:\n  heads:\n    learning_rates: [1e-3, 2E+1, 1]\n")
    assert load_params(file).analysis.heads.learning_rates == [1e-3, 20.0, 1.0]


def test_a_key_given_twice_and_a_broken_file_are_refused(tmp_path):
    file = tmp_path / "study.yaml"
    for text in ("analysis:\n  seed: 1\n  seed: 2\n", "analysis: [", "- 1\n- 2\n"):
        file.write_text(text)
        with pytest.raises(ParameterError):
            load_params(file)


def test_two_models_cannot_share_a_name():
    twice = {"analysis.models": [{"architecture": "toynet"}, {"architecture": "toynet", "weights": "untrained"}]}
    with pytest.raises(ParameterError, match="appears twice"):
        load_params("demo", twice)


def test_relative_paths_start_from_the_project_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("O2B_TEST_FOLDER", "pictures")
    inside = write_profile(tmp_path / "params", SMALL)
    assert load_params(inside).path("data") == tmp_path / "data"
    beside = write_profile(tmp_path / "elsewhere", SMALL)
    assert load_params(beside).path("${O2B_TEST_FOLDER:-none}/x") == tmp_path / "elsewhere" / "pictures" / "x"
    assert load_params(beside).path("${O2B_NOT_SET:-none}/x") == tmp_path / "elsewhere" / "none" / "x"


@pytest.mark.parametrize("profile", ["demo", "oasis", "paper"])
def test_the_shipped_profiles_are_valid(profile):
    assert load_params(ROOT / "params" / f"{profile}.yaml").name == profile


def test_every_option_says_what_it_is_and_where_it_comes_from():
    for name, _, _, source, text in options(Profile):
        assert text and source, name


def test_the_command_refuses_a_typo_and_an_unknown_profile():
    typo = command("run", "demo", "--set", "analysis.detector.confidance=0.4")
    assert typo.returncode == 1 and "did you mean 'confidence'?" in typo.stderr and "Traceback" not in typo.stderr
    unknown = command("run", "dmeo")
    assert unknown.returncode == 1 and "did you mean 'demo'?" in unknown.stderr


def test_the_estimators_to_choose_from_are_those_there_are():
    from o2b_helpers.studies.object2brain.options import ESTIMATORS
    from o2b_helpers.studies.object2brain.weights.evidence import ASSUMPTIONS
    from o2b_helpers.studies.registry import Analysis

    assert set(ESTIMATORS) == set(ASSUMPTIONS)
    assert Analysis().object2brain.estimator == "sum"  # the paper's


def test_an_override_inside_another_leaves_the_callers_own_values_alone():
    models = [{"architecture": "toynet", "weights": "toyworld"}]
    params = load_params("demo", {"analysis.models": models, "analysis.models.0.weights": "untrained"})
    assert params.analysis.models[0].weights == "untrained"
    assert models == [{"architecture": "toynet", "weights": "toyworld"}]
