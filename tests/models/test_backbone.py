"""Backbones: every architecture splits exactly, nothing is overwritten, untrained means seeded."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from o2b_helpers.core.device import pick_device
from o2b_helpers.core.errors import ModelError, ParameterError, StoreError
from o2b_helpers.models.backbones.loading import load_backbone, weights_digest
from o2b_helpers.models.backbones.registry import architecture, architecture_names, load_definition
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.toyworld.truth import planted
from o2b_helpers.toyworld.weights import toynet_weights

SHIPPED = [
    "toynet",
    "alexnet",
    "vgg16",
    "vgg19",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "densenet121",
    "densenet161",
    "googlenet",
    "squeezenet1_1",
]
PAPER_CUTS = {
    "alexnet": ("features.1", "features.4", "features.7", "features.9", "features.11"),
    "vgg16": ("features.8", "features.15", "features.22", "features.29"),
    "resnet18": ("layer1", "layer2", "layer3", "layer4"),
}

OWN_NET = """
from torch import nn
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import stages_of

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3), nn.ReLU())
        self.read_out = nn.Linear(6, 10)

    def forward(self, images):
        return self.read_out(self.convolutions(images).mean((2, 3)){after})

class Mean(nn.Module):
    def forward(self, maps):
        return maps.mean((2, 3))

register(Architecture(
    name="{name}",
    build=Net,
    stages=lambda module: stages_of(module, "convolutions.*", ("mean", Mean())),
    target_layers=({layers}),
    preprocessing=Preprocessing(32, 32),
    last_layer="read_out",
))
"""


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(7))


def watched(module: nn.Module, layers, batch: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """What the network's own forward gives at some modules, as the hook sees it, without a copy."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name):
        return lambda module, arguments, result: seen.__setitem__(name, result)

    hooks = [module.get_submodule(layer).register_forward_hook(keep(layer)) for layer in layers]
    output = module(batch)
    for hook in hooks:
        hook.remove()
    return seen, output


def definition(tmp_path, name: str, layers: str = '"convolutions.1", "convolutions.3"', after: str = ""):
    path = tmp_path / f"{name}.py"
    path.write_text(OWN_NET.format(name=name, layers=layers, after=after))
    return path


def test_every_architecture_of_the_paper_is_known_with_its_cuts():
    assert set(SHIPPED) <= set(architecture_names())
    for name, cuts in PAPER_CUTS.items():
        assert architecture(name).target_layers == cuts


@pytest.mark.parametrize("name", SHIPPED)
def test_splits_exactly_at_every_target_layer(name):
    backbone = load_backbone(name, "untrained")
    batch = images(96)
    maps, output = watched(backbone.module, backbone.target_layers, batch)
    features = backbone.features(batch)
    run_maps, run_features = backbone.run(batch, backbone.target_layers)
    assert torch.equal(run_features, features)
    assert features.shape == (2, backbone.n_features)
    for layer in backbone.target_layers:
        trunk = backbone.trunk(batch, layer)
        assert torch.equal(trunk, maps[layer]), layer
        assert torch.equal(run_maps[layer], trunk)
        assert trunk.shape[1] == backbone.shape(layer)[0]
        assert trunk.min() >= 0 and trunk.max() > 0
        assert torch.equal(backbone.tail(trunk, layer), features), layer
    last = backbone.module.get_submodule(architecture(name).last_layer)
    if isinstance(last, nn.Linear):
        assert torch.allclose(last(features), output, rtol=1e-6, atol=1e-6 * float(output.abs().max()))
    else:  # SqueezeNet's convolution: the same without torchvision's closing ReLU
        linear = last(maps["features.12"]).mean((2, 3))
        ours = features @ last.weight.flatten(1).T + last.bias
        assert torch.allclose(ours, linear, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "before_relu"),
    [("alexnet", "features.0"), ("resnet18", "bn1"), ("densenet121", "features.norm5"), ("googlenet", "conv1.bn")],
)
def test_maps_before_a_relu_stay_negative(name, before_relu):
    backbone = load_backbone(name, "untrained")
    seen, _ = watched(backbone.module, [before_relu], images(96))
    assert seen[before_relu].min() < 0
    assert not any(getattr(module, "inplace", False) for module in backbone.module.modules())


def test_googlenet_rescales_its_input_and_has_no_auxiliary_heads():
    module = load_backbone("googlenet", "untrained").module
    assert module.transform_input and module.aux1 is None and module.aux2 is None


def test_frozen_but_differentiable_behind_a_layer():
    backbone = load_backbone("toynet", "untrained")
    assert not backbone.module.training
    assert not any(parameter.requires_grad for parameter in backbone.module.parameters())
    first, third = backbone.target_layers[0], backbone.target_layers[2]
    maps = backbone.trunk(images(96), first).requires_grad_()
    later, features = backbone.resume(maps, first, [first, third])
    assert torch.equal(later[third], backbone.trunk(images(96), third))
    gradients = torch.autograd.grad(features.sum(), [later[first], later[third]])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    with pytest.raises(ModelError, match="before the one to go on from"):
        backbone.resume(maps, third, [first])


