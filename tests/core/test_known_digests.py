"""A file whose bytes were changed has another digest, also where size and time of modification are as before."""

from __future__ import annotations

import hashlib
import os
import shutil
import time

import pytest

from o2b_helpers.core.files import known_digests
from o2b_helpers.core.files.known_digests import digests_of_files, known_digest
from o2b_helpers.core.files.sealed import read_sealed


def _settled(monkeypatch):
    """Take what was written just now for what lay there long before; ticks of the clock are waited for instead."""
    monkeypatch.setattr(known_digests, "_SETTLED", 0)


def _in_place(path, content):
    path.write_bytes(content)


def _replaced(path, content):
    other = path.with_name("other")
    other.write_bytes(content)
    os.replace(other, path)


def _copied(path, content):
    other = path.with_name("other")
    other.write_bytes(content)
    shutil.copystat(path, other)
    path.unlink()
    shutil.copy2(other, path)


@pytest.mark.parametrize("change", [_in_place, _replaced, _copied])
@pytest.mark.parametrize("settled", [True, False])
def test_changed_bytes_are_noticed_with_size_and_time_kept(tmp_path, monkeypatch, change, settled):
    if settled:
        _settled(monkeypatch)
    picture, note = tmp_path / "a.jpg", tmp_path / "note.json"
    picture.write_bytes(b"first")
    before = picture.stat()
    first = digests_of_files(note, {"a": picture}), known_digest(picture)
    time.sleep(0.05)  # more than a tick of the file system's clock
    change(picture, b"other")
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (picture.stat().st_mtime_ns, picture.stat().st_size) == (before.st_mtime_ns, before.st_size)
    wanted = hashlib.sha256(b"other").hexdigest()
    assert (digests_of_files(note, {"a": picture})["a"], known_digest(picture)) == (wanted, wanted)
    assert first == ({"a": hashlib.sha256(b"first").hexdigest()}, hashlib.sha256(b"first").hexdigest())


def test_what_lies_there_unchanged_is_read_once(tmp_path, monkeypatch):
    _settled(monkeypatch)
    monkeypatch.setattr(known_digests, "_keeps_ctime", lambda path: True)
    picture, note = tmp_path / "a.jpg", tmp_path / "note.json"
    picture.write_bytes(b"first")
    first = digests_of_files(note, {"a": picture})
    monkeypatch.setattr(known_digests, "file_digest", lambda path: pytest.fail("read twice"))
    known_digests._KNOWN.clear()  # as in the next command
    assert digests_of_files(note, {"b": picture}) == {"b": first["a"]}


def test_where_the_time_of_change_is_not_kept_files_are_read_each_time(tmp_path, monkeypatch):
    _settled(monkeypatch)
    monkeypatch.setattr(known_digests, "_kind_of", lambda folder: "vfat")
    picture, note = tmp_path / "a.jpg", tmp_path / "note.json"
    picture.write_bytes(b"first")
    digests_of_files(note, {"a": picture})
    assert not note.exists()


def test_a_changed_note_is_said_and_its_digests_are_worked_out_again(tmp_path, monkeypatch, capsys):
    _settled(monkeypatch)
    monkeypatch.setattr(known_digests, "_keeps_ctime", lambda path: True)
    picture, note = tmp_path / "a.jpg", tmp_path / "note.json"
    picture.write_bytes(b"first")
    digest = digests_of_files(note, {"a": picture})["a"]
    for changed in (note.read_bytes().replace(digest[:8].encode(), b"00000000"), b"{}", b"[]", b"\xff"):
        note.write_bytes(changed)
        assert digests_of_files(note, {"a": picture}) == {"a": digest}
        assert "note.json was changed" in capsys.readouterr().out
        assert list((read_sealed(note) or {}).values()) == [digest]
