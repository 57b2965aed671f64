"""The table of targets, and the columns that name a target or a network wherever one is named."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table

MODEL = (
    Column("architecture", "text", "the network's name in the profile"),
    Column("weights", "text", "the name of its weights"),
)
TARGET = (
    Column("target", "text", "the target's name, <valence type>/<source>/<condition>"),
    Column("valence_type", "text", "IV, PV or SV (image, people, scene valence), or the study's own"),
    Column("source", "text", "`true`, a region group, or what the study calls it"),
    Column("condition", "text", "the stimuli's condition"),
)
TARGETS = Table(
    "targets.csv",
    "a stimulus of a target",
    (
        Column("stimulus", "text", "the stimulus"),
        *TARGET,
        Column(
            "value",
            "number",
            "label 0/1 (source `true`), mean z-scored prediction (region groups), or the study's value",
        ),
    ),
)
