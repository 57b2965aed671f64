"""The comparison of CAM methods on a small toy world: maps, counts, agreement and areas worked out again."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import write_profile
from scipy.stats import false_discovery_control, spearmanr
from small_run import step_cost, step_folder
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.cam_methods.by_name import class_cams
from o2b_helpers.kernels.faithfulness import faithfulness, probability_of
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import loaded
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam import cam_methods, maps
from o2b_helpers.studies.emocam.answers.emotions import same_by_other_methods
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.planted import planted_auc
from o2b_helpers.studies.registry import load_params

IMAGES, PICTURES, CHANGED, SIDE, EXCHANGES = 120, 100, 8, 96, 19
METHODS = ["grad_cam", "ablation_cam", "lime", "lrp", "lift_cam"]
OPTIONS = {
    "studies": ["emocam"],
    "analysis": {
        "corpus": {"kind": "toyworld", "images": IMAGES, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "emotions": {"min_pictures": 5},
        "emotion_heads": {"learning_rates": [0.01], "epochs": 20},
        "associations": {"exchanges": EXCHANGES},
        "cam_methods": {"pictures": PICTURES, "exchanges": EXCHANGES, "lime_samples": 32, "faithful_pictures": CHANGED,
                        "faithful_steps": 4},
        "significance": {"permutations": 99, "bootstrap": 99},
    },
    "execution": {"device": "cpu", "threads": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    params = load_params(write_profile(tmp_path_factory.mktemp("cam_methods"), OPTIONS))
    for step in ("inputs", "objects", "cam_methods"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return params.runs / "results"


@pytest.fixture(scope="module")
def world(params):
    """The model, its heads, the corpus, the pictures with a label, and the rows of those that are mapped."""
    model = params.analysis.emocam_models[0]
    heads = load_emotion_model(step_folder(params, "emotion_models"), model)
    corpus = inputs.load(params, step_folder(params, "inputs")).corpus
    return model, heads, corpus, heads.table[["image"]].merge(corpus, on="image", how="left")


def read(results, name) -> pd.DataFrame:
    return pd.read_csv(results / name)


def rows_mapped(params) -> np.ndarray:
    options = params.analysis.cam_methods
    return np.sort(np.random.default_rng(options.seed).choice(IMAGES, PICTURES, replace=False))


def inputs_of(params, world, rows) -> torch.Tensor:
    model, _, corpus, table = world
    shown = pictures(params, Store(params.store), model, corpus, "corpus").of(table["sha256"].iloc[rows])
    return shown.pick(np.arange(len(rows)))


def test_maps_are_those_of_the_held_out_head_and_the_named_label(params, world):
    model, heads, corpus, table = world
    rows = rows_mapped(params)
    cams, named = maps.class_maps(params, model, heads, corpus, table, "grad_cam", rows=rows)
    fold, backbone = heads.table["fold"].to_numpy()[rows], loaded(params, model)
    assert (np.array(heads.names)[named] == heads.table["predicted"].to_numpy()[rows]).all()
    for place in (0, 7, 50, 99):
        values = inputs_of(params, world, rows[[place]])
        for name, stage in backbone.stages:
            values = stage(values)
            if name == maps.cam_layer(params, model):
                layer = values = values.detach().requires_grad_()
        score = values.flatten() @ torch.as_tensor(heads.readout.weight[fold[place], named[place]])
        (gradient,) = torch.autograd.grad(score, layer)
        expected = (gradient.mean((2, 3), keepdim=True) * layer).sum(1).relu()[0].detach().numpy()
        np.testing.assert_allclose(cams[place], expected, atol=1e-5 * max(expected.max(), 1e-12))


def test_where_rounding_would_name_another_label_the_stored_one_is_mapped(params, world):
    model, heads, _, _ = world
    backbone, layer = loaded(params, model), maps.cam_layer(params, model)
    images, readout = inputs_of(params, world, np.arange(5)), maps.of_run(heads.readout, 2)
    named = np.array([0, 1, 2, 3, 4])
    made = maps.named_maps("grad_cam", backbone, images, readout, named, layer)
    every = class_cams("grad_cam", backbone, images, readout, layer, "all").maps[0]
    for picture, output in enumerate(named):
        expected = every[output, picture]
        torch.testing.assert_close(made[picture], expected, rtol=0, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize("method", ["grad_cam", "lime"])
def test_counts_are_those_of_resized_maps(params, world, results, method):
    model, heads, corpus, table = world
    rows, lime = rows_mapped(params), cam_methods.lime_settings(params)
    cams, named = maps.class_maps(params, model, heads, corpus, table, method, rows=rows, lime=lime)
    large = interpolate(torch.from_numpy(cams)[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].numpy()
    place = {name: row for row, name in enumerate(table["image"].iloc[rows])}
    important, shown = {}, {}
    detections = pd.read_parquet(results / "detections.parquet")
    for box in detections[detections["image"].isin(place)].to_dict("records"):
        row = place[box["image"]]
        low, high = large[row].min(), large[row].max()
        unit = (large[row] - low) / (high - low) if high > low else 0 * large[row]
        x0, y0, x1, y1 = np.clip(
            np.array([box[name] for name in ("x0", "y0", "x1", "y1")]) * SIDE / box["width"], 0, SIDE
        )
        value = unit[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))].mean()
        assert abs(value - 0.3) > 1e-6
        key = (heads.names[named[row]], box["class"])
        shown.setdefault(key, set()).add(row)
        if value > 0.3:
            important.setdefault(key, set()).add(row)
    said = read(results, "cam_method_associations.csv").query("method == @method")
    assert len(said) == len(heads.names) * detections["class"].nunique()
    for row in said.to_dict("records"):
        key, many = (row["predicted"], row["class"]), int((np.array(heads.names)[named] == row["predicted"]).sum())
        assert (row["pictures"], row["shown"], row["count"]) == (
            many, len(shown.get(key, ())), len(important.get(key, ()))
        )  # fmt: skip
    known = said[said["shown"] > 0]
    np.testing.assert_allclose(known["conditional"], known["count"] / known["shown"])
    np.testing.assert_allclose(known["lift"], known["conditional"] - known["exchanged"], atol=1e-12)


def test_agreement_and_its_p_are_those_of_plain_loops(params, world, results):
    model, heads, corpus, table = world
    rows, lime = rows_mapped(params), cam_methods.lime_settings(params)
    detections = pd.read_parquet(results / "detections.parquet")
    categories = detections.drop_duplicates("class").set_index("class")["category"].sort_index()
    own = table.iloc[rows].reset_index(drop=True)
    boxes = cam_methods.boxes_in_input(params, model, own, detections, list(categories.index))
    counts = {}
    for method in METHODS:
        cams, named = maps.class_maps(params, model, heads, corpus, table, method, rows=rows, lime=lime)
        counts[method] = cam_methods.method_counts(params, boxes, cams, named, (SIDE, SIDE), heads, categories)
    agreement = read(results, "cam_method_agreement.csv").set_index(["statistic", "method_a", "method_b"])
    assert len(agreement) == 30

    def rho(one, other):
        both = np.isfinite(one) & np.isfinite(other)
        return spearmanr(one[both], other[both]).statistic

    for statistic in ("count", "conditional", "lift"):
        for a, b in combinations(METHODS, 2):
            values = {name: counts[name].values[statistic].ravel() for name in (a, b)}
            nulls = {name: counts[name].nulls[statistic].reshape(EXCHANGES, -1) for name in (a, b)}
            row, seen = agreement.loc[(statistic, a, b)], rho(values[a], values[b])
            assert row["rho"] == pytest.approx(seen, abs=1e-9)
            assert row["cells"] == (np.isfinite(values[a]) & np.isfinite(values[b])).sum()
            ways = []
            for held, exchanged in ((a, b), (b, a)):
                drawn = np.array([rho(values[held], null) for null in nulls[exchanged]])
                assert np.isfinite(drawn).all()
                ways.append((1 + (drawn >= seen - 1e-9).sum()) / (1 + EXCHANGES))
            assert row["p"] == pytest.approx(max(ways))
    assert agreement["q"].to_numpy() == pytest.approx(false_discovery_control(agreement["p"]))


def test_exchanged_counts_of_one_class_are_those_of_plain_loops(params, world, results):
    """Every picture that shows the class gets the boxes of a picture drawn from the same generator."""
    model, heads, corpus, table = world
    rows = rows_mapped(params)
    detections = pd.read_parquet(results / "detections.parquet")
    classes = sorted(detections["class"].unique())
    categories = detections.drop_duplicates("class").set_index("class")["category"].sort_index()
    own = table.iloc[rows].reset_index(drop=True)
    boxes = cam_methods.boxes_in_input(params, model, own, detections, classes)
    cams, named = maps.class_maps(params, model, heads, corpus, table, "grad_cam", rows=rows)
    made = cam_methods.method_counts(params, boxes, cams, named, (SIDE, SIDE), heads, categories)
    large = interpolate(torch.from_numpy(cams)[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].numpy()
    number = 2
    corners, image = boxes.regions.boxes[boxes.label == number], boxes.regions.image[boxes.label == number]
    hosts, rng = np.unique(image), np.random.default_rng([params.analysis.cam_methods.seed, number])
    for draw in range(3):
        donors, expected = rng.permuted(np.arange(len(hosts))[None], axis=1)[0], np.zeros(len(heads.names))
        for host, donor in zip(hosts, donors, strict=True):
            low, high = large[host].min(), large[host].max()
            unit = (large[host] - low) / (high - low) if high > low else 0 * large[host]
            means = [unit[int(np.floor(y0)) : int(np.ceil(y1)), int(np.floor(x0)) : int(np.ceil(x1))].mean()
                     for x0, y0, x1, y1 in corners[image == hosts[donor]]]  # fmt: skip
            expected[named[host]] += max(means) > 0.3
        assert made.nulls["count"][draw, number].tolist() == expected.tolist()


def test_areas_are_those_of_each_picture_alone(params, world, results):
    model, heads, corpus, table = world
    pictures_changed = read(results, "cam_method_pictures.csv")
    own = pictures_changed[pictures_changed["method"] == "grad_cam"].iloc[:3]
    row = table.set_index("image").index.get_indexer(own["image"])
    cams, named = maps.class_maps(params, model, heads, corpus, table, "grad_cam", rows=rows_mapped(params))
    place = np.searchsorted(rows_mapped(params), row)
    for number, shown in enumerate(inputs_of(params, world, row)):
        readout = maps.of_run(heads.readout, int(heads.table["fold"].iloc[row[number]]))
        predict = probability_of(loaded(params, model), readout, torch.tensor([named[place[number]]]))
        curves = faithfulness(predict, shown[None], torch.from_numpy(cams[place[[number]]]), steps=4, seed=0)
        assert own["deletion"].iloc[number] == pytest.approx(curves.deletion_area[0], abs=1e-5)
        assert own["insertion"].iloc[number] == pytest.approx(curves.insertion_area[0], abs=1e-5)
    methods = read(results, "cam_methods.csv").set_index("method")
    assert list(methods.index) == METHODS and (methods["changed"] == CHANGED).all()
    for method, areas in pictures_changed.groupby("method"):
        for name in ("deletion", "insertion"):
            assert methods.loc[method, name] == pytest.approx(areas[name].mean())
            assert (
                methods.loc[method, f"{name}_low"] <= methods.loc[method, name] <= methods.loc[method, f"{name}_high"]
            )


def test_the_planted_pairs_are_asked_of_every_method(params, results):
    from o2b_helpers.report.results import Results

    said, methods = read(results, "cam_method_associations.csv"), read(results, "cam_methods.csv").set_index("method")
    truth = cam_methods.planted_pairs()
    for method, own in said.groupby("method"):
        auc = planted_auc(own, truth)
        for name in ("importance", "conditional", "lift"):
            assert methods.loc[method, f"auc_{name}"] == pytest.approx(auc[name])
    answer = same_by_other_methods(Results(results, params.chosen_studies))
    words = answer.statements[0].words
    assert f"5 methods on {PICTURES} pictures, model toynet" in words and "AUC of" in words and "nan" not in words
    facts = read_facts(step_folder(params, "cam_methods"))
    assert facts["toynet"]["compared_pictures"] == PICTURES
    assert step_cost(params, "cam_methods")


def test_methods_that_nobody_knows_are_refused_before_anything_runs(params):
    for wrong in (["grad_cam", "gradcam"], ["grad_cam", "gradcam:Foo"], ["lime", "lime"], ["lime"]):
        with pytest.raises(ParameterError, match=r"cam_methods\.methods"):
            load_params(params.profile, {"analysis.cam_methods.methods": wrong})
    with pytest.raises(ParameterError, match="no CAM method"):
        load_params(params.profile, {"analysis.associations.cam": "cam"})
    assert load_params(params.profile, {"analysis.associations.cam": "gradcam:HiResCAM"})
