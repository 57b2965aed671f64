"""The steps of `selectivity` on a small toy world: every number worked out again from the stored responses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from helpers import write_profile
from PIL import Image
from scipy.stats import false_discovery_control, hypergeom
from small_run import step_cost, step_folder

from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.kernels.selectivity.selectivity_index import selectivity_index
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.report.results import Results
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity import image_sets
from o2b_helpers.studies.selectivity.answers import emotion_or_looks, filters_for_emotions
from o2b_helpers.studies.selectivity.figures.thumbnails import MOST, Thumbnails, address
from o2b_helpers.studies.selectivity.figures.tuning_curves import FIGURE, figure_13
from o2b_helpers.studies.selectivity.filter_selectivity import found_filters, load_responses
from o2b_helpers.studies.selectivity.responses import studied_layers
from o2b_helpers.studies.selectivity.study import SELECTIVITY_STEP

EMOTIONS, SETS = ["unpleasant", "neutral", "pleasant"], ["first", "second"]
LAYERS = ["features.1", "features.4", "features.7", "features.9"]
EXCHANGES, SEEDS = 199, 2
OPTIONS = {
    "studies": ["selectivity"],
    "analysis": {
        "corpus": {"kind": "toyworld", "images": 90, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "selectivity": {
            "second": {"kind": "toyworld", "images": 80, "world_seed": 4, "style": "printed"},
            "untrained_seeds": SEEDS, "strongest": 10,
        },
        "significance": {"permutations": EXCHANGES, "bootstrap": 99},
    },
    "execution": {"device": "cpu", "threads": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    params = load_params(write_profile(tmp_path_factory.mktemp("selectivity"), OPTIONS))
    for step in ("inputs", "image_sets", "selectivity", "emotion_controls"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return params.runs / "results"


@pytest.fixture(scope="module")
def sets(results):
    return pd.read_csv(results / "image_sets.csv")


@pytest.fixture(scope="module")
def seen(results):
    data = xr.load_dataset(results / "filter_responses_toynet.nc", engine="h5netcdf")
    return [data["response"].values[data["image_set"].values == number].astype(float) for number in (0, 1)], data


@pytest.fixture(scope="module")
def separations(sets, seen):
    constant = np.any([np.ptp(own, axis=0) == 0 for own in seen[0]], axis=0)
    made = []
    for name, own in zip(SETS, seen[0], strict=True):
        numbers = sets[sets["image_set"] == name]["emotion"].map(EMOTIONS.index).to_numpy()
        made.append(selectivity_index(own[:, ~constant], numbers).separation)
    return made, constant


def _rows(results, name, network="trained"):
    table = pd.read_csv(results / name)
    return table[table["network"] == network]


def test_responses_are_means_of_the_maps_of_grey_pictures(params, sets, seen):
    backbone, (_, data) = load_backbone("toynet", "toyworld"), seen
    tables = image_sets.load(params, {name: step_folder(params, name) for name in ("inputs", "image_sets")})
    for number, table in enumerate(tables.both):
        rows = table.iloc[:4]
        grey = np.stack([np.asarray(Image.open(path).convert("L").convert("RGB").resize((96, 96), Image.BILINEAR))
                         for path in rows["path"]])  # fmt: skip
        images = backbone.preprocessing.normalise(torch.from_numpy(grey).permute(0, 3, 1, 2))
        maps, _ = backbone.run(images, LAYERS)
        expected = np.concatenate([maps[layer].mean((2, 3)).numpy() for layer in LAYERS], axis=1)
        own = data["response"].values[data["image_set"].values == number]
        np.testing.assert_allclose(own[:4], expected, rtol=1e-4, atol=2e-5)
    assert list(dict.fromkeys(data["layer"].values)) == LAYERS and data["picture"].values.tolist() == list(
        sets["image"]
    )


def test_filters_are_selected_from_the_responses(results, separations):
    filters, (made, constant) = pd.read_parquet(results / "filter_selectivity.parquet"), separations
    agreed = []
    for name, separation in zip(SETS, made, strict=True):
        own = filters[filters["image_set"] == name]
        assert (own["constant"].to_numpy() == constant).all()
        own = own[own["constant"] == 0]
        np.testing.assert_allclose(own["index"], separation.max(0), atol=1e-10)
        assert own["preferred"].tolist() == [EMOTIONS[k] for k in separation.argmax(0)]
        for _, layer in own.groupby("layer"):
            lowest = layer["index"].nsmallest(int(0.2 * len(layer) + 1e-9)).index
            assert (layer["selective"] == ~layer.index.isin(lowest)).all()
        agreed.append(own["preferred"].where(own["selective"] == 1).reset_index(drop=True))
        assert (own["emotion_selective"] <= own["selective"]).all()
    both = filters[(filters["image_set"] == "first") & (filters["constant"] == 0)]["emotion_selective"]
    assert (both.to_numpy() == (agreed[0] == agreed[1]).to_numpy()).all() and both.sum() > 5


def test_indices_of_layers_and_their_chance(results, separations, sets, seen):
    table, drawn, (made, constant) = _rows(results, "layer_selectivity.csv"), _rows(
        results, "layer_selectivity.csv", "untrained"), separations  # fmt: skip
    layer = seen[1]["layer"].values[~constant]
    for number, name in enumerate(SETS):
        own = table[table["image_set"] == name].set_index("layer")
        numbers = sets[sets["image_set"] == name]["emotion"].map(EMOTIONS.index).to_numpy()
        exchanged = np.random.default_rng([0, 0]).permuted(np.tile(numbers, (EXCHANGES, 1)), axis=1)
        chance = [selectivity_index(seen[0][number][:, ~constant], labels).index for labels in exchanged]
        for of_layer in LAYERS:
            index = made[number].max(0)[layer == of_layer].mean()
            assert own.loc[of_layer, "index"] == pytest.approx(index, abs=1e-10)
            means = np.array([values[layer == of_layer].mean() for values in chance])
            assert own.loc[of_layer, "exchanged"] == pytest.approx(means.mean(), abs=1e-10)
            assert own.loc[of_layer, "p"] == (1 + (means >= index).sum()) / (1 + EXCHANGES)
            twins = drawn[(drawn["image_set"] == name) & (drawn["layer"] == of_layer)]
            assert len(twins) == SEEDS and own.loc[of_layer, "untrained_high"] == twins["index"].max()
            assert own.loc[of_layer, "p_untrained"] == (1 + (twins["index"] >= index).sum()) / (1 + SEEDS)
        assert (own["index_low"] < own["index"]).all() and (own["index"] < own["index_high"]).all()
    np.testing.assert_allclose(table["q"], false_discovery_control(table["p"]), atol=1e-12)


def test_overlaps_and_their_chance(results):
    filters = pd.read_parquet(results / "filter_selectivity.parquet")
    filters = filters[filters["constant"] == 0]
    table = _rows(results, "selective_overlap.csv").set_index(["layer", "emotion"])
    chosen = filters[filters["selective"] == 1].groupby(["image_set", "layer", "preferred"]).size()
    both = filters[(filters["image_set"] == "first") & (filters["emotion_selective"] == 1)]
    smaller = filters.groupby(["layer", "channel"])["index"].min()
    for layer in LAYERS:
        many = int((filters["layer"] == layer).sum() / 2)
        for emotion in EMOTIONS:
            row = table.loc[(layer, emotion)]
            first, second = (chosen.get((name, layer, emotion), 0) for name in SETS)
            own = both[(both["layer"] == layer) & (both["preferred"] == emotion)]
            assert row[["filters", "first", "second", "both"]].tolist() == [many, first, second, len(own)]
            known = hypergeom(many, first, second)
            assert row["expected"] == pytest.approx(known.mean()) and row["p"] == pytest.approx(known.sf(len(own) - 1))
            strength = sum(smaller[(layer, channel)] for channel in own["channel"])
            assert row["strength"] == pytest.approx(strength, abs=1e-10)
    whole, layers = table.xs("all layers"), table.drop(index="all layers", level="layer")
    for name in ("filters", "first", "second", "both", "expected", "exchanged", "strength", "strength_exchanged"):
        np.testing.assert_allclose(whole[name], layers.groupby("emotion")[name].sum()[EMOTIONS], atol=1e-9)
    for p, q in (("p", "q"), ("p_exchanged", "q_exchanged"), ("p_strength", "q_strength")):
        for family in (whole, layers):
            np.testing.assert_allclose(family[q], false_discovery_control(family[p]), atol=1e-12)
    shares = pd.read_csv(results / "selective_shares.csv")
    same = shares[shares["lowest_share"] == 0.2].set_index(["layer", "emotion"]).loc[table.index]
    assert (same[["first", "second", "both"]] == table[["first", "second", "both"]]).all(axis=None)
    assert shares["lowest_share"].nunique() == 10


def test_example_filters_show_their_strongest_pictures(results, seen, sets):
    examples, (responses, data) = pd.read_csv(results / "example_filters.csv"), seen
    assert len(examples) and set(examples["layer"]) <= {"features.1", "features.7", "features.9"}
    for (layer, channel, name), rows in examples.groupby(["layer", "channel", "image_set"]):
        place = np.flatnonzero((data["layer"].values == layer) & (data["channel"].values == channel))[0]
        own = responses[SETS.index(name)][:, place]
        np.testing.assert_allclose(rows["response"], np.sort(own)[::-1][:10], rtol=1e-6)
        of = sets[sets["image_set"] == name].set_index("image")["scaled_valence"]
        assert (of[rows["image"]].to_numpy() == rows["scaled_valence"].to_numpy()).all()


def with_pictures(params, second=None, **execution):
    """Return the profile as if its pictures were others', or shown or not."""
    analysis, own = params.analysis, params.analysis.selectivity
    if second is not None:
        own = own.model_copy(update={"second": own.second.model_copy(update={"kind": second})})
    update = {"analysis": analysis.model_copy(update={"selectivity": own}),
              "execution": params.execution.model_copy(update=execution)}  # fmt: skip
    return params.model_copy(update=update)


