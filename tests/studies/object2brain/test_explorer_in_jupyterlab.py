"""Notebook 09 as a researcher uses it: a real JupyterLab, a real browser, a real kernel."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import xarray as xr
from helpers import ROOT
from lab_server import jupyterlab
from small_run import run_small
from view_fixture import HOSTILE, write_results

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number
from o2b_helpers.studies.common.tables import TARGETS

WAIT = 180_000  # ms; for a kernel that starts on a busy machine


@contextmanager
def browser_page(width: int = 1280, height: int = 900):
    """A page of Chromium, and everything that went wrong in it or in a kernel it talked to."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium or Chrome on the path")
    with playwright.sync_playwright() as running:
        chrome = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chrome.new_page(viewport={"width": width, "height": height})
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: faults.extend(_errors(frame))))
        page.set_default_timeout(float(os.environ.get("O2B_WAIT", WAIT)))
        try:
            yield page, faults
        finally:
            chrome.close()


def _errors(frame: str | bytes) -> list[str]:
    """Find what a kernel says of an error: in a cell, or (a widget's reaction) in what it prints on stderr."""
    text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
    result = re.search(r'"msg_type": ?"error"|Traceback \(most recent call last\)', text)
    return [f"kernel: {text[-2000:]}"] if result else []


def write_notebook(folder: Path, code: str, name: str) -> None:
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": code}
    language = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"cells": [cell], "metadata": language, "nbformat": 4, "nbformat_minor": 5}))