def test_untrained_follows_the_seed_alone():
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = load_backbone("alexnet", "untrained", seed=3)
    assert torch.equal(torch.random.get_rng_state(), state), "torch's own random numbers were used up"
    torch.manual_seed(6)
    second, other = load_backbone("alexnet", "untrained", seed=3), load_backbone("alexnet", "untrained", seed=4)
    pairs = zip(first.module.state_dict().values(), second.module.state_dict().values(), strict=True)
    assert all(torch.equal(each, two) for each, two in pairs)
    assert not torch.equal(first.module.features[0].weight, other.module.features[0].weight)
    assert first.digest == second.digest == weights_digest("alexnet", "untrained", seed=3) != other.digest


def test_toynet_comes_with_trained_weights():
    trained, untrained = load_backbone("toynet", "toyworld"), load_backbone("toynet", "untrained")
    assert trained.digest == weights_digest("toynet", "toyworld") and len(trained.digest) == 64
    assert not torch.equal(trained.features(images(96)), untrained.features(images(96)))
    twin = load_backbone("toynet", str(toynet_weights(trained=False)))
    seeded = load_backbone("toynet", "untrained", seed=planted("weights_seed"))
    assert torch.equal(twin.features(images(96)), seeded.features(images(96))), "the shipped twin is the seeded one"


def test_a_backbone_travels_to_another_process():
    backbone = load_backbone("toynet", "toyworld")
    twin = pickle.loads(pickle.dumps(backbone))
    assert torch.equal(twin.features(images(96)), backbone.features(images(96)))


def test_unknown_names_are_answered_with_the_closest():
    with pytest.raises(ModelError, match="did you mean resnet18"):
        load_backbone("rsnet18", "untrained")
    backbone = load_backbone("toynet", "untrained")
    with pytest.raises(ModelError, match="did you mean features.1"):
        backbone.trunk(images(96), "feature.1")


def test_own_architecture_in_a_file(tmp_path):
    path = definition(tmp_path, "own_net")
    assert load_definition(path) == ["own_net"]
    assert load_definition(path) == ["own_net"], "reading a file twice must work, notebooks do it"
    backbone = load_backbone("own_net", "untrained", seed=1)
    assert backbone.shape("convolutions.3") == (6, 28, 28) and backbone.n_features == 6
    assert backbone.trunk(images(32), "convolutions.0").min() < 0
    torch.save(backbone.module.state_dict(), tmp_path / "own.pth")
    again = load_backbone("own_net", str(tmp_path / "own.pth"))
    assert torch.equal(again.features(images(32)), backbone.features(images(32)))
    other = tmp_path / "other.py"
    other.write_text(path.read_text())
    with pytest.raises(ModelError, match="same name"):
        load_definition(other)


@pytest.mark.parametrize(
    ("content", "message"),
    [("x = 1", "registers no architecture"), ("1 / 0", "ZeroDivisionError"), (None, "is missing")],
)
def test_a_definition_file_that_defines_nothing(tmp_path, content, message):
    path = tmp_path / "definition.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelError, match=message):
        load_definition(path)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("own_negative", {"layers": '"convolutions.1", "convolutions.2"'}, "convolutions.2"),
        ("own_unknown", {"layers": '"convolutions.7",'}, "convolutions.7"),
        ("own_more", {"after": " * 2"}, "relative difference"),
    ],
)
def test_a_wrong_split_is_refused(tmp_path, name, changes, message):
    load_definition(definition(tmp_path, name, **changes))
    with pytest.raises(ModelError, match=message) as error:
        load_backbone(name, "untrained")
    assert "cannot be split" in str(error.value)


def test_features_in_memory_and_in_files_are_the_maps(tmp_path):
    backbone = load_backbone("toynet", "toyworld")
    batch = torch.randn(5, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    close = {"rtol": 1e-5, "atol": 1e-4}  # values up to 30; another batch size sums in another order
    first, last = backbone.target_layers[0], backbone.target_layers[-1]
    behind = backbone.stages[-1][0]
    files = {first: tmp_path / "first.npy"}
    layers = layer_features(backbone, batch, [last, first, behind], batch_size=2, files=files)
    assert torch.allclose(torch.from_numpy(layers[behind]), backbone.features(batch), **close)
    for layer in (first, last):
        expected = backbone.trunk(batch, layer).flatten(1)
        assert torch.allclose(torch.from_numpy(layers[layer].copy()), expected, **close)
    assert str(layers[first].filename) == str(tmp_path / "first.npy")


def test_features_that_do_not_fit_on_the_disk(tmp_path):
    backbone = load_backbone("toynet", "untrained")
    many = torch.zeros(1, 3, 96, 96).expand(10**10, 3, 96, 96)
    with pytest.raises(StoreError, match="do not fit on the disk"):
        layer_features(backbone, many, ["features.1"], files={"features.1": tmp_path / "features.npy"})
    assert not list(tmp_path.iterdir())


def test_devices():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(ParameterError, match="Unknown device"):
        pick_device("gpu")
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(ParameterError, match="no such device"):
        pick_device(missing)
