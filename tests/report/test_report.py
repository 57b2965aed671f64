from __future__ import annotations

import json
import re

import pytest
from browser_helpers import browser, open_offline  # noqa: F401 (a fixture)
from view_fixture import HOSTILE, STUDIES, write_results

from o2b_helpers.report.draw import draw_figures
from o2b_helpers.report.page import write_report
from o2b_helpers.report.provenance import option_values, options_table, origin, sizes_table
from o2b_helpers.report.results import Results
from o2b_helpers.report.tables import MOST_ROWS
from o2b_helpers.studies.alignment.figures.heads import heads_table
from o2b_helpers.studies.object2brain.figures.category_weights_by_architecture import (
    category_table,
    class_table,
    weight_table,
)
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS


@pytest.mark.parametrize("case", ["toy", "oasis", "hostile"])
def test_the_report_opens_offline_with_every_figure_drawn(browser, tmp_path, case):  # noqa: F811
    folder = write_results(tmp_path / "results", "oasis" if case == "oasis" else "toy", hostile=case == "hostile")
    page, wrong = open_offline(browser, write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report"))
    drawn = page.evaluate(
        "[...document.querySelectorAll('[data-figure]')]"
        ".map(d => d.querySelectorAll('.points path, .point path, .hm image').length)"
    )
    assert len(drawn) == 15 and all(count > 0 for count in drawn), drawn
    assert wrong == []
    assert page.locator("script[src], link[href]").count() == 0
    if case == "hostile":
        assert HOSTILE in page.inner_text("h1 + p")
        assert page.locator("td", has_text=HOSTILE).count() > 10
        assert page.locator(".drawing text", has_text="<script>alert").count() > 0
        assert page.locator("main script:not([type='application/json'], [data-page]), main b").count() == 0
    page.close()


def test_pointing_at_a_mark_shows_its_values(browser, tmp_path):  # noqa: F811
    folder = write_results(tmp_path / "results", hostile=True)
    page, wrong = open_offline(browser, write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report"))
    page.locator("#section-1 .drawing .points path").last.scroll_into_view_if_needed()
    page.locator("#section-1 .drawing .points path").last.hover(force=True)
    page.wait_for_selector("#section-1 .hoverlayer .hovertext")
    text = page.inner_html("#section-1 .hoverlayer")
    assert "rho" in text and "n = 24" in text
    assert "<script" not in text and "<b>true" not in text
    assert wrong == []
    page.close()


def test_a_figure_page_opens_offline(browser, tmp_path):  # noqa: F811
    folder = write_results(tmp_path / "results", hostile=True)
    for path in draw_figures(Results(folder, STUDIES), STUDIES, tmp_path / "figures", HOSTILE, pictures=False):
        page, wrong = open_offline(browser, path)
        assert wrong == [] and HOSTILE in page.inner_text("figcaption")
        page.close()


def test_the_report_is_small_and_embeds_the_library_once(tmp_path):
    folder = write_results(tmp_path / "results")
    path = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report")
    text = path.read_text(encoding="utf-8")
    assert len(text) < 15e6
    assert len(re.findall(r"plotly\.js v\d", text)) == 1
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]
    assert path.read_bytes() == write_report(Results(folder, STUDIES), STUDIES, tmp_path / "again").read_bytes()


def test_embedded_figures_hold_no_markup_and_read_back(tmp_path):
    folder = write_results(tmp_path / "results", hostile=True)
    text = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").read_text(encoding="utf-8")
    blocks = re.findall(r'<script type="application/json" id="figure-\d+">(.*?)</script>', text, flags=re.S)
    assert len(blocks) == 15
    for block in blocks:
        assert not set("<>&") & set(block)
        assert json.loads(block)["data"]


def test_missing_results_leave_a_note_that_says_what_to_run(tmp_path):
    folder = write_results(tmp_path / "results")
    for name in ("category_weights.csv", "object_weights.csv", "category_overlap.csv", "provenance.json"):
        (folder / name).unlink()
    text = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").read_text(encoding="utf-8")
    assert text.count("Not drawn:") == 3 and "08_object2brain" in text
    assert len(re.findall(r'type="application/json" id="figure-\d+"', text)) == 12
    assert "no provenance.json" in text


def test_tables_say_how_much_they_show_and_which_file_holds_all(tmp_path):
    results = Results(write_results(tmp_path / "results"))
    heads, categories, classes = heads_table(results), category_table(results), class_table(results)
    assert len(heads.rows) == 2 * 5 and "heads.csv" in heads.note
    assert len(categories.rows) <= MOST_ROWS and "category_weights.csv" in categories.note
    weights = weight_table(results)
    assert len(weights.rows) == MOST_ROWS and weights.note.startswith(f"The first {MOST_ROWS} of 672 rows")
    assert "Sorting orders the rows shown" in weights.note
    assert {row[0] for row in categories.rows} == {"toynet", "toynet_untrained"}
    assert len(classes.rows) == 48
    first = classes.rows[0]
    weights = results.table(OBJECT_WEIGHTS).set_index(["architecture", "layer", "target"]).loc[tuple(first[:3])]
    mean = weights.groupby("class")["weight"].mean()
    assert first[3].startswith(mean.idxmax() + " (") and first[4].startswith(mean.idxmin() + " (")


@pytest.mark.parametrize(
    "provenance",
    [{}, {"analysis": 3}, {"analysis": {"heads": {"runs": 7}}, "options": [], "steps": "none"}, {"steps": {"a": 1}}],
)
def test_any_provenance_is_taken(provenance):
    origin(provenance)
    options_table(provenance)
    assert sizes_table(provenance, [("a", "1", "a", "b")]) is None
    values = option_values(provenance)
    paragraphs = [said for study in STUDIES for said in study.section.methods(values)]
    assert len(paragraphs) == 20
    assert ("in 7 training runs" in paragraphs[1]) == ("7" in str(provenance))
