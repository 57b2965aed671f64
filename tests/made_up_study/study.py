"""The made-up study: two steps, two tables, one figure, one section, one block of options."""

from __future__ import annotations

from o2b_helpers.studies.made_up_study import by_label, lengths
from o2b_helpers.studies.made_up_study.figures.name_length import FIGURE
from o2b_helpers.studies.made_up_study.options import OPTIONS
from o2b_helpers.studies.made_up_study.tables import NAME_LENGTH_BY_LABEL, NAME_LENGTHS

from o2b_helpers.core.findings import Finding
from o2b_helpers.core.study import Section, Step, Study
from o2b_helpers.report.answers import Answer, Statement
from o2b_helpers.studies.alignment.study import INPUTS

LENGTHS = Step(
    "name_lengths",
    notebook="20_name_lengths",
    needs=(INPUTS,),
    part=lengths.part,
    compute=lengths.compute,
    tables=(NAME_LENGTHS,),
    summary=lengths.summary,
)
BY_LABEL = Step(
    "name_length_by_label",
    notebook="21_name_length_by_label",
    needs=(INPUTS, LENGTHS),
    part=by_label.part,
    compute=by_label.compute,
    tables=(NAME_LENGTH_BY_LABEL,),
)
STUDY = Study(
    "made_up_study",
    title="Length of names",
    options=OPTIONS,
    steps=(LENGTHS, BY_LABEL),
    figures=(FIGURE,),
    section=Section(
        question="Do pleasant pictures have longer names?",
        answers=(lambda results: Answer("Longer names?", [Statement(text="The made-up answer stands here.")]),),
        methods=lambda options: [f"Names longer than {options['analysis.name_length.longest']} letters were cut."],
        glossary={"Name": "What a picture is called."},
    ),
    doctor=lambda params: [Finding("made-up thing", True, "everywhere")],
)
