from __future__ import annotations

import html
import json

import pytest
from browser_helpers import browser, open_offline, serious_faults  # noqa: F401 (a fixture)
from view_fixture import HOSTILE, STUDIES, write_results

from o2b_helpers.core.errors import StoreError
from o2b_helpers.report.notebook_pages import clean, write_notebook_pages
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import figure_1


def cell(kind: str, source: str, *outputs: dict) -> dict:
    return {"cell_type": kind, "source": source, "metadata": {}, "outputs": list(outputs), "execution_count": 1}


def shown(**data) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": {}}


@pytest.fixture
def notebooks(tmp_path):
    results = Results(write_results(tmp_path / "results", hostile=True))
    figure = json.loads(figure_1(results).to_json())
    cells = [
        cell("markdown", f"# 3 · Agreement\n\n**Question.** What of {HOSTILE}?\n\n[a link](javascript:alert(2))"),
        cell("code", f'print("</script>{HOSTILE}")', {"output_type": "stream", "name": "stdout", "text": HOSTILE}),
        cell(
            "code",
            "table",
            shown(
                **{
                    "text/html": f"<style>td {{}}</style><table><tr><td onclick='alert(3)'>cell</td>"
                    f"<td>{html.escape(HOSTILE)}</td></tr></table>{HOSTILE}<img src=x onerror=alert(4)>"
                }
            ),
        ),  # fmt: skip
        cell("code", "figure", shown(**{"application/vnd.plotly.v1+json": figure})),
        cell("code", "widget", shown(**{"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})),
        cell("code", "fails", {"output_type": "error", "traceback": [f"\x1b[31mError\x1b[0m {HOSTILE}"]}),
        cell("code", f"'{tmp_path}/params/demo.yaml'", shown(**{"text/plain": f"'{tmp_path}/params/demo.yaml'"})),
    ]
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "03_agreement.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    return folder


def test_a_page_shows_words_output_and_figure_and_runs_nothing(browser, notebooks, tmp_path):  # noqa: F811
    page_file = write_notebook_pages(notebooks, tmp_path / "report", HOSTILE, tmp_path)[0]
    assert page_file.title == "3 · Agreement"
    page, wrong = open_offline(browser, page_file.file)
    assert page.locator("main script:not([type='application/json'])").count() == 0
    assert page.locator("main [onclick], main [onerror], main a[href^='javascript']").count() == 0
    assert page.locator("details.code").count() == 6 and page.locator("details[open]").count() == 0
    assert page.locator(".output", has_text=HOSTILE).count() == 3
    assert page.locator("[data-figure] .points path").count() > 100
    assert "needs a running kernel" in page.inner_text("main")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert f'print("</script>{HOSTILE}")' in page.inner_text("main")
    assert str(tmp_path) not in page.content()
    assert [line for line in wrong if "x" != line] == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_a_page(browser, notebooks, tmp_path, scheme):  # noqa: F811
    (notebooks / "01_long.ipynb").write_text(
        json.dumps({"cells": [
            cell("markdown", "# 1 · Long"),
            cell("code", "print(1)", {"output_type": "stream", "name": "stdout", "text": "a long line " * 60}),
            cell("code", "table", shown(**{"text/html": "<table><tr><th></th><th>rho</th></tr></table>"})),
        ]}), encoding="utf-8",
    )  # fmt: skip
    for page_file in write_notebook_pages(notebooks, tmp_path / "report", "demo"):
        page, _ = open_offline(browser, page_file.file, color_scheme=scheme, bypass_csp=True)
        assert serious_faults(page) == []
        page.context.close()


def test_the_report_links_every_page(notebooks, tmp_path):
    pages = write_notebook_pages(notebooks, tmp_path / "report", "demo")
    text = write_report(Results(tmp_path / "results"), STUDIES, tmp_path / "report", pages).read_text(encoding="utf-8")
    assert '<a href="03_agreement.html">3 · Agreement</a>' in text
    assert (tmp_path / "report" / "03_agreement.html").is_file()


def test_a_page_without_a_figure_does_not_carry_the_library(tmp_path):
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell("markdown", "# Title")]}), encoding="utf-8")
    page = write_notebook_pages(tmp_path, tmp_path / "report", "demo")[0]
    assert page.file.stat().st_size < 60_000


def test_a_file_that_is_no_notebook_is_an_error_that_names_it(tmp_path):
    (tmp_path / "broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=r"broken\.ipynb"):
        write_notebook_pages(tmp_path, tmp_path / "report", "demo")


def test_markup_that_could_act_is_text_or_gone():
    kept = clean("<table><tr><td>a &lt;b&gt;</td></tr></table><a href='javascript:x'>l</a><iframe src='y'></iframe>")
    assert kept.startswith("<table><tbody><tr><td>a &lt;b&gt;</td></tr></tbody></table>")
    assert "javascript" not in kept and "<iframe" not in kept
    assert clean("<img src='https://x.org/a.png'>") == ""
    assert clean("<img src='data:image/png;base64,AA=='>").count('alt="Picture') == 1
