"""The step `paste` of `emocam`: against Pillow, picture by picture; every table counted again from the labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import write_profile
from PIL import Image
from scipy import stats
from small_run import STEPS, step_cost, step_folder

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.doctor import examine
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.paste.objects import control, resized_object
from o2b_helpers.kernels.paste.places import quincunx
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.paste.answer import after_pasting
from o2b_helpers.studies.emocam.paste.counts import mean_interval
from o2b_helpers.studies.emocam.paste.examples import example_pictures
from o2b_helpers.studies.emocam.paste.pasting import paste_shards
from o2b_helpers.studies.emocam.paste.plan import Frame, chosen_pictures, objects, places, seen_part, surest_boxes
from o2b_helpers.studies.emocam.paste.step import compute
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.pasted_objects import pasted_object

PICTURES, SIDE, KEYS = 8, 96, ["object", "kind"]
OPTIONS = {
    "analysis": {
        "corpus": {"kind": "toyworld", "images": 120, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "emotion_heads": {"learning_rates": [0.01], "epochs": 30},
        "significance": {"permutations": 99, "bootstrap": 199},
        "paste": {"max_pictures": PICTURES, "box_classes": ["Woman"], "objects": ["lotus", "data/star.png"]},
    },
    "execution": {"device": "cpu", "threads": 1, "batch_size": 16},
}


def star(folder, name="star.png", mode="RGBA", size=(60, 40)):
    """Write a small object: a red disc on nothing."""
    (folder / "data").mkdir(exist_ok=True)
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    y, x = np.mgrid[: size[1], : size[0]]
    pixels[(x / size[0] - 0.5) ** 2 + (y / size[1] - 0.5) ** 2 < 0.24] = (230, 20, 40, 255)
    pixels[size[1] // 2 :, :, 2] = 200
    Image.fromarray(pixels, "RGBA").convert(mode).save(folder / "data" / name)


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paste")
    star(folder)
    params = load_params(write_profile(folder, {**OPTIONS, "studies": ["emocam"]}))
    for step in ("inputs", "objects", "emotion_models", "paste"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return params.runs / "results"


@pytest.fixture(scope="module")
def labels(results):
    return pd.read_parquet(results / "paste_labels.parquet")


def needs_of(params) -> dict:
    return {need.name: step_folder(params, need.name) for need in STEPS["paste"].needs}


def chosen(params):
    model = load_emotion_model(step_folder(params, "emotion_models"), params.analysis.emocam_models[0])
    return chosen_pictures(params, inputs.load(params, step_folder(params, "inputs")), model), model


def test_labels_are_those_of_a_plain_loop_with_pillow(params, labels):
    table, model = chosen(params)
    backbone = load_backbone("toynet", "toyworld")
    predictions = model.table.set_index("image")

    def named(image: Image.Image, fold: int) -> str:
        features = backbone.features(backbone.preprocessing(image)[None])
        return model.names[int((features @ model.readout.weight[fold].T + model.readout.bias[fold])[0].argmax())]

    assert len(table) == PICTURES and set(labels["image"]) == set(table["image"])
    for row in table.head(3).to_dict("records"):
        picture = Image.open(row["path"]).convert("RGB")
        fold = predictions.at[row["image"], "fold"]
        own = labels[labels["image"] == row["image"]]
        assert set(own["before"]) == {named(picture, fold)} == {predictions.at[row["image"], "predicted"]}
        for name, pixels in objects(params).items():
            height = round(0.2 * picture.height)
            size = (height, round(height * pixels.shape[1] / pixels.shape[0]))
            small = resized_object(pixels, size)
            looks = {"object": small, **{k: control(k, small, 0) for k in ("mean_colour", "phase_scrambled")}}
            for kind, look in looks.items():
                spots = own[(own["object"] == name) & (own["kind"] == kind)]
                assert (spots["where"] == "position").sum() == 17
                for spot in spots.to_dict("records"):
                    copy, above = picture.copy(), Image.fromarray(look, "RGBA")
                    left, top = (
                        int(np.floor(centre * side - length / 2 + 0.5))
                        for centre, side, length in (
                            (spot["x"], copy.width, size[1]),
                            (spot["y"], copy.height, size[0]),
                        )
                    )
                    copy.paste(above, (left, top), above)
                    assert named(copy, fold) == spot["after"]
    positions = labels[(labels["where"] == "position") & (labels["image"] == table["image"][0])]
    one = positions[(positions["object"] == "star") & (positions["kind"] == "object")].sort_values("position")
    np.testing.assert_allclose(one[["x", "y"]], quincunx(), atol=1e-12)  # the toy network sees the whole picture


def test_every_table_is_counted_again_from_the_labels(results, labels):
    spots = labels[labels["where"] == "position"]
    spots = spots.assign(changed=spots["before"] != spots["after"])
    positions = pd.read_csv(results / "paste_positions.csv").set_index([*KEYS, "position"])
    for key, own in spots.groupby([*KEYS, "position"]):
        row, changed = positions.loc[key], own[own["changed"]]
        assert (row["pictures"], row["changed"]) == (len(own), own["changed"].sum())
        ends = stats.binomtest(int(own["changed"].sum()), len(own)).proportion_ci(method="wilson")
        assert (row["share"], row["share_low"], row["share_high"]) == pytest.approx((own["changed"].mean(), *ends))
        arrivals = changed["after"].value_counts()
        assert row["most_often_pictures"] == (arrivals.max() if len(arrivals) else 0)
        assert row["most_often"] in set(arrivals[arrivals == arrivals.max()].index) if len(arrivals) else True
        assert row[["cam_before", "cam_after"]].isna().all() == (key[1] != "object")
        if key[1] == "object":
            assert row["cam_after"] == pytest.approx(own["cam_after"].mean())
    switches = pd.read_csv(results / "paste_switches.csv").set_index([*KEYS, "before", "after"])["switches"]
    counted = spots[spots["changed"]].groupby([*KEYS, "before", "after"]).size()
    assert (switches == counted.reindex(switches.index, fill_value=0)).all() and counted.sum() == switches.sum()


def test_mcnemar_and_cochrans_q_are_those_of_scipy(results, labels):
    spots = labels[labels["where"] == "position"]
    wide = spots.assign(changed=(spots["before"] != spots["after"])).pivot_table(
        index="image", columns=[*KEYS, "position"], values="changed", aggfunc="first"
    )
    tests = pd.read_csv(results / "paste_controls.csv")
    assert len(tests) == 2 * 2 * 18
    for row in tests.to_dict("records"):
        both = [wide[row["object"], kind].astype(bool) for kind in ("object", row["control"])]
        first, second = (w.any(axis=1) if row["position"] == 0 else w[row["position"]] for w in both)
        only = int((first & ~second).sum()), int((second & ~first).sum())
        assert (row["only_object"], row["only_control"]) == only
        assert row["p"] == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0)
        assert row["difference"] == pytest.approx(first.mean() - second.mean())
        assert row["difference_low"] - 1e-9 <= row["difference"] <= row["difference_high"] + 1e-9
    for family in (tests["position"] == 0, tests["position"] > 0):
        own = tests[family]
        assert own["q"].to_numpy() == pytest.approx(stats.false_discovery_control(own["p"]))
    whole = pd.read_csv(results / "paste_objects.csv")
    for row in whole.to_dict("records"):
        changed = wide[row["object"], row["kind"]].astype(float)
        assert (row["share"], row["anywhere"]) == pytest.approx((changed.to_numpy().mean(), changed.any(axis=1).mean()))
        if changed.nunique(axis=1).gt(1).any():
            # Friedman's test of answers that are 0 or 1 is Cochran's Q
            expected = stats.friedmanchisquare(*changed.to_numpy().T)
            assert (row["cochran_q"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
        assert row["freedom"] == 16


def test_boxes_are_held_against_random_places_of_the_same_pictures(params, results, labels):
    detections = pd.read_parquet(results / "detections.parquet")
    surest = detections[detections["class"] == "Woman"].sort_values("confidence", ascending=False)
    surest = surest.drop_duplicates("image").set_index("image")
    assert set(labels.loc[labels["where"] == "box", "image"]) == set(labels["image"]) & set(surest.index)
    for row in labels[(labels["where"] == "box") & (labels["kind"] == "object")].to_dict("records"):
        box = surest.loc[row["image"]]
        x = (box["x0"] + box["x1"]) / 2 / box["width"]
        height = round(0.2 * box["height"])
        shape = objects(params)[row["object"]].shape
        half = round(height * shape[1] / shape[0]) / 2 / box["width"]
        assert row["x"] == pytest.approx(np.clip(x, half, 1 - half))  # moved inside the picture
    random = labels[labels["where"] == "random"]
    assert random["seen"].min() > 0.9 and random.groupby("image")["x"].nunique().le(2).all()
    for row in pd.read_csv(results / "paste_boxes.csv").to_dict("records"):
        own = labels[(labels["object"] == row["object"]) & (labels["kind"] == row["kind"])]
        changed = {where: part.set_index("image").eval("before != after") for where, part in own.groupby("where")
                   if where != "position"}  # fmt: skip
        box, at_random = changed["box"], changed["random"].reindex(changed["box"].index)
        assert row["pictures"] == len(box) == len(at_random)
        assert (row["box"], row["random"]) == pytest.approx((box.mean(), at_random.mean()))
        only = int((box & ~at_random).sum()), int((at_random & ~box).sum())
        assert (row["only_box"], row["only_random"]) == only
        assert row["p"] == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0)


def test_the_share_of_the_map_is_that_of_a_map_resized_whole(params, labels):
    """Independent of the kernels of regions: gradients by autograd, the map resized, pixels added up."""
    table, model = chosen(params)
    backbone, layer = load_backbone("toynet", "toyworld"), "features.9"

    def grad_cam(image: Image.Image, fold: int) -> np.ndarray:
        with torch.no_grad():
            maps = backbone.trunk(backbone.preprocessing(image)[None], layer)
        maps = maps.clone().requires_grad_()
        weight, bias = torch.as_tensor(model.readout.weight[fold]), torch.as_tensor(model.readout.bias[fold])
        outputs = backbone.tail(maps, layer) @ weight.T + bias
        outputs.max().backward()
        cam = (maps.grad.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).clamp(min=0).detach()
        return torch.nn.functional.interpolate(cam, (SIDE, SIDE), mode="bilinear")[0, 0].double().numpy()

    for row in table.head(2).to_dict("records"):
        picture, fold = Image.open(row["path"]).convert("RGB"), row["fold"]
        own = labels[(labels["image"] == row["image"]) & (labels["object"] == "star") & (labels["kind"] == "object")]
        height = round(0.2 * picture.height)
        pixels = objects(params)["star"]
        small = resized_object(pixels, (height, round(height * pixels.shape[1] / pixels.shape[0])))
        for spot in own.head(5).to_dict("records"):
            left, top = (
                int(np.floor(spot[axis] * side - length / 2 + 0.5))
                for axis, side, length in (("x", picture.width, small.shape[1]), ("y", picture.height, small.shape[0]))
            )
            copy, above = picture.copy(), Image.fromarray(small, "RGBA")
            copy.paste(above, (left, top), above)
            scale = SIDE / picture.width
            x0, y0, x1, y1 = (
                edge(scale * value)
                for edge, value in (
                    (np.floor, max(left, 0)), (np.floor, max(top, 0)),
                    (np.ceil, min(left + small.shape[1], picture.width)),
                    (np.ceil, min(top + small.shape[0], picture.height)),
                )
            )  # fmt: skip
            for name, image in (("cam_before", picture), ("cam_after", copy)):
                cam = grad_cam(image, fold)
                share = cam[int(y0) : int(y1), int(x0) : int(x1)].sum() / cam.sum()
                assert spot[name] == pytest.approx(share, abs=1e-4)


def test_work_is_kept_and_another_batch_size_changes_nothing(params, labels, capsys):
    store, model = Store(params.store), params.analysis.emocam_models[0]
    table, emotion_model = chosen(params)
    detections = pd.read_parquet(step_folder(params, "objects") / "results" / "detections.parquet")
    boxes = surest_boxes(params, store, Preprocessing(SIDE, SIDE), table, detections)
    shards = paste_shards(params, store, model, emotion_model.readout, objects(params), table, boxes)
    assert all(shard.is_stored(store) for shard in shards)
    fewer = paste_shards(params, store, model, emotion_model.readout, objects(params), table.head(3), boxes)
    assert not any(shard.is_stored(store) for shard in fewer)


def test_stimuli_are_judged_by_a_head_that_did_not_learn_from_them(params):
    other = load_params(params.profile, {"analysis.paste.pictures": "stimuli", "analysis.paste.max_pictures": None})
    table, model = chosen(other)
    assert len(table) == 48 and (table["fold"] == 0).all()
    data = inputs.load(params, step_folder(params, "inputs"))
    known = model.table[model.table["fold"] == 3].iloc[0]["image"]
    same = data.corpus.set_index("image").at[known, "pixels"]
    stimuli = data.stimuli.assign(pixels=[same, *data.stimuli["pixels"][1:]])
    judged = chosen_pictures(other, inputs.Inputs(data.corpus, stimuli), model)
    assert judged["fold"].tolist() == [3] + [0] * 47


def test_positions_refer_to_what_the_crop_leaves(params):
    geometry = Preprocessing(256, 224)
    assert seen_part(geometry, 600, 400) == (125.0, 25.0, 475.0, 375.0)
    assert seen_part(Preprocessing(224, 224), 300, 300) == (0, 0, 300, 300)
    corner = np.array([[0.0, 0.0], [1.0, 1.0]])
    seen = Frame.of(params, geometry, 600, 400).in_picture(corner, 600, 400)
    np.testing.assert_allclose(geometry.boxes_to_input((seen * (600, 400)).reshape(1, 4), 600, 400),
                               [[0, 0, 224, 224]], atol=0.5)  # fmt: skip
    whole = load_params(params.profile, {"analysis.paste.frame": "picture"})
    assert Frame.of(whole, geometry, 600, 400) == Frame(0, 0, 600, 400)
    row = {"width": 600, "height": 400, "sha256": "ab" * 32}
    frame = Frame.of(params, geometry, 600, 400)
    asked = places(params, frame, row, (70, 40), {"Woman": (0.22, 0.5)})
    assert asked.shape == (19, 2) and asked[17] == pytest.approx(((125 + 20) / 600, 0.5))
    again = places(params, frame, row, (70, 40), {})
    assert np.isnan(again[17:]).all() and np.array_equal(again[:17], asked[:17])
    assert (asked[18] * (600, 400) >= (145, 60)).all() and (asked[18] * (600, 400) <= (455, 340)).all()


def test_intervals_leave_out_what_is_unknown(params):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 60))
    values[1, 30:] = np.nan
    mean, low, high = mean_interval(values, params)
    assert mean == pytest.approx(np.nanmean(values, axis=1))
    width = 2 * 1.96 * np.nanstd(values, axis=1) / np.sqrt([60, 30])
    assert (high - low) == pytest.approx(width, rel=0.25)
    assert np.isnan(mean_interval(np.full((1, 4), np.nan), params)[1]).all()


def test_the_answer_the_figure_and_the_examples_are_read_from_the_files(params, results):
    made = Results(results, params.chosen_studies)
    words = " ".join(statement.words for statement in after_pasting(made).statements)
    share = pd.read_csv(results / "paste_objects.csv").set_index(KEYS)["share"]
    for name in ("lotus", "star"):
        assert f"{name}, model toynet changes what is named in {100 * share[name, 'object']:.0f} %" in words
    assert "against a patch of its mean colour (q" in words and "At boxes of Woman" in words
    assert len(example_pictures(params, made).data) > 2
    other = params.analysis.corpus.model_copy(update={"kind": "oasis"})
    private = params.model_copy(update={"analysis": params.analysis.model_copy(update={"corpus": other})})
    assert "execution.show_pictures: true" in example_pictures(private, made)


def test_the_costs_are_estimated(params):
    assert step_cost(params, "paste") and all(need.memory >= 0 for need in step_cost(params, "paste"))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("grey.png", lambda path: Image.new("RGB", (20, 20), "grey").save(path), "has no transparency"),
        ("full.png", lambda path: Image.new("RGBA", (20, 20), (9, 9, 9, 255)).save(path), "has no transparency"),
        ("bare.png", lambda path: Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(path), "every pixel is transparent"),
        ("text.png", lambda path: path.write_text("no picture"), "cannot be read"),
        ("cut.png", lambda path: (Image.effect_noise((90, 90), 50).convert("RGBA").save(path),
                                  path.write_bytes(path.read_bytes()[:2000])), "cannot be read"),
        ("gone.png", lambda path: None, "gone.png"),
    ],
)  # fmt: skip
def test_an_object_that_cannot_be_pasted_is_one_error_before_anything_is_computed(params, name, write, message):
    write(params.project / "data" / name)
    other = load_params(params.profile, {"analysis.paste.objects": ["lotus", f"data/{name}"]})
    with pytest.raises(InputError, match=message):
        STEPS["paste"].part(other, Store(params.store))
    bad = [finding for finding in examine(other) if name in finding.what]
    assert len(bad) == 1 and bad[0].stops_a_run


def test_an_unknown_object_is_refused_when_the_profile_is_read(params):
    with pytest.raises(ParameterError, match=r"(?s)footbal.*rugby ball, soccer ball, lotus"):
        load_params(params.profile, {"analysis.paste.objects": ["footbal"]})
    with pytest.raises(ParameterError, match="several objects are called 'star'"):
        load_params(params.profile, {"analysis.paste.objects": ["data/star.png", "more/star.png"]})
    with pytest.raises(ParameterError, match="outside of the picture"):
        load_params(params.profile, {"analysis.paste.positions": [[0.5, 1.5]]})


def test_an_object_larger_than_a_picture_is_named_with_it_before_the_first_picture(params, tmp_path):
    star(params.project, "wide.png", size=(900, 20))
    other = load_params(params.profile, {"analysis.paste.objects": ["lotus", "data/wide.png"]})
    with pytest.raises(InputError, match="The object 'wide' is larger than the picture") as raised:
        compute(other, needs_of(params), tmp_path)
    assert "analysis.paste.height_share" in raised.value.remedy and not list(tmp_path.iterdir())


def test_a_class_without_a_box_is_a_warning(params, tmp_path):
    other = load_params(params.profile, {"analysis.paste.box_classes": ["Zebra"], "analysis.paste.max_pictures": 2,
                                         "analysis.paste.controls": [], "analysis.paste.cam": False,
                                         "analysis.paste.positions": [[0.5, 0.5]]})  # fmt: skip
    compute(other, needs_of(params), tmp_path)
    from o2b_helpers.core.facts import read_facts

    assert "not pasted at boxes of Zebra" in read_facts(tmp_path)["warnings"][0]
    boxes = pd.read_csv(tmp_path / "results" / "paste_boxes.csv")
    assert (boxes["pictures"] == 0).all() and boxes[["box", "difference", "p", "q"]].isna().all(axis=None)
    whole = pd.read_csv(tmp_path / "results" / "paste_objects.csv")
    assert whole[["cochran_q", "p", "cam_before"]].isna().all(axis=None) and (whole["kind"] == "object").all()
    assert len(pd.read_csv(tmp_path / "results" / "paste_controls.csv")) == 0


def test_built_in_objects_are_drawn(params):
    assert np.array_equal(objects(params)["lotus"], np.asarray(pasted_object("lotus")))
