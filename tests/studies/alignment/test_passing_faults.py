"""A share that fails for a moment stops a run or is waited for; what is stored never lacks a picture because of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from study_fixture import PICTURES, Study, write_study

from o2b_helpers.core.errors import EnvironmentFault, InputError
from o2b_helpers.core.running.run import run_step
from o2b_helpers.inputs.images import faults
from o2b_helpers.studies.alignment import inputs


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.setattr(faults, "WAITS", (0.0, 0.0))
    return Study(write_study(tmp_path / "study"))


class Share:
    """Reading some files fails while the share is down.

    Parameters
    ----------
    names : list of str
        The files.
    number : int
        What the system says.
    """

    def __init__(self, monkeypatch, names: list[str], number: int) -> None:
        self.down, read = True, Path.read_bytes

        def read_bytes(path):
            if self.down and path.name in names:
                raise OSError(number, os.strerror(number), str(path))
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", read_bytes)


def _stored(study: Study) -> list[Path]:
    return list((study.folder / "runs" / "store" / "inputs").glob("*/facts.json"))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM, errno.EACCES])
def test_nothing_is_stored_while_the_share_fails_and_all_is_read_afterwards(study, monkeypatch, number):
    share = Share(monkeypatch, ["corpus_00003.png", "corpus_00007.png", "stimulus_06.png"], number)
    with pytest.raises(EnvironmentFault, match=r"corpus_0000[37].png"):
        run_step(study.params(), "inputs")
    assert not _stored(study)
    share.down = False
    facts = run_step(study.params(), "inputs").facts
    assert (facts["images_in_corpus"], facts["stimuli"], facts["images_left_out"]) == (PICTURES, 16, 0)


def test_a_share_that_fails_while_pictures_are_decoded_for_a_network(study, monkeypatch):
    run_step(study.params(), "inputs")
    share = Share(monkeypatch, ["corpus_00003.png"], errno.EIO)
    with pytest.raises(EnvironmentFault, match="corpus_00003.png"):
        run_step(study.params(), "valence_models")
    share.down = False
    assert run_step(study.params(), "valence_models").facts["images_trained_and_tested_on"] == PICTURES


@pytest.mark.parametrize("back", [True, False])
def test_a_file_that_is_away_while_pictures_are_looked_at(study, monkeypatch, back):
    check, away = inputs.check_images, study.folder / "away.png"
    picture = study.corpus / "corpus_00003.png"

    def cut_off(*arguments, **options):
        if picture.exists():
            picture.rename(away)
        try:
            return check(*arguments, **options)
        finally:
            if back:
                away.rename(picture)

    monkeypatch.setattr(inputs, "check_images", cut_off)
    with pytest.raises(EnvironmentFault, match="changed while"):
        run_step(study.params(), "inputs")
    assert not _stored(study)
    monkeypatch.setattr(inputs, "check_images", check)
    if not back:
        away.rename(picture)
    assert run_step(study.params(), "inputs").facts["images_left_out"] == 0


@pytest.mark.parametrize("missing", [5, 8])
def test_a_condition_with_too_few_pictures_is_refused_also_with_none(study, missing):
    table = pd.read_csv(study.folder / "stimuli.csv")
    for name in table.loc[table["condition"] == "incongruent", "image"][:missing]:
        (study.stimuli / name).unlink()
    with pytest.raises(InputError, match="'incongruent' has too few") as caught:
        run_step(study.params(), "inputs")
    assert f"{8 - missing}; {missing} left out" in str(caught.value) and not _stored(study)


def test_what_is_left_out_is_a_warning(study, capsys):
    for name in ("corpus_00003.png", "corpus_00004.png"):
        (study.corpus / name).write_bytes(b"no picture")
    (study.stimuli / "stimulus_06.png").unlink()
    result = run_step(study.params(), "inputs")
    corpus, stimuli = result.warnings[:2]
    assert corpus.startswith("2 pictures of the corpus are left out: corpus_00003.png (The file is not a picture")
    assert stimuli == "1 picture of the stimuli is left out: stimulus_06.png (The image is missing)."
    assert f"WARNING   {corpus}" in capsys.readouterr().out