def copy_notebook(folder: Path, profile: Path) -> None:
    """Copy notebook 09 with another profile in its parameters cell, as a user would type it."""
    notebook = json.loads((ROOT / "notebooks" / "09_explorer.ipynb").read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", []))
    cell["source"] = [f"profile = {str(profile)!r}\n", "overrides = {}"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "09_explorer.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def open_and_run(page, address: str, name: str) -> None:
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for(state="attached")
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()


class Seat:
    """Whoever sits before the explorer: does something, and waits until it has answered."""

    def __init__(self, page) -> None:
        self.page, self.waits, self.said = page, [], []
        self.answer = page.locator(".o2b-answered")

    def count(self) -> int:
        return int(self.answer.get_attribute("data-count"))

    def does(self, action, answers: int = 1) -> None:
        before, began = self.count(), time.perf_counter()
        action()
        self.page.wait_for_function(
            "least => Number(document.querySelector('.o2b-answered')?.dataset.count) >= least", arg=before + answers
        )
        self.waits.append(1000 * (time.perf_counter() - began))
        self.said.append(int(re.search(r"in (\d+) ms", self.answer.text_content()).group(1)))

    def rows(self) -> dict[str, list[str]]:
        """The answer's table: model -> rho, sd, change, n."""
        lines = self.page.locator("table:has(+ .o2b-answered) tr, div:has(> .o2b-answered) > table tr").all()
        cells = [[cell.text_content() for cell in line.locator("td").all()] for line in lines]
        return {line[0]: line[1:] for line in cells if line}

    def choose(self, label: str, option: str | list[str]) -> None:
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def bars(self):
        return self.page.locator(".js-plotly-plot").first.locator(".barlayer .point path")

    def middle(self, bar: int) -> tuple[float, float]:
        place = self.bars().nth(bar).bounding_box()
        return place["x"] + place["width"] / 2, place["y"] + place["height"] / 2

    def frame(self, first: int, last: int) -> None:
        """Draw a frame over neighbouring bars of the ranked plot with the mouse."""
        plot = self.page.locator(".js-plotly-plot").first
        plot.scroll_into_view_if_needed()
        area = plot.locator(".nsewdrag").first.bounding_box()
        left, right = self.bars().nth(first).bounding_box(), self.bars().nth(last).bounding_box()
        mouse = self.page.mouse
        mouse.move(left["x"] - 2, area["y"] + 5)
        mouse.down()
        mouse.move(right["x"] + right["width"] / 2, area["y"] + area["height"] / 2, steps=5)
        mouse.move(right["x"] + right["width"] + 2, area["y"] + area["height"] - 5, steps=5)
        mouse.up()


def explore(page, results: Path, model: str, pictures: Path) -> Seat:
    """Use every control once and compare what is shown with the results; leaves screenshots in a folder."""
    stored = xr.load_dataset(results / f"lesion_effects_{model}.nc", engine="h5netcdf")
    layers = list(dict.fromkeys(stored["layer"].values.tolist()))
    seat = Seat(page)
    seat.answer.wait_for()
    page.locator(".js-plotly-plot .barlayer .point path").first.wait_for()
    page.get_by_label("Model", exact=True).scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    page.screenshot(path=pictures / "opened.png")

    def compare(layer: str, target: str) -> None:
        shown = page.get_by_label("Filter", exact=True).locator("option:checked").text_content()
        channel = int(re.search(r"filter\s(\d+)\s", shown).group(1))
        place = (stored["layer"].values == layer) & (stored["channel"].values == channel)
        each = stored.sel(target=target).isel(filter=place.nonzero()[0][0])
        rho, delta = each["rho"].mean("run"), each["delta"].mean("run")
        rows = seat.rows()
        assert rows["whole network"][0] == number(float(rho), 3)
        assert rows[f"without filter {channel}"][0] == number(float(rho - delta), 3)
        assert rows["whole network"][-1] == "24"

    target = str(stored["target"].values[0])
    compare(layers[-1], target)
    seat.does(lambda: seat.choose("Layer", layers[1]))
    compare(layers[1], target)
    for option in page.get_by_label("Filter", exact=True).locator("option").all_text_contents()[1:6]:
        seat.does(lambda option=option: seat.choose("Filter", option))
        compare(layers[1], target)
    target = str(stored["target"].values[-1])
    seat.does(lambda: seat.choose("Target", target))
    compare(layers[1], target)
    both = page.get_by_label("Lesion", exact=True).locator("option").all_text_contents()[2:4]
    seat.does(lambda: seat.choose("Lesion", both))
    channels = sorted(int(re.search(r"filter\s(\d+)\s", option).group(1)) for option in both)
    assert f"without the 2 filters {channels[0]}, {channels[1]}" in seat.rows()
    seat.does(lambda: seat.frame(4, 8))
    assert any(name.startswith("without the 5 filters") for name in seat.rows()), seat.rows()
    assert len(page.get_by_label("Lesion", exact=True).locator("option:checked").all()) == 5
    seat.does(lambda: page.mouse.click(*seat.middle(3)))
    assert page.get_by_label("Filter", exact=True).locator("option:checked").text_content().startswith("4.")
    page.keyboard.down("Shift")
    seat.does(lambda: page.mouse.click(*seat.middle(1)))
    page.keyboard.up("Shift")
    assert any(name.startswith("without the 6 filters") for name in seat.rows()), seat.rows()
    assert page.locator("figure svg[role=img]").count() == 6
    page.wait_for_timeout(1500)  # what comes late (a second answer, a picture) is to be in the screenshots
    page.screenshot(path=pictures / "ranked.png")
    page.locator(".o2b-answered").scroll_into_view_if_needed()
    page.screenshot(path=pictures / "answer.png")
    page.locator("figure svg[role=img]").last.scroll_into_view_if_needed()
    page.screenshot(path=pictures / "pictures.png")
    page.locator(".js-plotly-plot").last.scroll_into_view_if_needed()
    page.screenshot(path=pictures / "profile.png")
    return seat


def test_the_explorer_answers_in_a_real_jupyterlab(tmp_path, capsys):
    with browser_page() as (page, faults):
        params = run_small(tmp_path / "study")
        copy_notebook(tmp_path / "notebooks", params.profile)
        pictures = Path(os.environ.get("O2B_SCREENSHOTS", tmp_path / "screenshots"))
        pictures.mkdir(parents=True, exist_ok=True)
        with jupyterlab(tmp_path / "notebooks") as address:
            open_and_run(page, address, "09_explorer.ipynb")
            seat = explore(page, params.runs / "results", "toynet", pictures)
        assert not faults, faults
        assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    with capsys.disabled():
        said, waited = statistics.median(seat.said), statistics.median(seat.waits)
        print(
            f"\nexplorer, {len(seat.said)} answers: median {said:.0f} ms in the kernel, {waited:.0f} ms in the browser"
        )


def test_names_are_text_in_a_real_jupyterlab(tmp_path):
    results = write_results(tmp_path / "hostile", hostile=True)
    code = (
        "from pathlib import Path\nfrom o2b_helpers.report.results import Results\n"
        "from o2b_helpers.studies.object2brain.explorer.widget import explorer\n"
        f"explorer(Results(Path({str(results)!r})))"
    )
    with browser_page() as (page, faults):
        write_notebook(tmp_path / "notebooks", code, "names.ipynb")
        with jupyterlab(tmp_path / "notebooks") as address:
            open_and_run(page, address, "names.ipynb")
            page.locator(".js-plotly-plot .barlayer .point path").first.wait_for()
            model = page.get_by_label("Model", exact=True)
            assert model.locator("option:checked").text_content() == HOSTILE
            hostile = next(name for name in Results(results).table(TARGETS)["target"] if "<" in name)
            page.get_by_label("Target", exact=True).select_option(label=hostile)
            page.get_by_text(f"Whole model on {hostile}", exact=False).first.wait_for()
            assert page.locator(".jp-OutputArea script, .jp-OutputArea b:text-is('true')").count() == 0
        assert not faults, faults
