"""The results of the demo, recomputed from its files alone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import command, content
from scipy.stats import rankdata, spearmanr

from o2b_helpers.studies.registry import load_params

ALIGNMENT = ["target", "valence_type", "source", "condition", "n", "rho", "p", "p_perm", "q", "p_fwer"]
SUMMARY = ["target", "valence_type", "source", "condition", "n", "runs", "rho", "sd", "ci_low", "ci_high"]
TESTED = ["p", "q", "ci_low", "ci_high"]
CLASS = ["target", "class", "category", "weight"]
COLUMNS = {
    "targets.csv": ["stimulus", "target", "valence_type", "source", "condition", "value"],
    "ceilings.csv": [*SUMMARY[:5], "reliability", "ceiling", "ceiling_low", "ceiling_high", "splits", "method"],
    "predictions.csv": ["architecture", "weights", "run", "stimulus", "prediction"],
    "layer_predictions.csv": ["architecture", "weights", "layer", "run", "stimulus", "prediction"],
    "heads.csv": [
        "architecture",
        "weights",
        "layer",
        "run",
        "learning_rate",
        "epoch",
        "split",
        "mae",
        "loss",
        "rho",
        "rules",
    ],
    "alignment.csv": ["architecture", "weights", "run", *ALIGNMENT],
    "layer_alignment.csv": ["architecture", "weights", "layer", "run", *ALIGNMENT],
    "alignment_summary.csv": ["architecture", "weights", *SUMMARY],
    "alignment_contrasts.csv": [
        "contrast", "architecture", "weights", "second_architecture", "second_weights", "first_target", "second_target",
        "n", "second_n", "runs", "rho_a", "rho_b", "difference", "p", "q", "ci_low", "ci_high",
    ],
    "control_predictions.csv": ["control", "architecture", "seed", "stimulus", "prediction"],
    "control_alignment.csv": ["control", "architecture", "seed", *ALIGNMENT[:6]],
    "alignment_controls.csv": [
        "architecture", "weights", *ALIGNMENT[:5], "runs", "rho", "untrained_seeds", "untrained_mean", "untrained_low",
        "untrained_high", "p_untrained", "low_level_rho", "partial_rho", "p_partial", "q_partial", "ci_low", "ci_high",
    ],
    "semantic_predictions.csv": ["stimulus", "n_classes", "prediction"],
    "semantic_held_out.csv": ["run", "n_train", "n_test", "r2", "rho"],
    "semantic_control.csv": [
        "architecture", "weights", *ALIGNMENT[:5], "runs", "rho", "semantic_rho", "semantic_ci_low", "semantic_ci_high",
        "semantic_p", "semantic_q", "partial_rho", "p_partial", "q_partial", "ci_low", "ci_high", "partial_rho_both",
        "p_partial_both", "q_partial_both", "ci_low_both", "ci_high_both",
    ],
    "layer_alignment_summary.csv": ["architecture", "weights", "layer", *SUMMARY],
    "object_weights.csv": ["architecture", "layer", "run", *CLASS, *TESTED],
    "object_weights_mean.csv": ["architecture", "layer", *CLASS, "sd", *TESTED],
    "object_weights_by_estimator.csv": ["estimator", "architecture", "layer", *CLASS, "p", "q", "p_sham", "q_sham"],
    "mediation_patch_test.csv": [
        "architecture",
        "layer",
        "class",
        "category",
        "n_stimuli",
        "n_filters",
        "restored",
        "restored_random",
    ],
    "planted_truth.csv": ["architecture", "target", "class", "category", "planted", "true_change"],
    "category_weights.csv": ["architecture", "layer", "target", "category", "sign", "weight", "n_classes", *TESTED],
    "category_overlap.csv": ["category_a", "category_b", "overlap"],
    "emotion_models.csv": [
        "architecture", "weights", "pictures", "labels", "accuracy", "accuracy_low", "accuracy_high", "chance_accuracy",
        "balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "chance_balanced", "p",
    ],
    "emotion_confusion.csv": ["architecture", "weights", "emotion", "predicted", "pictures", "share", "low", "high"],
    "emotion_predictions.csv": ["architecture", "weights", "image", "emotion", "fold", "predicted", "probability"],
    "emotion_heads.csv": [
        "architecture", "weights", "run", "learning_rate", "epoch", "split", "loss", "accuracy", "balanced_accuracy"
    ],
    "emotion_associations.csv": [
        "architecture", "weights", "predicted", "class", "category", "pictures", "shown", "count", "importance",
        "importance_low", "importance_high", "presence", "presence_low", "presence_high", "conditional",
        "conditional_low", "conditional_high", "exchanged", "lift", "lift_low", "lift_high", "p", "q", "p_conditional",
        "q_conditional", "p_lift", "q_lift",
    ],
    "planted_emotions.csv": ["emotion", "class", "category", "planted"],
    "cam_methods.csv": [
        "architecture", "weights", "method", "pictures", "empty_maps", "changed", "deletion", "deletion_low",
        "deletion_high", "insertion", "insertion_low", "insertion_high", "auc_importance", "auc_conditional",
        "auc_lift",
    ],
    "cam_method_associations.csv": [
        "architecture", "weights", "method", "predicted", "class", "category", "pictures", "shown", "count",
        "importance", "presence", "conditional", "exchanged", "lift",
    ],
    "cam_method_agreement.csv": [
        "architecture", "weights", "statistic", "method_a", "method_b", "cells", "rho", "expected", "p", "q"
    ],
    "cam_method_pictures.csv": [
        "architecture", "weights", "method", "image", "predicted", "deletion", "insertion"
    ],
    "paste_positions.csv": [
        "architecture", "weights", "object", "kind", "position", "x", "y", "pictures", "changed", "share", "share_low",
        "share_high", "most_often", "most_often_pictures", "seen", "cam_before", "cam_after",
    ],
    "paste_objects.csv": [
        "architecture", "weights", "object", "kind", "pictures", "positions", "share", "share_low", "share_high",
        "anywhere", "anywhere_low", "anywhere_high", "most_often", "cochran_q", "freedom", "p", "q", "cam_before",
        "cam_after", "cam_change", "cam_change_low", "cam_change_high",
    ],
    "paste_controls.csv": [
        "architecture", "weights", "object", "control", "position", "pictures", "only_object", "only_control",
        "difference", "difference_low", "difference_high", "p", "q",
    ],
    "paste_switches.csv": ["architecture", "weights", "object", "kind", "before", "after", "switches", "share"],
    "paste_boxes.csv": [
        "architecture", "weights", "object", "kind", "class", "pictures", "box", "box_low", "box_high", "random",
        "random_low", "random_high", "difference", "difference_low", "difference_high", "only_box", "only_random", "p",
        "q", "most_often",
    ],
    "image_sets.csv": ["image_set", "image", "valence", "scaled_valence", "emotion"],
    "image_splits.csv": ["image_set", "split", "image", "part"],
    "layer_selectivity.csv": [
        "architecture", "weights", "network", "seed", "image_set", "layer", "filters", "constant", "unpleasant",
        "neutral", "pleasant", "index", "index_low", "index_high", "exchanged", "p", "q", "untrained", "untrained_low",
        "untrained_high", "p_untrained",
    ],
    "selective_overlap.csv": [
        "architecture", "weights", "network", "seed", "layer", "emotion", "filters", "first", "second", "both",
        "expected", "expected_low", "expected_high", "p", "q", "exchanged", "exchanged_low", "exchanged_high",
        "p_exchanged", "q_exchanged", "strength", "strength_exchanged", "p_strength", "q_strength", "untrained",
        "untrained_low", "untrained_high", "p_untrained",
    ],
    "selective_shares.csv": [
        "architecture", "weights", "layer", "emotion", "lowest_share", "first", "second", "both", "expected", "p"
    ],
    "example_filters.csv": [
        "architecture", "weights", "layer", "emotion", "channel", "image_set", "rank", "image", "response",
        "scaled_valence",
    ],
    "low_level_emotions.csv": [
        "image_set", "emotion", "split", "learned", "tested", "penalty", "auroc", "balanced_accuracy", "f1", "f1_always"
    ],
    "emotion_readouts.csv": [
        "architecture", "weights", "image_set", "emotion", "split", "part", "pictures", "positive", "f1",
        "balanced_accuracy", "auroc", "f1_always"
    ],
    "gain_effects.csv": [
        "architecture", "weights", "image_set", "layer", "emotion", "selection", "manipulation", "measure", "filters",
        "alpha", "original", "value", "value_low", "value_high", "compared", "random", "random_low", "random_high",
        "p_random", "q_random", "matched", "matched_low", "matched_high", "p_matched", "q_matched", "others",
        "others_low", "others_high", "p_others", "q_others"
    ],
    "gain_curves.csv": [
        "architecture", "weights", "image_set", "layer", "emotion", "selection", "alpha", "f1", "balanced_accuracy",
        "auroc", "f1_anew", "f1_random", "balanced_accuracy_random", "auroc_random", "f1_anew_random"
    ],
    "lesion_specificity.csv": [
        "architecture", "weights", "image_set", "layer", "lesioned", "tested", "measure", "original", "value",
        "value_low", "value_high"
    ],
    "gain_alignment.csv": [
        "architecture", "weights", "layer", "emotion", "alpha", "target", "valence_type", "source", "condition", "n",
        "runs", "filters", "original", "value", "change", "change_low", "change_high", "random", "random_low",
        "random_high", "p_random", "q_random", "matched", "matched_low", "matched_high", "p_matched", "q_matched"
    ],
}  # fmt: skip
BY_RUN, BY_FILTER, BY_CLASS = ("run", "filter", "class"), ("filter", "class"), ("class",)
SCORES = {
    **dict.fromkeys(["score_sum", "score_square_sum", "confidence_sum", "coverage_sum"], BY_RUN),
    **dict.fromkeys(["exchanged_sum", "exchanged_coverage_sum"], BY_RUN),
    **dict.fromkeys(["box_count", "exchanged_count", "confidence_total"], BY_CLASS),
    **dict.fromkeys(["ungated_sum", "ungated_exchanged_sum"], BY_FILTER),
    **dict.fromkeys(["ungated_coverage_sum", "ungated_exchanged_coverage_sum"], BY_FILTER),
    "coverage_gram": ("class", "class_b"),
}
OCCLUDED = {
    "base": ("run", "stimulus"),
    "prediction": ("run", "class", "stimulus"),
    "map_prediction": ("layer", "run", "class", "stimulus"),
    "shown": ("class", "stimulus"),
}
MEDIATION = {
    "mediated": ("run", "filter", "pair"),
    "base": ("run", "stimulus"),
    "hidden": ("run", "pair"),
    "residual": ("target_layer", "run", "pair"),
    "kept": ("target_layer", "pair"),
    "pieces": ("target_layer",),
    "moved": ("target_layer",),
    "weight": ("filter", "class", "target"),
}
NETCDF = (
    "filter_scores", "lesion_effects", "lesion_predictions", "occluded_predictions", "sham_predictions", "mediation",
    "emotion_cams",
)  # fmt: skip
MODELS = ["toynet", "toynet_untrained"]
LAYERS = ["features.1", "features.4", "features.7", "features.9"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run the demo's own profile, with results in a folder of the test."""
    folder = tmp_path_factory.mktemp("demo")
    settings = [f"execution.runs_folder={folder}/runs", f"execution.figures_folder={folder}/figures"]
    arguments = ["run", "demo", *(part for text in settings for part in ("--set", text))]
    done = command(*arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, arguments, done


@pytest.fixture(scope="module")
def results(demo):
    return demo[0] / "runs" / "demo" / "results"


def _table(results, name):
    return pd.read_csv(results / name)


def test_the_demo_names_its_report_and_figures(demo):
    folder, _, done = demo
    assert str(folder / "runs" / "demo" / "report" / "index.html") in done.stdout
    assert str(folder / "figures" / "demo") in done.stdout
    assert (folder / "runs" / "demo" / "report" / "index.html").stat().st_size > 100_000
    assert len(list((folder / "figures" / "demo").glob("figure_*.html"))) == 14


def test_every_file_of_the_contract_has_exactly_its_columns(results):
    for name, columns in COLUMNS.items():
        assert list(_table(results, name).columns) == columns, name
    detections = pd.read_parquet(results / "detections.parquet")
    assert list(detections.columns) == [
        "image", "class", "category", "confidence", "x0", "y0", "x1", "y1", "width", "height"
    ]  # fmt: skip
    boxes = pd.read_parquet(results / "emotion_boxes.parquet")
    assert list(boxes.columns) == [
        "architecture", "weights", "image", "predicted", "box", "class", "importance", "important"
    ]  # fmt: skip
    assert list(pd.read_parquet(results / "paste_labels.parquet").columns) == [
        "architecture", "weights", "image", "object", "kind", "where", "position", "class", "x", "y", "seen", "before",
        "after", "cam_before", "cam_after",
    ]  # fmt: skip
    filters = ["architecture", "weights", "image_set", "layer", "channel"]
    assert list(pd.read_parquet(results / "filter_selectivity.parquet").columns) == [
        *filters, "tuning_unpleasant", "tuning_neutral", "tuning_pleasant", "index", "preferred", "selective",
        "emotion_selective", "constant",
    ]  # fmt: skip
    assert list(pd.read_parquet(results / "filter_categories.parquet").columns) == [
        *filters, "pictures", "categories",
        *(f"{name}_{term}" for term in ("emotion", "category", "interaction") for name in ("f", "p", "q", "eta")),
    ]  # fmt: skip
    responses = xr.load_dataset(results / "filter_responses_toynet.nc", engine="h5netcdf")
    assert {name: values.dims for name, values in responses.data_vars.items()} == {
        "response": ("picture", "filter"), "image_set": ("picture",)
    }  # fmt: skip
    for model in MODELS:
        cams = xr.load_dataset(results / f"emotion_cams_{model}.nc", engine="h5netcdf")
        assert {name: values.dims for name, values in cams.data_vars.items()} == {
            "cam": ("picture", "y", "x"), "predicted": ("picture",)
        }  # fmt: skip
        scores = xr.load_dataset(results / f"filter_scores_{model}.nc", engine="h5netcdf")
        assert {name: values.dims for name, values in scores.data_vars.items()} == SCORES
        assert all(values.attrs["long_name"] for values in scores.data_vars.values())
        occluded = xr.load_dataset(results / f"occluded_predictions_{model}.nc", engine="h5netcdf")
        assert {name: values.dims for name, values in occluded.data_vars.items()} == OCCLUDED
        mediation = xr.load_dataset(results / f"mediation_{model}.nc", engine="h5netcdf")
        assert {name: values.dims for name, values in mediation.data_vars.items()} == MEDIATION
        shams = xr.load_dataset(results / f"sham_predictions_{model}.nc", engine="h5netcdf")
        assert shams["prediction"].dims == ("sham", "run", "pair") and shams.sizes["sham"] == 199
        effects = xr.load_dataset(results / f"lesion_effects_{model}.nc", engine="h5netcdf")
        assert effects["delta"].dims == ("run", "filter", "target") and effects["rho"].dims == ("run", "target")
        for dataset in (scores, effects):
            assert dataset["layer"].dims == dataset["channel"].dims == ("filter",)
        assert set(effects.data_vars) == {"delta", "rho", "left_out"}
        assert effects["left_out"].dims == ("run", "filter")
    provenance = json.loads((results / "provenance.json").read_text())
    assert set(provenance["steps"]) >= {"inputs", "human_targets", "valence_models", "object2brain"}
    expected = {*COLUMNS, "detections.parquet", "emotion_boxes.parquet", "paste_labels.parquet", "provenance.json"}
    expected |= {"filter_selectivity.parquet", "filter_categories.parquet", "filter_responses_toynet.nc"}
    expected |= {f"{kind}_{model}.nc" for kind in NETCDF for model in MODELS}
    assert {p.name for p in results.iterdir()} == expected


def test_targets_backbones_layers_and_runs_are_all_there(results):
    targets = _table(results, "targets.csv")
    assert targets["target"].nunique() == 24
    assert set(targets["valence_type"]) == {"IV", "PV", "SV"}
    assert set(targets["source"]) == {"true", "LLR", "MLR", "HLR"}
    assert set(targets["condition"]) == {"congruent", "incongruent"}
    assert (targets["target"] == targets["valence_type"] + "/" + targets["source"] + "/" + targets["condition"]).all()
    for name in ("predictions.csv", "layer_predictions.csv", "alignment.csv", "layer_alignment.csv"):
        table = _table(results, name)
        assert sorted(table["architecture"].unique()) == MODELS and sorted(table["run"].unique()) == list(range(5))
    assert list(_table(results, "layer_alignment.csv")["layer"].unique()) == [*LAYERS, "full"]
    heads = _table(results, "heads.csv")
    assert heads.groupby("rules")["layer"].unique().map(set).to_dict() == {
        "full": {"full"}, "full_under_layer_rules": {"full"}, "layer": set(LAYERS),
    }  # fmt: skip
    assert (
        heads.groupby("rules")["epoch"]
        .max()
        .lt(pd.Series({"full": 250, "full_under_layer_rules": 75, "layer": 75}))
        .all()
    )
    weights = _table(results, "object_weights.csv")
    counts = weights.groupby(["architecture", "layer", "run", "target"])["class"].nunique()
    assert len(counts) == 2 * 4 * 5 * 24 and counts.nunique() == 1


@pytest.mark.parametrize(
    ("alignment", "predictions", "by"),
    [
        ("alignment.csv", "predictions.csv", ["architecture", "weights", "run"]),
        ("layer_alignment.csv", "layer_predictions.csv", ["architecture", "weights", "layer", "run"]),
    ],
)
def test_every_rho_is_scipys(results, alignment, predictions, by):
    table, made = _table(results, alignment), _table(results, predictions)
    targets = _table(results, "targets.csv")
    joined = made.merge(targets, on="stimulus")
    groups = dict(list(joined.groupby([*by, "target"])))
    assert len(table) == len(groups)
    for row in table.itertuples(index=False):
        group = groups[tuple(getattr(row, name) for name in [*by, "target"])]
        expected = spearmanr(group["prediction"], group["value"])
        assert row.n == len(group)
        assert abs(row.rho - expected.statistic) <= 1e-9
        assert abs(row.p - expected.pvalue) <= 1e-9


def test_q_is_benjamini_hochbergs(results):
    from scipy.stats import false_discovery_control

    table = _table(results, "alignment.csv")
    np.testing.assert_allclose(table["q"], false_discovery_control(table["p_perm"]), atol=1e-12)


def test_p_by_permutation_is_near_students_t_and_the_family_is_stricter(results):
    table = _table(results, "alignment.csv")
    assert (table["p_perm"] - table["p"]).abs().max() < 0.05
    assert (table["p_fwer"] >= table["p_perm"]).all()
    assert table["p_perm"].between(1 / 10_001, 1).all()


def test_summaries_are_means_within_their_intervals(results):
    for name, by in (("", []), ("layer_", ["layer"])):
        runs, summary = _table(results, f"{name}alignment.csv"), _table(results, f"{name}alignment_summary.csv")
        keys = ["architecture", "weights", *by, "target"]
        expected = runs.groupby(keys)["rho"].agg(["mean", "std"])
        result = summary.set_index(keys).loc[expected.index]
        np.testing.assert_allclose(result["rho"], expected["mean"], atol=1e-12)
        np.testing.assert_allclose(result["sd"], expected["std"], atol=1e-12)
        inside = result["rho"].between(result["ci_low"], result["ci_high"])
        assert inside.mean() > 0.95 and (result["ci_high"] > result["ci_low"]).all()


def test_only_undefined_effects_are_left_out(results):
    for model in MODELS:
        effects = xr.load_dataset(results / f"lesion_effects_{model}.nc", engine="h5netcdf")
        undefined = effects["delta"].isnull() & effects["rho"].notnull()
        assert (undefined.sum("target").transpose("run", "filter").values == effects["left_out"].values).all()


def test_contrasts_are_differences_of_the_means_and_q_is_benjamini_hochbergs(results):
    from scipy.stats import false_discovery_control

    table = _table(results, "alignment_contrasts.csv")
    rho = _table(results, "alignment_summary.csv").set_index(["architecture", "target"])[["rho", "n"]]
    assert dict(table["contrast"].value_counts(sort=False)) == {
        "valence types": 2 * 24, "sources": 2 * 18, "conditions": 2 * 12, "models": 24,
    }  # fmt: skip
    for row in table.itertuples():
        a, b = rho.loc[(row.architecture, row.first_target)], rho.loc[(row.second_architecture, row.second_target)]
        if row.contrast in ("conditions", "models") or row.n == a["n"] == b["n"]:  # the same stimuli as in the summary
            assert abs(row.rho_a - a["rho"]) <= 1e-9 and abs(row.rho_b - b["rho"]) <= 1e-9
            assert (row.n, row.second_n) == (a["n"], b["n"])
    np.testing.assert_allclose(table["difference"], table["rho_a"] - table["rho_b"], atol=1e-12)
    assert (table["difference"].between(table["ci_low"], table["ci_high"])).mean() > 0.9
    tested = table[table["p"].notna()]
    assert len(tested) > 100 and table.loc[table["p"].isna(), "difference"].abs().max() <= 1e-12
    for _, family in tested.groupby(["contrast", "architecture", "second_architecture"]):
        np.testing.assert_allclose(family["q"], false_discovery_control(family["p"]), atol=1e-12)


def test_controls_are_those_of_their_predictions(results):
    made, controls = _table(results, "control_predictions.csv"), _table(results, "control_alignment.csv")
    joined = made.merge(_table(results, "targets.csv"), on="stimulus")
    groups = dict(list(joined.groupby(["control", "seed", "target"])))
    assert len(controls) == len(groups) == (10 + 1) * 24
    for row in controls.itertuples():
        group = groups[row.control, row.seed, row.target]
        assert abs(row.rho - spearmanr(group["prediction"], group["value"]).statistic) <= 1e-9
    table = _table(results, "alignment_controls.csv").set_index(["architecture", "target"])
    summary = _table(results, "alignment_summary.csv").set_index(["architecture", "target"])["rho"]
    np.testing.assert_allclose(table["rho"], summary[table.index], atol=1e-12)
    rho = controls[controls["control"] == "untrained"].groupby("target")["rho"]
    for (_, target), row in table.iterrows():
        seeds = rho.get_group(target)
        assert row["untrained_seeds"] == 10 and abs(row["untrained_mean"] - seeds.mean()) <= 1e-12
        assert abs(row["p_untrained"] - (1 + (seeds >= row["rho"]).sum()) / 11) <= 1e-12
    mean = table.loc["toynet"].query("condition == 'congruent' and source == 'true'")
    assert (mean["rho"] > mean["untrained_high"]).all()


def test_the_semantic_control_is_that_of_its_predictions_and_of_the_objects(results):
    boxes, made = pd.read_parquet(results / "detections.parquet"), _table(results, "semantic_predictions.csv")
    assert made["n_classes"].between(0, boxes["class"].nunique()).all() and made["n_classes"].max() > 1
    held_out = _table(results, "semantic_held_out.csv")
    assert list(held_out["run"]) == list(range(5)) and held_out["rho"].min() > 0.8 and held_out["r2"].min() > 0.5
    groups = dict(list(made.merge(_table(results, "targets.csv"), on="stimulus").groupby("target")))
    low_level = _table(results, "control_predictions.csv").query("control == 'low_level'").set_index("stimulus")
    models = _table(results, "predictions.csv").set_index("stimulus")
    table = _table(results, "semantic_control.csv")
    summary = _table(results, "alignment_summary.csv").set_index(["architecture", "target"])["rho"]
    for row in table.itertuples():
        group = groups[row.target]
        assert abs(row.semantic_rho - spearmanr(group["prediction"], group["value"]).statistic) <= 1e-9
        assert abs(row.rho - summary[row.architecture, row.target]) <= 1e-9
        runs = models[(models["architecture"] == row.architecture) & models.index.isin(group["stimulus"])]
        simple = low_level["prediction"][group["stimulus"]].to_numpy()
        for end, covariates in (("", [group["prediction"]]), ("_both", [group["prediction"], simple])):
            z = np.column_stack([np.ones(len(group)), *(rankdata(part) for part in covariates)])
            take_out = np.eye(len(group)) - z @ np.linalg.pinv(z)
            left = take_out @ rankdata(group["value"])
            partial = [
                np.corrcoef(take_out @ rankdata(run["prediction"][group["stimulus"]]), left)[0, 1]
                for _, run in runs.groupby("run")
            ]
            assert abs(getattr(row, f"partial_rho{end}") - np.mean(partial)) <= 1e-9


def test_mean_weights_are_those_of_the_runs_and_q_is_benjamini_hochbergs(results):
    from scipy.stats import false_discovery_control

    keys = ["architecture", "layer", "target", "class"]
    runs, mean = _table(results, "object_weights.csv"), _table(results, "object_weights_mean.csv").set_index(keys)
    expected = runs.groupby(keys)["weight"].agg(["mean", "std"]).loc[mean.index]
    np.testing.assert_allclose(mean["weight"], expected["mean"], atol=1e-9)
    np.testing.assert_allclose(mean["sd"], expected["std"], atol=1e-9)
    for _, family in mean.groupby(["architecture", "layer", "target"]):
        np.testing.assert_allclose(family["q"], false_discovery_control(family["p"]), atol=1e-12)
    compared = _table(results, "object_weights_by_estimator.csv")
    paper = compared[compared["estimator"] == "sum"].set_index(keys)
    np.testing.assert_allclose(paper.loc[mean.index, "weight"], mean["weight"], atol=1e-12)
    assert set(compared.loc[compared["estimator"] == "occlusion", "layer"]) == {"full"}


@pytest.mark.parametrize("model", MODELS)
def test_object_weights_are_scores_times_lesion_effects(results, model):
    scores = xr.load_dataset(results / f"filter_scores_{model}.nc", engine="h5netcdf")
    effects = xr.load_dataset(results / f"lesion_effects_{model}.nc", engine="h5netcdf")
    assert (scores["layer"].values == effects["layer"].values).all()
    assert (scores["channel"].values == effects["channel"].values).all()
    written = _table(results, "object_weights.csv").query("architecture == @model")
    written = written.set_index(["layer", "run", "class", "target"])["weight"]
    checked = 0
    for layer in LAYERS:
        place = scores["layer"].values == layer
        for run in scores["run"].values:
            s = scores["score_sum"].sel(run=run).values[place] / scores["box_count"].values
            delta = effects["delta"].sel(run=run).values[place]
            for i, name in enumerate(scores["class"].values):
                for j, target in enumerate(effects["target"].values):
                    expected = sum(s[k, i] * delta[k, j] for k in range(place.sum()))
                    assert abs(written[layer, run, name, target] - expected) <= 1e-6
                    checked += 1
    assert checked == len(written)


@pytest.mark.parametrize("model", MODELS)
def test_the_whole_networks_rho_is_the_alignment(results, model):
    rho = xr.load_dataset(results / f"lesion_effects_{model}.nc", engine="h5netcdf")["rho"]
    whole = _table(results, "layer_alignment.csv").query("architecture == @model and layer == 'full'")
    assert len(whole) == 5 * 24
    for row in whole.itertuples():
        assert abs(float(rho.sel(run=row.run, target=row.target)) - row.rho) <= 1e-9


def test_category_weights_come_from_the_object_weights(results):
    share = json.loads((results / "provenance.json").read_text())["analysis"]["object2brain"]["share"]
    objects, written = _table(results, "object_weights.csv"), _table(results, "category_weights.csv")
    keys, expected = ["architecture", "layer", "target"], {}
    for key, part in objects.groupby(keys):
        means = part.groupby(["class", "category"])["weight"].mean().reset_index()
        ends = max(1, round(share * len(means)))
        ranked = means.sort_values(["weight", "class"], ascending=[False, True])
        for sign, end in (("positive", ranked.head(ends)), ("negative", ranked.tail(ends))):
            for category, group in end.groupby("category"):
                expected[(*key, category, sign)] = (group["weight"].mean(), len(group))
    result = written.set_index([*keys, "category", "sign"])
    assert set(result.index) == set(expected)
    for index, (weight, count) in expected.items():
        assert abs(result.loc[index, "weight"] - weight) <= 1e-6 and result.loc[index, "n_classes"] == count


def test_scores_lie_between_zero_and_one(results):
    boxes = pd.read_parquet(results / "emotion_boxes.parquet")
    assert list(boxes.columns) == [
        "architecture", "weights", "image", "predicted", "box", "class", "importance", "important"
    ]  # fmt: skip
    assert list(pd.read_parquet(results / "paste_labels.parquet").columns) == [
        "architecture", "weights", "image", "object", "kind", "where", "position", "class", "x", "y", "seen", "before",
        "after", "cam_before", "cam_after",
    ]  # fmt: skip
    for model in MODELS:
        cams = xr.load_dataset(results / f"emotion_cams_{model}.nc", engine="h5netcdf")
        assert {name: values.dims for name, values in cams.data_vars.items()} == {
            "cam": ("picture", "y", "x"), "predicted": ("picture",)
        }  # fmt: skip
        scores = xr.load_dataset(results / f"filter_scores_{model}.nc", engine="h5netcdf")
        mean = scores["score_sum"].values / scores["box_count"].values
        assert np.isfinite(mean).all() and mean.min() >= 0 and 0 < mean.max() <= 1
        assert int(scores["box_count"].sum()) == len(pd.read_parquet(results / "detections.parquet"))


def test_the_trained_backbone_beats_the_untrained_one(results):
    heads = _table(results, "heads.csv").query("rules == 'full' and split == 'test'")
    mae = {}
    for model, part in heads.groupby("architecture"):
        epochs = part.loc[part.groupby(["run", "learning_rate"])["loss"].idxmin()]
        mae[model] = epochs.groupby("run")["mae"].min()
    gain = mae["toynet_untrained"].mean() - mae["toynet"].mean()
    error = np.sqrt(sum(m.var(ddof=1) / len(m) for m in mae.values()))
    assert gain > 2 * error


def test_decoding_shows_the_planted_pattern(results):
    """LLR follows the scene only, MLR and HLR both; over all stimuli, where people and scene are independent."""
    from o2b_helpers.studies.alignment.measures.decoding import decoding_table

    table = decoding_table(_table(results, "targets.csv"))
    overall = table[(table["condition"] == "all") & (table["predicted"] == table["true"])]
    rho = overall.set_index(["source", "predicted"])["rho"]
    q = overall.set_index(["source", "predicted"])["q"]
    for region in ("MLR", "HLR"):
        for valence in ("PV", "SV"):
            assert rho[region, valence] > 0 and q[region, valence] < 0.01
    assert rho["LLR", "SV"] > 0 and q["LLR", "SV"] < 0.01
    assert q["LLR", "PV"] > 0.05


def test_every_target_of_the_demo_has_a_ceiling_that_no_model_is_far_above(results):
    ceilings = _table(results, "ceilings.csv").set_index("target")
    assert list(ceilings.index) == list(_table(results, "targets.csv")["target"].drop_duplicates())
    assert (ceilings["ceiling_low"] <= ceilings["ceiling_high"]).all() and ceilings["ceiling"].between(0, 1).all()
    assert ceilings.loc[ceilings["source"] == "true", "ceiling"].between(0.7, 0.87).all()
    summary = _table(results, "alignment_summary.csv")
    assert (summary["ci_low"] < summary["target"].map(ceilings["ceiling_high"])).all()


def test_a_second_run_reuses_everything_and_changes_nothing(demo, results):
    before = content(results)
    again = command(*demo[1])
    assert again.returncode == 0
    assert "computing" not in again.stdout and again.stdout.count("reused") == 15
    assert content(results) == before


def test_the_executed_notebooks_hold_no_error(demo):
    notebooks = sorted((demo[0] / "runs" / "demo" / "notebooks").glob("*.ipynb"))
    assert [p.stem for p in notebooks] == sorted({step.notebook for step in load_params("demo").steps})
    for notebook in notebooks:
        cells = json.loads(notebook.read_text())["cells"]
        outputs = [o for c in cells if c["cell_type"] == "code" for o in c["outputs"]]
        assert outputs and not [o for o in outputs if o["output_type"] == "error"]


def test_hiding_a_class_finds_its_true_influence(demo, results):
    from o2b_helpers.studies.object2brain.weights.planted_truth import recovery, true_influence
    from o2b_helpers.studies.registry import load_params

    params = load_params("demo", {"execution.runs_folder": str(demo[0] / "runs")})
    model = params.analysis.models[0]
    result = recovery(params, _table(results, "object_weights_by_estimator.csv"), model).set_index("estimator")
    assert result.loc["occlusion", "agreement"] > 0.8 and result.loc["occlusion", "found"] > 0.8
    mediated = result.loc["mediation"]
    assert mediated["agreement"] > 0.75 and mediated["found"] > 0.75
    assert result["found"].between(0, 1).all() and len(result) == 14
    truth = true_influence(params, model)
    assert truth.shape[1] == 24 and truth.abs().to_numpy().max() > 0.01


@pytest.mark.parametrize("model", MODELS)
def test_what_passes_through_the_filters_of_a_layer_is_the_weight_of_the_class(results, model):
    mediation = xr.load_dataset(results / f"mediation_{model}.nc", engine="h5netcdf")
    written = _table(results, "object_weights_by_estimator.csv").query("architecture == @model")
    written = written[written["estimator"] == "mediation"].set_index(["layer", "class", "target"])["weight"]
    pairs = mediation["stimulus"].to_index().get_indexer(mediation["pair_stimulus"].values)
    change = mediation["base"].values[:, pairs] - mediation["hidden"].values
    for number, layer in enumerate(LAYERS):
        place = mediation["layer"].values == layer
        shares = mediation["mediated"].values[:, place].sum(1)
        missing = np.abs(shares - change) / np.maximum(np.abs(change), 1e-4)
        assert np.median(missing) < 0.01 and mediation["residual"].values[number].max() < 0.05
        summed = mediation["weight"].values[place].sum(0)
        for i, name in enumerate(mediation["class"].values):
            for j, target in enumerate(mediation["target"].values):
                assert abs(summed[i, j] - written[layer, name, target]) < 1e-4


def test_filters_that_carry_a_class_bring_back_more_of_it_than_random_ones(results):
    tested = _table(results, "mediation_patch_test.csv").query("architecture == 'toynet' and layer == 'features.9'")
    assert tested["restored"].mean() > 0.4 > 0.2 > tested["restored_random"].mean()


def test_the_report_names_planted_classes_that_are_beyond_shams_and_the_truth(demo, results):
    weights = _table(results, "object_weights_by_estimator.csv").query("architecture == 'toynet'")
    shown = weights[(weights["estimator"] == "mediation") & (weights["layer"] == LAYERS[-1])]
    sure = shown[shown["q_sham"] < 0.05]
    truth = _table(results, "planted_truth.csv").query("architecture == 'toynet'").set_index(["class", "target"])
    true = truth.loc[pd.MultiIndex.from_frame(sure[["class", "target"]])]
    assert len(sure) > 10 and (np.sign(sure["weight"].values) == np.sign(true["true_change"].values)).mean() > 0.8
    report = (demo[0] / "runs" / "demo" / "report" / "index.html").read_text(encoding="utf-8")
    assert "beyond sham boxes (q_sham &lt; 0.05)" in report and "truth: planted" in report


def test_associations_are_counted_again_from_the_boxes(results):
    from scipy.stats import false_discovery_control

    boxes, predictions = pd.read_parquet(results / "emotion_boxes.parquet"), _table(results, "emotion_predictions.csv")
    table = _table(results, "emotion_associations.csv")
    named = predictions.groupby(["architecture", "predicted"]).size()
    keys = ["architecture", "predicted", "class"]
    of_pictures = boxes.groupby([*keys, "image"])["important"].max().groupby(keys).agg(["size", "sum"])
    for row in table.itertuples():
        shown, count = of_pictures["size"], of_pictures["sum"]
        key = (row.architecture, row.predicted, table.at[row.Index, "class"])
        assert (row.shown, table.at[row.Index, "count"]) == (shown.get(key, 0), count.get(key, 0))
        assert row.pictures == named.get(key[:2], 0)
    known = table[table["pictures"] > 0]
    np.testing.assert_allclose(known["importance"], 100 * known["count"] / known["pictures"], atol=1e-9)
    np.testing.assert_allclose(known["lift"], known["conditional"] - known["exchanged"], atol=1e-9)
    for _, family in table.groupby("architecture"):
        tested = family.dropna(subset="p_lift")
        np.testing.assert_allclose(tested["q_lift"], false_discovery_control(tested["p_lift"]), atol=1e-12)


def test_the_lift_finds_what_is_planted_in_the_trained_network(results):
    table = _table(results, "emotion_associations.csv")
    truth = _table(results, "planted_emotions.csv").rename(columns={"emotion": "predicted"})
    sure = table[(table["q_lift"] < 0.05) & (table["lift"] > 0)].merge(truth, on=["predicted", "class"])
    trained = sure[sure["architecture"] == "toynet"]
    assert len(trained) >= 7 and (trained["planted"] > 0).mean() >= 0.8
    scores = _table(results, "emotion_models.csv").set_index("architecture")["balanced_accuracy"]
    assert scores["toynet"] > 0.5 > scores["toynet_untrained"]


def test_agreement_of_cam_methods_is_that_of_what_each_says(results):
    from scipy.stats import false_discovery_control, spearmanr

    said = _table(results, "cam_method_associations.csv")
    agreement = _table(results, "cam_method_agreement.csv")
    assert len(agreement) == len(MODELS) * 3 * 10
    for model, own in said.groupby("architecture"):
        wide = own.pivot(index=["predicted", "class"], columns="method", values=["count", "conditional", "lift"])
        family = agreement[agreement["architecture"] == model]
        for row in family.itertuples():
            both = wide[row.statistic][[row.method_a, row.method_b]].dropna()
            assert row.cells == len(both)
            assert row.rho == pytest.approx(spearmanr(*both.to_numpy().T).statistic, abs=1e-9)
        tested = family.dropna(subset="p")
        np.testing.assert_allclose(tested["q"], false_discovery_control(tested["p"]), atol=1e-12)
    methods, pictures = _table(results, "cam_methods.csv"), _table(results, "cam_method_pictures.csv")
    areas = pictures.groupby(["architecture", "method"])[["deletion", "insertion"]].mean()
    for row in methods.itertuples():
        assert (row.deletion, row.insertion) == pytest.approx(tuple(areas.loc[row.architecture, row.method]), abs=1e-9)
    trained = methods[methods["architecture"] == "toynet"]
    assert (trained["insertion"] > trained["deletion"]).all()


def test_changed_labels_are_counted_again_and_pictures_are_named_as_before(results):
    labels = pd.read_parquet(results / "paste_labels.parquet")
    predictions = _table(results, "emotion_predictions.csv").set_index(["architecture", "image"])["predicted"]
    before = labels.drop_duplicates(["architecture", "image"]).set_index(["architecture", "image"])["before"]
    assert (before == predictions.loc[before.index]).all() and len(before) == 2 * 20
    labels = labels[labels["where"] == "position"].assign(changed=labels["before"] != labels["after"])
    keys = ["architecture", "object", "kind"]
    share = labels.groupby([*keys, "position"])["changed"].mean()
    table = _table(results, "paste_positions.csv").set_index([*keys, "position"])["share"]
    np.testing.assert_allclose(table, share.loc[table.index], atol=1e-12)
    whole = _table(results, "paste_objects.csv").set_index(keys)["share"]
    np.testing.assert_allclose(whole, share.groupby(keys).mean().loc[whole.index], atol=1e-12)
    assert set(labels["object"]) == {"rugby ball", "soccer ball", "lotus"} and labels["position"].nunique() == 17
