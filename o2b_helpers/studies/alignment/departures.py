"""Where the study departs from the paper, each point with its option: declared once, for the report and the docs."""

from __future__ import annotations

from o2b_helpers.core.study import Departure

H, S = "analysis.heads", "analysis.significance"
OPEN = "open: its text lacks the numbers"
DEPARTURES = (
    Departure("a stimulus exactly at the median rating", "open", "it has no label; it is dropped and reported"),
    Departure(
        "stimuli that also lie in the training corpus",
        "not mentioned",
        "left out of training, by name",
        ("analysis.stimuli.also_in_corpus",),
    ),
    Departure(
        "corpus pictures that cannot be read",
        "25,869 pictures are there",
        "left out and named; too few of them stop the run",
        ("analysis.corpus.min_images",),
    ),
    Departure(
        "penalty of the ridge regression", "open", "chosen inside the training stimuli", ("analysis.human.penalties",)
    ),
    Departure(
        "stimuli that the ridge regression holds out",
        "open",
        "folds balanced over the labels, drawn ten times; one at a time would bias rho downwards",
        ("analysis.human.outer", "analysis.human.folds", "analysis.human.repeats"),
    ),
    Departure("predicted labels of several subjects", "open", "mean of the subjects’ z-scores"),
    Departure(
        "noise ceilings",
        "none",
        "random halves of annotators, each subject against the others",
        ("analysis.human.splits",),
    ),
    Departure(
        "ImageNet weights",
        "PyTorch’s pretrained ones; no version",
        "torchvision’s IMAGENET1K_V1",
        ("analysis.models[].weights",),
    ),
    Departure("batch size", OPEN, "64", (f"{H}.batch_size",)),
    Departure("optimiser", "open", "Adam, no weight decay", (f"{H}.optimiser", f"{H}.momentum", f"{H}.weight_decay")),
    Departure("starting learning rates", OPEN, "0.001, 0.01, 0.1", (f"{H}.learning_rates",)),
    Departure(
        "learning rates of full models under the layer models’ rules",
        "a wider range than for layer models; the numbers are missing",
        "the rates of all heads",
        (f"{H}.full_under_layer_rules.learning_rates",),
    ),
    Departure(
        "learning rates of VGG16’s layer models",
        "a range of its own; the numbers are missing",
        "the rates of all heads",
        ("analysis.models[].heads", f"{H}.layer.learning_rates"),
    ),
    Departure(
        "decay of the learning rate", "a rule whose formula is missing", "rate / sqrt(1 + epoch / 3)", (f"{H}.decay",)
    ),
    Departure(
        "scaling of features",
        "not mentioned",
        "standardised over each run’s training pictures, divided by the root of their number",
        (f"{H}.standardise",),
    ),
    Departure(
        "output unit of full models",
        "one output node; a sigmoid is named for layer models only",
        "linear, in both sets of full models",
        (f"{H}.full.output", f"{H}.full_under_layer_rules.output"),
    ),
    Departure(
        "weights of the classes in the loss",
        "WeightedMSELoss of FindingEmo; no formula",
        "inverse frequency of the label, mean 1",
        (f"{H}.layer.class_weighted", f"{H}.full_under_layer_rules.class_weighted"),
    ),
    Departure(
        "pictures that choose epoch and rate",
        "the held-out ones, which makes their error mildly optimistic",
        "as the paper; validation pictures can choose instead",
        (f"{H}.select", f"{H}.validation_share"),
    ),
    Departure(
        "runs in figure 1",
        "one model per architecture: the best of all rates and runs",
        "that model as a large mark, the other runs as small ones",
        (f"{H}.runs",),
    ),
    Departure(
        "significance of a correlation",
        "p < 0.05, not corrected",
        "q of permutations marks figure 1; the paper’s p stands beside it",
        (f"{S}.permutations",),
    ),
    Departure(
        "tests of differences between agreements",
        "read off the figures",
        "permutation and bootstrap over the same stimuli, for every pair of targets or models",
        (f"{S}.permutations",),
    ),
    Departure(
        "controls",
        "none",
        "untrained networks of several seeds, low-level features, and rho beyond them",
        ("analysis.controls.untrained_seeds", "analysis.controls.penalties"),
    ),
    Departure(
        "bars of figure 2",
        "standard deviation over runs",
        "bootstrap interval over runs and stimuli; the paper’s sd stands in the table",
        (f"{S}.bootstrap", f"{S}.confidence"),
    ),
)
