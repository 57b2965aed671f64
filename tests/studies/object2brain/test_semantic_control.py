"""Tests of the semantic control: what the objects of a picture alone predict, and what networks add to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import SMALL, merged, write_profile
from scipy.stats import false_discovery_control, pearsonr, rankdata, spearmanr
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_run import step_cost
from view_fixture import STUDIES, write_results

from o2b_helpers.core.running.run import run_step
from o2b_helpers.kernels.statistics.permutation_null import own_order
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.models.detectors.detector import load_detector
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import training_set
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.object2brain.answers.presence import NOTHING, presence_sentence
from o2b_helpers.studies.object2brain.figures.presence_of_objects import FIGURE, figure_8
from o2b_helpers.studies.object2brain.semantic.presence import learnable, predicted, presence
from o2b_helpers.studies.object2brain.semantic.step import semantic_control, semantic_facts
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_CONTROL
from o2b_helpers.studies.object2brain.summaries import semantic_control_summary
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.weights import toy_detector_path

FEW = {"permutations": 99, "bootstrap": 99}
BEFORE = ("inputs", "human_targets", "valence_models", "alignment_controls", "objects")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    corpus = {"kind": "toyworld", "images": 300, "world_seed": 3}
    tree = merged(SMALL, significance=FEW, controls={"untrained_seeds": 0}, corpus=corpus)
    params = load_params(write_profile(tmp_path_factory.mktemp("semantic"), tree))
    return params, {step: run_step(params, step) for step in (*BEFORE, "semantic_control")}


def _shown(boxes: pd.DataFrame, images, classes) -> np.ndarray:
    """Look for every class in every picture, box by box."""
    pairs = set(zip(boxes["image"], boxes["class"], strict=True))
    return np.array([[float((image, name) in pairs) for name in classes] for image in images])


def _world(finished):
    """Return the training pictures, the stimuli, and which classes either shows, from the detector's own boxes."""
    params, results = finished
    data = inputs.load(params, results["inputs"].folder)
    training, boxes = training_set(params, data.corpus), results["objects"].table("detections.parquet")
    counts = boxes[boxes["image"].isin(training["image"])].groupby("class")["image"].nunique()
    classes = sorted(name for name, count in counts.items() if 5 <= count <= len(training) - 5)
    assert 10 <= len(classes) <= 14
    own = load_detector(toy_detector_path()).detect(
        data.stimuli["path"].tolist(), images=data.stimuli["image"].tolist()
    )
    return (
        training,
        data.stimuli,
        _shown(boxes, training["image"], classes),
        _shown(own, data.stimuli["image"], classes),
    )


def test_the_prediction_is_scikit_learns_ridge_on_presence(finished):
    params, results = finished
    training, stimuli, known, shown = _world(finished)
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=params.analysis.controls.penalties))
    expected = ridge.fit(known, training["target"]).predict(shown)
    made = results["semantic_control"].table("semantic_predictions.csv").set_index("stimulus").loc[stimuli["stimulus"]]
    assert made["prediction"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert (made["n_classes"].to_numpy() == shown.sum(1)).all()


def test_held_out_pictures_are_those_of_the_heads_and_scores_are_scikit_learns(finished):
    params, results = finished
    training, _, known, _ = _world(finished)
    heads, table = params.analysis.heads, results["semantic_control"].table("semantic_held_out.csv")
    assert list(table["run"]) == list(range(heads.runs))
    splits = stratified_splits(training["stratum"], heads.runs, heads.test_share, heads.seed, training["group"])
    for row, test in zip(table.itertuples(), splits, strict=True):
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=params.analysis.controls.penalties))
        guess = ridge.fit(known[~test], training["target"][~test]).predict(known[test])
        assert (row.n_train, row.n_test) == ((~test).sum(), test.sum())
        assert row.r2 == pytest.approx(r2_score(training["target"][test], guess), abs=1e-9)
        ranked = spearmanr(guess.round(9), training["valence"][test]).statistic  # the same classes: the same rank
        assert row.rho == pytest.approx(ranked, abs=1e-9)


