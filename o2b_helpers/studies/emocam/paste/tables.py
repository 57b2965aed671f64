"""The result files of the step ``paste``."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.studies.emocam.tables import IMAGE, MODEL

OBJECT_KIND = "object"  # the kind that is no control
ANYWHERE = 0  # number of no position: at one position at least
OBJECT = Column("object", "text", "what is pasted: the name of an object, or of its file")
KIND = Column(
    "kind", "text", "`object`, or a control in the object's outline: `mean_colour`, `phase_scrambled` (its phases)"
)
POSITION = Column("position", "integer", "number of the position, from 1, row by row")
PICTURES = Column("pictures", "integer", "pictures that are pasted onto")
MOST_OFTEN = Column("most_often", "text", "the label most often switched to, the first of equals; empty without any")


def _share(name: str, what: str) -> tuple[Column, Column, Column]:
    return (
        Column(name, "number", f"share of the pictures whose named label is another one {what}", "0..1"),
        Column(f"{name}_low", "number", "lower end of its interval (Wilson)", "0..1"),
        Column(f"{name}_high", "number", "upper end of that interval", "0..1"),
    )


def _bootstrap(name: str, what: str, unit: str) -> tuple[Column, Column, Column]:
    return (
        Column(name, "number", what, unit),
        Column(f"{name}_low", "number", "lower end of its interval over pictures (bootstrap)", unit),
        Column(f"{name}_high", "number", "upper end of that interval", unit),
    )


PASTE_LABELS = Table(
    "paste_labels.parquet",
    "a network, a picture, what is pasted onto it, and where",
    (
        *MODEL,
        IMAGE,
        OBJECT,
        KIND,
        Column("where", "text", "`position`, `box` (at the centre of a detected box) or `random`"),
        Column("position", "integer", "number of the position, from 1; 0 for boxes and random places"),
        Column("class", "text", "class of the box; for a random place, of the box that it is compared with"),
        Column("x", "number", "centre of what is pasted, by the picture's width", "0..1"),
        Column("y", "number", "centre of what is pasted, by the picture's height", "0..1"),
        Column("seen", "number", "share of what is pasted that lies in the network's input", "0..1"),
        Column("before", "text", "the label that is named for the picture as it is"),
        Column("after", "text", "the label that is named for the changed picture"),
        Column(
            "cam_before",
            "number",
            "share of the class activation map of the label named before that lies in the pasted box, in the picture "
            "as it is; empty for controls, and where the network sees nothing of the box",
            "0..1",
        ),
        Column("cam_after", "number", "the same in the changed picture, for the label named then", "0..1"),
    ),
)
PASTE_POSITIONS = Table(
    "paste_positions.csv",
    "a network, what is pasted, and a position",
    (
        *MODEL,
        OBJECT,
        KIND,
        POSITION,
        Column("x", "number", "centre, from left to right, by `analysis.paste.frame`", "0..1"),
        Column("y", "number", "centre, from top to bottom, by `analysis.paste.frame`", "0..1"),
        PICTURES,
        Column("changed", "integer", "of these, pictures whose named label is another one"),
        *_share("share", "with it there"),
        MOST_OFTEN,
        Column("most_often_pictures", "integer", "pictures that switched to that label"),
        Column("seen", "number", "share of what is pasted that networks' inputs show, mean over pictures", "0..1"),
        Column("cam_before", "number", "share of the map in the box before, mean over pictures; empty for controls",
               "0..1"),
        Column("cam_after", "number", "share of the map in the box after, mean over pictures", "0..1"),
    ),
)  # fmt: skip
PASTE_OBJECTS = Table(
    "paste_objects.csv",
    "a network and what is pasted, over all positions",
    (
        *MODEL,
        OBJECT,
        KIND,
        PICTURES,
        Column("positions", "integer", "positions"),
        *_bootstrap("share", "share of pictures whose named label is another one, mean over positions", "0..1"),
        *_share("anywhere", "at one position at least"),
        MOST_OFTEN,
        Column("cochran_q", "number", "Cochran's Q: do positions differ in how many labels change; empty for one"),
        Column("freedom", "integer", "degrees of freedom of Q: positions less 1"),
        Column("p", "number", "p of Q (chi-square)", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over all that is pasted, of the network", "0..1"),
        Column("cam_before", "number", "share of the map in the pasted box before, mean; empty for controls", "0..1"),
        Column("cam_after", "number", "share of the map in the pasted box after, mean", "0..1"),
        *_bootstrap("cam_change", "cam_after less cam_before: the map moves to the object where above 0", "-1..1"),
    ),
)
PASTE_CONTROLS = Table(
    "paste_controls.csv",
    "a network, an object, a control and a position (0: changed at one position at least), compared on the same "
    "pictures",
    (
        *MODEL,
        OBJECT,
        Column("control", "text", "`mean_colour` or `phase_scrambled`"),
        Column("position", "integer", "number of the position, from 1; 0: at one of them at least"),
        PICTURES,
        Column("only_object", "integer", "pictures whose label changes with the object only"),
        Column("only_control", "integer", "pictures whose label changes with the control only"),
        *_bootstrap("difference", "share of changed pictures with the object less that with the control", "-1..1"),
        Column("p", "number", "two-sided p of McNemar's test (exact)", "0..1"),
        Column(
            "q",
            "number",
            "q after Benjamini-Hochberg over objects and controls of the network; positions among themselves",
            "0..1",
        ),
    ),
)
PASTE_SWITCHES = Table(
    "paste_switches.csv",
    "a network, what is pasted, a label before and another one after",
    (
        *MODEL,
        OBJECT,
        KIND,
        Column("before", "text", "the label that is named for the picture as it is"),
        Column("after", "text", "the label that is named for the changed picture"),
        Column("switches", "integer", "changed pictures that go from one to the other, all positions together"),
        Column("share", "number", "their share of the changed pictures that were named the first label before",
               "0..1"),
    ),
)  # fmt: skip
PASTE_BOXES = Table(
    "paste_boxes.csv",
    "a network, what is pasted, and a class at whose boxes it is pasted, against as many random places",
    (
        *MODEL,
        OBJECT,
        KIND,
        Column("class", "text", "object class, as the detector names it"),
        Column("pictures", "integer", "pictures with a box of the class in what the network sees"),
        *_share("box", "with it at the box's centre"),
        *_share("random", "with it at a random place"),
        *_bootstrap("difference", "box less random", "-1..1"),
        Column("only_box", "integer", "pictures whose label changes at the box only"),
        Column("only_random", "integer", "pictures whose label changes at the random place only"),
        Column("p", "number", "two-sided p of McNemar's test (exact); empty without a picture", "0..1"),
        Column("q", "number", "q after Benjamini-Hochberg of p over all rows of the network", "0..1"),
        Column("most_often", "text", "the label most often switched to at boxes, the first of equals"),
    ),
)
