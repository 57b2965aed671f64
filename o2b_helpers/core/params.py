"""One profile is one YAML file is one validated model.

A profile has two blocks. ``analysis`` holds all that can change a number and enters the key of every stored
result; ``execution`` holds what cannot (device, batch size, threads) and enters none. Every option states its
unit, its default and where it comes from: a section of the paper, or ``ours`` where the paper leaves it open.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import PydanticUndefined

from o2b_helpers.core.errors import ParameterError

SHA256 = r"^[0-9a-fA-F]{64}$"
OURS = "ours (the paper leaves it open)"


def option(default: Any, text: str, *, source: str = OURS, unit: str = "", **bounds: Any) -> Any:
    """Describe one option: default, meaning, unit and source, and its bounds (ge, le, gt, min_length ...)."""
    factory = {"default_factory": lambda: default} if isinstance(default, list | dict) else {"default": default}
    return Field(description=text, json_schema_extra={"unit": unit, "source": source}, **factory, **bounds)


class Block(BaseModel):
    """A block of options; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Corpus(Block):
    """The training images and their valence ratings."""

    kind: Literal["toyworld", "findingemo", "oasis", "table"] = option(
        "toyworld", "which corpus: the built-in toy world, FindingEmo, OASIS, or any table of images and ratings"
    )
    folder: str | None = option(None, "folder with the images (OASIS: the folder that holds OASIS.csv and images/)")
    table: str | None = option(None, "CSV or Parquet with one row per image (kind: table)")
    image_column: str = option("image", "column with the image's file name (kind: table)")
    valence_column: str = option("valence", "column with the valence rating (kind: table)")
    valence_range: tuple[float, float] = option((1.0, 7.0), "lowest and highest possible rating (kind: table)")
    neutral: float | None = option(
        None, "rating that is neither pleasant nor unpleasant (kind: table); default: the middle"
    )
    images: int = option(800, "number of images to draw (kind: toyworld)", unit="images", ge=20)
    world_seed: int = option(1, "seed of the drawn images, annotators and subjects (kind: toyworld)", ge=0)
    max_pixels: int = option(100_000_000, "larger images are left out, unread", unit="pixels", ge=1, le=100_000_000)
    min_images: int = option(20, "stop if fewer images than this can be read", unit="images", ge=4)


class Selection(Block):
    """Corpus images taken out of training to serve as the stimuli of one condition."""

    column: str = option("category", "column of the corpus table to select by")
    value: str = option("", "value that the column must have")
    count: int = option(24, "number of images", unit="stimuli", ge=4)


class Stimuli(Block):
    """The pictures that people rated (and saw in the scanner)."""

    kind: Literal["toyworld", "table", "corpus"] = option(
        "toyworld", "the toy world's 48, a table with image and condition, or images taken out of the corpus"
    )
    folder: str | None = option(None, "folder with the stimuli (kind: table)")
    table: str | None = option(None, "CSV or Parquet with image, condition[, stimulus] (kind: table)")
    select: dict[str, Selection] = option({}, "condition -> which corpus images (kind: corpus)")


class Human(Block):
    """What people said and what their brains showed, turned into correlation targets."""

    kind: Literal["toyworld", "measurements", "targets", "corpus"] = option(
        "toyworld", "simulated people, ratings and ROI signals, ready targets, or the corpus' own mean ratings"
    )
    targets: str | None = option(None, "ready targets: stimulus, target, valence_type, source, condition, value")
    ratings: str | None = option(None, "ratings: stimulus, annotator, valence_type, rating")
    signals: str | None = option(None, "ROI signals: subject, stimulus, roi, value")
    regions: str | None = option(None, "table roi, region (region groups such as LLR, MLR, HLR)")
    rating_range: tuple[float, float] = option((1.0, 7.0), "lowest and highest possible rating", source="paper 2.1")
    penalties: list[float] = option(
        [0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0], "ridge penalties to choose from", min_length=1
    )
    outer: Literal["balanced", "leave_one_out"] = option(
        "balanced",
        "stimuli held out by the ridge models: folds balanced over the labels, or one at a time (biased downwards)",
    )
    folds: int = option(6, "number of balanced folds", unit="folds", ge=2)
    repeats: int = option(10, "how often balanced folds are drawn; predictions are averaged", unit="draws", ge=1)
    splits: int = option(
        1000, "random halves of annotators and subjects that noise ceilings come from", unit="splits", ge=20
    )


