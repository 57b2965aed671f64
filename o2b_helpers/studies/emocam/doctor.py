"""What ``emocam`` needs, and whether it is there: emotions, libraries of CAM methods, and objects to paste."""

from __future__ import annotations

from collections.abc import Iterator

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.kernels.cam_methods.by_name import cam_method
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.emocam.labels import labels_of, pictures_needed
from o2b_helpers.studies.emocam.paste.doctor import findings as pasted_objects
from o2b_helpers.studies.emocam.ready_network import own_labels


def findings(params: Params) -> Iterator[Finding]:
    """Look at the emotions of the corpus' table, no picture, at the chosen CAM methods and at the objects' files."""
    yield from _emotions(params)
    yield from _libraries(params)
    yield from pasted_objects(params)


def _emotions(params: Params) -> Iterator[Finding]:
    if params.analysis.corpus.kind == "toyworld":
        yield Finding("emotions", True, "planted in the toy world")
        return
    models = params.analysis.emocam_models
    if models and all(_own_labels(params, model) for model in models):
        yield Finding("emotions", True, "the networks name their own; what the corpus says is only compared")
        return
    try:
        corpus, _ = inputs.named_pictures(params)
    except Object2BrainError:
        return  # the doctor of `alignment` names what is wrong with the corpus
    try:
        labels = labels_of(params, corpus).enough(pictures_needed(params))
    except Object2BrainError as error:
        value = "" if error.value is None else str(error.value)
        yield Finding(f"emotions: {error.problem}", False, value, error.remedy, kind="fault")
        return
    counts = labels.table["emotion"].value_counts()
    said = f"{len(counts)} labels of {len(labels.table):,} pictures, {counts.min()} to {counts.max()} each"
    yield Finding("emotions", True, said)
    for warning in labels.warnings:
        yield Finding("emotions", False, warning, "nothing, if this is meant", kind="doubt")


def _own_labels(params: Params, model: Model) -> tuple[str, ...]:
    """Return a network's own labels; none where its definition cannot be read, which `alignment` names."""
    try:
        return own_labels(params, model)
    except Object2BrainError:
        return ()


def _libraries(params: Params) -> Iterator[Finding]:
    for name in dict.fromkeys([params.analysis.associations.cam, *params.analysis.cam_methods.methods]):
        try:
            cam_method(name)
        except Object2BrainError as error:
            yield Finding(error.problem, False, str(error.value), error.remedy, kind="fault")
