"""Two image sets: halves and a second corpus, emotions by thresholds and by a column, splits, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import write_profile
from PIL import Image
from small_run import step_folder

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.registry import load_params
from o2b_helpers.studies.selectivity.doctor import findings

VALENCE = {"unpleasant": 2.0, "neutral": 5.0, "pleasant": 8.0}


def corpus(folder, name: str, counts: dict[str, int], copies: int = 0) -> dict:
    """Write a corpus of noise pictures; the first `copies` of them have a copy each, with the same emotion."""
    rng, rows = np.random.default_rng(len(name)), []
    place = folder / name
    place.mkdir(parents=True)
    for number, emotion in enumerate(emotion for emotion, many in counts.items() for _ in range(many)):
        picture = Image.fromarray(rng.integers(0, 256, (36, 36, 3), dtype=np.uint8))
        for copy in range(2 if number < copies else 1):
            file = f"{name}_{number:02d}{'_copy' * copy}.png"
            picture.save(place / file)
            rows.append((file, VALENCE[emotion], emotion.upper()))
    pd.DataFrame(rows, columns=["image", "valence", "feeling"]).to_csv(folder / f"{name}.csv", index=False)
    return {"kind": "table", "folder": name, "table": f"{name}.csv", "valence_range": [1, 9], "images": 20}


def study(folder, first: dict, **selectivity):
    """Read a profile with this corpus."""
    analysis = {
        "corpus": first, "models": [{"architecture": "toynet", "weights": "toyworld"}], "selectivity": selectivity
    }  # fmt: skip
    profile = {"studies": ["selectivity"], "analysis": analysis, "execution": {"device": "cpu", "threads": 1}}
    return load_params(write_profile(folder, profile))


def made(params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the step; return its tables."""
    for step in ("inputs", "image_sets"):
        run_step(params, step)
    return tuple(pd.read_csv(params.runs / "results" / f"{name}.csv") for name in ("image_sets", "image_splits"))


def test_halves_and_splits_keep_the_shares_of_emotions_and_copies_together(tmp_path):
    params = study(tmp_path, corpus(tmp_path, "one", {"unpleasant": 32, "neutral": 40, "pleasant": 36}, copies=4))
    sets, splits = made(params)
    assert len(sets) == 112 and sets["image"].is_unique
    counts = pd.crosstab(sets["image_set"], sets["emotion"])
    assert (counts.loc["first"] - counts.loc["second"]).abs().max() <= 4
    of = sets.set_index("image")["image_set"]
    assert all(of[f"one_{k:02d}.png"] == of[f"one_{k:02d}_copy.png"] for k in range(4))
    parts = splits.pivot(index="image", columns="split", values="part")
    assert parts.shape == (112, 3) and parts[0].ne(parts[1]).any()
    shares = splits.groupby(["image_set", "split"])["part"].value_counts(normalize=True)
    for part, share in {"train": 0.5, "validation": 0.25, "test": 0.25}.items():
        assert shares.xs(part, level="part").between(share - 0.05, share + 0.05).all()
    assert all((parts.loc[f"one_{k:02d}.png"] == parts.loc[f"one_{k:02d}_copy.png"]).all() for k in range(4))
    told = splits.merge(sets, on=["image_set", "image"])
    assert (told.groupby(["image_set", "split", "part"])["emotion"].nunique() == 3).all()


def test_emotions_come_from_thresholds_of_mapped_valence_or_from_a_column(tmp_path):
    counts = {"unpleasant": 20, "neutral": 20, "pleasant": 20}
    first = corpus(tmp_path / "a", "one", counts)
    names = {name: name.upper() for name in counts}
    by_column = made(study(tmp_path / "a", first, emotions_from="column", column="feeling", column_values=names))[0]
    by_valence = made(study(tmp_path / "a", first))[0]
    pd.testing.assert_frame_equal(by_column, by_valence)
    assert by_valence["emotion"].map(VALENCE).equals(by_valence["scaled_valence"])
    moved = made(study(tmp_path / "a", first | {"valence_range": [0, 16]}, thresholds=[2.5, 4.0]))[0]
    assert (moved["scaled_valence"] == 1 + moved["valence"] / 2).all()
    assert moved.groupby("emotion")["valence"].unique().map(list).to_dict() == {k: [v] for k, v in VALENCE.items()}
    near = study(tmp_path / "a", first, thresholds=[1.9, 6.0], margin=0.2)
    with pytest.raises(InputError, match="no unpleasant picture"):
        made(near)


