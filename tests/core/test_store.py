from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import SMALL, command, content, write_profile
from safetensors.numpy import save_file

from o2b_helpers.core import digests
from o2b_helpers.core.digests import code_digests, digest_of
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.files.labelled import write_dataset
from o2b_helpers.core.store import Store

MODULE = "o2b_helpers.kernels.statistics.rank_correlation"


def _writer(text: str = "content"):
    return lambda folder: (folder / "a.txt").write_text(text)


def test_a_result_is_computed_once_and_the_reason_is_said(tmp_path, capsys):
    store = Store(tmp_path / "store")
    part = {"detector": {"confidence": 0.25}, "images": "abc"}
    first = store.result("objects", "demo", part, MODULE, _writer())
    again = store.result("objects", "demo", part, MODULE, lambda folder: pytest.fail("computed twice"))
    assert (first.reused, again.reused, again.folder) == (False, True, first.folder)
    changed = {**part, "detector": {"confidence": 0.4}}
    assert not store.result("objects", "demo", changed, MODULE, _writer()).reused
    said = capsys.readouterr().out
    assert "not there yet" in said and "reused" in said and "detector.confidence 0.25 -> 0.4" in said


def test_the_order_of_options_does_not_matter():
    assert Store.key({"a": 1, "b": [1, 2]}, MODULE) == Store.key({"b": [1, 2], "a": 1}, MODULE)
    assert Store.key({"a": 1}, MODULE) != Store.key({"a": 2}, MODULE)


def _two_files(folder: Path) -> None:
    (folder / "a.txt").write_text("content")
    (folder / "results").mkdir()
    (folder / "results" / "b.csv").write_text("rho\n0.5\n")


