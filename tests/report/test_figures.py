from __future__ import annotations

import html
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from view_fixture import HOSTILE, STUDIES, write_results

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.draw import draw_figures
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import figure_1
from o2b_helpers.studies.alignment.figures.alignment_by_layer import figure_2
from o2b_helpers.studies.alignment.figures.kept_heads import best_alignment
from o2b_helpers.studies.alignment.tables import (
    ALIGNMENT_SUMMARY,
    CEILINGS,
    LAYER_ALIGNMENT,
    LAYER_ALIGNMENT_SUMMARY,
)
from o2b_helpers.studies.object2brain.figures.category_overlap import figure_5
from o2b_helpers.studies.object2brain.figures.category_weights_by_architecture import figure_4
from o2b_helpers.studies.object2brain.figures.category_weights_by_layer import figure_3
from o2b_helpers.studies.object2brain.tables import CATEGORY_OVERLAP, CATEGORY_WEIGHTS

FIGURES = {figure.number: figure for study in STUDIES for figure in study.figures}


@pytest.fixture(scope="module", params=["toy", "oasis", "hostile"])
def results(request, tmp_path_factory):
    case = "oasis" if request.param == "oasis" else "toy"
    folder = tmp_path_factory.mktemp(request.param) / "results"
    return Results(write_results(folder, case, hostile=request.param == "hostile"))


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return Results(write_results(tmp_path_factory.mktemp("toy") / "results"))


def marks(figure) -> pd.DataFrame:
    """Return every point that has a text: one row per point with its customdata."""
    rows = []
    for trace in figure.data:
        for x, y, text in zip(trace.x or [], trace.y or [], trace.customdata or [], strict=False):
            rows.append({"x": x, "y": y, "text": text, "trace": trace})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("number", sorted(FIGURES))
def test_every_figure_and_caption_is_made_from_any_targets(results, number):
    figure = FIGURES[number].draw(results)
    assert f"Figure {number}" in figure.layout.title.text
    assert len(figure.data) > 0
    words = FIGURES[number].caption(results)
    for text in (words.title, words.question, words.how_to_read, words.finding, words.limits, words.origin):
        assert len(text) > 20
    assert "nan" not in re.findall(r"[\w.]+", words.text())


@pytest.mark.parametrize("number", sorted(FIGURES))
def test_names_are_text_in_every_figure(tmp_path, number):
    figure = FIGURES[number].draw(Results(write_results(tmp_path / "results", hostile=True)))
    texts = json.dumps(figure.to_plotly_json(), default=lambda value: np.asarray(value).tolist())
    assert "<script" not in texts
    assert "<!--" not in texts
    assert "</script" not in texts
    assert html.escape("<!--" if number == 5 else HOSTILE) in texts


def test_figure_1_shows_every_run_the_best_large_and_the_significant_filled(toy):
    points = marks(figure_1(toy))
    assert len(points) == 2 * 24 * 5
    best = best_alignment(toy).set_index(["architecture", "target"])
    large = points[[" (best)" in text for text in points["text"]]]
    assert len(large) == 48
    for point in large.itertuples():
        row = best.loc[(point.text[0], point.text[4])]
        assert point.y == row["rho"]
        trace = point.trace
        place = list(trace.y).index(point.y)
        assert trace.marker.symbol[place].endswith("-open") == (row["q"] >= 0.05)


def test_figure_1_marks_by_q_or_as_the_paper_by_p(toy):
    best = best_alignment(toy)
    filled = {}
    for mark in ("q", "p"):
        figure = figure_1(toy, mark)
        points = [point for point in marks(figure).itertuples() if " (best)" in point.text]
        symbols = [point.trace.marker.symbol[list(point.trace.y).index(point.y)] for point in points]
        filled[mark] = sum(not symbol.endswith("-open") for symbol in symbols)
        assert filled[mark] == (best[mark] < 0.05).sum()
    assert filled["p"] > filled["q"] > 0
    assert "not corrected" in figure_1(toy, "p").layout.title.subtitle.text
    with pytest.raises(InputError, match="uncorrected"):
        figure_1(toy, "p_fwer")


