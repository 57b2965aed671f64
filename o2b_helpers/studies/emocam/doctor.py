"""What the study ``emocam`` needs from outside: libraries of CAM methods."""

from __future__ import annotations

from collections.abc import Iterator

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.kernels.cam_methods.by_name import cam_method


def findings(params: Params) -> Iterator[Finding]:
    """Say which libraries of the chosen CAM methods are missing."""
    for name in dict.fromkeys([params.analysis.associations.cam, *params.analysis.cam_methods.methods]):
        try:
            cam_method(name)
        except ParameterError as error:
            yield Finding(error.problem, False, str(error.value), error.remedy, kind="fault")
