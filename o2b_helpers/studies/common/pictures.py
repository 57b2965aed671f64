"""The pictures of a study as network inputs, decoded once for all steps and architectures (inputs.pixel_cache)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.pixel_cache import CachedImages, cached_images
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.options import Model


def pictures(
    params: Params, store: Store, model: Model, table: pd.DataFrame, role: str, *, grey: bool = False
) -> CachedImages:
    """Return the pictures of a table as inputs for a model's backbone; nothing is read before a batch is asked for.

    Parameters
    ----------
    params : Params
        The profile.
    store : Store
        Where decoded pictures are kept.
    model : Model
        Whose preprocessing to use.
    table : DataFrame
        The whole corpus or all stimuli, as the step `inputs` returns them: whoever uses only some of the pictures
        takes them with ``.of(digests)``, so that all steps share what was decoded.
    role : {"corpus", "stimuli", "second corpus"}
        Which of them.
    grey : bool
        Without colour.
    """
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    preprocessing = replace(architecture(model.architecture).preprocessing, grey=grey)
    return cached_images(store, table, preprocessing, f"{params.name} {role}")
