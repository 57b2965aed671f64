"""Whether what is passed on, the report and the pages of notebooks, may show a profile's pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from o2b_helpers.core.params import Params

OPTION = "execution.show_pictures"
OF_OTHERS = {
    "oasis": "the photographs of OASIS have owners and licences of their own",
    "findingemo": "the photographs of FindingEmo belong to their owners, and its licence does not cover them",
}


@dataclass(frozen=True)
class PicturesShown:
    """Whether pictures may be shown, and in a sentence why not; the sentence is empty where they may."""

    allowed: bool
    reason: str


def pictures_shown(params: Params, role: Literal["corpus", "stimuli"] = "corpus") -> PicturesShown:
    """Say whether the pictures of the corpus, or the stimuli, may be shown in what is passed on.

    Parameters
    ----------
    params : Params
        The profile; ``execution.show_pictures`` decides and, where it is not set, whose pictures they are.
    role : {"corpus", "stimuli"}
        Which pictures.

    Returns
    -------
    PicturesShown
    """
    kind = params.analysis.corpus.kind
    if role == "stimuli" and params.analysis.stimuli.kind != "corpus":
        kind = params.analysis.stimuli.kind
    return pictures_of_kind(params, kind)


def pictures_of_kind(params: Params, kind: str) -> PicturesShown:
    """Say the same of pictures of a kind (an option ``kind`` of a corpus), such as those of a second corpus."""
    asked = params.execution.show_pictures
    if asked is None and kind != "toyworld":
        why = OF_OTHERS.get(kind, "whether pictures of your own may be passed on, only you know")
        return PicturesShown(
            False, f"No pictures are shown here: {why}. Where you may pass them on, set {OPTION}: true."
        )
    if asked is False:
        return PicturesShown(False, f"No pictures are shown here: the profile says so ({OPTION}: false).")
    return PicturesShown(True, "")