class Model(Block):
    """One backbone: an architecture with its weights."""

    architecture: str = option("toynet", "name of a known architecture, or of one that `definition` registers")
    weights: str = option(
        "toyworld", "imagenet, places365, toyworld, untrained, or a path to a state dict or safetensors file"
    )
    name: str | None = option(None, "how results call it (column architecture); default: the architecture's name")
    definition: str | None = option(None, "Python file of yours that registers the architecture")
    sha256: str | None = option(None, "digest that the weights file must have", pattern=SHA256)
    layers: list[str] | None = option(
        None, "target layers (module paths); default: the architecture's own", source="paper 2.2.3"
    )
    layer_models: bool = option(True, "train a model at every target layer", source="paper 2.2.3")
    object2brain: bool = option(True, "run filter sensitivity, lesions and Object2Brain on it", source="paper 3.2")

    @property
    def label(self) -> str:
        """Name in the results' column ``architecture``."""
        return self.name or self.architecture

    @property
    def weights_label(self) -> str:
        """Name in the results' column ``weights``: the known name, or the file's stem."""
        return Path(self.weights).stem if self.weights_is_a_file else self.weights

    @property
    def weights_is_a_file(self) -> bool:
        """Whether ``weights`` is a path rather than a known name."""
        return bool(re.search(r"[/\\.$]", self.weights))


class Training(Block):
    """How one kind of head is trained."""

    epochs: int = option(250, "at most this many epochs", source="paper 2.2.2", unit="epochs", ge=1)
    patience: int = option(
        8, "stop after so many epochs without a better test loss", source="paper 2.2.2", unit="epochs", ge=1
    )
    output: Literal["linear", "sigmoid"] = option("linear", "output unit")
    class_weighted: bool = option(False, "weight the loss by inverse class frequency, mean 1", source="paper 2.2.2")


class LayerTraining(Training):
    """How the head of a layer model is trained."""

    epochs: int = option(75, "at most this many epochs", source="paper 2.2.3", unit="epochs", ge=1)
    patience: int = option(
        6, "stop after so many epochs without a better test loss", source="paper 2.2.3", unit="epochs", ge=1
    )
    output: Literal["linear", "sigmoid"] = option("sigmoid", "output unit", source="paper 2.2.3")
    class_weighted: bool = option(True, "weight the loss by inverse class frequency, mean 1", source="paper 2.2.3")


class Heads(Block):
    """Valence heads on frozen backbones."""

    runs: int = option(5, "training runs, each with its own split", source="paper 2.2.2", unit="runs", ge=1)
    seed: int = option(0, "seed of the splits and of the order of the images", ge=0)
    test_share: float = option(0.2, "share of the images held out in every run", source="paper 2.2", gt=0, lt=1)
    label: Literal["binary", "rating"] = option(
        "binary",
        "train on 0/1 (below/above neutral; neutral dropped) or on the rating scaled to 0..1",
        source="paper 2.2",
    )
    learning_rates: list[float] = option(
        [1e-3, 1e-2, 1e-1], "Adam's starting rates; rate / sqrt(1 + epoch / 3)", min_length=1
    )
    batch_size: int = option(64, "images in a training step", unit="images", ge=1)
    full: Training = option(Training(), "full models: the last layer replaced")
    layer: LayerTraining = option(LayerTraining(), "layer models: one head on a flattened target layer")