def test_rho_partial_rho_and_p_are_those_of_plain_loops(finished):
    params, results = finished
    targets = results["human_targets"].table("targets.csv")
    predictions = results["valence_models"].table("predictions.csv")
    controls = results["alignment_controls"].table("control_predictions.csv").set_index("stimulus")["prediction"]
    semantic = results["semantic_control"].table("semantic_predictions.csv").set_index("stimulus")["prediction"]
    table = results["semantic_control"].table("semantic_control.csv")
    assert len(table) == targets["target"].nunique() == 24
    stimuli = list(dict.fromkeys(targets["stimulus"]))
    condition = targets.drop_duplicates("stimulus").set_index("stimulus")["condition"][stimuli]
    orders = permutations_within(condition.to_numpy(), 99, params.analysis.significance.seed)
    for row in table.itertuples():
        own = targets[targets["target"] == row.target].set_index("stimulus")["value"]
        exchanged = own_order(orders, np.array([stimuli.index(name) for name in own.index]))
        runs = [part.set_index("stimulus")["prediction"][own.index] for _, part in predictions.groupby("run")]
        assert row.n == len(own) and row.runs == len(runs)
        assert row.rho == pytest.approx(np.mean([spearmanr(run, own).statistic for run in runs]), abs=1e-12)
        first, values = semantic[own.index].to_numpy(), own.to_numpy()
        rho = spearmanr(first, values).statistic
        null = np.array([spearmanr(first, values[order]).statistic for order in exchanged])
        assert row.semantic_rho == pytest.approx(rho, abs=1e-12)
        assert row.semantic_p == (1 + (np.abs(null) >= abs(rho) - 1e-9).sum()) / 100
        assert row.semantic_ci_low < row.semantic_rho < row.semantic_ci_high or row.n < 20
        for end, covariates in (("", [first]), ("_both", [first, controls[own.index].to_numpy()])):
            z = np.column_stack([rankdata(part) for part in covariates])

            def left(ranks, z=z):
                return ranks - LinearRegression().fit(z, ranks).predict(z)

            residuals, of_target = [left(rankdata(run)) for run in runs], left(rankdata(own))
            partial = np.mean([pearsonr(part, of_target).statistic for part in residuals])
            null = [
                np.mean([pearsonr(part, left(of_target[order])).statistic for part in residuals]) for order in exchanged
            ]
            assert getattr(row, f"partial_rho{end}") == pytest.approx(partial, abs=1e-9)
            assert getattr(row, f"p_partial{end}") == (1 + (np.abs(null) >= abs(partial) - 1e-9).sum()) / 100
            ends = getattr(row, f"ci_low{end}"), getattr(row, f"ci_high{end}")
            assert ends[0] < getattr(row, f"partial_rho{end}") < ends[1] or row.n < 20
    for name in ("semantic_p", "p_partial", "p_partial_both"):
        q = table[name.replace("p_partial", "q_partial").replace("semantic_p", "semantic_q")]
        assert q.to_numpy() == pytest.approx(false_discovery_control(table[name]), abs=1e-12)


