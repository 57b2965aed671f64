"""The pictures behind a cell of figure 6: which they are, what is drawn, and when none is shown."""

from __future__ import annotations

import base64
import gzip
import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from browser_helpers import browser, open_offline  # noqa: F401 (a fixture)
from helpers import write_profile
from PIL import Image
from torch.nn.functional import interpolate

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.report.embed import data_json
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.shown_pictures import pictures_shown
from o2b_helpers.studies.emocam.behind.cell_pictures import CellPictures
from o2b_helpers.studies.emocam.behind.page import behind_content, behind_page, strongest_first
from o2b_helpers.studies.emocam.behind.widget import association_pictures
from o2b_helpers.studies.emocam.figures.associations import drawn_cells
from o2b_helpers.studies.registry import load_params

SIDE = 96
OPTIONS = {
    "studies": ["emocam"],
    "analysis": {
        "corpus": {"kind": "toyworld", "images": 150, "world_seed": 5},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "emotion_heads": {"learning_rates": [0.01], "epochs": 30},
        "associations": {"exchanges": 19},
        "significance": {"permutations": 99, "bootstrap": 99},
    },
    "execution": {"device": "cpu", "threads": 1},
}


@pytest.fixture(scope="module")
def params(tmp_path_factory):
    params = load_params(write_profile(tmp_path_factory.mktemp("behind"), OPTIONS))
    for step in ("inputs", "objects", "emotion_models", "associations"):
        run_step(params, step)
    return params


@pytest.fixture(scope="module")
def results(params):
    return Results(params.runs / "results", params.chosen_studies, params)


def with_options(params, kind="toyworld", stimuli="toyworld", show=None):
    """Return the profile as if its pictures were others'."""
    analysis = params.analysis
    own = {"corpus": analysis.corpus.model_copy(update={"kind": kind}),
           "stimuli": analysis.stimuli.model_copy(update={"kind": stimuli})}  # fmt: skip
    execution = params.execution.model_copy(update={"show_pictures": show})
    return params.model_copy(update={"analysis": analysis.model_copy(update=own), "execution": execution})


@pytest.mark.parametrize(
    ("kind", "show", "allowed", "words"),
    [
        ("toyworld", None, True, ""),
        ("toyworld", False, False, "the profile says so"),
        ("oasis", None, False, "OASIS"),
        ("oasis", True, True, ""),
        ("findingemo", None, False, "FindingEmo"),
        ("table", None, False, "your own"),
        ("table", True, True, ""),
    ],
)
def test_the_corpus_decides_unless_the_profile_does(params, results, kind, show, allowed, words):
    changed = with_options(params, kind, show=show)
    shown = pictures_shown(changed)
    assert (shown.allowed, words in shown.reason) == (allowed, True)
    assert allowed or "execution.show_pictures" in shown.reason
    if not allowed:
        content = behind_content(Results(results.folder, results.studies, changed), 10**6)
        assert content.values["reason"] == shown.reason and not content.packed


def test_stimuli_are_the_corpus_pictures_where_they_are_drawn_from_it(params):
    assert not pictures_shown(with_options(params, "toyworld", "table"), "stimuli").allowed
    assert not pictures_shown(with_options(params, "oasis", "corpus"), "stimuli").allowed
    assert pictures_shown(with_options(params, "toyworld", "corpus"), "stimuli").allowed


def test_without_the_profile_the_page_says_how_to_see_pictures(results):
    assert "o2b report" in behind_content(Results(results.folder, results.studies), 10**6).values["reason"]


def test_pictures_behind_a_cell_are_those_that_are_counted_in_it(params, results):
    reader, boxes = CellPictures(results, params, "toynet", "toyworld"), pd.read_parquet(
        results.folder / "emotion_boxes.parquet")  # fmt: skip
    table = pd.read_csv(results.folder / "emotion_associations.csv")
    for cell in table.to_dict("records"):
        behind = reader.behind(cell["predicted"], cell["class"])
        assert len(behind) == len(set(behind)) == cell["count"]
        own = boxes[(boxes["class"] == cell["class"]) & (boxes["importance"] > 0.3)]
        highest = [own.loc[own["image"] == name, "importance"].max() for name in behind]
        assert highest == sorted(highest, reverse=True)
    with pytest.raises(InputError, match="no such model"):
        CellPictures(results, params, "alexnet", "imagenet")


def test_a_picture_has_its_own_pixels_map_and_boxes(params, results):
    cells = drawn_cells(results)
    cell = cells.loc[strongest_first(cells)[0]]
    reader = CellPictures(results, params, "toynet", "toyworld")
    names = reader.behind(cell["predicted"], cell["class"])
    detections = pd.read_parquet(results.folder / "detections.parquet")
    cams = xr.load_dataset(results.folder / "emotion_cams_toynet.nc", engine="h5netcdf")
    folder = next(params.store.glob("toyworld/*/corpus/images"))
    for name, seen in zip(names, reader.seen(names), strict=True):
        assert seen.image == name
        with Image.open(folder / name) as picture:
            resized = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        assert np.array_equal(np.asarray(resized), seen.pixels)
        large = [interpolate(torch.from_numpy(values)[None, None], (SIDE, SIDE), mode="bilinear")[0, 0].numpy()
                 for values in (cams["cam"].sel(picture=name).values, seen.cam)]  # fmt: skip
        low, high = large[0].min(), large[0].max()
        assert large[1] == pytest.approx((large[0] - low) / (high - low), abs=1e-5)
        boxes = detections[detections["image"] == name]
        expected = (boxes[["x0", "y0", "x1", "y1"]] * SIDE / boxes["width"].iloc[0]).clip(0, SIDE)
        assert seen.boxes.sort_index()[["x0", "y0", "x1", "y1"]].to_numpy() == pytest.approx(expected.to_numpy())
        assert seen.boxes.sort_index()["class"].tolist() == boxes["class"].tolist()
    assert reader.seen([]) == []


