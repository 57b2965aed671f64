"""Stimuli and copies in the corpus: what was trained on is never judged as if it were new, and it is said."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from helpers import write_profile
from PIL import Image
from study_fixture import PICTURES, Study, write_study

from o2b_helpers.core.running.run import Result, run_step
from o2b_helpers.studies.alignment.checks.same_pictures import same_picture_findings

STEPS = ("inputs", "human_targets", "valence_models", "alignment_by_architecture")
HEADS = {"runs": 5, "learning_rates": [0.01, 0.1], "full": {"epochs": 80}, "layer": {"epochs": 1}}
MODEL = {"architecture": "toynet", "weights": "toyworld", "layer_models": False, "object2brain": False}
QUICK = {
    "analysis__heads": HEADS,
    "analysis__models": [MODEL],
    "analysis__significance": {"permutations": 99, "bootstrap": 199},
}


@pytest.fixture
def study(tmp_path) -> Study:
    """Return a study whose people answered at random."""
    study = Study(write_study(tmp_path / "study"))
    targets = pd.read_csv(study.folder / "stimuli.csv")[["stimulus", "condition"]].assign(
        valence_type="IV", source="mean"
    )
    targets["value"] = np.random.default_rng(5).uniform(-3, 3, len(targets)).round(2)
    targets.to_csv(study.folder / "targets.csv", index=False)
    return study


def _run(study: Study, *steps: str, **overrides) -> dict[str, Result]:
    people = {"analysis__human": {"kind": "targets", "targets": "targets.csv"}}
    params = study.params(**{**QUICK, **people, **overrides})
    return {step: run_step(params, step) for step in steps or STEPS}


def _add_to_corpus(study: Study, suffix: str = "png") -> list[str]:
    """Put every stimulus into the corpus under another name, with its random answer as rating."""
    stimuli = pd.read_csv(study.folder / "stimuli.csv").merge(pd.read_csv(study.folder / "targets.csv"), on="stimulus")
    rows = []
    for number, row in enumerate(stimuli.itertuples()):
        name = f"photo_{number:02d}.{suffix}"
        if suffix == "png":
            shutil.copy(study.stimuli / row.image, study.corpus / name)
        else:
            Image.open(study.stimuli / row.image).convert("RGB").save(study.corpus / name)
        rows.append((name, row.value))
    added = pd.DataFrame(rows, columns=["image", "valence"])
    study.edit("corpus.csv", lambda frame: pd.concat([frame, added]))
    return added["image"].tolist()


def _over_all(results: dict[str, Result]) -> float:
    return float(results["alignment_by_architecture"].table("alignment.csv")["rho"].mean())


@pytest.mark.parametrize("how", ["copies of the files", "another format", "the very same files"])
def test_stimuli_in_the_corpus_are_not_trained_on(study, how):
    clean = _run(study)
    predictions = clean["valence_models"].table("predictions.csv")
    added = _add_to_corpus(study, "bmp" if how == "another format" else "png")
    if how == "the very same files":
        study.edit("stimuli.csv", lambda frame: frame.assign(image=added))
    folder = "corpus/images" if how == "the very same files" else "stimuli/images"
    results = _run(study, analysis__stimuli__folder=folder)

    facts = results["inputs"].facts
    assert facts["images_in_corpus"] == PICTURES and "said_of_every_result" not in facts
    said = results["inputs"].warnings[0]
    assert said.startswith("16 pictures of the corpus are also stimuli, and are left out of training: photo_00")
    left_out = pd.read_csv(results["inputs"].folder / "left_out.csv")
    assert left_out["image"].tolist() == added and left_out["problem"].str.startswith("It is also a stimulus, ").all()
    # the networks are those of a corpus without them, so the random answers are not agreed with
    pd.testing.assert_frame_equal(results["valence_models"].table("predictions.csv"), predictions)
    summary = results["alignment_by_architecture"].table("alignment_summary.csv")
    assert (summary["ci_low"] <= 0).all() and (summary["ci_high"] >= 0).all()
    assert _over_all(results) == _over_all(clean) < 0.25


def test_who_keeps_them_is_told_so_by_every_result(study):
    clean = _over_all(_run(study))
    _add_to_corpus(study)
    results = _run(study, analysis__stimuli__also_in_corpus="keep")
    assert results["inputs"].facts["images_in_corpus"] == PICTURES + 16
    for step in ("inputs", "valence_models", "alignment_by_architecture"):
        assert results[step].warnings[0].startswith("16 stimuli are also in the training pictures"), step
        assert "16 stimuli are also in the training pictures" in results[step].summary()
    assert _over_all(results) > clean + 0.3  # what it costs, and what the tests above would see


def test_copies_of_pictures_that_were_drawn_as_stimuli_are_left_out_too(study):
    def with_copies(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.assign(category=np.where(np.arange(len(frame)) < 8, "first", "other"))
        copies = frame.head(8).assign(image=lambda t: "again_" + t["image"], category="other")
        for old, new in zip(frame["image"][:8], copies["image"], strict=True):
            shutil.copy(study.corpus / old, study.corpus / new)
        return pd.concat([frame, copies])

    study.edit("corpus.csv", with_copies)
    stimuli = {"kind": "corpus", "select": {"first": {"column": "category", "value": "first", "count": 8}}}
    result = _run(study, "inputs", analysis__stimuli=stimuli)["inputs"]
    assert result.facts["images_in_corpus"] == PICTURES - 8
    assert result.warnings[0].startswith("8 pictures of the corpus are also stimuli")


def _random_corpus(folder, seed: int) -> Study:
    """Write a study whose corpus is noise with random ratings, every picture twice, in two formats."""
    study, rng, rows = Study(write_study(folder)), np.random.default_rng(seed), []
    for number in range(60):
        noise = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        value = rng.normal()
        for again in range(2):
            rows.append((f"{number}_{again}.{'bmp' if again else 'png'}", float(np.clip(value, -3, 3))))
            Image.fromarray(noise).save(study.corpus / rows[-1][0])
    pd.DataFrame(rows, columns=["image", "valence"]).to_csv(study.folder / "corpus.csv", index=False)
    return study


def test_copies_of_every_picture_do_not_help_with_random_labels(tmp_path):
    rhos = []
    for seed in range(3):
        study = _random_corpus(tmp_path / str(seed), seed)
        params = study.params(**QUICK)
        inputs, trained = (run_step(params, step) for step in ("inputs", "valence_models"))
        assert "The corpus shows 60 pictures more than once: 0_0.png = 0_1.bmp" in inputs.warnings[0]
        rhos.append(trained.facts["toynet (toyworld)"]["held_out_rho_with_ratings"])
    assert abs(np.mean(rhos)) < 0.2, rhos  # with copies on both sides: above 0.5


def test_contradictions_are_named_before_anything_is_trained(study):
    def contradict(frame: pd.DataFrame) -> pd.DataFrame:
        shutil.copy(study.corpus / frame["image"][0], study.corpus / "again.png")
        return pd.concat([frame, pd.DataFrame({"image": ["again.png"], "valence": [-frame["valence"][0]]})])

    study.edit("corpus.csv", contradict)
    result = _run(study, "inputs")["inputs"]
    assert any("opposite labels" in said and "= again.png (" in said for said in result.warnings)
    told = {finding.what: finding for finding in same_picture_findings(study.params(**QUICK))}
    assert told["copies with opposite labels: of 1 image"].kind == "doubt"
    assert "again.png" in told["copies in the corpus: of 1 image"].where


@pytest.mark.parametrize(
    ("option", "to_do"),
    [("leave_out", "leaves them out of training"), ("keep", "set analysis.stimuli.also_in_corpus to leave_out")],
)
def test_the_doctor_says_it_beforehand(study, option, to_do):
    (fine,) = same_picture_findings(study.params(**QUICK))
    assert fine.fine and "56 files" in fine.where
    _add_to_corpus(study)
    (finding,) = same_picture_findings(study.params(**QUICK, analysis__stimuli__also_in_corpus=option))
    assert finding.what == "stimuli among the corpus images: 16 images" and "photo_00.png" in finding.where
    assert not finding.fine and not finding.stops_a_run and to_do in finding.source


def test_the_doctor_says_nothing_of_tables_that_it_cannot_read(study, tmp_path):
    (study.folder / "corpus.csv").write_text("picture,rating\n")
    assert list(same_picture_findings(study.params(**QUICK))) == []
    toy = Study(write_profile(tmp_path / "toy", {"analysis": {"corpus": {"kind": "toyworld", "images": 20}}}))
    assert list(same_picture_findings(toy.params())) == []


def test_a_picture_saved_again_as_jpeg_is_warned_of(study):
    shown = pd.read_csv(study.folder / "stimuli.csv")["image"][0]
    Image.open(study.stimuli / shown).convert("RGB").save(study.corpus / "again.jpg", quality=80)
    study.edit("corpus.csv", lambda t: pd.concat([t, pd.DataFrame({"image": ["again.jpg"], "valence": [1]})]))
    result = _run(study, "inputs")["inputs"]
    assert result.facts["images_in_corpus"] == PICTURES + 1
    assert f"{shown} ~ again.jpg" in result.facts["nearly_the_same_as_a_stimulus"]
    assert any("look nearly the same" in said for said in result.warnings)
