"""Faults of the machine are told apart from faults of what people bring, and say what to do."""

from __future__ import annotations

import errno
import os
import pickle

import pytest

from o2b_helpers.core import digests
from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import EnvironmentFault, InputError, StoreError
from o2b_helpers.core.files.atomic import write_atomically, writing
from o2b_helpers.core.files.faults import machine
from o2b_helpers.core.store import Store

MODULE = "o2b_helpers.kernels.statistics.rank_correlation"


def _fault(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), None if path is None else str(path))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "ulimit -n"),
        (errno.EIO, "does not answer"),
        (errno.ESTALE, "does not answer"),
        (errno.ETIMEDOUT, "does not answer"),
        (errno.ENOMEM, "too little memory"),
    ],
)
def test_a_fault_of_the_machine_is_no_fault_of_the_file(tmp_path, monkeypatch, number, words):
    def refused(path, mode):
        raise _fault(number, path)

    monkeypatch.setattr(digests, "open", refused, raising=False)
    with pytest.raises(EnvironmentFault, match=words) as caught:
        file_digest(tmp_path / "a.jpg")
    assert "a.jpg" in str(caught.value) and "check the path" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_the_user_can_mend_stays_an_error_of_the_input(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        file_digest(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError), machine("a.jpg"):
        raise _fault(errno.ENOENT, "a.jpg")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, StoreError, "disk is full"),
        (errno.EDQUOT, StoreError, "disk is full"),
        (errno.EROFS, StoreError, "cannot be written to"),
        (errno.EACCES, StoreError, "cannot be written to"),
        (errno.EISDIR, StoreError, "cannot be written to"),
        (errno.ENOENT, StoreError, "moved or deleted"),
        (errno.EMFILE, EnvironmentFault, "ulimit -n"),
        (errno.EIO, EnvironmentFault, "does not answer"),
    ],
)
def test_errors_of_writing_say_what_to_do(tmp_path, number, kind, words):
    with pytest.raises(kind, match=words), writing(tmp_path):
        raise _fault(number, tmp_path / "heads" / "a.npy")


def test_another_file_that_is_missing_is_not_taken_for_the_store(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path / "runs"):
        raise _fault(errno.ENOENT, tmp_path / "pictures" / "a.jpg")


@pytest.mark.parametrize("error", [_fault(errno.EMFILE), _fault(errno.EIO), MemoryError()])
def test_a_fault_while_a_result_is_computed_stores_nothing(tmp_path, error):
    store = Store(tmp_path / "store")

    def fail(folder):
        (folder / "half.txt").write_text("half")
        raise error

    with pytest.raises(EnvironmentFault, match="run the same command again"):
        store.result("heads", "toynet", {}, MODULE, fail)
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_a_file_where_a_folder_must_be_is_said(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written to"):
        write_atomically(tmp_path / "results" / "a.csv", b"a")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(StoreError, match="cannot be written to"):
        write_atomically(tmp_path / "b.csv", b"b")


def test_a_store_that_is_moved_in_the_middle_is_said_and_no_new_one_is_made(tmp_path):
    store = Store(tmp_path / "runs" / "store")
    kept = store.result("heads", "a", {"n": 1}, MODULE, lambda folder: None)
    with store.lock():
        (tmp_path / "runs").rename(tmp_path / "moved")
        for act in (
            lambda: store.result("heads", "b", {"n": 2}, MODULE, lambda folder: None),
            lambda: Store(tmp_path / "runs" / "store"),
        ):
            with pytest.raises(StoreError, match="moved or deleted"):
                act()
        assert not (tmp_path / "runs").exists()
    moved = Store(tmp_path / "moved" / "store")
    assert moved.find("heads", kept.key) is not None