def test_the_strongest_cells_have_pictures_first_and_the_page_keeps_its_limit(results):
    whole, small = behind_page(results, most=2), behind_page(results, room=30_000, most=2)
    assert sum(len(data_json(picture)) for picture in small["pictures"]) <= 30_000 < len(data_json(whole["pictures"]))
    cells = drawn_cells(results)
    order = strongest_first(cells)
    assert whole["first"] == small["first"] == order[0] and small["cells"][order[0]]["pictures"]
    assert cells.loc[order, "lift"].dropna().is_monotonic_decreasing
    for made in (whole, small):
        assert len(made["cells"]) == len(cells)
        for cell, row in zip(made["cells"], cells.to_dict("records"), strict=True):
            assert (cell["network"], cell["label"], cell["class"]) == (
                row["architecture"], row["predicted"], row["class"])  # fmt: skip
            assert len(cell["pictures"]) + cell["left"] == row["count"] and len(cell["pictures"]) <= 2
            for place in cell["pictures"]:
                boxes = made["pictures"][place]["boxes"]
                assert any(made["classes"][box[4]] == cell["class"] and box[6] for box in boxes)
    assert all(cell["left"] <= max(0, row - 2) for cell, row in zip(whole["cells"], cells["count"], strict=True))
    address = whole["pictures"][0]["src"].removeprefix("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(address))) as picture:
        assert picture.size == (SIDE, SIDE)
    packed = behind_content(results, 10**6).packed["behind-data"]
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["first"] == order[0]


def test_a_click_in_the_notebook_shows_the_pictures_of_that_cell(params, results):
    shown = association_pictures(results, params)
    cells = drawn_cells(results)
    first = cells.loc[strongest_first(cells)[0]]
    assert (shown.label.value, shown.kind.value) == (first["predicted"], first["class"])
    trace = shown.figure.data[2]  # lift: its cells are those of the other panels
    y, x = np.argwhere(np.array(trace.meta["cells"]) == strongest_first(cells)[1])[0]
    shown._clicked(trace, SimpleNamespace(xs=[x], ys=[y]), None)
    cell = cells.loc[strongest_first(cells)[1]]
    assert (shown.network.value, shown.label.value, shown.kind.value) == ("toynet", cell["predicted"], cell["class"])
    assert shown.seen.value.count("<figure") == min(cell["count"], 12) and str(cell["count"]) in shown.words.value
    assert "stroke-width='3.0'" in shown.seen.value and "important" in shown.seen.value
    none = cells[cells["count"] == 0].iloc[0]
    shown.label.value, shown.kind.value = none["predicted"], none["class"]
    assert shown.seen.value.count("<figure") == 0 and "No picture" in shown.words.value


def test_where_pictures_may_not_be_passed_on_a_notebook_holds_none_before_one_is_chosen(params, results):
    shown = association_pictures(results, with_options(params, show=False))
    assert shown.label.value is None and shown.seen.value == "" and "execution.show_pictures" in shown.words.value
    cells = drawn_cells(results)
    first = cells.loc[strongest_first(cells)[0]]
    shown.choose("toynet", first["predicted"], first["class"])
    assert shown.seen.value.count("<figure") == min(first["count"], 12)


@pytest.fixture(scope="module")
def report(params, results, tmp_path_factory):
    return write_report(results, params.chosen_studies, tmp_path_factory.mktemp("report"))


def test_click_and_lists_show_the_same_pictures_in_the_report(browser, report, results):  # noqa: F811
    page, wrong = open_offline(browser, report)
    page.wait_for_selector("#behind[data-ready]")
    cells, made = drawn_cells(results), behind_page(results)
    order = strongest_first(cells)
    assert page.locator("#behind figure").count() == len(made["cells"][order[0]]["pictures"]) > 0
    page.select_option("#behind select[name=label]", cells.at[order[1], "predicted"])
    page.select_option("#behind select[name=class]", cells.at[order[1], "class"])
    listed = page.inner_html("#behind [data-pictures]")
    assert page.locator("#behind figure").count() == len(made["cells"][order[1]]["pictures"])
    page.select_option("#behind select[name=class]", cells.iloc[0]["class"])
    place = page.evaluate(
        """number => {
          const figure = document.querySelector("[data-figure=figure-6]");
          const rows = figure.data[0].meta.cells, y = rows.findIndex(row => row.includes(number));
          const {xaxis, yaxis} = figure._fullLayout, box = figure.getBoundingClientRect();
          figure.scrollIntoView({block: "center"});
          const now = figure.getBoundingClientRect();
          return [now.left + xaxis._offset + xaxis.c2p(rows[y].indexOf(number)),
                  now.top + yaxis._offset + yaxis.c2p(y)];
        }""",
        int(order[1]),
    )
    page.mouse.move(*place)
    page.mouse.click(*place)
    page.wait_for_timeout(500)
    assert page.inner_html("#behind [data-pictures]") == listed
    assert page.input_value("#behind select[name=class]") == cells.at[order[1], "class"]
    assert page.locator("#behind svg[role=img]").first.get_attribute("aria-label").startswith("Picture ")
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(browser, report, scheme, width):  # noqa: F811
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page, _ = open_offline(browser, report, width=width, color_scheme=scheme, bypass_csp=True)
    page.wait_for_selector("#behind[data-ready]")
    found = axe.Axe().run(page, context="#behind").response["violations"]
    assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
