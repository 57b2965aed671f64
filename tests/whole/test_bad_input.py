"""What happens to a study whose input is wrong: one clear error or a name in the left-out list, and nothing lost."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import command, content
from PIL import Image
from small_run import ONE_SET_STEPS, STEPS, step_folder
from study_fixture import PICTURES, Study, copy_study, huge_png, write_study

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.core.running.keys import results_folder
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.toyworld.weights import toy_detector_path, toynet_weights

MOVING = ("lock", "lock-holder.txt", "file_digests.json")  # beside the results in the store, no results themselves


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Return the profile of a study that ran to its end."""
    profile = write_study(tmp_path_factory.mktemp("finished") / "my study")
    for step in ONE_SET_STEPS:
        run_step(Study(profile).params(), step)
    return profile


@pytest.fixture
def study(finished, tmp_path) -> Study:
    """Return a copy of the finished study."""
    return copy_study(finished, tmp_path / "study")


def stored(study: Study) -> dict[str, bytes]:
    return {name: data for name, data in content(study.folder / "runs" / "store").items() if name not in MOVING}


def refused(study: Study, step: str, kind: type = InputError, **overrides) -> str:
    """Run a step that must fail, with all that it reads; return the message once nothing was lost."""
    before = stored(study)
    for earlier in STEPS[step].closure()[:-1]:
        run_step(study.params(**overrides), earlier.name)
    params = study.params(**overrides)
    shown = content(results_folder(params))
    with pytest.raises(kind) as caught:
        run_step(params, step)
    assert content(results_folder(params)) == shown
    after = stored(study)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if ".tmp" in name]
    return told(str(caught.value))


def told(message: str) -> str:
    """Check that a message says what was found, what was expected and what to do."""
    marks = [message.find(mark) for mark in ("  found:    ", "  expected: ", "  to do:    ")]
    assert -1 not in marks and marks == sorted(marks), message
    return message


def refused_by_command(study: Study, *arguments: str, **options) -> str:
    """Run ``o2b run`` with arguments that must fail; return what it wrote to standard error."""
    before = stored(study)
    done = command("run", study.profile, *arguments, **options)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr and done.stderr.count("Error: ") == 1, done.stderr
    after = stored(study)
    assert {name: after.get(name) for name in before} == before
    return told(done.stderr)


# ---- the profile


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("analysis__stimuli__tabel", "stimuli.csv", "did you mean 'table'?"),
        ("analysis__corpus__valence_colum", "valence", "did you mean 'valence_column'?"),
        ("analysis__models__0__architectur", "toynet", "did you mean 'architecture'?"),
        (
            "analysis__weather",
            "fine",
            "expected: one of affect, associations, cam_methods, controls, corpus, detector",
        ),
        ("analysis__heads__runs", "many", "expected: Input should be a valid integer"),
        ("analysis__corpus__valence_range", 3, "expected: Input should be a valid tuple"),
        ("analysis__heads__full", [1], "expected: Input should be a valid dictionary"),
    ],
)
def test_an_unknown_option_or_a_wrong_type_is_refused(study, option, value, words):
    with pytest.raises(ParameterError) as caught:
        study.params(**{option: value})
    assert words in told(str(caught.value)) and option.replace("__", ".") in str(caught.value)


# ---- folders and tables


@pytest.mark.parametrize(
    ("option", "step"),
    [
        ("analysis__corpus__folder", "inputs"),
        ("analysis__corpus__table", "inputs"),
        ("analysis__stimuli__folder", "inputs"),
        ("analysis__stimuli__table", "inputs"),
        ("analysis__human__ratings", "human_targets"),
    ],
)
def test_a_missing_folder_or_table_is_named(study, option, step):
    assert str(study.folder / "nowhere.csv") in refused(study, step, **{option: "nowhere.csv"})


def test_an_option_without_its_path_is_named(study):
    for step, option in (("inputs", "analysis.corpus.folder"), ("human_targets", "analysis.human.ratings")):
        assert f"{option} is not set" in refused(study, step, ParameterError, **{option: None})


# ---- single pictures


def _truncate(path: Path) -> None:
    Image.open(path).save(path.with_suffix(".jpg"), "JPEG")
    path.write_bytes(path.with_suffix(".jpg").read_bytes()[:-400])
    path.with_suffix(".jpg").unlink()


