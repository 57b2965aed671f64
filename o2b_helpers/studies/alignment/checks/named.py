"""The tables of corpus and stimuli, read once for all checks."""

from __future__ import annotations

from dataclasses import dataclass

from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.corpora.corpus import Corpus
from o2b_helpers.inputs.people.stimuli import Stimuli
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.checks.asking import asked, doubts


@dataclass(frozen=True)
class Named:
    """What the tables of a profile name.

    Attributes
    ----------
    corpus : Corpus or None
        None for the toy world's, and where its table cannot be read.
    stimuli : Stimuli or None
        Likewise.
    refused : tuple of Finding
        Why a table cannot be read, and what its reader warns of.
    """

    corpus: Corpus | None
    stimuli: Stimuli | None
    refused: tuple[Finding, ...]


def named(params: Params) -> Named:
    """Read the tables of a profile's corpus and stimuli; what is drawn by the package is not looked at."""
    corpus = stimuli = None
    refused: list[Finding] = []
    if params.analysis.corpus.kind != "toyworld":
        both, refused = asked("corpus", lambda: inputs.named_pictures(params))
        corpus, stimuli = both or (None, None)
    if params.analysis.stimuli.kind == "table":
        stimuli, more = asked("stimuli", lambda: inputs.named_stimuli(params))
        refused = [*refused, *more]
    if corpus is not None:
        refused = [*refused, *doubts("corpus", corpus.warnings)]
    if stimuli is not None:
        refused = [*refused, *doubts("stimuli", stimuli.warnings)]
    return Named(corpus, stimuli, tuple(refused))
