"""The report's words, explained for readers from another field."""

from __future__ import annotations

GLOSSARY: dict[str, str] = {
    "Alignment, agreement": "How similarly a model and people (or their brain signals) order the same pictures, from "
    "unpleasant to pleasant. Measured by rho.",
    "Box": "The rectangle in a picture in which the detector found an object.",
    "Category": "A group of object classes, for example Furniture with couch, lamp and table.",
    "Ceiling": "How high rho could get for a perfect model: people do not agree fully with each other, and a target "
    "that knows only two values cannot be ordered better. Unknown where only ready-made targets were given.",
    "Class": "A kind of object that the detector knows by name, for example Car.",
    "Condition": "A group of stimuli that are analysed together. In the paper a stimulus is congruent where people and "
    "scene are both pleasant or both unpleasant, and incongruent where they disagree.",
    "Detector": "A network that finds objects in a picture and names their class.",
    "Filter, feature map": "A layer of a network consists of filters. Each looks for one pattern everywhere in the "
    "picture; the map of where it found it is its feature map.",
    "Full model, layer model": "A full model judges valence from the last layer of a network; a layer model from an "
    "earlier one.",
    "GradCAM": "A method that shows where in a picture a filter drives the output of the model.",
    "Held-out pictures": "Pictures that a model did not learn from, kept to measure its error.",
    "Interval": "Where the value would probably lie with other runs and other stimuli of the same kind. If zero "
    "lies outside, the sign of the value is fairly sure.",
    "Layer": "One stage of a network. Early layers see colours and edges, late layers parts and things.",
    "Lesion, lesion effect": "A lesion switches one filter off. Its effect is rho of the whole model minus rho without "
    "the filter: above zero, the filter supports the agreement.",
    "p": "How often chance alone would give a value at least as far from zero. Not corrected for the number of tests.",
    "q": "p corrected for the number of tests: of all results with q below 0.05, about one in twenty is expected to be "
    "a chance find.",
    "Region group": "Brain areas taken together: LLR are low-level visual areas (V1 to V4), MLR association areas, HLR "
    "areas of control, mostly in front.",
    "rho": "Spearman’s rank correlation: 1 is the same order, 0 no relation, −1 the opposite order.",
    "Run": "One training of a model from a new random start, with its own held-out pictures.",
    "sd": "Standard deviation, here over runs: how much the training run matters.",
    "Sensitivity": "How strongly a filter answers inside the boxes of a class, 0 to 1.",
    "Stimulus": "A picture that people judged (and, in the paper, saw in the scanner).",
    "Target": "What the models are compared with, named valence type / source / condition, for example "
    "IV/true/incongruent.",
    "Valence": "How pleasant or unpleasant something is: of the whole image (IV), of the people in it (PV), or of the "
    "scene around them (SV).",
    "Weight of a class": "Over all filters of a layer, sensitivity to the class times lesion effect, summed. Above "
    "zero: filters that answer to this class support the agreement (towards people); below zero: they weaken it "
    "(away from people). It has no unit: compare within a model, not between models.",
}
