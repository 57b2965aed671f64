"""One model of a finished run, ready to say at once what its alignment is without some of its filters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.keys import find_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.set_lesions import predictions_without
from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.valence_models import load_readout
from o2b_helpers.studies.common.networks import load_model
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.common.targets import target_matrix
from o2b_helpers.studies.object2brain.lesion_blocks import lesion_block_bytes

MAP_BYTES = 512 * 2**20  # of maps kept between two answers; those of one layer always are


class LiveNetwork:
    """A model's network, heads, stimuli and targets; each is read when it is first asked for.

    Parameters
    ----------
    params : Params
        The profile; notebooks 00 to 02 must have run with it.
    name : str
        A model of the profile.
    step : str
        On whose behalf earlier results are read; named where they are missing.

    Raises
    ------
    InputError
        The profile has no such model.
    """

    def __init__(self, params: Params, name: str, step: str = "explorer") -> None:
        known = {model.label: model for model in params.analysis.models}
        if name not in known:
            raise InputError(
                "The profile has no such model",
                value=name,
                expected=f"one of {', '.join(known)}",
                remedy="open the explorer with the profile that made these results",
            )
        self.params, self.model, self.step = params, known[name], step
        self.store = Store(params.store)
        self._maps: OrderedDict[str, torch.Tensor] = OrderedDict()

    @cached_property
    def backbone(self) -> Backbone:
        """The frozen network."""
        return load_model(self.params, self.model)

    @cached_property
    def inputs(self) -> inputs.Inputs:
        """Checked corpus and stimuli."""
        return inputs.load(self.params, self.folder("inputs"))

    @cached_property
    def readout(self) -> Readout:
        """The readout of the full models under the layer models' rules, all runs."""
        return load_readout(self.params, self.folder("valence_models"), self.model)

    def folder(self, step: str):
        """Return the folder of an earlier step's results."""
        params = self.params
        return find_step(params, params.step(step), self.store, for_step=params.step(self.step))

    def maps(self, layer: str) -> torch.Tensor:
        """Return the stimuli's feature maps (stimulus, filter, height, width) at a layer, kept for the next answer."""
        if layer not in self._maps:
            parts = [self.backbone.trunk(some, layer) for some in self._stimuli.split(self._batch)]
            self._maps[layer] = torch.cat(parts)
        self._maps.move_to_end(layer)
        while len(self._maps) > 1 and sum(maps.nbytes for maps in self._maps.values()) > MAP_BYTES:
            self._maps.popitem(last=False)
        return self._maps[layer]

    @torch.no_grad()
    def predictions(self, layer: str, channels: Sequence[int] | np.ndarray = ()) -> np.ndarray:
        """Predict with these filters of a layer set to zero; the whole model where there are none.

        Returns
        -------
        array (run, stimulus)
            float64, in the order of the checked stimuli.
        """
        return predictions_without(
            self.backbone,
            self._stimuli,
            self.maps(layer),
            self._features,
            self.readout,
            layer,
            channels,
            block_bytes=lesion_block_bytes(self.params),
        ).numpy()

    def rho(self, target: str, layer: str, channels: Sequence[int] | np.ndarray = ()) -> tuple[np.ndarray, int]:
        """Correlate the predictions without these filters with a target (METHODS 2).

        Returns
        -------
        rho : array (run,)
            Spearman's rho; NaN where what is left of the model predicts the same for every stimulus.
        n : int
            Stimuli that the target has values for.

        Raises
        ------
        InputError
            The run has no such target.
        """
        names, values = self._targets
        if target not in names:
            raise InputError(
                "There is no such target",
                value=target,
                expected=f"one of {', '.join(names[:6])}" + (" ..." if len(names) > 6 else ""),
                remedy="open the explorer with the profile that made these results",
            )
        row = values[[names.index(target)]]
        return rank_correlation(self.predictions(layer, channels), row)[:, 0], int((~np.isnan(row)).sum())

    @property
    def _batch(self) -> int:
        return self.params.execution.batch_size

    @cached_property
    def _stimuli(self) -> torch.Tensor:
        stimuli: pd.DataFrame = self.inputs.stimuli
        shown = pictures(self.params, self.store, self.model, stimuli, "stimuli")
        return shown.batch(0, len(shown)).to(self.backbone.device)

    @cached_property
    def _features(self) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([self.backbone.features(some) for some in self._stimuli.split(self._batch)])

    @cached_property
    def _targets(self) -> tuple[list[str], np.ndarray]:
        table = TARGETS.read(self.folder("human_targets") / "results")
        values, described = target_matrix(table, self.inputs.stimuli["stimulus"])
        return list(described["target"]), values
