from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from view_fixture import HOSTILE, write_results

from o2b_helpers.errors import InputError
from o2b_helpers.view import Results, explorer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("toy") / "results")


def expected_ranking(folder, model, layer, target):
    lesions = xr.load_dataset(folder / f"lesion_effects_{model}.nc", engine="h5netcdf")
    delta = lesions["delta"].sel(target=target).mean("run").values
    here = np.flatnonzero(lesions["layer"].values == layer)
    return sorted(here, key=lambda place: -delta[place]), delta


def test_the_explorer_starts_at_the_last_layer_with_filters_ranked_by_effect(folder):
    shown = explorer(Results(folder))
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
    weights = Results(folder).object_weights
    here = weights[
        (weights["architecture"] == "toynet_untrained") & (weights["layer"] == "features.4")
        & (weights["target"] == "SV/HLR/incongruent")
    ]  # fmt: skip
    assert np.allclose(shown.weights.data[0].x, sorted(here.groupby("class")["weight"].mean(), reverse=True))
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