def test_figure_13_shows_the_strongest_pictures_where_that_is_allowed(params, results):
    figure, examples = figure_13(Results(results, params=params)), pd.read_csv(results / "example_filters.csv")
    wanted = examples[examples["rank"] <= MOST].sort_values(["layer", "emotion", "image_set", "rank"], kind="stable")
    hover = [text for trace in figure.data if trace.marker.opacity == 0 for text in trace.customdata]
    assert len(figure.layout.images) == len(hover) == len(wanted)
    assert sorted(text.split(". ")[1].split("<br>")[0] for text in hover) == sorted(wanted["image"])
    folders = {name: step_folder(params, name) for name in ("inputs", "image_sets")}
    paths = [path for own in image_sets.load(params, folders).both for path in own["path"]]
    known = {address(Image.open(path).convert("RGB")) for path in paths}
    assert {image.source for image in figure.layout.images} <= known
    words = FIGURE.caption(Results(results, params=params)).how_to_read
    assert f"the {MOST} pictures" in words and "show_pictures" not in words


@pytest.mark.parametrize(("second", "show", "sets"), [(None, False, 0), ("table", None, 1), ("table", True, 2)])
def test_figure_13_hides_pictures_that_may_not_be_shown(params, results, second, show, sets):
    changed = with_pictures(params, second, show_pictures=show)
    thumbnails = Thumbnails(Results(results, params=changed))
    assert sum(shown.allowed for shown in thumbnails.shown.values()) == sets
    assert ("execution.show_pictures" in thumbnails.reason) == (sets < 2)
    if sets < 2:
        figure, whole = (figure_13(Results(results, params=own)) for own in (changed, params))
        assert len(figure.layout.images) == sets * len(whole.layout.images) / 2
        assert "No pictures are shown here" in FIGURE.caption(Results(results, params=changed)).how_to_read


