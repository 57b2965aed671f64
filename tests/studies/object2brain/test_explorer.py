from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from view_fixture import HOSTILE, STUDIES, without_object_models, write_results

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.object2brain.explorer.dots import dots
from o2b_helpers.studies.object2brain.explorer.filter_pictures import FilterPicture
from o2b_helpers.studies.object2brain.explorer.filter_tables import FilterTables
from o2b_helpers.studies.object2brain.explorer.page import explorer_page
from o2b_helpers.studies.object2brain.explorer.widget import explorer
from o2b_helpers.studies.object2brain.explorer.words import Answer, answers_table, pictures_row, whole_model
from o2b_helpers.studies.object2brain.tables import FILTER_SCORES, LESION_EFFECTS, OBJECT_WEIGHTS, OBJECT_WEIGHTS_MEAN


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("toy") / "results")


def expected_ranking(folder, model, layer, target):
    lesions = xr.load_dataset(folder / f"lesion_effects_{model}.nc", engine="h5netcdf")
    delta = lesions["delta"].sel(target=target).mean("run").values
    spot = np.flatnonzero(lesions["layer"].values == layer)
    return sorted(spot, key=lambda place: -delta[place]), delta


def test_the_explorer_starts_at_the_last_layer_with_filters_ranked_by_effect(folder):
    shown = explorer(Results(folder))
    assert len({child.model_id for child in shown.children}) == len(shown.children)  # nothing stands there twice
    assert (shown.model.value, shown.layer.value, shown.target.value) == ("toynet", "features.9", "IV/true/congruent")
    order, delta = expected_ranking(folder, "toynet", "features.9", "IV/true/congruent")
    assert [value for _, value in shown.filter.options] == order
    assert np.allclose(shown.effects.data[0].y, delta[order])


def test_choices_redraw_everything_that_depends_on_them(folder):
    shown = explorer(Results(folder))
    shown.model.value = "toynet_untrained"
    shown.layer.value = "features.4"
    shown.target.value = "SV/HLR/incongruent"
    order, delta = expected_ranking(folder, "toynet_untrained", "features.4", "SV/HLR/incongruent")
    assert np.allclose(shown.effects.data[0].y, delta[order])
    weights = Results(folder).table(OBJECT_WEIGHTS)
    spot = weights[
        (weights["architecture"] == "toynet_untrained") & (weights["layer"] == "features.4")
        & (weights["target"] == "SV/HLR/incongruent")
    ]  # fmt: skip
    assert np.allclose(shown.weights.data[0].x, sorted(spot.groupby("class")["weight"].mean(), reverse=True))
    assert "SV/HLR/incongruent" in shown.words.value
    shown.model.value = "toynet"
    assert (shown.layer.value, shown.target.value) == ("features.4", "SV/HLR/incongruent")


def test_a_click_on_a_bar_shows_that_filters_class_profile(folder):
    shown = explorer(Results(folder))
    shown._clicked(None, SimpleNamespace(point_inds=[2]), None)
    picked = shown.filter.value
    assert picked == shown.filter.options[2][1]
    scores = xr.load_dataset(folder / "filter_scores_toynet.nc", engine="h5netcdf")
    mean = (scores["score_sum"] / scores["box_count"]).mean("run")
    profile = dict(zip(shown.profile.data[0].customdata, shown.profile.data[0].x, strict=True))
    layer = dict(zip(shown.profile.data[0].customdata, shown.profile.data[1].x, strict=True))
    inside = scores["layer"].values == "features.9"
    for name in scores["class"].values:
        assert profile[name] == pytest.approx(float(mean.isel(filter=picked).sel({"class": name})))
        assert layer[name] == pytest.approx(float(mean.isel(filter=inside).sel({"class": name}).mean()))
    colours = list(shown.effects.data[0].marker.color)
    assert [colours.count("#222222"), colours[2]] == [1, "#222222"]


def test_names_are_text_and_what_is_missing_is_said(tmp_path, folder):
    shown = explorer(Results(write_results(tmp_path / "hostile", hostile=True)))
    assert shown.model.value == HOSTILE
    for text in (shown.words.value, str(shown.weights.layout.yaxis.ticktext), shown.effects.layout.title.text):
        assert "<script" not in text and "<b>true" not in text
    with pytest.raises(InputError, match="nonet"):
        explorer(Results(folder), "nonet")
    empty = write_results(tmp_path / "empty", "oasis")
    for path in empty.glob("*.nc"):
        path.unlink()
    with pytest.raises(InputError, match="06"):
        explorer(Results(empty))
    with pytest.raises(InputError, match="No model was studied"):
        explorer(Results(without_object_models(empty)))


