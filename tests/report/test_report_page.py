"""The report in a real browser: sorting, saving, colours, narrow windows, paper, the explorer and accessibility."""

from __future__ import annotations

import pytest
from browser_helpers import browser, open_offline, serious_faults  # noqa: F401 (a fixture)
from uncertainty_fixture import write_uncertainty
from view_fixture import STUDIES, write_results

from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.explorer.filter_tables import FilterTables

OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
BLACK, WHITE = (13, 17, 23), (255, 255, 255)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = write_uncertainty(write_results(tmp_path_factory.mktemp("toy") / "results"))
    return write_report(Results(folder, STUDIES), STUDIES, folder.parent / "report")


@pytest.fixture(scope="module")
def results(report):
    return Results(report.parent.parent / "results")


def test_every_column_of_every_table_sorts_both_ways(browser, report):  # noqa: F811
    page, wrong = open_offline(browser, report)
    checked = page.evaluate(
        """() => {
          const wrong = []; let columns = 0;
          for (const table of document.querySelectorAll('table[data-sortable]')) {
            for (const heading of table.tHead.rows[0].cells) {
              for (const way of ['ascending', 'descending']) {
                heading.querySelector('button').click();
                columns += 1;
                const number = heading.classList.contains('number');
                const cells = [...table.tBodies[0].rows].map(row => row.cells[heading.cellIndex]);
                const read = cells.map(
                  c => number ? (c.dataset.value === '' ? NaN : Number(c.dataset.value)) : c.textContent);
                const known = read.filter(value => !Number.isNaN(value));
                const sign = way === 'ascending' ? 1 : -1;
                const order = (a, b) => number ? a - b : a.localeCompare(b, 'en', {numeric: true});
                const sorted = known.every((value, i) => i === 0 || sign * order(known[i - 1], value) <= 0);
                const last = read.slice(known.length).every(Number.isNaN);
                const told = [...table.tHead.rows[0].cells].filter(c => c.hasAttribute('aria-sort'));
                if (!sorted || !last || told.length !== 1 || heading.getAttribute('aria-sort') !== way)
                  wrong.push([table.caption.textContent, heading.textContent, way]);
              }
            }
          }
          return [columns, wrong];
        }"""
    )
    assert checked[0] > 100 and checked[1] == []
    assert wrong == []
    page.context.close()


def test_a_table_sorts_by_keyboard_and_keeps_its_rows(browser, report):  # noqa: F811
    page, wrong = open_offline(browser, report)
    page.evaluate(OPEN_ALL)
    table = page.locator("#section-1 table").first
    before = sorted(table.locator("tbody tr").all_inner_texts())
    table.locator("th button", has_text="rho").focus()
    page.keyboard.press("Enter")
    rho = [float(cell.get_attribute("data-value")) for cell in table.locator("tbody td:nth-child(6)").all()]
    assert rho == sorted(rho) and len(rho) == 48
    assert page.inner_text("#told") == "Sorted by rho, ascending"
    assert sorted(table.locator("tbody tr").all_inner_texts()) == before
    assert wrong == []
    page.context.close()


def test_every_file_is_saved_byte_for_byte(browser, report, results):  # noqa: F811
    names, place, wrong = set(), 0, []
    while True:
        page, result = open_offline(browser, report)
        page.evaluate(OPEN_ALL)
        buttons = page.locator("button[data-file]").all()
        for button in buttons[place : place + 8]:  # a browser asks before it saves more than ten files of one page
            with page.expect_download() as saved:
                button.click()
            name = saved.value.suggested_filename
            assert saved.value.path().read_bytes() == (results.folder / name).read_bytes()
            names.add(name)
        wrong += result
        place += 8
        page.context.close()
        if place >= len(buttons):
            break
    assert names == {path.name for path in results.folder.glob("*.csv")} | {"provenance.json"}
    assert wrong == []


def test_every_table_behind_a_figure_can_be_saved_there(browser, report):  # noqa: F811
    page, _ = open_offline(browser, report)
    for number in range(1, 11):
        tables = page.locator(f"#section-{number} table").count()
        assert tables > 0 and page.locator(f"#section-{number} button[data-file]").count() == tables
    page.context.close()


def colour_of(page, selector: str, name: str) -> tuple[int, ...]:
    text = page.evaluate("([s, n]) => getComputedStyle(document.querySelector(s))[n]", [selector, name])
    return tuple(int(part) for part in text.strip("rgba()").split(",")[:3])