class Detector(Block):
    """The object detector."""

    weights: str = option("toyworld", "toyworld, or a path to an Ultralytics checkpoint")
    sha256: str | None = option(
        None, "digest of the checkpoint; needed where it is not one this package knows", pattern=SHA256
    )
    confidence: float = option(0.25, "detections below are dropped", source="paper 3.1 (YOLOv8's default)", ge=0, le=1)
    iou: float = option(0.7, "overlap above which the weaker of two boxes of a class is dropped", ge=0, le=1)
    image_size: int | None = option(
        None, "longer side the detector works at; default: what it was trained with", unit="pixels"
    )
    categories: str | None = option(None, "CSV class, category; default: the 34 categories of Open Images")


class Sensitivity(Block):
    """EmoCAM++: how strongly a filter answers to a class."""

    score: Literal["homogeneity", "mean", "max"] = option(
        "homogeneity", "score of a box: mean * mean / max, mean (EmoCAM), or max of the map inside"
    )
    cam_scale: Literal["filter", "layer"] = option(
        "filter", "scale each filter's map by itself, or by its layer's largest value"
    )


class Lesions(Block):
    """What each filter's lesion changes."""

    method: Literal["exact", "first_order"] = option(
        "exact",
        "run the rest of the network for every filter, or approximate all filters by one backward pass for each run "
        "and report the agreement with exact lesions of a sample",
    )


class Significance(Block):
    """How much chance alone would give: permutations, and intervals."""

    permutations: int = option(
        10_000, "how often the stimuli are exchanged within their condition", unit="permutations", ge=99
    )
    bootstrap: int = option(1000, "how often stimuli and runs are drawn again for an interval", unit="samples", ge=99)
    confidence: float = option(0.95, "share of the samples inside an interval", gt=0, lt=1)
    seed: int = option(0, "seed of permutations and samples", ge=0)


Estimator = Literal[
    "sum",
    "centred",
    "confidence",
    "overlap_adjusted",
    "lift",
    "overlap_adjusted_lift",
    "ungated",
    "ungated_centred",
    "ungated_overlap_adjusted",
    "ungated_lift",
    "ungated_overlap_adjusted_lift",
    "map_occlusion",
    "occlusion",
]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


class Object2Brain(Block):
    """From class weights to categories."""

    share: float = option(0.10, "share of the detected classes taken from either end", source="paper 3.2", gt=0, le=0.5)
    estimator: Estimator = option(
        "sum",
        "how a class's weight is worked out (notebook 08 says what each way assumes); sum is the paper's",
        source="paper 3.2",
    )
    compare: list[Estimator] = option(
        list(ESTIMATORS), "estimators that are worked out beside it, for object_weights_by_estimator.csv"
    )


class Analysis(Block):
    """All that can change a number."""

    corpus: Corpus = option(Corpus(), "training images")
    stimuli: Stimuli = option(Stimuli(), "stimuli")
    human: Human = option(Human(), "correlation targets")
    models: list[Model] = option([Model()], "backbones", min_length=1)
    heads: Heads = option(Heads(), "valence heads")
    detector: Detector = option(Detector(), "object detector")
    sensitivity: Sensitivity = option(Sensitivity(), "filter sensitivity")
    lesions: Lesions = option(Lesions(), "filter lesions")
    significance: Significance = option(Significance(), "permutations and intervals")
    object2brain: Object2Brain = option(Object2Brain(), "class and category weights")
    seed: int = option(0, "seed of untrained weights and of selections", ge=0)

    @model_validator(mode="after")
    def _names_are_keys(self) -> Analysis:
        for model in self.models:
            if not re.fullmatch(r"[\w.+ -]+", model.label):  # it becomes part of file names
                raise ValueError(f"models: name {model.label!r} must be letters, digits, blanks and _ . + - only")
        pairs = [(m.label, m.weights_label) for m in self.models]
        names = [m.label for m in self.models if m.object2brain]
        for group, what in ((pairs, "name and weights"), (names, "name among the models with object2brain: true")):
            twice = sorted({str(x) for x in group if group.count(x) > 1})
            if twice:
                raise ValueError(f"models: {twice[0]} appears twice; give every model its own {what} (option `name`)")
        return self