SPOILT = {  # how to spoil a picture, and what the left-out list then says
    "is missing": lambda path: path.unlink(),
    "is truncated": _truncate,
    "empty (zero bytes)": lambda path: path.write_bytes(b""),
    "too small": lambda path: Image.new("RGB", (1, 1)).save(path),
    "too many pixels": huge_png,
    "is not a picture": lambda path: path.write_text("<html>404</html>"),
}


def test_broken_pictures_are_left_out_by_name_and_the_run_goes_on(study):
    names = sorted(path.name for path in study.corpus.iterdir())
    shown = pd.read_csv(study.folder / "stimuli.csv")["image"].tolist()
    for number, spoil in enumerate(SPOILT.values()):
        spoil(study.corpus / names[number])
    SPOILT["is truncated"](study.stimuli / shown[0])
    results = {step: run_step(study.params(), step) for step in ONE_SET_STEPS}
    left_out = pd.read_csv(results["inputs"].folder / "left_out.csv")
    assert left_out["image"].tolist() == [*names[: len(SPOILT)], shown[0]]
    assert left_out["role"].tolist() == ["corpus"] * len(SPOILT) + ["stimuli"]
    for said, words in zip(left_out["problem"], [*SPOILT, "is truncated"], strict=True):
        assert words in said
    facts = results["inputs"].facts
    assert facts["images_in_corpus"] == PICTURES - len(SPOILT) and facts["images_left_out"] == len(SPOILT) + 1
    assert all(name in results["inputs"].summary() for name in left_out["image"])
    detections, targets = results["objects"].table("detections.parquet"), results["human_targets"].table("targets.csv")
    assert not set(detections["image"]) & set(left_out["image"])
    assert Path(shown[0]).stem not in set(targets["stimulus"]) and targets["stimulus"].nunique() == len(shown) - 1
    assert len(results["object2brain"].table("object_weights.csv"))


@pytest.mark.parametrize("words", SPOILT)
def test_too_many_broken_pictures_stop_the_run(study, words):
    for path in sorted(study.corpus.iterdir())[:11]:
        SPOILT[words](path)
    message = refused(study, "inputs")
    assert "29 of the corpus" in message and "at least 30" in message
    assert words in message and "corpus_00000.png" in message and "11 left out" in message


def test_a_condition_needs_four_stimuli_that_can_be_read(study):
    table = pd.read_csv(study.folder / "stimuli.csv")
    for name in table.loc[table["condition"] == "congruent", "image"][:5]:
        (study.stimuli / name).write_bytes(b"")
    message = refused(study, "inputs")
    assert "'congruent'" in message and "at least 4" in message
    assert "3; 5 left out (" in message and "zero bytes" in message


def test_unusual_pictures_are_read_rightly_and_the_run_goes_on(study):
    names = sorted(path.name for path in study.corpus.iterdir())[:6]
    plain = [Image.open(study.corpus / name).convert("RGB") for name in names]
    grey, cmyk, rgba, animated, rotated, palette = (study.corpus / name for name in names)
    plain[0].convert("L").save(grey, "PNG")
    plain[1].convert("CMYK").save(cmyk, "TIFF")
    half = plain[2].copy()
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    half.save(rgba, "PNG")
    plain[3].save(animated, "PNG", save_all=True, append_images=[plain[0]])
    upright = plain[4].crop((0, 0, 128, 64))
    tags = Image.Exif()
    tags[0x0112] = 6  # stored lying on its side; "turn it by 90 degrees clockwise"
    upright.transpose(Image.Transpose.ROTATE_90).save(rotated, "PNG", exif=tags)
    plain[5].quantize(64).save(palette, "GIF")

    pixels = {path: np.asarray(read_image(path)).astype(float) for path in (grey, cmyk, rgba, animated, rotated)}
    assert np.array_equal(pixels[grey], np.repeat(np.asarray(plain[0].convert("L"))[..., None], 3, axis=2))
    assert np.array_equal(pixels[cmyk], np.asarray(plain[1].convert("CMYK").convert("RGB")))
    alpha = np.asarray(half)[..., 3:] / 255
    assert np.abs(pixels[rgba] - (alpha * np.asarray(plain[2]) + (1 - alpha) * 255)).max() <= 1
    assert np.array_equal(pixels[animated], np.asarray(plain[3]))
    assert np.array_equal(pixels[rotated], np.asarray(upright))

    results = {step: run_step(study.params(), step) for step in ("inputs", "valence_models", "objects")}
    assert results["inputs"].facts["images_left_out"] == 0
    corpus = inputs.load(study.params(), step_folder(study.params(), "inputs")).corpus.set_index("image")
    assert corpus.loc[rotated.name, ["width", "height"]].tolist() == [128, 64]
    assert results["valence_models"].facts["images_trained_and_tested_on"] == PICTURES
    boxes = results["objects"].table("detections.parquet")
    assert {grey.name, cmyk.name, rgba.name, animated.name} <= set(boxes["image"])
    assert boxes.loc[boxes["image"] == rotated.name, "height"].eq(64).all()


