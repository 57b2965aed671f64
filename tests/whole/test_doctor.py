"""The doctor lists everything that is missing, where it comes from and where to put it."""

from __future__ import annotations

import hashlib

import pytest
from helpers import ROOT, SMALL, command, merged, write_profile

from o2b_helpers.doctor import examine
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.weights import toy_detector_path


def test_the_papers_setting_without_its_data():
    done = command("doctor", ROOT / "params" / "paper.yaml")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for path in ("data/findingemo", "data/fmri/stimuli.csv", "data/fmri/images", "data/fmri/ratings.csv"):
        assert str(ROOT / path) in done.stdout
    for path in ("data/fmri/signals.csv", "data/fmri/regions.csv", "data/weights/yolov8x-oiv7.pt"):
        assert str(ROOT / path) in done.stdout
    missing = done.stdout.count("MISSING")
    assert f"{missing} missing or wrong" in done.stdout
    assert done.stdout.count("comes from:") == done.stdout.count("put it at:") == missing
    profile = load_params("paper")
    for model in profile.analysis.models:  # every one of the 14 networks is looked at
        assert f"{model.architecture} with weights {model.weights_label}" in done.stdout
    assert len(profile.analysis.models) == 14


def test_the_demo_lacks_nothing():
    done = command("doctor", "demo")
    assert done.returncode == 0 and "everything is there" in done.stdout


def test_ratings_without_signals_are_enough(tmp_path):
    (tmp_path / "ratings.csv").write_text("stimulus,annotator,valence_type,rating\na,p,IV,2\nb,p,IV,5\n")
    tree = merged(SMALL, human={"kind": "measurements", "ratings": "ratings.csv"})
    assert all(finding.fine for finding in examine(load_params(write_profile(tmp_path, tree))))


@pytest.mark.parametrize(("sha256", "fine"), [(None, False), ("0" * 64, False), ("own", True)])
def test_a_checkpoint_is_trusted_by_its_digest_only(tmp_path, sha256, fine):
    checkpoint = tmp_path / "mine.pt"
    checkpoint.write_bytes(toy_detector_path().read_bytes() + b"another file")
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest() if sha256 == "own" else sha256
    profile = write_profile(tmp_path, merged(SMALL, detector={"weights": "mine.pt", "sha256": digest}))
    assert all(finding.fine for finding in examine(load_params(profile))) == fine