def test_ceilings_are_bands_in_figures_1_and_2_and_an_unknown_one_is_none(toy, tmp_path):
    known = toy.table(CEILINGS).dropna(subset=["ceiling"]).set_index("target")
    for figure, copies in ((figure_1(toy), 1), (figure_2(toy), 2)):  # figure 2 has a panel for each model
        result = {}
        for trace in figure.data:
            if trace.type == "bar":
                for base, height, text in zip(trace.base, trace.y, trace.hovertext, strict=True):
                    result.setdefault(re.search(r", (\S+)<br>", text).group(1), []).append((base, base + height, text))
        assert set(result) == set(known.index) and len(result) == 23
        for target, bands in result.items():
            assert len(bands) == copies
            for low, high, text in bands:
                assert (low, high) == pytest.approx(tuple(known.loc[target, ["ceiling_low", "ceiling_high"]]))
                assert "0.80 (0.70 to 0.85)" in text and "50 annotators" in text
    assert "No noise ceiling is known for 1 of 24 targets" in FIGURES[1].caption(toy).finding
    unknown = Results(write_results(tmp_path / "oasis", "oasis"))
    for number in (1, 2):
        assert not [trace for trace in FIGURES[number].draw(unknown).data if trace.type == "bar"]
        assert "No noise ceiling is known for any target" in FIGURES[number].caption(unknown).finding
        assert "does not mean that the ceiling is 1" in FIGURES[number].caption(unknown).finding


def test_figure_1_has_the_interval_of_every_models_mean(toy):
    summary = toy.table(ALIGNMENT_SUMMARY).set_index(["architecture", "target"])
    seen = 0
    for trace in figure_1(toy).data:
        if trace.error_y.array is None:
            continue
        for y, up, down, text in zip(
            trace.y, trace.error_y.array, trace.error_y.arrayminus, trace.hovertext, strict=True
        ):
            model, target = re.match(r"<b>(\S+)</b>, mean over 5 runs<br>(\S+)<br>", text).groups()
            row = summary.loc[(model, target)]
            assert (y, y + up, y - down) == pytest.approx((row["rho"], row["ci_high"], row["ci_low"]))
            seen += 1
    assert seen == 2 * 24


def test_figure_1_has_congruent_left_and_says_the_number_of_stimuli(toy):
    figure = figure_1(toy)
    heads = {a.text: a.x for a in figure.layout.annotations if "stimuli" in a.text}
    assert list(sorted(heads, key=heads.get)) == [
        "<b>congruent</b> (n = 24 stimuli)", "<b>incongruent</b> (n = 24 stimuli)",
    ]  # fmt: skip
    assert "corrected for the number of tests" in figure.layout.title.subtitle.text


def test_figure_2_draws_mean_and_interval_over_runs_and_stimuli(toy):
    summary = toy.table(LAYER_ALIGNMENT_SUMMARY).set_index(["architecture", "layer", "target"])
    seen = 0
    for trace in figure_2(toy).data:
        bars = (trace.error_y.array or [], trace.error_y.arrayminus or [])
        for y, up, down, text in zip(trace.y, *bars, trace.customdata or [], strict=False):
            row = summary.loc[(text[0], text[1], text[2])]
            assert (y, y + up, y - down) == pytest.approx((row["rho"], row["ci_high"], row["ci_low"]))
            seen += 1
    assert seen == 2 * 5 * 24
    assert "interval over runs and stimuli" in figure_2(toy).layout.title.subtitle.text


def test_figures_3_and_4_draw_the_weights_of_the_file(toy):
    weights = toy.table(CATEGORY_WEIGHTS).set_index(["architecture", "layer", "target", "category", "sign"])["weight"]
    for figure, least in ((figure_3(toy), 200), (figure_4(toy), 150)):
        seen = 0
        for trace in figure.data:
            values = trace.x if trace.type == "bar" else trace.y
            for value, text in zip(values, trace.customdata or [], strict=False):
                if text[0]:
                    category, sign = re.fullmatch(r"(.*) \((\w+)\)", text[3]).groups()
                    assert value == weights[(text[0], text[1], text[2], category, sign)]
                    seen += 1
        assert seen > least
    assert {text[1] for trace in figure_4(toy).data for text in trace.customdata or []} == {"features.9"}


