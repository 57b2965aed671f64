"""A note that was changed in any byte is not taken for the one that was written."""

from __future__ import annotations

import json

import pytest

from o2b_helpers.core.errors import DamagedFile, StoreError
from o2b_helpers.core.files.sealed import read_sealed, sealed, write_sealed

CONTENTS = [
    {
        "runs": 5,
        "steps": {"inputs": {"facts": {"rho": 0.1, "none": None, "nan": 1e-300}}},
        "names": ["Zoë", "犬", "a/b"],
    },
    {"only": []},
    {},
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_note_is_read_as_it_was_written(tmp_path, content):
    write_sealed(tmp_path / "note.json", content)
    assert read_sealed(tmp_path / "note.json") == content
    plain = json.loads((tmp_path / "note.json").read_bytes())  # any program can read it
    assert len(plain.pop("seal")) == 64 and plain == content


@pytest.mark.parametrize("content", CONTENTS)
def test_every_changed_byte_is_noticed(tmp_path, content):
    note, written = tmp_path / "note.json", sealed(content)
    for place in range(len(written)):
        for mask in (0x01, 0x20, 0xFF):
            note.write_bytes(written[:place] + bytes([written[place] ^ mask]) + written[place + 1 :])
            with pytest.raises(DamagedFile, match="note.json"):
                read_sealed(note)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content + b"\n",
        lambda content: bytes(len(content)),
        lambda content: b"[]",
        lambda content: json.dumps(CONTENTS[0]).encode(),  # without a seal, as an earlier version wrote it
    ],
)
def test_cut_lengthened_and_foreign_notes_are_noticed(tmp_path, change):
    note = tmp_path / "note.json"
    note.write_bytes(change(sealed(CONTENTS[0])))
    with pytest.raises(StoreError, match="was changed"):
        read_sealed(note)


def test_a_missing_note_is_none_and_a_folder_in_its_place_is_noticed(tmp_path):
    assert read_sealed(tmp_path / "note.json") is None
    (tmp_path / "note.json").mkdir()
    with pytest.raises(DamagedFile):
        read_sealed(tmp_path / "note.json")
