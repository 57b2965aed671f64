"""The browser that draws the figures: offline, and its absence takes nothing away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from helpers import ROOT
from view_fixture import STUDIES, write_results

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.report import publish
from o2b_helpers.report.draw import draw_figures, name_earlier
from o2b_helpers.report.pictures.browser import OFFLINE, OfflineChromium, has_browser
from o2b_helpers.report.results import Results

needs_browser = pytest.mark.skipif(not has_browser(), reason="no Chrome or Chromium")
DRAW = """
import pathlib, sys
from view_fixture import STUDIES
from o2b_helpers.report.draw import draw_figures
from o2b_helpers.report.results import Results
draw_figures(Results(pathlib.Path(sys.argv[1])), STUDIES[:1], pathlib.Path(sys.argv[2]), "demo")
"""


@pytest.fixture
def without_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no_browser"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if has_browser():
        pytest.skip("a browser is found without PATH")


@needs_browser
def test_drawing_asks_nothing_of_the_network(tmp_path, network):
    write_results(tmp_path / "results")
    command = [sys.executable, "-c", DRAW, str(tmp_path / "results"), str(tmp_path / "figures")]
    variables = network.guarded(tmp_path / "watch")
    variables["PYTHONPATH"] += f":{ROOT}:{ROOT / 'tests'}"
    done = subprocess.run(
        network.traced(command, tmp_path / "watch"), env=variables, capture_output=True, text=True, check=True
    )
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".html", ".svg", ".png"}, done.stdout
    assert network.reaching(network.attempts(tmp_path / "watch")) == []


def test_the_two_nets_catch_what_they_are_for(tmp_path, network):
    """Else the test above could not fail."""
    asking = "import socket\nsocket.create_connection(('192.0.2.1', 443), 1)"
    looking = "import socket\nsocket.getaddrinfo('example.org', 443)"
    below = "import _socket\ns = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)\ns.connect(('192.0.2.1', 443))"
    for number, (code, seen) in enumerate([(asking, "192.0.2.1"), (looking, "example.org"), (below, "192.0.2.1")]):
        folder = tmp_path / str(number)
        variables = network.guarded(folder)
        command = network.traced([sys.executable, "-c", code], folder)
        if code is below and command[0] != "strace":
            continue
        subprocess.run(command, env=variables, capture_output=True, check=False)
        assert seen in "".join(network.attempts(folder)), code
    folder = tmp_path / "local"
    local = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(s.getsockname())"
    variables = network.guarded(folder)
    subprocess.run(network.traced([sys.executable, "-c", local], folder), env=variables, check=True)
    assert network.attempts(folder) == []


@needs_browser
def test_the_browser_is_started_with_all_that_keeps_it_offline():
    from choreographer.channels import Pipe

    browser = OfflineChromium(Pipe())
    browser.pre_open()
    command = list(browser.get_cli())
    assert command[-len(OFFLINE) :] == list(OFFLINE) and "--headless" in command


def test_no_picture_is_taken_away_where_none_can_be_drawn(tmp_path, capsys, without_browser):
    results, folder = Results(write_results(tmp_path / "results")), tmp_path / "figures"
    folder.mkdir()
    earlier = [folder / f"figure_{n}_{name}" for n, name in ((1, "alignment_by_architecture.png"), (9, "gone.svg"))]
    for path in earlier:
        path.write_bytes(b"of an earlier run")
    written = draw_figures(results, STUDIES, folder, "demo")
    assert not set(earlier) & set(written) and all(path.read_bytes() == b"of an earlier run" for path in earlier)
    said = capsys.readouterr().out
    assert "No SVG and PNG figures" in said
    name_earlier(folder, written)  # a later run that draws nothing says it, too
    for text in (said, capsys.readouterr().out):
        assert "they may not show these results" in text and all(path.name in text for path in earlier)


@needs_browser
def test_pictures_are_drawn_once_a_browser_is_there(tmp_path, monkeypatch):
    figures = {"figure_1_a.html": "digest"}
    assert publish._lacks_pictures({"figures": figures})
    assert not publish._lacks_pictures({"figures": {**figures, "figure_1_a.png": "digest"}})
    assert not publish._lacks_pictures({"figures": {}})  # no figure, no picture
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no_browser"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert publish._lacks_pictures({"figures": figures}) == has_browser()


def test_a_folder_of_figures_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "figures").write_text("a file", encoding="utf-8")
    with pytest.raises(Object2BrainError, match="written") as error:
        draw_figures(Results(write_results(tmp_path / "results")), STUDIES, tmp_path / "figures" / "demo", "demo")
    assert str(tmp_path / "figures") in str(error.value.value)


LONG_DRAWING = """
import signal, sys
from o2b_helpers.report.pictures.browser import draw_pictures

def stop(*_):
    raise SystemExit(143)

signal.signal(signal.SIGTERM, stop)
figure = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}
options = {"width": 400, "height": 300, "format": "png", "scale": 1}
orders = [{"fig": figure, "path": f"{sys.argv[1]}/{n}.png", "opts": options} for n in range(2000)]
draw_pictures(orders, 60)
"""


@pytest.mark.skipif(not has_browser(), reason="no Chrome or Chromium on this machine")
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("to_all", [True, False])
def test_a_signal_while_pictures_are_drawn_ends_the_command_and_its_browser(tmp_path, to_all):
    """A signal to the whole group (a terminal that closes, `timeout`, a cluster) ends the browser, too."""
    run = subprocess.Popen([sys.executable, "-c", LONG_DRAWING, str(tmp_path)], start_new_session=True)
    until = time.monotonic() + 100
    while not list(tmp_path.glob("*.png")) and time.monotonic() < until:
        time.sleep(0.1)
    drawing = psutil.Process(run.pid).children(recursive=True)
    assert drawing and run.poll() is None
    if to_all:
        os.killpg(run.pid, signal.SIGTERM)
    else:
        run.terminate()
    assert run.wait(60) == 143
    assert not psutil.wait_procs(drawing, timeout=20)[1]