class Execution(Block):
    """What cannot change a number, but for rounding: the same bytes come from the same device and threads."""

    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where networks run")
    threads: int | None = option(None, "CPU threads; default: all cores", ge=1)
    batch_size: int = option(32, "images in one forward pass", unit="images", ge=1)
    memory_gib: float | None = option(
        None, "memory that a step may use, all in all; default: what is available", unit="GiB", gt=0
    )
    features: Literal["auto", "memory", "disk", "stream"] = option(
        "auto",
        "where features are while heads learn: in memory, in a file that is gone afterwards, or computed anew in every "
        "epoch; auto: the first of them that fits",
    )
    runs_folder: str = option("runs", "where results go")
    figures_folder: str = option("figures", "where figures go")
    weights_folder: str | None = option(None, "folder to look for downloaded weights in; default: torch's own cache")


class Params(Block):
    """A validated profile.

    Relative paths in it start from the project folder: the folder that holds ``params/`` where the profile lies
    in a folder of that name, else the profile's own folder.
    """

    analysis: Analysis = option(Analysis(), "all that can change a number")
    execution: Execution = option(Execution(), "what cannot")
    _profile: Path = PrivateAttr(default=Path("demo.yaml"))
    _overrides: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def name(self) -> str:
        """The profile's name: the YAML file's stem."""
        return self._profile.stem

    @property
    def profile(self) -> Path:
        """The YAML file."""
        return self._profile

    @property
    def overrides(self) -> dict[str, Any]:
        """What was changed on top of the file, by dotted name."""
        return dict(self._overrides)

    @property
    def project(self) -> Path:
        """Folder that relative paths start from."""
        folder = self._profile.resolve().parent
        return folder.parent if folder.name == "params" else folder

    def path(self, text: str) -> Path:
        """Resolve a path of the profile; ``${NAME:-default}`` is taken from the environment."""
        return self.project / os.path.expanduser(_expand(text))

    @property
    def runs(self) -> Path:
        """Folder of this profile's results, executed notebooks and report."""
        return self.path(self.execution.runs_folder) / self.name

    @property
    def store(self) -> Path:
        """Folder of stored results, shared by all profiles."""
        return self.path(self.execution.runs_folder) / "store"

    @property
    def figures(self) -> Path:
        """Folder that this profile's figures are drawn into."""
        return self.path(self.execution.figures_folder) / self.name


def load_params(profile: str | Path = "demo", overrides: Mapping[str, Any] | None = None) -> Params:
    """Read, override and validate a profile.

    Parameters
    ----------
    profile : str or Path
        A path to a YAML file, or a name such as ``"demo"`` for ``params/demo.yaml`` here or in a folder above.
    overrides : mapping, optional
        Dotted option -> value, e.g. ``{"analysis.detector.confidence": 0.4}``.

    Returns
    -------
    Params
        The validated profile.

    Raises
    ------
    ParameterError
        If the file is missing or not YAML, an option is unknown (a close match is suggested), or a value is of the
        wrong type or out of bounds.
    """
    file = find_profile(profile)
    try:
        tree = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"{file.name} is not valid YAML",
            value=str(error).replace("\n", " "),
            expected="a YAML mapping",
            remedy="mend the line named above; spaces, not tabs, and a blank after every colon",
        ) from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ParameterError(
            f"{file.name} does not hold options",
            value=type(tree).__name__,
            expected="a mapping with the blocks analysis: and execution:",
            remedy="start from params/demo.yaml",
        )
    for name, value in (overrides or {}).items():
        _override(tree, str(name), value)
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, file.name) from None
    if file.stem == "store":
        raise ParameterError(
            "a profile cannot be called store",
            value=str(file),
            expected="another name: runs/store holds the stored results of all profiles",
            remedy="rename the file",
        )
    params._profile = file
    params._overrides = dict(overrides or {})
    return params


