"""Look for everything a profile needs before hours are spent on it: packages, data, weights, room on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from o2b_helpers.core.digests import LIBRARIES, file_digest
from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.params import Params
from o2b_helpers.models.backbones.registry import architecture, load_definition
from o2b_helpers.models.detectors.detector import known_detectors
from o2b_helpers.studies.common.networks import weights_folder

FINDINGEMO = "pip install findingemo-light, then download_data(folder) of findingemo_light.paper.download_multi"
OASIS = "OASIS (Kurdi, Lozano & Banaji 2017), https://osf.io/6pnd7"
PEOPLE = "your own study, or its authors on request"
DETECTOR = "Ultralytics' YOLOv8 trained on Open Images V7, https://docs.ultralytics.com/datasets/detect/open-images-v7"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        What it is.
    fine : bool
        Whether it is there.
    where : str
        Where it is, or where to put it.
    source : str
        Where it comes from, if it is missing.
    """

    what: str
    fine: bool
    where: str
    source: str = ""

    def __str__(self) -> str:
        if self.fine:
            return f"  ok       {self.what}: {self.where}"
        return (
            f"  MISSING  {self.what}\n             put it at:   {self.where}\n             comes from:  {self.source}"
        )


def examine(params: Params) -> list[Finding]:
    """Return a finding for every package, input and weights file that the profile needs."""
    return [
        *_packages(),
        *_corpus(params),
        *_stimuli(params),
        *_human(params),
        *_models(params),
        *_detector(params),
        *_disk(params),
    ]


def _packages() -> Iterator[Finding]:
    for library in LIBRARIES:
        module = {"scikit-learn": "sklearn", "pillow": "PIL"}.get(library, library)
        yield Finding(
            f"package {library}",
            find_spec(module) is not None,
            "installed" if find_spec(module) else "this Python",
            f"pip install {library}",
        )
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
        yield Finding("torch and torchvision fit together", True, f"torch {torch.__version__}")
    except (ImportError, RuntimeError) as error:
        yield Finding(
            f"torchvision that fits this torch ({error})", False, "this Python", "pip install 'torch>=2.14' torchvision"
        )


def _path(params: Params, what: str, option: str, text: str | None, source: str) -> Finding:
    if text is None:
        return Finding(what, False, f"(set {option} in {params.profile.name})", source)
    path = params.path(text)
    return Finding(what, path.exists(), str(path), source)


def _corpus(params: Params) -> Iterator[Finding]:
    corpus = params.analysis.corpus
    if corpus.kind == "toyworld":
        yield Finding("corpus", True, "drawn by the package")
        return
    source = {"findingemo": FINDINGEMO, "oasis": OASIS, "table": "your own images"}[corpus.kind]
    if corpus.kind == "findingemo":
        there = find_spec("findingemo_light") is not None
        yield Finding("FindingEmo's annotations", there, "package findingemo-light", "pip install findingemo-light")
    yield _path(params, "corpus images", "analysis.corpus.folder", corpus.folder, source)
    if corpus.kind == "table":
        yield _path(
            params, "corpus table", "analysis.corpus.table", corpus.table, "your own ratings: columns image, valence"
        )
    if corpus.kind == "oasis" and corpus.folder is not None:
        table = params.path(corpus.folder) / "OASIS.csv"
        yield Finding("OASIS.csv", table.exists(), str(table), source)


def _stimuli(params: Params) -> Iterator[Finding]:
    stimuli = params.analysis.stimuli
    if stimuli.kind == "table":
        yield _path(
            params, "stimuli table", "analysis.stimuli.table", stimuli.table, f"{PEOPLE}: columns image, condition"
        )
        yield _path(params, "stimuli images", "analysis.stimuli.folder", stimuli.folder, PEOPLE)


def _human(params: Params) -> Iterator[Finding]:
    human = params.analysis.human
    names = {"targets": ["targets"], "measurements": ["ratings"]}.get(human.kind, [])
    if human.kind == "measurements" and (human.signals, human.regions) != (None, None):  # ratings alone will do
        names += ["signals", "regions"]
    for name in names:
        yield _path(params, f"human {name}", f"analysis.human.{name}", getattr(human, name), PEOPLE)


def _models(params: Params) -> Iterator[Finding]:
    kept = weights_folder(params)
    for model in params.analysis.models:
        what = f"{model.architecture} with weights {model.weights_label}"
        try:
            if model.definition is not None:
                load_definition(params.path(model.definition))
            known = architecture(model.architecture)
        except Object2BrainError as error:
            yield Finding(
                f"{what}: {error.problem}", False, f"(analysis.models in {params.profile.name})", error.remedy
            )
            continue
        if model.weights_is_a_file:
            yield _path(params, what, "analysis.models[].weights", model.weights, "the file you name in the profile")
            yield from _digest(params, what, "analysis.models[].sha256", model.weights, model.sha256)
        elif model.weights == "untrained":
            yield Finding(what, True, "seeded")
        elif model.weights in known.weights:
            source = known.weights[model.weights]
            path = (source.folder or kept) / source.file
            by_itself = " (fetched by itself on first use where there is a network)" if source.download else ""
            yield Finding(what, path.is_file(), str(path), f"{source.url}{by_itself}")
        else:
            yield Finding(
                what,
                False,
                f"(analysis.models in {params.profile.name})",
                f"choose weights among {', '.join([*known.weights, 'untrained'])}",
            )


def _detector(params: Params) -> Iterator[Finding]:
    weights = params.analysis.detector.weights
    if weights == "toyworld":
        yield Finding("detector", True, "ships with the package")
    else:
        yield _path(params, "detector checkpoint", "analysis.detector.weights", weights, DETECTOR)
        sha256 = params.analysis.detector.sha256
        known = known_detectors()
        if sha256 is None and not (params.path(weights).is_file() and file_digest(params.path(weights)) in known):
            yield Finding(
                "the detector checkpoint's digest",
                False,
                f"(set analysis.detector.sha256 in {params.profile.name})",
                "sha256sum of the checkpoint that you trust: it is a pickle and is not opened without",
            )
        yield from _digest(params, "detector checkpoint", "analysis.detector.sha256", weights, sha256)
    categories = params.analysis.detector.categories
    if categories is not None:
        yield _path(
            params, "categories", "analysis.detector.categories", categories, "your own: columns class, category"
        )


def _digest(params: Params, what: str, option: str, text: str, sha256: str | None) -> Iterator[Finding]:
    """Compare a file with the digest that the profile names for it."""
    path = params.path(text)
    if sha256 is None or not path.is_file():
        return
    found = file_digest(path)
    if found == sha256.lower():
        yield Finding(f"{what}: digest", True, "as the profile names it")
        return
    source = f"the file that is there has sha256 {found}"
    yield Finding(f"{what}: a file with the digest of {option}", False, str(path), source)


def _disk(params: Params) -> Iterator[Finding]:
    folder: Path = params.store
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    yield Finding(
        "room on the disk",
        free > 1,
        f"{free:.0f} GiB free at {folder}",
        "free at least 1 GiB; early layers of a large corpus need far more",
    )
