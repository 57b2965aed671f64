from __future__ import annotations

import base64
import gzip

import numpy as np
from view_fixture import STUDIES, write_results

from o2b_helpers.report import page as report
from o2b_helpers.report.downloads import downloads, pack
from o2b_helpers.report.page import write_report
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.explorer.page import explorer_page


def test_a_packed_file_is_the_file_and_always_the_same_text(tmp_path):
    content = np.random.default_rng(1).bytes(5000)
    assert gzip.decompress(base64.b64decode(pack(content))) == content
    assert pack(content) == pack(content)


def test_what_does_not_fit_is_named_and_small_files_go_first(tmp_path):
    random = np.random.default_rng(2)
    sizes = {"large.csv": 90_000, "small.csv": 1_000, "middle.csv": 20_000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(random.bytes(size))
    result = downloads(tmp_path, ["large.csv", "small.csv", "absent.csv", "middle.csv", "small.csv"], 40_000)
    assert list(result) == ["large.csv", "small.csv", "middle.csv"]
    assert not result["large.csv"].packed and result["large.csv"].size == "90 kB"
    assert result["small.csv"].packed and result["middle.csv"].packed
    assert sum(len(file.packed) for file in result.values()) <= 40_000


def test_a_report_says_which_files_it_does_not_carry(tmp_path, monkeypatch):
    folder = write_results(tmp_path / "results")
    monkeypatch.setattr(report, "downloads", lambda folder, names, room: downloads(folder, names, 100_000))
    text = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").read_text(encoding="utf-8")
    left = "is too large to be carried in this report; it lies in the folder results"
    assert (
        f"object_weights.csv ({downloads(folder, ['object_weights.csv'], 0)['object_weights.csv'].size}) {left}" in text
    )
    assert 'data-file="file-object_weights.csv"' not in text and 'data-file="file-alignment.csv"' in text


def test_a_report_without_room_carries_no_file_and_stays_small(tmp_path, monkeypatch):
    folder = write_results(tmp_path / "results")
    whole = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").stat().st_size
    monkeypatch.setattr(report, "MOST_CHARACTERS", whole - 100_000)
    text = write_report(Results(folder, STUDIES), STUDIES, tmp_path / "report").read_text(encoding="utf-8")
    assert len(text) < whole - 100_000 and "data-file=" not in text.split("<script")[0]
    assert "too large to be carried" in text


def test_the_explorer_leaves_out_models_that_do_not_fit(tmp_path):
    results = Results(write_results(tmp_path / "results"))
    both = explorer_page(results)
    assert (both.models, both.left_out) == (["toynet", "toynet_untrained"], [])
    each = explorer_page(results, room=len(both.packed) - 100)
    assert (each.models, each.left_out) == (["toynet"], ["toynet_untrained"])
    assert len(each.packed) <= len(both.packed) - 100
