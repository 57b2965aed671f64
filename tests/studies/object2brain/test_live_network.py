from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from small_run import run_small

from o2b_helpers.core.errors import InputError, StoreError
from o2b_helpers.studies.object2brain.explorer.filter_pictures import FilterPictures
from o2b_helpers.studies.object2brain.explorer.live_network import LiveNetwork
from o2b_helpers.studies.registry import load_params


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    """A small toy world, run up to its lesions."""
    return run_small(tmp_path_factory.mktemp("live"), until="filter_lesions")


def lesion_effects(params):
    return xr.load_dataset(params.runs / "results" / "lesion_effects_toynet.nc", engine="h5netcdf")


def test_lesions_of_single_filters_are_those_of_the_results(params):
    """Every filter of every layer, every target: the same rho as the results hold."""
    live, stored = LiveNetwork(params, "toynet"), lesion_effects(params)
    for place in range(stored.sizes["filter"]):
        each = stored.isel(filter=place)
        for target in ("IV/true/congruent", "PV/MLR/incongruent"):
            layer, channel = str(each["layer"].values), int(each["channel"].values)
            without, n = live.rho(target, layer, [channel])
            whole, _ = live.rho(target, layer)
            assert n == 24
            assert np.allclose(whole, each["rho"].sel(target=target), rtol=0, atol=1e-12)
            assert np.allclose(whole - without, each["delta"].sel(target=target), rtol=0, atol=1e-12, equal_nan=True)


def test_maps_are_kept_within_a_bound_and_the_answers_stay_the_same(params, monkeypatch):
    live = LiveNetwork(params, "toynet")
    first = live.predictions("features.4", [1, 2])
    monkeypatch.setattr("o2b_helpers.studies.object2brain.explorer.live_network.MAP_BYTES", 1)
    live.predictions("features.9", [0])
    assert list(live._maps) == ["features.9"]
    assert np.array_equal(live.predictions("features.4", [2, 1]), first)


def test_without_all_filters_nothing_is_left_to_correlate(params):
    live = LiveNetwork(params, "toynet")
    rho, n = live.rho("IV/true/congruent", "features.9", range(48))
    assert np.isnan(rho).all() and n == 24


def test_box_scores_of_all_pictures_add_up_to_the_filter_scores_of_the_results(params):
    seen = FilterPictures(LiveNetwork(params, "toynet"))
    stored = xr.load_dataset(params.runs / "results" / "filter_scores_toynet.nc", engine="h5netcdf")
    place = int(np.flatnonzero((stored["layer"] == "features.7") & (stored["channel"] == 3))[0])
    boxes = pd.concat([each.boxes for each in seen.seen("features.7", 3, range(len(seen.corpus)))])
    result = boxes.groupby("class")["score"].agg(["sum", "count"])
    wanted = stored.isel(filter=place)
    for name, row in result.iterrows():
        assert row["sum"] == pytest.approx(float(wanted["score_sum"].sel({"class": name}).mean("run")), abs=1e-5)
        assert row["count"] == int(wanted["box_count"].sel({"class": name}))
    assert result["sum"].max() > 0


def test_the_profile_says_whether_pictures_are_shown(params):
    hidden = load_params(params.profile, {"execution.show_pictures": False})
    shown = FilterPictures(LiveNetwork(hidden, "toynet")).may_be_shown
    assert not shown.allowed and "execution.show_pictures" in shown.reason


def test_the_strongest_pictures_come_first(params):
    live = LiveNetwork(params, "toynet")
    seen = FilterPictures(live)
    assert seen.may_be_shown.allowed
    rows = range(len(seen.corpus))
    maps = live.backbone.trunk(seen._shown.pick(rows), "features.9")
    response = maps.mean((2, 3)).numpy()
    channel = int(response.max(0).argmax())
    shown = seen.top("features.9", channel)
    wanted = seen.corpus["image"].to_numpy()[np.argsort(-response[:, channel], kind="stable")[:6]]
    assert [each.image for each in shown] == list(wanted)
    assert [each.response for each in shown] == sorted((each.response for each in shown), reverse=True)
    first = shown[0]
    own = maps[list(seen.corpus["image"]).index(first.image), channel].numpy()
    assert np.allclose(first.cam, (own - own.min()) / (own.max() - own.min()), atol=1e-6)
    assert first.pixels.shape == (96, 96, 3) and first.runs == 2 and 0 <= first.positive_runs <= 2
    for each in shown:
        share = each.positive_runs / each.runs
        assert np.allclose(each.boxes["score"], share * each.boxes["map_score"], atol=1e-12)
    # a map that no run's GradCAM keeps scores 0 in every box
    assert all((each.boxes["score"] == 0).all() for each in shown if not each.positive_runs)


def test_what_is_not_there_is_said(params, tmp_path):
    with pytest.raises(InputError, match="alexnet"):
        LiveNetwork(params, "alexnet")
    with pytest.raises(InputError, match="XX/true"):
        LiveNetwork(params, "toynet").rho("XX/true/congruent", "features.9")
    elsewhere = load_params(params.profile, {"execution.runs_folder": str(tmp_path)})
    with pytest.raises(StoreError, match="01_human_targets"):
        LiveNetwork(elsewhere, "toynet").rho("IV/true/congruent", "features.9")