@pytest.mark.parametrize("table", ["corpus.csv", "stimuli.csv"])
@pytest.mark.parametrize("name", ["../../secret.png", "/etc/hostname", "link.png", "C:\\pictures\\a.png"])
def test_a_picture_outside_its_folder_is_refused(study, table, name):
    Image.new("RGB", (64, 64)).save(study.folder / "secret.png")
    folder = study.corpus if table == "corpus.csv" else study.stimuli
    (folder / "link.png").symlink_to(study.folder / "secret.png")
    study.edit(table, lambda frame: frame.replace(frame["image"].iloc[3], name))
    assert repr(name) in refused(study, "inputs")


@pytest.mark.parametrize("name", ["https://example.org/" + "long" * 80 + ".png", "a\tb?.png", "long" * 80 + ".png"])
def test_a_name_that_no_file_can_have_is_left_out(study, name):
    study.edit("corpus.csv", lambda frame: frame.replace(frame["image"].iloc[3], name))
    result = run_step(study.params(), "inputs")
    assert pd.read_csv(result.folder / "left_out.csv")["image"].tolist() == [" ".join(name.split())]


# ---- ratings of the corpus, stimuli, ratings of the stimuli


def _set(column: str, value: object, row: int | slice = 3):
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("table", "change", "step", "words"),
    [
        ("corpus.csv", _set("valence", "nan"), "inputs", "row 4: nan"),
        ("corpus.csv", _set("valence", ""), "inputs", "row 4"),
        ("corpus.csv", _set("valence", 3.5), "inputs", "row 4: 3.5"),
        ("corpus.csv", _set("valence", 2, slice(None)), "inputs", "same valence"),
        ("corpus.csv", lambda t: t.rename(columns={"valence": "Valence"}), "inputs", "perhaps Valence -> valence"),
        ("corpus.csv", lambda t: pd.concat([t, t.head(2)]), "inputs", "'corpus_00000.png', 'corpus_00001.png'"),
        ("stimuli.csv", lambda t: pd.concat([t, t.tail(1)]), "inputs", "'stimulus_45'"),
        ("stimuli.csv", lambda t: t.drop(index=range(5)), "inputs", "congruent: 3"),
        ("stimuli.csv", _set("condition", ""), "inputs", "rows 4"),
        ("ratings.csv", lambda t: t[t["stimulus"] != "stimulus_06"], "human_targets", "'stimulus_06'"),
        ("ratings.csv", _set("stimulus", "stimulus_1"), "human_targets", "'stimulus_1'"),
        ("ratings.csv", _set("rating", "NaN"), "human_targets", "row 4: NaN|row 4: nan"),
        ("ratings.csv", _set("rating", "inf"), "human_targets", "row 4: inf"),
        ("ratings.csv", _set("rating", 8), "human_targets", "finite numbers from 1 to 7"),
        ("ratings.csv", _set("rating", 4, slice(None)), "human_targets", "every rating of 'IV' is 4"),
        (
            "ratings.csv",
            lambda t: t.assign(rating=t["annotator"].str[-1].astype(int) + 1),
            "human_targets",
            "same mean rating",
        ),
        (
            "ratings.csv",
            lambda t: t.assign(rating=t["stimulus"].str[-2:].astype(int).lt(24) * 3 + 2),
            "human_targets",
            "same mean rating|only one value",
        ),
        ("ratings.csv", lambda t: pd.concat([t, t.tail(1)]), "human_targets", "person 4"),
    ],
)
def test_values_that_cannot_be_right_are_refused(study, table, change, step, words):
    study.edit(table, change)
    message = refused(study, step)
    assert any(word in message for word in words.split("|")), message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(index=0), "'stimulus_00'"),
        (_set("value", "nan"), "row 4: nan"),
        (_set("value", 1.0, slice(0, 7)), "'IV/mine/congruent'"),
        (_set("target", "IV/mine/incongruent", 0), "'stimulus_00' is 'congruent'"),
        (_set("target", "mine", 0), "'mine'"),
    ],
)
def test_ready_targets_that_do_not_fit_are_refused(study, change, words):
    targets = pd.read_csv(study.folder / "stimuli.csv").drop(columns="image")
    targets["target"] = "IV/mine/" + targets.pop("condition")
    targets.assign(value=np.arange(len(targets)) / 3).to_csv(study.folder / "targets.csv", index=False)
    options = {"analysis__human__kind": "targets", "analysis__human__targets": "targets.csv"}
    assert run_step(study.params(**options), "human_targets").facts["targets"] == 2
    study.edit("targets.csv", change)
    assert words in refused(study, "human_targets", **options)


