"""Names are data: whatever a class, a target, a model or a profile is called is shown as text and breaks nothing."""

from __future__ import annotations

import pandas as pd
import pytest
import xarray as xr
from browser_helpers import browser, open_offline  # noqa: F401 (a fixture)
from view_fixture import STUDIES, write_results

from o2b_helpers.core.files.sealed import read_sealed, write_sealed
from o2b_helpers.report.draw import draw_figures
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results

NAMES = {
    "script": "<script>alert(1)</script>",
    "attribute": '"onmouseover=alert(1) x="',
    "path": "../../x",
    "long": "name" * 75,
    "right_to_left": "שלום עולם",
    "override": "\u202egnp.exe",
}


# two in a report, because a report takes seconds to open: there are two models and two conditions
PAIRS = list(zip(list(NAMES)[::2], list(NAMES)[1::2], strict=True))


def renamed(folder, *names: str):
    """Give models, classes, categories, targets, their sources and conditions, stimuli and the profile these names."""

    def of(*old: str) -> dict[str, str]:
        return dict(zip(old, names, strict=True))

    categories = of("Transport", "Nature")
    columns = {
        "architecture": of("toynet", "toynet_untrained"), "class": of("Car", "Tree"), "category": categories,
        "category_a": categories, "category_b": categories, "stimulus": of("stimulus_00", "stimulus_01"),
        "source": of("LLR", "MLR"), "condition": of("incongruent", "congruent"),
    }  # fmt: skip

    def target(text: str) -> str:
        valence_type, source, condition = text.split("/")
        return "/".join(
            [valence_type, columns["source"].get(source, source), columns["condition"].get(condition, condition)]
        )  # noqa: E501

    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
        for column in table.columns.intersection(list(columns)):
            table[column] = table[column].replace(columns[column])
        if "target" in table:
            table["target"] = table["target"].map(target)
        table.to_csv(path, index=False)
    for path in folder.glob("*.parquet"):
        table = pd.read_parquet(path)
        for column in table.columns.intersection(list(columns)):
            table[column] = table[column].replace(columns[column])
        table.to_parquet(path, index=False)
    for kind in ("filter_scores", "lesion_effects"):
        for model in ("toynet", "toynet_untrained"):
            path = folder / f"{kind}_{model}.nc"
            data = xr.load_dataset(path, engine="h5netcdf")
            if "class" in data.coords:
                data = data.assign_coords(
                    {"class": [columns["class"].get(str(c), str(c)) for c in data["class"].values]}
                )
            if "target" in data.coords:
                data = data.assign_coords(target=[target(str(t)) for t in data["target"].values])
            path.unlink()
            label = columns["architecture"][model].replace("/", "_")[:200]
            data.to_netcdf(folder / f"{kind}_{label}.nc", engine="h5netcdf")
    provenance = read_sealed(folder / "provenance.json")
    write_sealed(folder / "provenance.json", {**provenance, "profile": " ".join(names)})
    return folder


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_any_name_is_shown_as_text(browser, tmp_path, kinds):  # noqa: F811
    names = [NAMES[kind] for kind in kinds]
    folder = renamed(write_results(tmp_path / "results"), *names)
    page, wrong = open_offline(browser, write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report"), width=390)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert wrong == []
    for column in ("model", "target", "class", "category"):
        cells = page.evaluate(
            """column => [...document.querySelectorAll('table')].flatMap(table => {
              const place = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent.trim() === column);
              return place < 0 ? [] : [...table.tBodies[0].rows].map(row => row.cells[place].textContent);
            })""",
            column,
        )
        assert all(any(name in cell for cell in cells) for name in names), column
    assert " ".join(names) in page.inner_text("h1 + p")
    assert page.locator("main script:not([type='application/json'], [data-page]), [onmouseover]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
    drawn = list(draw_figures(Results(folder, STUDIES), STUDIES, tmp_path / "figures", " ".join(names), pictures=False))
    assert {path.parent for path in drawn} == {tmp_path / "figures"}
    for path in drawn[::5]:  # the report's page above has them all; a page of its own is made the same way for each
        page, wrong = open_offline(browser, path)
        assert wrong == [] and " ".join(names) in page.inner_text("figcaption")
        page.context.close()


def test_a_name_from_right_to_left_keeps_to_itself_in_a_sentence():
    from o2b_helpers.report.style import isolated

    assert isolated("Car") == "Car"
    assert isolated("שלום") == "\u2068שלום\u2069"
    assert isolated("\u202egnp\u2069.exe") == "\u2068\ufffdgnp\ufffd.exe\u2069"
