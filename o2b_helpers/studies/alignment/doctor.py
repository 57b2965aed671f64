"""What the study ``alignment`` needs from outside: pictures, ratings, networks."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding, digest_findings, path_finding
from o2b_helpers.core.params import Params
from o2b_helpers.models.backbones.registry import architecture, load_definition
from o2b_helpers.studies.alignment.checks.asking import asked
from o2b_helpers.studies.alignment.checks.named import Named, named
from o2b_helpers.studies.alignment.checks.people import people_findings
from o2b_helpers.studies.alignment.checks.pictures import picture_findings
from o2b_helpers.studies.alignment.checks.same_pictures import same_picture_findings
from o2b_helpers.studies.alignment.checks.weights import weights_findings
from o2b_helpers.studies.common.networks import weights_folder

FINDINGEMO = "pip install findingemo-light, then download_data(folder) of findingemo_light.paper.download_multi"
OASIS = "OASIS (Kurdi, Lozano & Banaji 2017), https://osf.io/6pnd7"
PEOPLE = "your own study, or its authors on request"


def findings(params: Params) -> Iterator[Finding]:
    """Look for pictures, ratings and weights, and, where they are there, into them."""
    there = [*_corpus(params), *_stimuli(params)]
    human = list(_human(params))
    tables = Named(None, None, ())
    yield from there
    if all(finding.fine for finding in there):
        tables = named(params)
        yield from tables.refused
        yield from picture_findings(params, tables)
    yield from human
    if all(finding.fine for finding in human):
        yield from people_findings(params, tables)
    yield from _models(params)
    yield from same_picture_findings(params)


def _corpus(params: Params) -> Iterator[Finding]:
    corpus = params.analysis.corpus
    if corpus.kind == "toyworld":
        yield Finding("corpus", True, "drawn by the package")
        return
    source = {"findingemo": FINDINGEMO, "oasis": OASIS, "table": "your own images"}[corpus.kind]
    if corpus.kind == "findingemo":
        there = find_spec("findingemo_light") is not None
        yield Finding("FindingEmo's annotations", there, "package findingemo-light", "pip install findingemo-light")
    yield path_finding(params, "corpus images", "analysis.corpus.folder", corpus.folder, source)
    if corpus.kind == "table":
        yield path_finding(
            params, "corpus table", "analysis.corpus.table", corpus.table, "your own ratings: columns image, valence"
        )
    if corpus.kind == "oasis" and corpus.folder is not None:
        table = params.path(corpus.folder) / "OASIS.csv"
        yield Finding("OASIS.csv", table.exists(), str(table), source)


def _stimuli(params: Params) -> Iterator[Finding]:
    stimuli = params.analysis.stimuli
    if stimuli.kind == "table":
        yield path_finding(
            params, "stimuli table", "analysis.stimuli.table", stimuli.table, f"{PEOPLE}: columns image, condition"
        )
        yield path_finding(params, "stimuli images", "analysis.stimuli.folder", stimuli.folder, PEOPLE)


def _human(params: Params) -> Iterator[Finding]:
    human = params.analysis.human
    names = {"targets": ["targets"], "measurements": ["ratings"]}.get(human.kind, [])
    if human.kind == "measurements" and (human.signals, human.regions) != (None, None):  # ratings alone will do
        names += ["signals", "regions"]
    for name in names:
        yield path_finding(params, f"human {name}", f"analysis.human.{name}", getattr(human, name), PEOPLE)


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
        refused = asked(what, known.needed)[1] if known.needed else []
        yield from refused
        if refused:
            continue
        if model.weights_is_a_file:
            yield path_finding(
                params, what, "analysis.models[].weights", model.weights, "the file you name in the profile"
            )
            yield from digest_findings(params, what, "analysis.models[].sha256", model.weights, model.sha256)
            if params.path(model.weights).is_file():
                yield from weights_findings(what, params.path(model.weights), known)
        elif model.weights == "untrained":
            yield Finding(what, True, "seeded")
        elif model.weights in known.weights:
            source = known.weights[model.weights]
            path = (source.folder or kept) / source.file
            by_itself = " (fetched by itself on first use where there is a network)" if source.download else ""
            there = all((path.parent / name).is_file() for name in (path.name, *known.beside))
            yield Finding(what, there, str(path), f"{source.url}{by_itself}")
            if path.is_file() and (source.folder is None or source.fetch):
                yield from weights_findings(what, path, known)
        else:
            yield Finding(
                what,
                False,
                f"(analysis.models in {params.profile.name})",
                f"choose weights among {', '.join([*known.weights, 'untrained'])}",
            )
