"""What the study ``object2brain`` needs from outside: a detector and, for other classes, their categories."""

from __future__ import annotations

from collections.abc import Iterator

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.findings import Finding, digest_findings, path_finding
from o2b_helpers.core.params import Params
from o2b_helpers.models.detectors.detector import known_detectors

DETECTOR = "Ultralytics' YOLOv8 trained on Open Images V7, https://docs.ultralytics.com/datasets/detect/open-images-v7"


def findings(params: Params) -> Iterator[Finding]:
    """Look for the detector and the table of categories."""
    weights = params.analysis.detector.weights
    if weights == "toyworld":
        yield Finding("detector", True, "ships with the package")
    else:
        yield path_finding(params, "detector checkpoint", "analysis.detector.weights", weights, DETECTOR)
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