CHANGES = {
    "one byte": (lambda folder: (folder / "results" / "b.csv").write_text("rho\n0.4\n"), "was changed: results/b.csv"),
    "zeros": (lambda folder: (folder / "a.txt").write_bytes(bytes(7)), "was changed: a.txt"),
    "cut": (lambda folder: (folder / "a.txt").write_text(""), "was changed: a.txt"),
    "deleted": (lambda folder: (folder / "a.txt").unlink(), "is missing: a.txt"),
    "emptied": (lambda folder: shutil.rmtree(folder / "results"), "is missing: results/b.csv"),
    "added": (lambda folder: (folder / "agreement.npy").write_text(""), "is not part of the result: agreement.npy"),
    "record": (
        lambda folder: (folder / "record.json").write_text(
            (folder / "record.json").read_text().replace('"label": "demo"', '"label": "demi"')
        ),
        "was changed: record.json",
    ),
    "no record": (lambda folder: (folder / "record.json").unlink(), "is missing: record.json"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_result_that_is_not_as_it_was_written_is_computed_again(tmp_path, capsys, kind):
    store, (change, words) = Store(tmp_path / "store"), CHANGES[kind]
    stored = store.result("objects", "demo", {}, MODULE, _two_files)
    before = content(stored.folder)
    times = {path: path.stat().st_mtime_ns for path in stored.folder.rglob("*") if path.is_file()}
    change(stored.folder)
    for path, time in times.items():  # whoever changes a byte may put the old time back
        if path.is_file():
            os.utime(path, ns=(time, time))
    assert store.find("objects", stored.key) is None
    assert not store.result("objects", "demo", {}, MODULE, _two_files).reused
    assert f"computing objects: demo (a stored file {words})" in capsys.readouterr().out
    assert content(stored.folder) == before


def test_a_record_of_another_result_is_not_taken_for_its_own(tmp_path, capsys):
    store = Store(tmp_path / "store")
    first = store.result("objects", "demo", {"n": 1}, MODULE, _two_files)
    second = store.result("objects", "demo", {"n": 2}, MODULE, _two_files)
    shutil.rmtree(first.folder)
    shutil.copytree(second.folder, first.folder)
    shutil.rmtree(second.folder)
    assert not store.result("objects", "demo", {"n": 1}, MODULE, _two_files).reused
    assert "of another result" in capsys.readouterr().out
    assert not store.result("objects", "demo", {"n": 2}, MODULE, _two_files).reused


def test_what_a_file_browser_leaves_behind_is_no_damage(tmp_path):
    store = Store(tmp_path / "store")
    stored = store.result("objects", "demo", {}, MODULE, _two_files)
    (stored.folder / ".DS_Store").write_bytes(b"\0")
    assert store.find("objects", stored.key) == stored.folder


def test_a_changed_note_of_the_holder_ends_in_a_clear_error(tmp_path):
    store = Store(tmp_path / "store")
    with store.lock():
        (tmp_path / "store" / "lock-holder.txt").write_bytes(b"\xff\xfe\0")
        with pytest.raises(StoreError, match="start the run again"):
            store.check_lock()
    with store.lock():  # the next run writes it anew
        store.check_lock()


def test_a_failed_computation_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path / "store")

    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        store.result("objects", "demo", {}, MODULE, fail)
    assert [p for p in (tmp_path / "store").rglob("*") if p.is_file()] == []


def test_code_counts_and_comments_do_not(tmp_path, monkeypatch):
    package = tmp_path / "o2b_helpers_like"
    package.mkdir()
    (package / "__init__.py").write_text("")
    module = package / "sums.py"
    monkeypatch.syspath_prepend(tmp_path)

    def digest(source: str) -> str:
        module.write_text(source)
        code_digests.cache_clear()
        digests._parsed.cache_clear()
        return code_digests("o2b_helpers_like.sums")["o2b_helpers_like.sums"]

    plain = digest("def f(x):\n    return x + 1\n")
    assert digest('"""Words."""\n\n\ndef f(x):  # why\n    """More words."""\n    return x + 1\n') == plain
    assert digest("def f(x):\n    return x + 2\n") != plain


def test_imports_are_followed_and_so_are_tables():
    actual = code_digests("o2b_helpers.studies.object2brain.filter_lesions")
    assert {
        "o2b_helpers.kernels.lesions.single_filters",
        "o2b_helpers.models.backbones.backbone",
        "o2b_helpers.inputs.images.preprocessing",
    } <= set(actual)
    assert any(
        name.endswith("open_images_categories.csv") for name in code_digests("o2b_helpers.studies.object2brain.objects")
    )
    assert "o2b_helpers.core.params" not in actual and not any(name.startswith("o2b_helpers.report") for name in actual)


def test_a_second_run_on_the_same_store_is_refused(tmp_path):
    profile = write_profile(tmp_path, SMALL)
    held = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from o2b_helpers.core.store import Store
        with Store(Path({str(tmp_path / "runs" / "store")!r})).lock():
            print("held", flush=True)
            time.sleep(60)
    """)
    holder = subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline().strip() == "held"
        second = command("run", profile)
        assert second.returncode == 1
        assert "in use by another run" in second.stderr and str(holder.pid) in second.stderr
    finally:
        holder.kill()
        holder.wait()
    with Store(tmp_path / "runs" / "store").lock():  # the lock went with the killed process
        pass


def test_a_read_only_store_is_refused(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    # root may write anywhere, so it steps down first, after the import: its interpreter may be readable to root only
    source = textwrap.dedent(f"""
        import os
        from pathlib import Path
        from o2b_helpers.core.errors import StoreError
        from o2b_helpers.core.store import Store
        if os.getuid() == 0:
            os.chdir({str(locked)!r})
            os.setgid(65534)
            os.setuid(65534)
        else:
            os.chdir({str(locked)!r})
        try:
            Store(Path("store"))
        except StoreError as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert "cannot be written to" in done.stdout and "execution.runs_folder" in done.stdout, done


def _tensors(folder: Path) -> None:
    save_file({"weight": np.zeros(100_000)}, folder / "heads.safetensors")


def _netcdf(folder: Path) -> None:
    write_dataset(xr.Dataset({"delta": ("filter", np.random.default_rng(0).random(100_000))}), folder / "a.nc")


def _parquet(folder: Path) -> None:
    pd.DataFrame({"x": np.random.default_rng(0).random(100_000)}).to_parquet(folder / "a.parquet")


@pytest.mark.parametrize("write", [_writer("x" * 100_000), _tensors, _netcdf, _parquet])
def test_a_full_disk_is_said_and_earlier_results_stay(tmp_path, write):
    store = Store(tmp_path / "store")
    kept = store.result("objects", "demo", {"n": 1}, MODULE, _writer())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (10_000, limit[1])
    )  # the kernel refuses to write more, as a full disk does
    try:
        with pytest.raises(StoreError, match="disk is full"):
            store.result("objects", "demo", {"n": 2}, MODULE, write)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert store.find("objects", kept.key) == kept.folder
    assert not store.find("objects", Store.key({"n": 2}, MODULE))


def test_leftovers_of_killed_runs_are_swept(tmp_path):
    store = Store(tmp_path / "store")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    leftover = tmp_path / "store" / "heads" / f".abc.{dead.pid}.tmp"
    leftover.mkdir(parents=True)
    with store.lock():
        assert not leftover.exists()


def test_an_unknown_module_has_no_key():
    with pytest.raises((StoreError, ModuleNotFoundError)):
        code_digests("o2b_helpers.kernels.no_such_module")
    assert digest_of({"a": (1, 2)}) == digest_of({"a": [1, 2]})
