"""Which backbone a profile's model is, as part of a key and loaded when it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from o2b_helpers.core.device import pick_device, use_threads
from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError, ModelError
from o2b_helpers.core.executor import memory
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.loading import load_backbone, weights_digest
from o2b_helpers.models.backbones.registry import architecture, load_definition, sources, sources_of_definition
from o2b_helpers.models.backbones.weights_files import default_weights_folder
from o2b_helpers.models.file_kinds import weights_kind
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.select import FULL


def model_part(params: Params, model: Model, store: Store) -> dict[str, Any]:
    """Return what identifies a backbone: architecture, target layers, digests of weights and sources, seed.

    Published weights whose digest is known before they are downloaded (torchvision's) enter by that digest, others
    by the digest of the file.
    """
    own: dict[str, Any] = {"architecture": model.architecture, "weights": model.weights_label}
    own["layers"] = list(target_layers(params, model))
    known = architecture(model.architecture)
    own["preprocessing"] = known.preprocessing.as_dict()
    own["sources"] = digest_of(sources(model.architecture))
    if model.definition is not None:
        own["definition"] = sources_of_definition(_file(params, "definition", model.definition))
    files = {}
    if model.weights_is_a_file:
        files["weights_file"] = _file(params, "weights", model.weights)
    elif model.weights in known.weights:
        source = known.weights[model.weights]
        path = (source.folder or weights_folder(params)) / source.file
        if source.sha256 and source.download:
            own["published_digest"] = source.sha256
        elif path.is_file():
            files["weights_file"] = path
    elif model.weights == "untrained":
        own["drawn"] = weights_digest(model.architecture, "untrained", seed=params.analysis.seed)
    if "weights_file" in files:
        beside = {name: files["weights_file"].parent / name for name in known.beside}
        files |= {name: path for name, path in beside.items() if path.is_file()}
    own |= store.digests_of_files(files)
    if model.sha256 is not None:
        _check_digest(model, own, files.get("weights_file", Path()))
    return own


def target_layers(params: Params, model: Model) -> tuple[str, ...]:
    """Return the layers that are cut and lesioned: the profile's, or the architecture's own."""
    if model.definition is not None:
        load_definition(_file(params, "definition", model.definition))
    known = architecture(model.architecture)
    layers = known.target_layers if model.layers is None else tuple(model.layers)
    if FULL in layers:
        raise ModelError(
            f"a target layer of {model.label} is called {FULL!r}",
            value=FULL,
            expected=f"any other name: results call the whole network {FULL!r}",
            remedy="give the module another name in the file that defines the network",
        )
    return layers


def load_model(params: Params, model: Model) -> Backbone:
    """Load a profile's backbone onto the profile's device."""
    use_threads(params.execution.threads)
    target_layers(params, model)
    return load_backbone(
        model.architecture,
        str(params.path(model.weights)) if model.weights_is_a_file else model.weights,
        sha256=model.sha256,
        seed=params.analysis.seed,
        device=pick_device(params.execution.device),
        weights_folder=weights_folder(params),
    )


def loaded(params: Params, model: Model) -> Backbone:
    """Return a profile's backbone, loaded once for all shards that follow each other."""
    key = (model.model_dump_json(), params.analysis.seed, params.execution.model_dump_json(), str(params.project))
    return memory.keep("network", key, lambda: load_model(params, model))


def weights_folder(params: Params) -> Path:
    """Return the folder in which published weights are kept."""
    folder = params.execution.weights_folder
    return default_weights_folder() if folder is None else params.path(folder)


def _check_digest(model: Model, own: dict[str, Any], path: Path) -> None:
    """Compare the digest that the profile names, also where the weights are not read because all is stored already."""
    digest = own.get("weights_file")
    if digest is None:
        own["sha256"] = model.sha256  # compared where the weights are fetched
    elif not digest.startswith(str(model.sha256).lower()):
        weights_kind(path, f"The weights of {model.label}")
        raise ModelError(
            f"the weights of {model.label} have another digest",
            value=f"sha256 {digest} ({model.weights})",
            expected=f"sha256 {model.sha256}",
            remedy="fetch the file again, or, if you trust this file, name its sha256 in analysis.models[].sha256",
        )


def _file(params: Params, name: str, text: str) -> Path:
    path = params.path(text)
    if not path.is_file():
        raise InputError(
            f"a model's {name} file does not exist",
            value=str(path),
            expected="a file that is there",
            remedy=f"correct analysis.models[].{name} (relative paths start from {params.project}) or put it there",
        )
    return path
