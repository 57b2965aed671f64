"""What the doctor looks for: whether the pictures of the pasted objects can be read."""

from __future__ import annotations

from collections.abc import Iterator

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.images.object_pictures import read_object
from o2b_helpers.kernels.paste.objects import checked_object
from o2b_helpers.studies.emocam.options import is_built_in


def findings(params: Params) -> Iterator[Finding]:
    """Look at every object that is a file."""
    for text in params.analysis.paste.objects:
        if is_built_in(text):
            continue
        path, what = params.path(text), f"object to paste {text!r}"
        if not path.is_file():
            yield Finding(what, False, str(path), "a PNG with transparency of your own (analysis.paste.objects)")
            continue
        try:
            checked_object(read_object(path), text)
        except Object2BrainError as error:
            yield Finding(f"{what}: {error.problem}", False, str(path), error.remedy, kind="fault")
        else:
            yield Finding(what, True, str(path))
