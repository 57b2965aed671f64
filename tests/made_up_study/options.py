"""The options of the made-up study."""

from __future__ import annotations

from o2b_helpers.core.options import Block, option


class NameLength(Block):
    """How the length of a name is counted."""

    longest: int = option(40, "longer names count as this long", unit="letters", ge=1)


class MadeUpOptions(Block):
    """What the study adds to ``analysis:``."""

    name_length: NameLength = option(NameLength(), "length of names")


OPTIONS = MadeUpOptions