def test_selectivity_of_a_filter_is_said_where_that_study_has_run(tmp_path, folder):
    shown = explorer(Results(folder, STUDIES))
    table = pd.read_parquet(folder / "filter_selectivity.parquet")
    own = table[(table["architecture"] == "toynet") & (table["layer"] == "features.9")]
    own = own.set_index(["channel", "image_set"])
    kinds = set()
    for name, position in shown.filter.options[:8]:
        shown.filter.value = position
        channel = int(re.search(r"filter (\d+)", name)[1])
        if channel not in own.index:  # the made-up results know more filters here than there
            assert shown.facts.value == ""
            continue
        first, second = own.loc[(channel, "first")], own.loc[(channel, "second")]
        assert f"index {number(first['index'])} and {number(second['index'])}" in shown.facts.value
        assert f"prefers {first['preferred']} pictures" in shown.facts.value
        said = "and is emotion-selective." in shown.facts.value
        assert said == bool(first["emotion_selective"])
        kinds.add("selective" if said else "other")
    assert "selective" in kinds
    tables = FilterTables(Results(folder, STUDIES), "toynet", STUDIES)
    constant = np.flatnonzero((tables.layer == "features.1") & (tables.channel == 1))[0]  # in the made-up results
    assert "to all pictures of an image set alike" in tables.facts(constant)
    page = json.loads(gzip.decompress(base64.b64decode(explorer_page(Results(folder, STUDIES)).packed)))
    assert len(page[0]["facts"]) == len(page[0]["channel"]) and any("emotion-selective" in f for f in page[0]["facts"])
    without = shutil.copytree(folder, tmp_path / "without")
    (without / "filter_selectivity.parquet").unlink()
    assert explorer(Results(without, STUDIES)).facts.value == explorer(Results(folder)).facts.value == ""


def test_without_a_profile_nothing_is_computed_and_the_explorer_says_so(folder):
    shown = explorer(Results(folder))
    shown.lesioned.value = tuple(value for _, value in shown.filter.options[:2])
    assert "params=params" in shown.answers.value and shown.seen.value == ""
    assert list(shown.effects.data[0].marker.color[:2]) == ["#D08700"] * 2


def test_mouse_and_list_pick_the_same_set(folder):
    shown = explorer(Results(folder))
    in_order = [value for _, value in shown.lesioned.options]
    shown._selected(None, SimpleNamespace(point_inds=[3, 1]), None)
    assert set(shown.lesioned.value) == {in_order[1], in_order[3]}
    shown._clicked(None, SimpleNamespace(point_inds=[5]), SimpleNamespace(shift=True))
    shown._clicked(None, SimpleNamespace(point_inds=[1]), SimpleNamespace(shift=True))
    assert set(shown.lesioned.value) == {in_order[3], in_order[5]} and shown.filter.value == in_order[0]
    shown.target.value = shown.target.options[1]
    assert set(shown.lesioned.value) == {in_order[3], in_order[5]}  # the same filters, whatever their new rank
    shown.layer.value = shown.layer.options[0]
    assert shown.lesioned.value == ()


def write_predictions(folder):
    """Put predictions beside the lesion effects that hold neither noise nor sense."""
    random, results = np.random.default_rng(0), Results(folder)
    lesions = results.arrays(LESION_EFFECTS, "toynet")
    stimuli = list(dict.fromkeys(results.table(TARGETS)["stimulus"]))
    runs, filters = lesions.sizes["run"], lesions.sizes["filter"]
    base = random.normal(size=(runs, len(stimuli)))
    without = base[:, None] + 0.3 * random.normal(size=(runs, filters, len(stimuli)))
    kept = xr.Dataset(
        {"base": (("run", "stimulus"), base), "prediction": (("run", "filter", "stimulus"), without)},
        coords={"stimulus": stimuli},
    )
    kept.to_netcdf(folder / "lesion_predictions_toynet.nc", engine="h5netcdf")
    return stimuli, base, without


def test_the_chance_level_is_what_shuffled_targets_give(tmp_path):
    folder = write_results(tmp_path / "results")
    assert FilterTables(Results(folder), "toynet").chance_level("features.4", "IV/true/congruent") is None
    assert "lack the predictions" in explorer(Results(folder)).words.value
    stimuli, base, without = write_predictions(folder)
    tables = FilterTables(Results(folder), "toynet")
    result = tables.chance_level("features.4", "IV/true/congruent")
    values = Results(folder).table(TARGETS).query("target == 'IV/true/congruent'").set_index("stimulus")["value"]
    places = [stimuli.index(name) for name in values.index]
    random, largest = np.random.default_rng(1), []
    for _ in range(1000):
        target = random.permutation(values.to_numpy())[None]
        rho = rank_correlation(base[:, places], target)[:, None]
        effect = rho - rank_correlation(without[:, tables.layer == "features.4"][:, :, places], target)
        largest.append(np.abs(effect.mean(axis=0)).max())
    assert result == pytest.approx(np.quantile(largest, 0.95), rel=0.1)
    shown = explorer(Results(folder))
    assert "shuffles" in shown.words.value
    level = tables.chance_level("features.9", shown.target.value)
    assert [line.y0 for line in shown.effects.layout.shapes] == [level, -level]


