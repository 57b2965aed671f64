"""A network whose definition names no stages gives what the same network gives when it is split."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from kernels_reference import assert_close, images_for, readout_for
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.kernels.cams.filter_cams import filter_maps
from o2b_helpers.kernels.lesions.screening import screened_predictions
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.models.backbones.hooked import FEATURES
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import architecture, register
from o2b_helpers.models.heads.features import layer_features


@pytest.fixture(scope="module", params=["toynet", "squeezenet1_1"])
def pair(request):
    split = load_backbone(request.param, "untrained", seed=2)
    name = f"{request.param} as a whole"
    register(replace(architecture(request.param), name=name, stages=None))
    return split, load_backbone(name, "untrained", seed=2)


def test_a_message_says_so(capsys):
    name = "toynet said to be whole"
    register(replace(architecture("toynet"), name=name, stages=None))
    whole = load_backbone(name, "untrained")
    assert not whole.splits and f"{name} is not split into stages" in capsys.readouterr().out


def test_the_same_features_maps_and_shapes(pair):
    split, whole = pair
    images = images_for(split, 2)
    layers = list(split.target_layers)
    with torch.no_grad():
        assert_close(whole.features(images), split.features(images), 1e-6)
        for layer in layers:
            assert whole.shape(layer) == split.shape(layer)
            assert_close(whole.trunk(images, layer), split.trunk(images, layer), 0)
    assert whole.n_features == split.n_features
    each, other = (layer_features(backbone, images, layers[1:2]) for backbone in pair)
    assert_close(each[layers[1]], other[layers[1]], 0)


@pytest.mark.parametrize("gain", [0.0, 2.0])
def test_the_same_lesions(pair, gain):
    split, whole = pair
    images, readout = images_for(split, 3), readout_for(split, 2)
    for layer in split.target_layers[-2:]:
        some = {"channels": [0, 5, 3], "gain": gain}
        wanted = lesion_predictions(split, images, readout, layer, **some)
        assert_close(lesion_predictions(whole, images, readout, layer, **some), wanted, 1e-5)
        small = lesion_predictions(whole, images, readout, layer, **some, block_bytes=1)
        assert_close(small, wanted, 1e-5)


def test_the_same_gradients(pair):
    split, whole = pair
    images, readout = images_for(split, 2), readout_for(split, 2)
    layers = list(split.target_layers)
    each, other = (screened_predictions(backbone, images, readout, layers) for backbone in pair)
    maps, weights = (filter_maps(backbone, images, readout, layers) for backbone in pair)
    for layer in layers:
        assert_close(each[layer], other[layer], 1e-5)
        for result, wanted in zip(weights[layer], maps[layer], strict=True):
            assert_close(result, wanted, 1e-6)


def test_it_cannot_be_resumed(pair):
    whole = pair[1]
    maps = torch.zeros(1, *whole.shape(whole.target_layers[0]))
    with pytest.raises(ModelError, match="cannot be resumed"):
        whole.tail(maps, whole.target_layers[0])
    with pytest.raises(ModelError, match="no such layer"):
        whole.trunk(images_for(whole, 1), "layer9")
    assert whole.stages[-1][0] == FEATURES


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu, self.convolution, self.fc = nn.ReLU(), nn.Conv2d(3, 3, 1), nn.Linear(3, 1)

    def forward(self, x):
        x = self.relu(self.convolution(self.relu(x)))
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_layers": ("relu",)}, "passed"),
        ({"target_layers": ("convolution",)}, "0 or more"),
        ({"target_layers": ("layer9",)}, "layer9"),
        ({"target_layers": ()}, "target layers"),
        ({"last_layer": ""}, "last layer"),
    ],
)
def test_refuses_definitions_that_cannot_be(changes, message):
    known = replace(architecture("toynet"), build=_Twice, stages=None, **{"last_layer": "fc", "weights": {}, **changes})
    register(replace(known, name=f"twice {changes}"))
    with pytest.raises(ModelError, match=message):
        load_backbone(f"twice {changes}", "untrained")
