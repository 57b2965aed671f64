"""Projects that are broken in one way each, as people's are, for the doctor and for how long it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from study_fixture import Study

from o2b_helpers.toyworld.weights import toy_detector_path, toynet_weights

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


def set_options(study: Study, **options: object) -> None:
    """Write options of ``analysis`` into the profile; ``corpus__folder`` is ``analysis.corpus.folder``."""
    tree = yaml.safe_load(study.profile.read_text(encoding="utf-8"))
    for name, value in options.items():
        *blocks, last = name.split("__")
        place = tree["analysis"]
        for block in blocks:
            place = place.setdefault(block, {})
        place[last] = value
    study.profile.write_text(yaml.safe_dump(tree), encoding="utf-8")


def missing_pictures(study: Study) -> None:
    for path in sorted(study.corpus.iterdir())[:15]:
        path.unlink()


def missing_stimulus(study: Study) -> None:
    sorted(study.stimuli.iterdir())[0].unlink()


def misspelt_ending(study: Study) -> None:
    study.edit("stimuli.csv", lambda table: table.assign(image=table["image"].str.replace(".png", ".PNG")))


def misspelt_folder_of_names(study: Study) -> None:
    study.edit("corpus.csv", lambda table: table.assign(image="images/" + table["image"].str.upper()))


def detector_of_other_classes(study: Study) -> None:
    table = pd.DataFrame({"class": ["person", "car"], "category": ["People", "Things"]})
    table.to_csv(study.folder / "categories.csv", index=False)
    set_options(study, detector__categories="categories.csv")


def a_class_without_category(study: Study) -> None:
    classes = ["Man", "Woman", "Boy", "Canooe"]
    pd.DataFrame({"class": classes, "category": "Things"}).to_csv(study.folder / "categories.csv", index=False)
    set_options(study, detector__categories="categories.csv")


def detector_without_masks(study: Study) -> None:
    set_options(study, detector__regions="masks")


def ready_targets(study: Study, change: Callable[[pd.DataFrame], pd.DataFrame], **more: object) -> None:
    table = pd.read_csv(study.folder / "stimuli.csv").drop(columns="image")
    table["target"] = "IV/mine/" + table.pop("condition")
    change(table.assign(value=np.arange(len(table)) / 3)).to_csv(study.folder / "targets.csv", index=False)
    set_options(study, human={"kind": "targets", "targets": "targets.csv", **more})


def stimuli_without_target(study: Study) -> None:
    ready_targets(study, lambda table: table.iloc[2:])


def targets_of_other_names(study: Study) -> None:
    ready_targets(study, lambda table: table.assign(stimulus=table["stimulus"].str.upper()))


def target_of_two_stimuli(study: Study) -> None:
    def few(table: pd.DataFrame) -> pd.DataFrame:
        own = table[table["target"].str.endswith("/congruent")].head(2)
        return pd.concat([table, own.assign(target="IV/few/congruent")])

    ready_targets(study, few)


def people_misspelt(study: Study) -> None:
    ready_targets(study, lambda table: table, people=["Mine"])


def lfs_pointer(study: Study) -> None:
    (study.folder / "net.pth").write_text(LFS)
    set_options(study, models=[{"architecture": "toynet", "weights": "./net.pth"}])


def web_page_for_weights(study: Study) -> None:
    (study.folder / "net.safetensors").write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    set_options(study, models=[{"architecture": "toynet", "weights": "./net.safetensors"}])


def weights_of_another_network(study: Study) -> None:
    (study.folder / "net.safetensors").write_bytes(toynet_weights(trained=True).read_bytes())
    set_options(study, models=[{"architecture": "squeezenet1_1", "weights": "./net.safetensors"}])


def half_a_detector(study: Study) -> None:
    (study.folder / "mine.pt").write_bytes(toy_detector_path().read_bytes()[:100_000])
    digest = hashlib.sha256((study.folder / "mine.pt").read_bytes()).hexdigest()
    set_options(study, detector={"weights": "mine.pt", "sha256": digest})


def uneven_table(study: Study) -> None:
    text = (study.folder / "corpus.csv").read_text(encoding="utf-8").splitlines()
    text[3] += ",surplus"
    (study.folder / "corpus.csv").write_text("\n".join(text), encoding="utf-8")


def broken_pictures(study: Study) -> None:
    for number, path in enumerate(sorted(study.corpus.iterdir())[:16]):
        content = path.read_bytes()
        path.write_bytes([b"", content[: len(content) // 2], b"<html>404</html>", content[:10]][number % 4])


def tiny_stimuli(study: Study) -> None:
    for path in sorted(study.stimuli.iterdir()):
        Image.new("RGB", (4, 4)).save(path)


def small_condition(study: Study) -> None:
    study.edit("stimuli.csv", lambda table: table.drop(index=range(2, 8)))


def twice_the_same_model(study: Study) -> None:
    set_options(study, models=[{"architecture": "toynet", "weights": "toyworld"}] * 2)


def wrong_folder(study: Study) -> None:
    set_options(study, stimuli__folder="stimuli/pictures")


def value_out_of_range(study: Study) -> None:
    study.edit("ratings.csv", lambda table: table.assign(rating=table["rating"].where(table.index != 4, 9)))


def labels_of_one_kind(study: Study) -> None:
    study.edit("corpus.csv", lambda table: table.assign(valence=table["valence"].abs()))


# what is done to a project, and words that the doctor must say of it
BROKEN: dict[str, tuple[Callable[[Study], None], tuple[str, ...]]] = {
    "pictures that are missing": (missing_pictures, ("15 of 40 pictures are missing", "corpus_00000.png", "needs 30")),
    "one stimulus that is missing": (missing_stimulus, ("1 of 16 pictures are missing", "stimulus_00.png")),
    "a misspelt ending": (misspelt_ending, ("16 of 16 pictures are missing", "stimulus_00.PNG is stimulus_00.png")),
    "names from another computer": (misspelt_folder_of_names, ("40 of 40", "is corpus_00000.png")),
    "a detector of other classes": (detector_of_other_classes, ("14 of its 14 classes have no category", "Man, Woman")),
    "a class without category": (a_class_without_category, ("11 of its 14 classes", "Canooe may be Canoe")),
    "a detector without masks": (detector_without_masks, ("boxes only", "set analysis.detector.regions to boxes")),
    "stimuli without target": (stimuli_without_target, ("2 of 16 stimuli have no row in targets.csv", "stimulus_00")),
    "targets of other names": (targets_of_other_names, ("names 16 stimuli", "STIMULUS_00 is stimulus_00")),
    "a target of two stimuli": (target_of_two_stimuli, ("too few stimuli", "IV/few/congruent: 2")),
    "a source of people that is not there": (people_misspelt, ("'Mine'", "did you mean 'mine'?")),
    "a pointer of git LFS for weights": (lfs_pointer, ("a pointer of git LFS", "git lfs pull")),
    "a web page for weights": (web_page_for_weights, ("a web page (HTML)", "download the file itself")),
    "weights of another network": (weights_of_another_network, ("not weights of squeezenet1_1", "fit toynet")),
    "half a detector": (half_a_detector, ("half a download or damaged",)),
    "a table with uneven rows": (uneven_table, ("corpus: ", "3")),
    "broken pictures": (broken_pictures, ("are empty (zero bytes)", "are cut off", "are no pictures", "24 are left")),
    "stimuli that are too small": (tiny_stimuli, ("smaller than 8 pixels", "congruent: 0 left")),
    "a condition of two stimuli": (small_condition, ("too few stimuli", "congruent: 2")),
    "two models of the same name": (twice_the_same_model, ("appears twice",)),
    "a wrong folder": (wrong_folder, ("stimuli/pictures",)),
    "a value out of range": (value_out_of_range, ("row 5: 9",)),
    "labels of one kind": (labels_of_one_kind, ("all of one kind", "0 unpleasant, 40 pleasant")),
}


def broken(study: Path, folder: Path, name: str) -> Study:
    """Copy a study and break it."""
    from study_fixture import copy_study

    copied = copy_study(study, folder)
    BROKEN[name][0](copied)
    return copied