@pytest.mark.parametrize("name", [HOSTILE, '"onmouseover="alert(1)', "x" * 300, "\u202e\u05d0\u05d1", "../../x", "$a$"])
def test_any_name_is_text_in_words_tables_and_pictures(name):
    boxes = pd.DataFrame(
        [(name, 0.9, 10.0, 10.0, 40.0, 40.0, 0.5, 0.25)],
        columns=["class", "confidence", "x0", "y0", "x1", "y1", "map_score", "score"],
    )
    pixels, cam = np.full((96, 96, 3), 200, np.uint8), np.eye(6)
    pictures = pictures_row([FilterPicture(name, 1.0, pixels, cam, 1, 2, boxes)], 3, 1, 1)
    words = whole_model(name, np.array([0.1, 0.2]), 12, 0.05)
    table = answers_table([Answer(name, np.array([0.1, np.nan]), 24)], None, 12.0, 1)
    for page in (pictures, words, table):
        assert "<script" not in page and '"onmouseover' not in page and "x" * 301 not in page
    assert "0.50, counted 0.25" in pictures and pictures.count("<bdi>") == 2
    assert "xxx" not in words or "x" * 59 + "…" in words
    assert "undefined" in table


def test_the_dots_stand_where_rho_is():
    whole, without = Answer("", np.array([0.1, 0.3]), 24), Answer("", np.array([-0.2, np.nan]), 24)
    drawn = dots([whole, without], ["whole", "<b>"])
    assert "<b>" not in drawn and drawn.count("<circle") == 3
    plain = drawn.replace("−", "-")
    place = {float(v): float(x) for x, v in re.findall(r"<circle cx='([\d.]+)'.*?rho ([-\d.]+)<", plain)}
    marks = {float(v): float(x) for x, v in re.findall(r"<text x='([\d.]+)'[^>]*middle'>([-\d.]+)<", plain)}
    for value, x in place.items():
        assert x == pytest.approx(np.interp(value, sorted(marks), [marks[each] for each in sorted(marks)]), abs=0.2)
    assert "mean 0.200" in drawn and drawn.count("mean") == 2  # none for the second: it is undefined
    assert "undefined" in dots([Answer("", np.array([np.nan]), 24)], ["whole"])


def least(folder):
    """Cut a results folder down to one run, one filter in a layer, one class, and effects that are all undefined."""
    results = Results(folder)
    scores, lesions = results.arrays(FILTER_SCORES, "toynet"), results.arrays(LESION_EFFECTS, "toynet")
    scores = scores.isel({"run": [0], "filter": [0], "class": [0]})
    lesions = lesions.isel({"run": [0], "filter": [0]})
    lesions["delta"], lesions["rho"] = lesions["delta"] * np.nan, lesions["rho"] * np.nan
    for path in folder.glob("*.nc"):
        path.unlink()
    scores.to_netcdf(folder / FILTER_SCORES.file("toynet"), engine="h5netcdf")
    lesions.to_netcdf(folder / LESION_EFFECTS.file("toynet"), engine="h5netcdf")
    weights = OBJECT_WEIGHTS_MEAN.read(folder)
    weights = weights[(weights["architecture"] == "toynet") & (weights["class"] == str(scores["class"].values[0]))]
    OBJECT_WEIGHTS_MEAN.write(weights.assign(weight=np.nan, sd=np.nan), folder)
    return folder


def test_one_run_one_filter_one_class_and_nothing_defined_is_shown_without_nan(tmp_path):
    results = Results(least(write_results(tmp_path / "results")))
    shown = explorer(results)
    shown.target.value = shown.target.options[-1]
    shown.lesioned.value = (shown.filter.value,)
    for figure in (shown.effects, shown.profile, shown.weights):
        state = figure.to_dict()  # what is sent to the browser
        json.dumps(state, allow_nan=False, default=lambda array: array.tolist())
    assert list(shown.effects.data[0].y) == [None] and "undefined" in shown.filter.options[0][0]
    assert "undefined" in shown.words.value
    text = gzip.decompress(base64.b64decode(explorer_page(results).packed)).decode()
    model = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the page"))[0]
    assert (model["runs"], model["delta"][0], model["sd"][0]) == (1, [None], [None])
