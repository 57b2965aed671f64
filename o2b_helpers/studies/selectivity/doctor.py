"""What ``selectivity`` needs, and whether it is there: a second corpus, three emotions, and layers behind a ReLU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding, path_finding
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.selectivity.emotions import OPTION, emotions_of
from o2b_helpers.studies.selectivity.image_sets import CORPUS, FEWEST, read_second, refuse_few
from o2b_helpers.studies.selectivity.responses import studied_layers


def findings(params: Params) -> Iterator[Finding]:
    """Look at the tables of both sets, no picture, and at the layers of the networks."""
    second, wanted = params.analysis.selectivity.second, 2 * FEWEST
    if second is not None:
        wanted = FEWEST
        if second.kind == "toyworld":
            yield Finding("second image set", True, "drawn by the package")
        else:
            yield from _second(params)
    if params.analysis.corpus.kind != "toyworld":
        try:
            corpus, _ = inputs.named_pictures(params)
        except Object2BrainError:
            corpus = None  # the doctor of `alignment` names what is wrong with the corpus
        if corpus is not None:
            yield from _emotions(params, CORPUS if second is None else "first", corpus, wanted)
    for model in params.analysis.selectivity_models:
        try:
            layers = studied_layers(params, model)
        except Object2BrainError as error:
            yield _fault(f"layers of {model.label}", error)
            continue
        yield Finding(
            f"layers of {model.label}", True, f"{len(layers.names)}, {sum(layers.filters.values()):,} filters"
        )


def _second(params: Params) -> Iterator[Finding]:
    second = params.analysis.selectivity.second
    there = [path_finding(params, "second images", f"{OPTION}.second.folder", second.folder, "your own images")]
    if second.kind == "table":
        named = f"{OPTION}.second.table"
        there.append(
            path_finding(params, "second table", named, second.table, "your own ratings: columns image, valence")
        )
    yield from there
    if not all(finding.fine for finding in there):
        return
    try:
        corpus = read_second(params, Store(params.store))
    except Object2BrainError as error:
        yield _fault("second image set", error)
        return
    yield from _emotions(params, "second", corpus, FEWEST)
    first = params.analysis.corpus
    if first.folder is not None and params.path(first.folder).resolve() == params.path(second.folder).resolve():
        yield Finding(
            "both image sets are in the same folder", False, str(params.path(second.folder)),
            "make sure that no picture is in both tables", kind="doubt",
        )  # fmt: skip


def _emotions(params: Params, name: str, corpus: Corpus, needed: int) -> Iterator[Finding]:
    options = params.analysis.selectivity
    missing = (params.analysis.corpus if name != "second" else options.second).missing
    try:
        told = emotions_of(options, corpus, missing)
        sets: Mapping[str, pd.DataFrame] = {name: told.table}
        refuse_few(sets, needed)
    except Object2BrainError as error:
        yield _fault("emotions of pictures", error)
        return
    counts = told.table["emotion"].value_counts()
    said = ", ".join(f"{counts[emotion]:,} {emotion}" for emotion in counts.index)
    yield Finding(f"emotions of pictures ({name})", True, said)
    for warning in told.warnings:
        yield Finding("emotions of pictures", False, warning, "nothing, if this is meant", kind="doubt")


def _fault(what: str, error: Object2BrainError) -> Finding:
    value = "" if error.value is None else str(error.value)
    return Finding(f"{what}: {error.problem.rstrip('.')}", False, value, error.remedy, kind="fault")