def test_labels_of_one_kind_cannot_be_learned_from(study):
    study.edit("corpus.csv", lambda frame: frame.assign(valence=frame["valence"].abs()))
    message = refused(study, "valence_models")
    assert f"0 unpleasant, {PICTURES} pleasant" in message and "neutral" in message


# ---- weights and detector


def test_weights_of_another_architecture_are_refused(study):
    import torch
    from torchvision.models import squeezenet1_1

    torch.save(squeezenet1_1(weights=None).state_dict(), study.folder / "squeeze.pth")
    message = refused(study, "valence_models", ModelError, analysis__models__0__weights="./squeeze.pth")
    assert "not weights of toynet" in message and "these weights fit squeezenet1_1" in message and "first " in message


def test_weights_with_another_digest_are_refused(study):
    wrong = {"analysis__models__0__sha256": "0" * 64}
    assert f"sha256 {'0' * 64}" in refused(study, "valence_models", ModelError, **wrong)
    shutil.copy(toynet_weights(trained=True), study.folder / "mine.safetensors")
    wrong["analysis__models__0__weights"] = "mine.safetensors"
    assert f"sha256 {'0' * 64}" in refused(study, "valence_models", ModelError, **wrong)


def test_missing_and_unknown_weights_are_refused(study):
    assert "nowhere.pth" in refused(study, "valence_models", InputError, analysis__models__0__weights="nowhere.pth")
    message = refused(study, "valence_models", ModelError, analysis__models__0__weights="imagenet")
    assert "toyworld, untrained" in message
    message = refused(study, "valence_models", ModelError, analysis__models__0__architecture="toinet")
    assert "toynet" in message


def test_a_checkpoint_with_another_digest_is_not_opened(study):
    message = refused(study, "objects", ModelError, analysis__detector__sha256="0" * 64)
    assert "another digest and was not opened" in message and f"sha256 {'0' * 64}" in message
    changed = bytearray(toy_detector_path().read_bytes())
    changed[-1] ^= 1
    (study.folder / "mine.pt").write_bytes(changed)
    message = refused(study, "objects", ModelError, analysis__detector__weights="mine.pt")
    assert "unknown and was not opened" in message and "analysis.detector.sha256" in message


def test_a_corpus_in_which_nothing_is_detected_is_refused(study):
    for number, path in enumerate(sorted(study.corpus.iterdir())):
        Image.new("RGB", (96, 96), (number, 128, 128)).save(path)
    message = refused(study, "objects")
    assert f"0 boxes in {PICTURES} images" in message and "analysis.detector.confidence" in message