def test_in_the_toy_world_the_objects_are_the_valence(finished):
    """There, classes alone move what people say: presence must predict it better than low-level features."""
    _, results = finished
    held_out = results["semantic_control"].table("semantic_held_out.csv")
    assert held_out["r2"].min() > 0.5 and held_out["rho"].min() > 0.85
    table = results["semantic_control"].table("semantic_control.csv").set_index("target")
    low_level = results["alignment_controls"].table("alignment_controls.csv").set_index("target")["low_level_rho"]
    for valence in ("IV", "PV", "SV"):
        row = table.loc[f"{valence}/true/congruent"]
        half = np.repeat([0, 1], row["n"] // 2)  # a label of two values allows no larger rho
        assert row["semantic_rho"] == pytest.approx(spearmanr(half, np.arange(len(half))).statistic, abs=0.01)
        assert row["semantic_q"] < 0.05
        assert row["semantic_rho"] > low_level[f"{valence}/true/congruent"]
    said = results["semantic_control"].summary()
    assert "14 classes of objects a picture shows" in said and "go beyond that" in said and "_" not in said


def test_its_cost_is_estimated(finished):
    detecting, learning = step_cost(finished[0], "semantic_control")
    assert detecting.memory > 2**20 and 2**16 < learning.memory < 2**30


def test_presence_knows_pictures_without_a_box_and_pictures_that_are_shown_twice():
    boxes = pd.DataFrame({"image": ["a", "a", "b", "x"], "class": ["Bus", "Bus", "Rose", "Bus"]})
    assert presence(boxes, ["b", "a", "c", "a"], ["Rose", "Bus", "Tree"]).tolist() == [
        [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 0]
    ]  # fmt: skip
    assert presence(boxes.iloc[:0], ["a", "b"], ["Bus"]).tolist() == [[0], [0]]
    assert presence(boxes, ["a", "b"], []).shape == (2, 0)
    assert learnable(presence(boxes, ["a", "b"], ["Bus"])).tolist() == []


def test_pictures_with_the_same_classes_are_tied_and_without_a_class_all_are():
    random = np.random.default_rng(0)
    known = random.integers(0, 2, (200, 7)).astype(float)
    labels = known @ random.normal(size=7)
    shown = random.integers(0, 2, (60, 7)).astype(float)
    made = predicted(known, labels, shown, np.array([1.0, 10.0]))
    patterns = [tuple(row) for row in shown]
    assert len(set(made)) == len(set(patterns)) < 60
    assert len(set(predicted(known, labels, np.zeros((5, 7)), np.array([1.0])))) == 1
    assert predicted(known[:, :0], labels, shown[:, :0], np.array([1.0])) == pytest.approx(labels.mean())


def test_where_the_stimuli_share_no_class_nothing_is_beyond_it(finished):
    _, results = finished
    targets = results["human_targets"].table("targets.csv")
    predictions = results["valence_models"].table("predictions.csv")
    controls = results["alignment_controls"].table("control_predictions.csv")
    same = results["semantic_control"].table("semantic_predictions.csv").assign(n_classes=0, prediction=0.6)
    table = semantic_control(predictions, same, controls, targets, Significance(**FEW))
    assert table["rho"].notna().all()
    assert table.drop(columns=[*table.columns[:9]]).isna().all(axis=None) and list(table.columns)[8] == "rho"
    facts = {"classes_learned_from": 3, "fewest_pictures_of_a_class": 5, "held_out_r2": 0.1, "held_out_rho": None}
    said = semantic_control_summary({**facts, **semantic_facts(table)})
    assert "rho with the ratings is undefined" in said[0] and "do not differ in these classes" in said[1]
    assert "No class of objects" in semantic_control_summary({**facts, "classes_learned_from": 0})[0]


def test_a_detector_that_finds_too_little_stops_nothing(finished, tmp_path):
    """Two boxes in the whole corpus: the class is in too few pictures, and the step says so."""
    params, results = finished
    scarce = load_params(params.profile, {"analysis.detector.confidence": _confidence_of(results["objects"], 2)})
    assert len(run_step(scarce, "objects").table("detections.parquet")) == 2
    result = run_step(scarce, "semantic_control")
    table = result.table("semantic_control.csv")
    assert table["semantic_rho"].isna().all() and table["partial_rho"].isna().all() and table["rho"].notna().all()
    assert (result.table("semantic_predictions.csv")["n_classes"] == 0).all()
    assert "No class of objects is shown by at least 5 pictures" in result.summary()


def _confidence_of(result, boxes: int) -> float:
    confidence = result.table("detections.parquet")["confidence"].sort_values(ascending=False).to_numpy()
    return float((confidence[boxes - 1] + confidence[boxes]) / 2)


def test_the_figure_the_sentence_and_the_tables_show_the_control(tmp_path):
    folder = write_results(tmp_path / "results")
    results = Results(folder, STUDIES)
    table = results.table(SEMANTIC_CONTROL)
    figure = figure_8(results)
    diamonds = [trace for trace in figure.data if trace.legendgroup == "presence" and trace.error_y.array is not None]
    assert len(diamonds) == 6 and sum(len(trace.y) for trace in diamonds) == 24
    values = [value for trace in figure.data if trace.mode == "markers" for value in trace.y if value is not None]
    for column in ("rho", "partial_rho", "semantic_rho"):
        assert set(table[column]) <= set(values)
    filled = [s for trace in diamonds for s in trace.marker.symbol if not s.endswith("-open")]
    assert len(filled) == (table.drop_duplicates("target")["semantic_q"] < 0.05).sum() > 0
    said = presence_sentence(results)
    assert "IV/true/congruent rho 0.30" in said and "toynet agrees with" in said and "of 24 targets" in said
    assert [len(make(results).rows) for make in FIGURE.tables] == [48, 5]
    nothing = table.copy()
    nothing[table.columns[9:]] = np.nan
    SEMANTIC_CONTROL.write(nothing, folder)
    empty = Results(folder, STUDIES)
    assert presence_sentence(empty) == NOTHING and NOTHING in FIGURE.caption(empty).finding
    assert len(figure_8(empty).data) and len(FIGURE.tables[0](empty).rows) == 48
