"""Categories of pictures from detections: the profile of this study alone then runs notebook 05, too."""

from __future__ import annotations

import pandas as pd
from helpers import write_profile
from small_run import step_folder

from o2b_helpers.core.running.keys import step_key
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.doctor import examine
from o2b_helpers.series import notebooks
from o2b_helpers.studies.registry import load_params

CONFIDENCE = "analysis.detector.confidence"


def profile(folder, **selectivity):
    analysis = {
        "corpus": {"kind": "toyworld", "images": 240, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "selectivity": {"untrained_seeds": 1, "splits": 1, **selectivity},
        "significance": {"permutations": 99, "bootstrap": 99},
    }
    execution = {"device": "cpu", "threads": 1}
    return write_profile(folder, {"studies": ["selectivity"], "analysis": analysis, "execution": execution})


def test_this_study_alone_detects_objects_and_names_their_categories(tmp_path):
    params = load_params(profile(tmp_path, categories_from="detections"))
    order = [step.name for step in params.steps]
    assert order.index("objects") < order.index("emotion_controls") and "05_objects" in notebooks(params)
    assert not [finding for finding in examine(params) if not finding.fine and finding.kind == "fault"]
    for step in params.steps:
        run_step(params, step.name)
        if step.name == "emotion_controls":
            break
    boxes = pd.read_parquet(params.runs / "results" / "detections.parquet")
    surest = boxes.sort_values("confidence", ascending=False).drop_duplicates("image").set_index("image")["category"]
    rows = pd.read_parquet(params.runs / "results" / "filter_categories.parquet")
    assert len(rows) and rows["categories"].between(2, surest.nunique()).all()
    other = load_params(params.profile, {CONFIDENCE: 0.9})
    keys = [step_key(own, own.step("emotion_controls"), Store(own.store)) for own in (params, other)]
    assert keys[0] != keys[1] and step_folder(params, "emotion_controls").is_dir()


def test_without_detections_no_objects_are_detected_and_the_detector_changes_nothing(tmp_path):
    file = profile(tmp_path)
    one, other = load_params(file), load_params(file, {CONFIDENCE: 0.9})
    assert "objects" not in [step.name for step in one.steps] and "05_objects" not in notebooks(one)
    keys = [step_key(own, own.step("emotion_controls"), Store(own.store)) for own in (one, other)]
    assert keys[0] == keys[1]
