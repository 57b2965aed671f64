"""Read the results folder: every file of the contract, once, when it is first asked for."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import pandas as pd
import xarray as xr

from o2b_helpers.core.errors import InputError

_TARGET = ["target", "valence_type", "source", "condition"]
_ALIGNMENT = ["architecture", "weights", "run", *_TARGET, "n", "rho", "p", "p_perm", "q", "p_fwer"]
_SUMMARY = [*_TARGET, "n", "runs", "rho", "sd", "ci_low", "ci_high"]
_CLASS = ["architecture", "layer", "target", "class", "category"]
_TESTED = ["p", "q", "ci_low", "ci_high"]
COLUMNS = {
    "targets.csv": ["stimulus", "target", "valence_type", "source", "condition", "value"],
    "ceilings.csv": [*_TARGET, "n", "reliability", "ceiling", "ceiling_low", "ceiling_high", "splits", "method"],
    "predictions.csv": ["architecture", "weights", "run", "stimulus", "prediction"],
    "heads.csv": ["architecture", "weights", "layer", "run", "learning_rate", "epoch", "split", "mae", "loss", "rho"],
    "alignment.csv": _ALIGNMENT,
    "layer_alignment.csv": [*_ALIGNMENT, "layer"],
    "alignment_summary.csv": ["architecture", "weights", *_SUMMARY],
    "layer_alignment_summary.csv": ["architecture", "weights", "layer", *_SUMMARY],
    "layer_predictions.csv": ["architecture", "weights", "layer", "run", "stimulus", "prediction"],
    "object_weights.csv": ["architecture", "layer", "run", "target", "class", "category", "weight", *_TESTED],
    "object_weights_mean.csv": [*_CLASS, "weight", "sd", *_TESTED],
    "object_weights_by_estimator.csv": ["estimator", *_CLASS, "weight", "p", "q"],
    "category_weights.csv": ["architecture", "layer", "target", "category", "sign", "weight", "n_classes", *_TESTED],
    "category_overlap.csv": ["category_a", "category_b", "overlap"],
}
NUMBERS = {
    "value", "prediction", "learning_rate", "epoch", "mae", "loss", "rho", "n", "p", "p_perm", "q", "p_fwer", "runs",
    "sd", "ci_low", "ci_high", "reliability", "ceiling", "ceiling_low", "ceiling_high", "splits", "weight",
    "n_classes", "overlap",
}  # fmt: skip
MADE_BY = {
    "targets.csv": "01_human_targets",
    "ceilings.csv": "01_human_targets",
    "predictions.csv": "02_valence_models",
    "heads.csv": "02_valence_models",
    "alignment.csv": "03_alignment_by_architecture",
    "layer_alignment.csv": "04_alignment_by_layer",
    "alignment_summary.csv": "03_alignment_by_architecture",
    "layer_alignment_summary.csv": "04_alignment_by_layer",
    "layer_predictions.csv": "02_valence_models",
    "detections.parquet": "05_objects",
    "filter_scores": "06_filter_sensitivity",
    "lesion_effects": "07_filter_lesions",
    "object_weights.csv": "08_object2brain",
    "object_weights_mean.csv": "08_object2brain",
    "object_weights_by_estimator.csv": "08_object2brain",
    "category_weights.csv": "08_object2brain",
    "category_overlap.csv": "05_objects",
    "provenance.json": "the whole series",
}


class Results:
    """One results folder (``runs/<profile>/results``), read lazily; no file stays open.

    Parameters
    ----------
    folder : Path
        The folder that holds the files of the results contract.

    Raises
    ------
    InputError
        When the folder does not exist, or (on first use) a file is missing or lacks a column.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(
                "There is no results folder",
                value=self.folder,
                expected="a folder runs/<profile>/results written by a run",
                remedy="run the series first: o2b run <profile>",
            )

    def has(self, name: str) -> bool:
        """Say whether a file of the contract is there."""
        return (self.folder / name).is_file()

    def _path(self, name: str, made_by: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise InputError(
                f"The results lack {name}",
                value=path,
                expected=f"the file that {made_by} writes",
                remedy=f"run that part of the series first ({made_by}), or all of it: o2b run <profile>",
            )
        return path

    def table(self, name: str) -> pd.DataFrame:
        """Read one CSV of the contract; names stay text, also where they look like numbers or ``NA``."""
        path = self._path(name, MADE_BY[name])
        expected = COLUMNS[name]
        header = list(pd.read_csv(path, nrows=0, encoding="utf-8").columns)
        missing = [column for column in expected if column not in header]
        if missing:
            raise InputError(
                f"{name} lacks {'a column' if len(missing) == 1 else 'columns'}",
                value=", ".join(header),
                expected=", ".join(expected),
                remedy=f"write it again with {MADE_BY[name]}",
            )
        numbers = [column for column in expected if column in NUMBERS]
        return pd.read_csv(
            path,
            encoding="utf-8",
            dtype={column: "int64" if column == "run" else str for column in expected if column not in NUMBERS},
            keep_default_na=False,
            na_values={column: ["", "nan", "NaN"] for column in numbers},
            float_precision="round_trip",
        )

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Human values of the stimuli: one row per stimulus and target."""
        return self.table("targets.csv")

    @cached_property
    def ceilings(self) -> pd.DataFrame:
        """Noise ceiling of every target; NaN where it is not known."""
        return self.table("ceilings.csv")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Valence that the full models predict for the stimuli."""
        return self.table("predictions.csv")

    @cached_property
    def layer_predictions(self) -> pd.DataFrame:
        """Valence that the layer models predict for the stimuli."""
        return self.table("layer_predictions.csv")

    @cached_property
    def heads(self) -> pd.DataFrame:
        """Training history or kept epochs of all heads; ``layer`` is ``full`` for full models."""
        return self.table("heads.csv")

    @cached_property
    def alignment(self) -> pd.DataFrame:
        """Spearman's rho of every full model, run and target."""
        return self.table("alignment.csv")

    @cached_property
    def layer_alignment(self) -> pd.DataFrame:
        """Spearman's rho of every layer model, run and target."""
        return self.table("layer_alignment.csv")

    @cached_property
    def alignment_summary(self) -> pd.DataFrame:
        """Mean rho over the runs of every full model and target, with its interval over runs and stimuli."""
        return self.table("alignment_summary.csv")

    @cached_property
    def layer_alignment_summary(self) -> pd.DataFrame:
        """Mean rho over the runs of every layer model and target, with its interval over runs and stimuli."""
        return self.table("layer_alignment_summary.csv")

    @cached_property
    def object_weights(self) -> pd.DataFrame:
        """Weight of every detected class, by model, layer, run and target."""
        return self.table("object_weights.csv")

    @cached_property
    def object_weights_mean(self) -> pd.DataFrame:
        """Weight of every class averaged over runs, with its spread, p, q and interval over stimuli and runs."""
        return self.table("object_weights_mean.csv")

    @cached_property
    def object_weights_by_estimator(self) -> pd.DataFrame:
        """Mean weight of every class by each estimator, with p and q."""
        return self.table("object_weights_by_estimator.csv")

    @cached_property
    def category_weights(self) -> pd.DataFrame:
        """Summed weights of the highest and the lowest classes by category."""
        return self.table("category_weights.csv")

    @cached_property
    def category_overlap(self) -> pd.DataFrame:
        """Share of category a's area that category b covers, 0..1."""
        return self.table("category_overlap.csv")

    @cached_property
    def detections(self) -> pd.DataFrame:
        """Return the boxes found in the corpus, in pixels of the original image."""
        return pd.read_parquet(self._path("detections.parquet", MADE_BY["detections.parquet"]))

    @cached_property
    def provenance(self) -> dict:
        """Parameters, versions and digests of the run; an empty dict where the file is missing."""
        if not self.has("provenance.json"):
            return {}
        read = json.loads((self.folder / "provenance.json").read_text(encoding="utf-8"))
        return read if isinstance(read, dict) else {"provenance": read}

    def filter_scores(self, architecture: str) -> xr.Dataset:
        """Score sums ``(run, filter, class)`` and box counts ``(class,)`` of one model."""
        return self._dataset("filter_scores", architecture)

    def lesion_effects(self, architecture: str) -> xr.Dataset:
        """Lesion effects ``delta (run, filter, target)`` and base ``rho (run, target)`` of one model."""
        return self._dataset("lesion_effects", architecture)

    def lesion_predictions(self, architecture: str) -> xr.Dataset | None:
        """Predictions without each filter ``(run, filter, stimulus)`` and of the whole model; None where not kept."""
        name = f"lesion_predictions_{_file_name(architecture)}.nc"
        return xr.load_dataset(self.folder / name, engine="h5netcdf") if self.has(name) else None

    def _dataset(self, kind: str, architecture: str) -> xr.Dataset:
        name = f"{kind}_{_file_name(architecture)}.nc"
        return xr.load_dataset(self._path(name, MADE_BY[kind]), engine="h5netcdf")

    @property
    def filter_models(self) -> list[str]:
        """Models whose filters were scored and lesioned, in the order of the results."""
        files = {path.name for path in self.folder.glob("*.nc")}
        weights = list(self.object_weights["architecture"].unique())
        return [name for name in weights if f"filter_scores_{name.replace('/', '_')}.nc" in files]


def _file_name(model: str) -> str:
    """Return a model's name as part of a file's: it is data, and must not lead out of the folder."""
    return model.replace("/", "_").replace("\\", "_")