def test_figure_5_shows_percent_and_leaves_pairs_never_seen_empty(toy):
    heat = figure_5(toy).data[0]
    names = list(figure_5(toy).layout.xaxis.ticktext)
    z = np.array(heat.z, dtype=float)
    table = toy.table(CATEGORY_OVERLAP)
    for row in table.itertuples():
        assert z[names.index(row.category_a), names.index(row.category_b)] == pytest.approx(100 * row.overlap)
    assert np.isnan(z).sum() == len(names) ** 2 - len(table) == 2


def test_undefined_correlations_are_drawn_as_gaps(tmp_path):
    folder = write_results(tmp_path / "results")
    for name in ("alignment.csv", "layer_alignment.csv"):
        table = pd.read_csv(folder / name)
        table[["rho", "p", "p_perm", "q", "p_fwer"]] = np.nan
        table.to_csv(folder / name, index=False)
        summary = pd.read_csv(folder / name.replace(".csv", "_summary.csv"))
        summary[["rho", "sd", "ci_low", "ci_high"]] = np.nan
        summary.to_csv(folder / name.replace(".csv", "_summary.csv"), index=False)
    for number in (1, 2):
        FIGURES[number].draw(Results(folder))
        assert FIGURES[number].caption(Results(folder)).finding


def test_files_are_written_and_pictures_only_where_a_browser_draws(toy, tmp_path, capsys):
    written = draw_figures(toy, STUDIES, tmp_path / "figures", "demo")
    pages = [path for path in written if path.suffix == ".html"]
    assert sorted(int(path.name.split("_")[1]) for path in pages) == [*range(1, 16)]
    pictures = [path for path in written if path.suffix != ".html"]
    if "No SVG and PNG figures" in capsys.readouterr().out:
        assert shutil.which("chromium") is None and shutil.which("google-chrome") is None
        assert not pictures
    else:
        assert sorted({path.suffix for path in pictures}) == [".png", ".svg"] and len(pictures) == 30
        assert all(path.stat().st_size > 5000 for path in pictures)
        svg = next(path for path in pictures if path.suffix == ".svg")
        before = svg.read_bytes()
        draw_figures(toy, STUDIES, tmp_path / "figures", "demo")
        assert svg.read_bytes() == before


def test_a_missing_browser_is_one_line_and_earlier_pictures_stay_and_are_named(toy, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no_browser_here"))
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "figures"
    written = draw_figures(toy, STUDIES, folder, "demo")
    assert [path.suffix for path in written] == [".html"] * 15
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "No SVG and PNG figures" in said
    earlier = [folder / f"figure_1_alignment_by_architecture.{kind}" for kind in ("png", "svg")]
    for path in earlier:
        path.write_bytes(b"of earlier results")
    assert not set(earlier) & set(draw_figures(toy, STUDIES, folder, "demo"))
    assert all(path.read_bytes() == b"of earlier results" for path in earlier)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Figures of earlier results stay in") and all(path.name in last for path in earlier)
    assert {path.suffix for path in folder.iterdir()} == {".html", ".png", ".svg"}


def test_a_profile_without_layer_models_gets_the_other_figures(tmp_path, capsys):
    folder = write_results(tmp_path / "results", "oasis")
    for table in (LAYER_ALIGNMENT, LAYER_ALIGNMENT_SUMMARY):
        table.write(table.empty(), folder)
    written = draw_figures(Results(folder, STUDIES), STUDIES, tmp_path / "figures", "demo", pictures=False)
    assert sorted(int(path.name.split("_")[1]) for path in written) == [1, *range(3, 16)]
    assert "Figure 2 is not drawn: There are no layer models" in capsys.readouterr().out


def test_a_model_can_be_chosen_and_an_unknown_one_is_an_error(toy):
    for draw_one in (figure_2, figure_3, figure_4):
        texts = {text[0] for trace in draw_one(toy, ["toynet_untrained"]).data for text in trace.customdata or []}
        assert texts - {""} == {"toynet_untrained"}
        assert "1 of 2 models" in draw_one(toy, ["toynet_untrained"]).layout.title.subtitle.text
        assert "of 2 models" not in draw_one(toy).layout.title.subtitle.text
        with pytest.raises(InputError, match="alexnet"):
            draw_one(toy, ["alexnet"])


def test_pages_are_the_same_bytes_twice(toy, tmp_path):
    for name in ("a", "b"):
        draw_figures(toy, STUDIES, tmp_path / name, "demo", pictures=False)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