def test_figures_follow_the_page_from_light_to_dark_and_print_on_white(browser, report):  # noqa: F811
    page, wrong = open_offline(browser, report)
    assert colour_of(page, "body", "backgroundColor") == WHITE
    assert colour_of(page, "#section-1 .main-svg", "backgroundColor") == WHITE
    page.click("#theme")
    for place in ("body", "#section-1 .main-svg", "#section-5 .main-svg", "#explore-effects .main-svg"):
        assert colour_of(page, place, "backgroundColor") == BLACK
    assert sum(colour_of(page, "#section-1 .xtick text", "fill")) > 600
    assert page.inner_text("#theme") == "Light colours"
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    for place in ("body", "#section-1 .main-svg", "#explore-effects .main-svg"):
        assert colour_of(page, place, "backgroundColor") == WHITE
    assert wrong == []
    page.context.close()
    page, wrong = open_offline(browser, report, color_scheme="dark")
    assert colour_of(page, "#section-1 .main-svg", "backgroundColor") == BLACK
    page.click("#theme")
    assert colour_of(page, "#section-1 .main-svg", "backgroundColor") == WHITE
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways(browser, report, width):  # noqa: F811
    page, wrong = open_offline(browser, report, width=width)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    page.context.close()


def test_on_paper_no_figure_is_wider_than_the_page(browser, report):  # noqa: F811
    page, wrong = open_offline(browser, report, width=703, height=1000)  # A4 less its margins, at 96 dots an inch
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    drawn = page.evaluate(
        "[...document.querySelectorAll('.drawing')].map(d => [d.getBoundingClientRect(), "
        "d.querySelector('.main-svg').getBoundingClientRect()]).map(([a, b]) => [a.right, b.right, b.height, b.width])"
    )
    assert len(drawn) == 17
    for right, drawing_right, height, width in drawn:
        assert right <= 704 and drawing_right <= 704 and 100 < height < 1000 and width > 300
    assert wrong == []
    page.context.close()


def test_the_explorer_ranks_the_filters_of_the_files(browser, report, results):  # noqa: F811
    page, wrong = open_offline(browser, report)
    page.select_option("#explore select[name=model]", label="toynet_untrained")
    page.select_option("#explore select[name=layer]", label="features.4")
    page.select_option("#explore select[name=target]", label="SV/HLR/incongruent")
    tables = FilterTables(results, "toynet_untrained")
    ranked = tables.ranked_filters("features.4", "SV/HLR/incongruent")
    drawn = page.evaluate("document.getElementById('explore-effects').data[0].y")
    assert drawn == pytest.approx(list(ranked["delta"]), abs=1e-5)
    values = page.evaluate("[...document.querySelector('#explore select[name=filter]').options].map(o => +o.value)")
    assert values == list(ranked["filter"])
    page.select_option("#explore select[name=filter]", str(values[3]))
    profile = tables.class_profile(values[3]).head(16)
    shown = page.evaluate("document.getElementById('explore-profile').data.map(d => d.x)")
    assert shown[0] == pytest.approx(list(profile["score"]), abs=1e-4)
    assert shown[1] == pytest.approx(list(profile["layer_mean"]), abs=1e-4)
    assert f"Filter {ranked['channel'][3]}" in page.inner_text("[data-words]")
    page.locator("#explore-effects").scroll_into_view_if_needed()
    page.locator("#explore-effects .point path").first.click(force=True)
    assert page.input_value("#explore select[name=filter]") == str(values[0])
    assert wrong == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, report, scheme):  # noqa: F811
    # axe is put into the page as a script, which the page's own policy would refuse
    page, _ = open_offline(browser, report, color_scheme=scheme, bypass_csp=True)
    assert serious_faults(page) == []
    page.context.close()


def test_every_figure_and_control_has_a_name_and_is_reached_by_keyboard(browser, report):  # noqa: F811
    page, wrong = open_offline(browser, report)
    labels = page.evaluate("[...document.querySelectorAll('.drawing')].map(d => d.getAttribute('aria-label'))")
    assert len(labels) == 17 and all(len(label) > 20 for label in labels)
    reached = set()
    for _ in range(50):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"theme", "A", "BUTTON", "SUMMARY"} <= reached
    assert wrong == []
    page.context.close()