# ---- the command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "analysis.human.rateings=x.csv"], "did you mean 'ratings'?"),
        (["--set", "analysis.corpus.min_images=few"], "analysis.corpus.min_images"),
        (["--set", "analysis.models=[]"], "analysis.models"),
        (["--set", "analysis.models=["], "value of --set cannot be read"),
        (["--set", "analysis.corpus.folder=nowhere", "--only", "00"], "nowhere"),
        (["--set", "execution.runs_folder=corpus.csv/runs"], "cannot be written to"),
        (["--only", "12"], "no such notebook"),
        (["--only", "objects", "--from", "07"], "--only and --from"),
    ],
)
def test_the_command_refuses_what_is_wrong_before_it_starts(study, arguments, words):
    assert words in refused_by_command(study, *arguments)


def test_the_command_names_a_picture_outside_its_folder(study):
    study.edit("corpus.csv", lambda frame: frame.replace(frame["image"].iloc[3], "../../secret.png"))
    assert "'../../secret.png'" in refused_by_command(study, "--only", "00")


def test_the_command_names_a_duplicate_stimulus(study):
    study.edit("stimuli.csv", lambda frame: pd.concat([frame, frame.tail(1)]))
    assert "'stimulus_45'" in refused_by_command(study, "--only", "inputs")


def test_the_command_hands_on_what_a_notebook_says_and_goes_on_once_it_is_mended(study, capsys):
    good = (study.folder / "ratings.csv").read_bytes()
    study.edit("ratings.csv", _set("rating", 4, slice(None)))
    message = refused_by_command(study, "--only", "01")
    assert "constant ratings" in message and "every rating of 'IV' is 4" in message
    (study.folder / "ratings.csv").write_bytes(good)
    capsys.readouterr()
    run_step(study.params(), "human_targets")
    assert "reused    human_targets" in capsys.readouterr().out


def test_the_command_on_a_full_disk_keeps_what_is_stored(study):
    def full() -> None:  # the kernel refuses to write larger files, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))

    message = refused_by_command(study, "--only", "03", preexec_fn=full)
    assert "disk is full" in message and "execution.runs_folder" in message


def test_ctrl_c_stops_the_command_and_nothing_stored_is_lost(study):
    before = stored(study)
    longer = ["--set", "analysis.heads.full.epochs=5", "--only", "02"]
    run = subprocess.Popen(
        [sys.executable, "-m", "o2b_helpers.cli", "run", study.profile, *longer],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    next(line for line in run.stdout if "computing" in line)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130 and "run the same command again" in said and "Traceback" not in said
    after = stored(study)
    assert {name: after.get(name) for name in before} == before
    with Store(study.params().store).lock():  # the kernel and its lock went with the command
        assert not list(study.params().store.glob("*/.*.tmp"))


def test_names_that_look_like_something_else_stay_names(study):
    names = {"congruent": "007", "incongruent": "NA"}
    study.edit("stimuli.csv", lambda frame: frame.assign(condition=frame["condition"].map(names)))
    results = {step: run_step(study.params(), step) for step in list(STEPS)[: list(STEPS).index("objects")]}
    for step, table in (("alignment_by_architecture", "alignment.csv"), ("alignment_by_layer", "layer_alignment.csv")):
        alignment = results[step].table(table)
        assert set(alignment["source"]) == {"true"} and set(alignment["condition"]) == {"007", "NA"}
        assert set(alignment["target"]) == {"IV/true/007", "IV/true/NA"}


def test_an_emptied_results_folder_is_filled_again_from_the_store(study, capsys):
    before = content(results_folder(study.params()))
    shutil.rmtree(results_folder(study.params()))
    capsys.readouterr()
    run_step(study.params(), "object2brain")
    for step in ONE_SET_STEPS:
        run_step(study.params(), step)
    assert "computing" not in capsys.readouterr().out
    assert content(results_folder(study.params())) == before


def test_all_is_reused_once_the_input_is_mended(study, capsys):
    good = (study.folder / "corpus.csv").read_bytes()
    study.edit("corpus.csv", _set("valence", 99))
    refused(study, "inputs")
    (study.folder / "corpus.csv").write_bytes(good)
    capsys.readouterr()
    for step in ONE_SET_STEPS:
        run_step(study.params(), step)
    said = capsys.readouterr().out
    assert "computing" not in said and said.count("reused") >= len(ONE_SET_STEPS)
