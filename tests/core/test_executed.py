"""An executed notebook counts as executed only as long as it lies there as the run has written it."""

from __future__ import annotations

import pytest

from o2b_helpers.core.errors import DamagedFile
from o2b_helpers.core.running.executed import check_executed, is_executed, note_executed


@pytest.fixture
def folder(tmp_path):
    for name in ("00_inputs", "05_objects"):
        (tmp_path / f"{name}.ipynb").write_text(f'{{"cells": ["{name}"]}}')
        note_executed(tmp_path, name, f"mark of {name}")
    return tmp_path


def test_what_was_executed_with_the_same_mark_is_known(folder):
    assert is_executed(folder, "00_inputs", "mark of 00_inputs") and is_executed(
        folder, "05_objects", "mark of 05_objects"
    )
    assert not is_executed(folder, "00_inputs", "another mark") and not is_executed(folder, "01_targets", "mark")
    check_executed(folder, ["00_inputs", "05_objects", "01_targets"])


def test_a_changed_notebook_is_kept_aside_and_executed_again(folder, capsys):
    (folder / "05_objects.ipynb").write_text('{"cells": ["05_Objects"]}')
    with pytest.raises(DamagedFile, match="05_objects.ipynb"):
        check_executed(folder, ["00_inputs", "05_objects"])
    check_executed(folder, ["00_inputs"])
    assert not is_executed(folder, "05_objects", "mark of 05_objects")
    assert "05_objects.ipynb was changed" in capsys.readouterr().out
    assert (folder / "05_objects.ipynb.changed").read_text() == '{"cells": ["05_Objects"]}'
    assert not (folder / "05_objects.ipynb").exists() and is_executed(folder, "00_inputs", "mark of 00_inputs")


def test_a_deleted_notebook_is_executed_again(folder):
    (folder / "05_objects.ipynb").unlink()
    assert not is_executed(folder, "05_objects", "mark of 05_objects")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\0", b'{"00_inputs": "mark of 00_inputs"}'])
def test_a_changed_note_means_that_all_are_executed_again(folder, capsys, content):
    (folder / "status.json").write_bytes(content)
    with pytest.raises(DamagedFile, match="status.json"):
        check_executed(folder, ["00_inputs"])
    assert not is_executed(folder, "00_inputs", "mark of 00_inputs")
    assert "status.json was changed" in capsys.readouterr().out
    note_executed(folder, "00_inputs", "mark of 00_inputs")
    assert is_executed(folder, "00_inputs", "mark of 00_inputs")
