"""What the study ``object2brain`` needs from outside: a detector and, for other classes, their categories."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding, digest_findings, path_finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.corpora.open_images import categories
from o2b_helpers.models.detectors.detector import known_detectors, load_detector
from o2b_helpers.models.file_kinds import weights_kind
from o2b_helpers.studies.object2brain.objects import checkpoint

DETECTOR = "Ultralytics' YOLOv8 trained on Open Images V7, https://docs.ultralytics.com/datasets/detect/open-images-v7"
MOST_NAMED = 5  # classes


def findings(params: Params) -> Iterator[Finding]:
    """Look for the detector and the table of categories, and, where they are there, whether they fit together."""
    there = list(_files(params))
    yield from there
    if all(finding.fine for finding in there):
        yield from _classes(params)


def _files(params: Params) -> Iterator[Finding]:
    weights = params.analysis.detector.weights
    if weights == "toyworld":
        yield Finding("detector", True, "ships with the package")
    else:
        yield path_finding(params, "detector checkpoint", "analysis.detector.weights", weights, DETECTOR)
        if params.path(weights).is_file():
            try:
                weights_kind(params.path(weights), "The detector's checkpoint")
            except Object2BrainError as error:  # no digest of such a file is worth naming
                yield Finding(error.problem, False, str(error.value), error.remedy, kind="fault")
                return
        sha256 = params.analysis.detector.sha256
        known = known_detectors()
        if sha256 is None and not (params.path(weights).is_file() and file_digest(params.path(weights)) in known):
            yield Finding(
                "the detector checkpoint's digest",
                False,
                f"(set analysis.detector.sha256 in {params.profile.name})",
                "sha256sum of the checkpoint that you trust: it is a pickle and is not opened without",
            )
        yield from digest_findings(params, "detector checkpoint", "analysis.detector.sha256", weights, sha256)
    categories = params.analysis.detector.categories
    if categories is not None:
        yield path_finding(
            params, "categories", "analysis.detector.categories", categories, "your own: columns class, category"
        )


def _classes(params: Params) -> Iterator[Finding]:
    """Compare the classes that the detector knows with the categories; it is opened, which takes some seconds."""
    options = params.analysis.detector
    table = None if options.categories is None else params.path(options.categories)
    if options.weights == "toyworld" and table is None and options.regions == "boxes":
        return  # the package's own, which fit together
    try:
        detector = load_detector(checkpoint(params), options.sha256)
        known = set(categories(table, set(detector.names))["class"])
    except Object2BrainError as error:
        value = "" if error.value is None else str(error.value)
        yield Finding(f"detector: {error.problem.rstrip('.')}", False, value, error.remedy, kind="fault")
        return
    if options.regions == "masks" and not detector.has_masks:
        yield Finding(
            "detector: it gives boxes only, and analysis.detector.regions asks for masks",
            False,
            f"a checkpoint for the task detect, {len(detector.names)} classes",
            "set analysis.detector.regions to boxes, or analysis.detector.weights to a segmentation checkpoint",
            kind="fault",
        )
    unknown = [name for name in detector.names if name not in known]
    what = options.categories or "the categories of Open Images and of COCO"
    if not unknown:
        yield Finding("detector: categories of its classes", True, f"all {len(detector.names)} are in {what}")
    else:
        none = len(unknown) == len(detector.names)
        yield Finding(
            f"detector: {len(unknown)} of its {len(detector.names)} classes have no category in {what}",
            False,
            f"{', '.join(unknown[:MOST_NAMED])}{' ...' if len(unknown) > MOST_NAMED else ''}",
            "set analysis.detector.categories to a table with the columns class and category that has them"
            + ("" if none else "; a run stops at notebook 05 where one of these is detected"),
            kind="fault" if none else "doubt",
        )
    if table is None:
        return
    never = [name for name in known if name not in detector.names]
    if never:
        close = {name: difflib.get_close_matches(name, unknown or detector.names, n=1) for name in sorted(never)}
        hints = [f"{name} may be {near[0]}" for name, near in close.items() if near]
        yield Finding(
            f"{options.categories}: {len(never)} of its classes are not among those of the detector",
            False,
            f"{', '.join(sorted(never)[:MOST_NAMED])}{' ...' if len(never) > MOST_NAMED else ''}",
            f"correct the names ({'; '.join(hints[:MOST_NAMED])})" if hints else "nothing, if this is meant",
            kind="doubt",
        )
