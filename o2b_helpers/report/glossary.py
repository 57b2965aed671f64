"""Words that any study may use, explained for readers from another field; each study adds its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

GENERAL: dict[str, str] = {
    "Box": "The rectangle in a picture in which the detector found an object.",
    "Filter, feature map": "A layer of a network consists of filters. Each looks for one pattern everywhere in the "
    "picture; the map of where it found it is its feature map.",
    "Held-out pictures": "Pictures that a model did not learn from, kept to measure its error.",
    "Interval": "Where the value would probably lie with other runs and other stimuli of the same kind. If zero "
    "lies outside, the sign of the value is fairly sure.",
    "Layer": "One stage of a network. Early layers see colours and edges, late layers parts and things.",
    "p": "How often chance alone would give a value at least as far from zero. Not corrected for the number of tests.",
    "q": "p corrected for the number of tests: of all results with q below 0.05, about one in twenty is expected to be "
    "a chance find.",
    "rho": "Spearman’s rank correlation: 1 is the same order, 0 no relation, −1 the opposite order.",
    "Run": "One training of a model from a new random start, with its own held-out pictures.",
    "sd": "Standard deviation, here over runs: how much the training run matters.",
}


def glossary(own: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the words of any study and those of some studies, in alphabetical order.

    Parameters
    ----------
    own : iterable of mapping
        The studies' own words; where two explain a word, the later study's text stands.
    """
    words = dict(GENERAL)
    for more in own:
        words |= more
    return dict(sorted(words.items(), key=lambda entry: entry[0].casefold()))