def test_figure_13_needs_no_profile(results):
    assert not figure_13(Results(results)).layout.images
    assert "profile that finds them" in FIGURE.caption(Results(results)).how_to_read


def test_filters_can_be_selected_on_the_pictures_of_a_split(params):
    """What later steps need: selection on training and validation pictures only."""
    model, folders = params.analysis.models[0], {n: step_folder(params, n) for n in ("inputs", "image_sets")}
    tables, layers = image_sets.load(params, folders), studied_layers(params, model)
    responses = load_responses(step_folder(params, "selectivity"), model)
    parts = [image_sets.load_splits(folders["image_sets"], name)[0] for name in SETS]
    rows = tuple(np.flatnonzero(own != "test") for own in parts)
    found = found_filters(params, tables, layers, responses, rows)
    assert [len(own) for own in found.responses] == [len(own) for own in rows]
    whole = found_filters(params, tables, layers, responses)
    assert found.emotion_selective.shape == whole.emotion_selective.shape
    assert (found.emotion_selective != whole.emotion_selective).any()


def test_the_answers_name_every_emotion_and_the_controls(results):
    answer = filters_for_emotions(Results(results))
    assert [s.lead for s in answer.statements[:3]] == [f"{e.capitalize()} pictures, model toynet" for e in EMOTIONS]
    looks = emotion_or_looks(Results(results))
    simple = pd.read_csv(results / "low_level_emotions.csv")
    mean = simple[(simple["image_set"] == "first") & (simple["emotion"] == "neutral")]["auroc"].mean()
    assert f"neutral {mean:.2f}" in looks.statements[0].words and "not taken into account" in looks.statements[-1].words


def test_its_cost_is_known_and_a_layer_without_relu_is_refused(params):
    assert any("selectivity of toynet" in need.what for need in step_cost(params, "selectivity"))
    wrong = load_params(params.profile, {"analysis.selectivity.layers": ["features.1", "features.3"]})
    with pytest.raises(ModelError, match="do not come from a ReLU"):
        run_step(wrong, SELECTIVITY_STEP.name)