def test_words_of_a_column_that_are_no_emotion_are_refused(tmp_path):
    first = corpus(tmp_path, "one", {"unpleasant": 20, "neutral": 20, "pleasant": 20})
    pd.read_csv(tmp_path / "one.csv").replace("NEUTRAL", "calm").to_csv(tmp_path / "one.csv", index=False)
    params = study(tmp_path, first, emotions_from="column", column="feeling")
    with pytest.raises(InputError, match="something else than three emotions") as refused:
        made(params)
    assert "'calm'" in str(refused.value.value)
    assert any("three emotions" in finding.what and not finding.fine for finding in findings(params))


@pytest.mark.parametrize(
    ("second", "problem", "value"),
    [
        ({"unpleasant": 9, "neutral": 20, "pleasant": 0}, "no pleasant picture in the second", "pleasant 0"),
        ({"unpleasant": 7, "neutral": 20, "pleasant": 8}, "too few unpleasant pictures in the second", "unpleasant 7"),
    ],
)
def test_a_set_needs_eight_pictures_of_each_emotion(tmp_path, second, problem, value):
    enough = {"unpleasant": 8, "neutral": 8, "pleasant": 8}
    params = study(tmp_path, corpus(tmp_path, "one", enough), second=corpus(tmp_path, "second", second))
    with pytest.raises(InputError, match=problem) as refused:
        made(params)
    assert value in str(refused.value.value) and "8 pictures" in str(refused.value.expected)
    assert any(problem in finding.what for finding in findings(params))


def test_halves_need_twice_as_many(tmp_path):
    params = study(tmp_path, corpus(tmp_path, "one", {"unpleasant": 15, "neutral": 20, "pleasant": 20}))
    with pytest.raises(InputError, match="too few unpleasant pictures in the corpus"):
        made(params)


def test_pictures_in_both_sets_are_named(tmp_path):
    counts = {"unpleasant": 8, "neutral": 8, "pleasant": 8}
    first, second = corpus(tmp_path, "one", counts), corpus(tmp_path, "second", counts)
    Image.open(tmp_path / "one" / "one_03.png").save(tmp_path / "second" / "second_05.png", compress_level=1)
    with pytest.raises(InputError, match="have pictures in common") as refused:
        made(study(tmp_path, first, second=second))
    assert "'one_03.png = second_05.png'" in str(refused.value.value)
    with pytest.raises(InputError, match="Both image sets are the same folder") as refused:
        made(study(tmp_path, first, second=first))
    assert "24 pictures in common: 'one_00.png'" in str(refused.value.value)
    assert any("same folder" in finding.what for finding in findings(study(tmp_path, first, second=first)))


def test_a_second_corpus_is_checked_as_the_first_one_is(tmp_path):
    counts = {"unpleasant": 9, "neutral": 9, "pleasant": 9}
    first, second = corpus(tmp_path, "one", counts), corpus(tmp_path, "second", counts)
    (tmp_path / "second" / "second_00.png").write_bytes(b"no picture")
    params = study(tmp_path, first, second=second)
    sets, _ = made(params)
    assert (sets["image_set"] == "second").sum() == 26
    assert any("second corpus" in said and "second_00.png" in said for said in
               read_facts(step_folder(params, "image_sets"))["warnings"])  # fmt: skip
    with pytest.raises(InputError, match=r"analysis\.selectivity\.second\.folder does not exist"):
        made(study(tmp_path, first, second=second | {"folder": "nowhere"}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"thresholds": [6.0, 4.3]}, "cross"),
        ({"thresholds": [4.3, 9.5]}, "leave the scale"),
        ({"thresholds": [4.3, 6.0], "margin": 0.9}, "leaves no neutral picture"),
        ({"models": ["vgg"]}, "is no model"),
        ({"layers": ["features.1", "features.1"]}, "each once"),
        ({"second": {"kind": "table", "foldr": "x"}}, "foldr"),
        ({"column_values": {"unpleasant": "bad", "neutral": "bad"}}, "several emotions"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path, wrong, said):
    with pytest.raises(ParameterError) as refused:
        study(tmp_path, {"kind": "toyworld"}, **wrong)
    assert said in str(refused.value)


def test_halves_may_be_asked_for_by_name(tmp_path):
    assert study(tmp_path, {"kind": "toyworld"}, second="halves").analysis.selectivity.second is None
