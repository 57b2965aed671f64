"""Shards are plain values: they can be pickled, and each is stored before the next begins."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import SMALL, write_profile
from small_run import step_folder

from o2b_helpers.core.executor import InProcess, Memory, Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.studies.alignment import inputs, valence_models
from o2b_helpers.studies.alignment.head_training import FULL, heads_shard
from o2b_helpers.studies.object2brain import filter_lesions, filter_sensitivity
from o2b_helpers.studies.object2brain.tables import DETECTIONS
from o2b_helpers.studies.registry import load_params

MODULE = "o2b_helpers.kernels.statistics.ranks"


def _square(number: int, folder: Path) -> None:
    if number == 3:
        raise KeyboardInterrupt
    np.save(folder / "square.npy", number**2)


_square.__module__ = MODULE  # a module of the package: only its source has a digest


def test_each_shard_is_stored_before_the_next_begins(tmp_path):
    store = Store(tmp_path)
    shards = [Shard("squares", f"of {n}", {"n": n}, _square, (n,)) for n in (1, 2, 3)]
    with pytest.raises(KeyboardInterrupt):
        InProcess().run(shards, store)
    assert [shard.is_stored(store) for shard in shards] == [True, True, False]
    folders = InProcess().run(shards[:2], store, "squaring")
    assert [int(np.load(folder / "square.npy")) for folder in folders] == [1, 4]


def test_one_thing_of_each_kind_is_kept():
    memory, made = Memory(), []

    def make(name):
        made.append(name)
        return name

    for kind, key in (("network", 1), ("network", 1), ("stimuli", 1), ("network", 2), ("network", 1)):
        memory.keep(kind, key, lambda kind=kind, key=key: make((kind, key)))
    assert made == [("network", 1), ("stimuli", 1), ("network", 2), ("network", 1)]
    memory.clear()
    assert memory.keep("network", 1, lambda: 7) == 7


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Params:
    params = load_params(write_profile(tmp_path_factory.mktemp("study"), SMALL))
    for step in ("inputs", "human_targets", "valence_models", "objects"):
        run_step(params, step)
    return params


def _shards(params: Params, store: Store) -> list[Shard]:
    """Return a shard of every long step, from tables and results that are there."""
    data, (model,) = inputs.load(params, step_folder(params, "inputs")), params.analysis.models
    training = valence_models.training_set(params, data.corpus)
    readout = valence_models.load_readout(params, step_folder(params, "valence_models"), model)
    boxes = DETECTIONS.read(step_folder(params, "objects") / "results")
    return [
        heads_shard(params, store, model, FULL, data.corpus, training, data.stimuli),
        filter_sensitivity.list_shards(params, store, model, data.corpus, boxes, readout)[0],
        filter_lesions.list_shards(params, store, model, readout, data.stimuli)[-1],
    ]


def test_a_shard_that_was_pickled_gives_the_same_bytes(params, tmp_path):
    for shard in _shards(params, Store(params.store)):
        content = []
        for number, item in enumerate((shard, pickle.loads(pickle.dumps(shard)))):
            assert not isinstance(item.arguments[-1], Store)
            folder = tmp_path / f"{shard.kind}-{number}"
            folder.mkdir()
            item.compute(*item.arguments, folder)
            content.append({p.name: p.read_bytes() for p in sorted(folder.iterdir())})
        assert content[0] and content[0].keys() == content[1].keys()
        for name in content[0]:
            if name.endswith(".parquet"):
                first, second = (pd.read_parquet(tmp_path / f"{shard.kind}-{n}" / name) for n in (0, 1))
                pd.testing.assert_frame_equal(first, second)
            else:
                assert content[0][name] == content[1][name], (shard.kind, name)


def test_every_step_computes_with_the_threads_of_the_profile(tmp_path):
    params, before = load_params(write_profile(tmp_path, SMALL)), torch.get_num_threads()
    try:
        for step in ("inputs", "objects"):
            torch.set_num_threads(2)
            run_step(params, step)
        assert torch.get_num_threads() == SMALL["execution"]["threads"] == 1
    finally:
        torch.set_num_threads(before)
