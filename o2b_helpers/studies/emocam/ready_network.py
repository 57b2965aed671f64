"""A network that names emotions as it is (EmoNet): its own last layer judges every picture, and nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from torch import nn

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.names import heard_alike
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.heads.feature_sources import Streamed
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.models.heads.training import predict_readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import loaded, model_part, target_layers
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.emocam.labels import LabelledPictures, labels_of

READOUT, PROBABILITIES = "readout.safetensors", "probabilities.npy"
UNKNOWN = -1  # number of the emotion of a picture that has none, or one that the network has no name for


def own_labels(params: Params, model: Model) -> tuple[str, ...]:
    """Return the labels that a network names without training, in the order of its outputs; none where it has none."""
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    return architecture(model.architecture).labels


def judged_pictures(params: Params, store: Store, corpus: pd.DataFrame, names: Sequence[str]) -> LabelledPictures:
    """Return all pictures; their emotion is that of the corpus where the network has a label of the same name.

    Parameters
    ----------
    params, store
        The profile; where the toy world lies.
    corpus : DataFrame
        The pictures that can be used, from the step ``inputs``.
    names : sequence of str
        The network's labels.

    Returns
    -------
    LabelledPictures
        emotion is empty and number is -1 where the corpus says nothing, or something else. Capital letters, blanks,
        hyphens and underscores do not tell names apart.
    """
    whole, options = inputs.read_corpus(params, store), params.analysis.emotions
    warnings: tuple[str, ...] = ()
    number = pd.Series(UNKNOWN, index=corpus.index)
    if options.labels_from == "quadrants" or options.column in whole.table.columns:
        labels = labels_of(params, whole)
        known = {heard_alike(name): place for place, name in enumerate(names)}
        heard = labels.table.set_index("image")["emotion"].map(lambda name: known.get(heard_alike(name), UNKNOWN))
        number, warnings = corpus["image"].map(heard).fillna(UNKNOWN).astype(np.int64), labels.warnings
    emotion = np.array([*names, ""], dtype=object)[number]  # -1 is the last
    table = corpus.assign(emotion=emotion, number=number, group=pd.factorize(corpus["pixels"])[0])
    return LabelledPictures(table, tuple(names), warnings)


def own_readout(network: Backbone) -> Readout:
    """Return a network's own last layer as the readout of one run, with a softmax.

    Raises
    ------
    ModelError
        The last layer is not linear, or has another number of outputs than the architecture has labels.
    """
    known = architecture(network.name)
    layer = network.module.get_submodule(known.last_layer)
    if not isinstance(layer, nn.Linear) or layer.out_features != len(known.labels):
        raise ModelError(
            f"The outputs of {network.name} are not its labels",
            value=f"{known.last_layer}: {layer}",
            expected=f"a linear layer with {len(known.labels)} outputs, one for each of {', '.join(known.labels)}",
            remedy="take other weights, or correct `labels` where the architecture is registered",
        )
    weight, bias = (values.detach().cpu().numpy()[None] for values in (layer.weight, layer.bias))
    return Readout(weight, bias, "softmax")


def judging_shard(params: Params, store: Store, model: Model, corpus: pd.DataFrame, judged: LabelledPictures) -> Shard:
    """Return what lets a ready network judge every picture."""
    identity = model_part(params, model, store)
    identity.pop("layers")
    own = {"model": identity, "images": digest_of(judged.table["sha256"].tolist())}
    label = f"{params.name} {model.label} ({model.weights_label})"
    return Shard("own_labels", label, own, _judge, (params, model, corpus, judged))


def _judge(params: Params, model: Model, corpus: pd.DataFrame, judged: LabelledPictures, folder: Path) -> None:
    network = loaded(params, model)
    shown = pictures(params, Store(params.store), model, corpus, "corpus").of(judged.table["sha256"])
    readout = own_readout(network)
    save_file({"weight": np.asarray(readout.weight), "bias": np.asarray(readout.bias)}, folder / READOUT)
    source = Streamed(network, shown, network.stages[-1][0], params.execution.batch_size)
    np.save(folder / PROBABILITIES, predict_readout(source, readout).astype(np.float32))