def find_profile(profile: str | Path) -> Path:
    """Return the YAML file of a profile given by name or path."""
    given = Path(profile)
    candidates = [given] if given.suffix in (".yaml", ".yml") else []
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        candidates.append(folder / "params" / f"{profile}.yaml")
        if given.suffix in (".yaml", ".yml") and not given.is_absolute():
            candidates.append(folder / given)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    known = sorted({p.stem for c in candidates for p in c.parent.glob("*.yaml") if c.parent.name == "params"})
    close = difflib.get_close_matches(given.stem, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ParameterError(
        "no such profile",
        value=str(profile),
        expected=f"a YAML file, or one of {', '.join(known) or 'params/*.yaml'}",
        remedy=f"{hint}give the path of a YAML file or a name in params/",
    )


def options(block: type[BaseModel] = Params, prefix: str = "") -> Iterator[tuple[str, Any, str, str, str]]:
    """Yield ``(dotted name, default, unit, source, text)`` of every option, depth first."""
    for name, field in block.model_fields.items():
        dotted = f"{prefix}{name}"
        inner = _block_of(field.annotation)
        default = field.get_default(call_default_factory=True)
        if inner is not None:
            yield from options(inner, dotted + ("[]." if isinstance(default, list) else "."))
            continue
        extra = field.json_schema_extra or {}
        yield (
            dotted,
            None if default is PydanticUndefined else default,
            extra.get("unit", ""),
            extra.get("source", OURS),
            (field.description or ""),
        )


def _block_of(annotation: Any) -> type[Block] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, Block):
            return candidate
    return None


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as YAML 1.2 has it, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"option {key!r} is given twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)$"), list("-+0123456789.")
)


def parse_value(text: str) -> Any:
    """Read one value as YAML, e.g. the right side of ``--set key=value``."""
    return yaml.load(text, Loader=_Loader)


def _expand(text: str) -> str:
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1]) or m[2] or "", text)


def _override(tree: dict, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    node: Any = tree
    for position, name in enumerate(parents):
        if isinstance(node, list):
            if not name.isdigit() or int(name) >= len(node):
                raise ParameterError(
                    f"override {dotted!r} names no item",
                    value=name,
                    expected=f"a number from 0 to {len(node) - 1}",
                    remedy=f"e.g. {'.'.join([*parents[:position], '0', last])}",
                )
            node = node[int(name)]
        else:
            if node.get(name) is None:  # a block that is named but left empty
                node[name] = {}
            node = node[name]
    if isinstance(node, list) and last.isdigit() and int(last) < len(node):
        node[int(last)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ParameterError(
            f"override {dotted!r} names no option",
            value=dotted,
            expected="block.block.option",
            remedy="e.g. analysis.detector.confidence=0.4",
        )


def _explain(error: ValidationError, file: str) -> ParameterError:
    first = error.errors()[0]
    dotted = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more after this one)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        parent = ".".join(str(part) for part in first["loc"][:-1])
        names = [name for name, *_ in options()]
        pattern = re.sub(r"\.\d+(?=\.|$)", "[]", parent)
        siblings = sorted(
            {
                name[len(pattern) + 1 if pattern else 0 :].split(".")[0]
                for name in names
                if name.startswith(f"{pattern}." if pattern else "")
            }
        )
        close = difflib.get_close_matches(str(first["loc"][-1]), siblings, n=1, cutoff=0.5)
        anywhere = [name for name in names if name.split(".")[-1] == first["loc"][-1]]
        hint = f"did you mean {close[0]!r}?" if close else f"did you mean {anywhere[0]!r}?" if anywhere else "remove it"
        return ParameterError(
            f"{file}: unknown option {dotted!r}{more}",
            value=dotted,
            expected=f"one of {', '.join(siblings)}",
            remedy=hint,
        )
    return ParameterError(
        f"{file}: option {dotted!r} has a value that does not fit{more}",
        value=repr(first.get("input")),
        expected=first["msg"],
        remedy=f"correct {dotted or 'the profile'} in the profile or in the override",
    )
