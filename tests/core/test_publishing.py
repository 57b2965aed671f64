"""What lies in the results folder was made with the parameters that provenance.json states, whatever happens."""

from __future__ import annotations

import json

import pytest
from helpers import SMALL, content, merged, write_profile
from small_run import STEPS as KNOWN

from o2b_helpers.core.errors import DamagedFile, StoreError
from o2b_helpers.core.running import publishing
from o2b_helpers.core.running.keys import step_key
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.registry import load_params

STEPS = ("inputs", "human_targets", "objects")


@pytest.fixture
def profile(tmp_path):
    file = write_profile(tmp_path, merged(SMALL, corpus={**SMALL["analysis"]["corpus"], "images": 30}))
    for step in STEPS:
        run_step(load_params(file), step)
    return file


def _is_missing(params, name):
    return not publishing.is_published(params, KNOWN[name], Store(params.store))


def _provenance(params):
    return json.loads((params.runs / "results" / "provenance.json").read_text())


def test_results_of_other_parameters_leave_the_folder(profile, capsys):
    other = load_params(profile, {"analysis.detector.confidence": 0.9})
    run_step(other, "human_targets")  # a step that the option does not touch
    assert _provenance(other)["analysis"]["detector"]["confidence"] == 0.9
    assert set(_provenance(other)["steps"]) == {"inputs", "human_targets"}
    assert not (other.runs / "results" / "detections.parquet").exists()
    assert "detections.parquet" in capsys.readouterr().out
    run_step(load_params(profile), "objects")  # back again: from the store
    assert _provenance(other)["analysis"]["detector"]["confidence"] == 0.25
    assert not _is_missing(load_params(profile), "objects")


def test_provenance_says_what_each_step_was_made_from(profile):
    params = load_params(profile)
    steps = _provenance(params)["steps"]
    assert steps["objects"]["made_from"]["own"]["confidence"] == 0.25
    assert len(steps["objects"]["made_from"]["own"]["checkpoint"]) == 64
    assert steps["objects"]["made_from"]["needs"]["inputs"] == steps["inputs"]["key"]
    assert steps["objects"]["versions"]["torch"] and _provenance(params)["versions"]["torch"]


def test_a_kill_between_two_writes_is_noticed(profile, monkeypatch):
    params, other = load_params(profile), load_params(profile, {"analysis.human.folds": 4})
    write, written = publishing.write_atomically, []

    def killed(path, content):
        write(path, content)
        written.append(path.name)
        if written[-1] == "ceilings.csv":  # targets.csv would come next
            raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        run_step(other, "human_targets")
    monkeypatch.undo()
    assert written == ["provenance.json", "ceilings.csv"]
    assert _is_missing(params, "human_targets") and _is_missing(other, "human_targets")


def test_a_changed_results_file_is_not_taken_for_the_result(profile):
    params = load_params(profile)
    targets = params.runs / "results" / "targets.csv"
    before = targets.read_bytes()
    targets.write_bytes(before.replace(b"congruent", b"CONGRUENT"))
    assert _is_missing(params, "human_targets")
    run_step(params, "human_targets")
    assert targets.read_bytes() == before


def test_a_notebook_whose_run_has_died_writes_nothing(profile, monkeypatch):
    params = load_params(profile)
    monkeypatch.setenv("O2B_STORE_LOCK_HELD_BY", f"1 {params.store.resolve()}")
    with pytest.raises(StoreError, match="has ended"):
        run_step(params, "human_targets")


def test_the_order_of_conditions_counts(tmp_path):
    select = {name: {"column": "category", "value": name, "count": 4} for name in ("people", "scenery")}
    keys = set()
    for name, chosen in (("one", select), ("two", dict(reversed(select.items())))):
        text = write_profile(tmp_path, merged(SMALL, stimuli={"kind": "corpus", "select": chosen}), name)
        lines = [f"      {key}: {json.dumps(value)}" for key, value in chosen.items()]
        text.write_text("analysis:\n  stimuli:\n    kind: corpus\n    select:\n" + "\n".join(lines) + "\n")
        params = load_params(text)
        assert list(params.analysis.stimuli.select) == list(chosen)
        keys.add(step_key(params, KNOWN["inputs"], Store(tmp_path / "store")))
    assert len(keys) == 2


CHANGED = {
    "a byte of provenance": lambda results: _flip(results / "provenance.json"),
    "no provenance": lambda results: (results / "provenance.json").unlink(),
    "half of provenance": lambda results: (results / "provenance.json").write_text('{"seal": "'),
    "a byte of a table": lambda results: _flip(results / "targets.csv"),
    "a byte of a parquet file": lambda results: _flip(results / "detections.parquet"),
    "a table deleted": lambda results: (results / "ceilings.csv").unlink(),
    "everything deleted": lambda results: [path.unlink() for path in results.iterdir()],
}


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


@pytest.mark.parametrize("kind", CHANGED)
def test_what_was_changed_in_the_results_comes_back_from_the_store_and_is_said(profile, capsys, kind):
    params = load_params(profile)
    results = params.runs / "results"
    before = content(results)
    CHANGED[kind](results)
    assert any(_is_missing(params, step) for step in STEPS)
    capsys.readouterr()
    for step in STEPS:
        run_step(load_params(profile), step)
    said = capsys.readouterr().out
    assert content(results) == before
    assert "computing" not in said
    if kind != "everything deleted":
        assert "copied again" in said


def test_files_that_provenance_no_longer_vouches_for_do_not_stay(profile):
    params = load_params(profile)
    _flip(params.runs / "results" / "provenance.json")
    run_step(load_params(profile, {"analysis.detector.confidence": 0.9}), "human_targets")
    assert {path.name for path in (params.runs / "results").iterdir()} == {
        "provenance.json", "targets.csv", "ceilings.csv",
    }  # fmt: skip


def test_a_reader_of_results_refuses_a_changed_file(profile):
    params = load_params(profile)
    targets = run_step(params, "human_targets")
    assert len(targets.table("targets.csv")) and len(Results(targets.results).table(TARGETS))
    _flip(targets.results / "targets.csv")
    for read in (lambda: targets.table("targets.csv"), lambda: Results(targets.results).table(TARGETS)):
        with pytest.raises(DamagedFile, match="targets.csv was changed"):
            read()
    _flip(targets.results / "provenance.json")
    with pytest.raises(DamagedFile, match="provenance.json was changed"):
        _ = Results(targets.results).provenance
