"""Pictures that are there twice, by their bytes: sizes are compared first, so that most files are not read."""

from __future__ import annotations

from collections.abc import Iterator

from o2b_helpers.core.errors import EnvironmentFault, Object2BrainError
from o2b_helpers.core.facts import counted
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.corpora.corpus import binary_labels
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.same_pictures import equal_files
from o2b_helpers.studies.alignment import inputs

KEPT = "set analysis.stimuli.also_in_corpus to leave_out, or agreement with people may be too high"
LEFT_OUT = "nothing, if you know it: a run leaves them out of training (analysis.stimuli.also_in_corpus: leave_out)"
CONTRADICT = "take the wrong ones out of the corpus table"
COPIES = "nothing, if you know it: copies are always on one side of a split"


def same_picture_findings(params: Params) -> Iterator[Finding]:
    """Name stimuli that also lie in the corpus, and copies within it; a run looks at their pixels, too.

    Where a table cannot be read, nothing is said: that has findings of its own.
    """
    options = params.analysis
    if options.corpus.kind == "toyworld":
        return
    try:
        corpus, shown = inputs.named_pictures(params)
        if options.stimuli.kind == "table":
            shown = inputs.named_stimuli(params)
        files = {("corpus", name): path_inside(corpus.folder, name) for name in corpus.table["image"]}
        if shown is not None:
            files |= {("stimuli", name): path_inside(shown.folder, name) for name in shown.table["image"]}
        groups = equal_files(files)
    except EnvironmentFault as error:
        yield Finding(error.problem, False, str(error.value), error.remedy, kind="fault")
        return
    except Object2BrainError:
        return
    in_corpus = [[name for role, name in group if role == "corpus"] for group in groups]
    also_stimuli = [
        name for group, names in zip(groups, in_corpus, strict=True) if len(names) < len(group) for name in names
    ]
    copies = [names for names in in_corpus if len(names) > 1]
    labels = binary_labels(corpus)
    opposite = [names for names in copies if labels[names].nunique() > 1]
    if also_stimuli:
        keep = options.stimuli.also_in_corpus == "keep"
        what = f"stimuli among the corpus images: {counted(len(also_stimuli), 'image')}"
        yield Finding(what, False, name_some(also_stimuli), KEPT if keep else LEFT_OUT, kind="doubt")
    for what, names, to_do in (("with opposite labels", opposite, CONTRADICT), ("in the corpus", copies, COPIES)):
        if names:
            listed = name_some([" = ".join(group) for group in names])
            yield Finding(f"copies {what}: of {counted(len(names), 'image')}", False, listed, to_do, kind="doubt")
    if not (also_stimuli or copies):
        yield Finding("no image is there twice", True, f"{len(files):,} files compared by their bytes")
