"""Class activation maps of the emotion study, LIME and pasted objects, against the peers and the naive way.

Associations: the map of each picture's predicted label and its mean in each box; `floor` is one pass to the last
layer of convolutions and on, and the way back to that layer; pytorch-grad-cam makes the same maps, resized, of which
the mean in each box is taken. One softmax readout of 20 labels, as EmoNet has them, at the last target layer.
Ablation-CAM: the predicted label; pytorch-grad-cam is timed on some pictures, hooked full passes on some filters,
both scaled up. LIFT-CAM: all labels; Captum takes a call for each, of which one is timed. LIME: all labels from the
same copies; Captum takes new copies for each label, and one at a time. Pasting: three objects at 17 places; `floor`
is the passes alone.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import LayerDeepLift, Lime
from common import Row, kind_of_pictures, network, picture_files, pictures, random_boxes, timed, whole_module
from lesions import hooked
from PIL import Image
from pytorch_grad_cam import AblationCAM, GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.kernels.cam_methods.ablation_cam import ablation_cam, ablation_weights
from o2b_helpers.kernels.cam_methods.lime import LimeSettings, grid_segments, lime_cam, lime_masks, mask_weights
from o2b_helpers.kernels.cams.class_cams import grad_cam
from o2b_helpers.kernels.cams.lift_cam import lift_cam, lift_shares
from o2b_helpers.kernels.paste.canvas import Canvas
from o2b_helpers.kernels.paste.objects import resized_object
from o2b_helpers.kernels.paste.places import corners, pasted_size, quincunx
from o2b_helpers.kernels.regions.region import Regions
from o2b_helpers.kernels.regions.region_importance import region_importance, scaled_at_input
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.heads.readout import Readout
from o2b_helpers.toyworld.pasted_objects import OBJECTS, pasted_object

IMAGES, LABELS, SAMPLE, FILTERS, COPIES, REPEATS = 8, 20, 1, 8, 128, 3
MAPPED, BOXES = 32, 20


def rows(name: str) -> list[Row]:
    return [_associations(name), _ablation(name), _lift(name), _lime(name), _paste(name)]


def emotions(backbone: Backbone) -> Readout:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(1, LABELS, backbone.n_features, generator=generator) / backbone.n_features**0.5
    return Readout(weight, torch.randn(1, LABELS, generator=generator), "softmax")


def module_with(backbone: Backbone, readout: Readout) -> nn.Module:
    """The whole network with the readout's linear layer."""
    return whole_module(backbone, torch.as_tensor(readout.weight)[0], torch.as_tensor(readout.bias)[0])


def _associations(name: str) -> Row:
    backbone, images, readout = network(name), pictures(name, MAPPED), emotions(network(name))
    layer, size = backbone.target_layers[-1], (images.shape[-2], images.shape[-1])
    corners, image = random_boxes(MAPPED, BOXES, size[0])
    boxes, module = Regions(corners, image), module_with(backbone, readout)

    def ours() -> np.ndarray:
        cams = grad_cam(backbone, images, readout, layer)
        return region_importance(boxes, scaled_at_input(cams.maps[0], size), size)

    def floor() -> torch.Tensor:
        """Pass forwards, and back to the layer: only what lies behind it is differentiated."""
        leaf = backbone.trunk(images, layer).detach().requires_grad_()
        values = head(backbone.tail(leaf, layer).flatten(1))
        return torch.autograd.grad(values.max(1).values.sum(), leaf)[0]

    head = head_of(readout)
    labels = readout.values(backbone.features(images)).argmax(1)[0]

    def peer() -> np.ndarray:
        with GradCAM(module, [module.get_submodule(layer)]) as cam:
            resized = cam(images.clone(), [ClassifierOutputTarget(int(label)) for label in labels])
        return np.array([resized[i, y0:y1, x0:x1].mean() for (x0, y0, x1, y1), i in zip(corners, image, strict=True)])

    took = timed({"ours": ours, "floor": floor, "peer": peer}, REPEATS)
    setting = f"{MAPPED} stimuli ({kind_of_pictures()}), predicted label, {BOXES} boxes in each, {layer}"
    return Row(
        "emocam_associations", name, setting, 1, took["ours"], "pytorch-grad-cam GradCAM, and box means", took["peer"],
        None, took["floor"], float(np.abs(ours() - peer()).max()),
    )  # fmt: skip


def _ablation(name: str) -> Row:
    backbone, images, readout = network(name), pictures(name, IMAGES), emotions(network(name))
    layer = backbone.target_layers[-1]
    count, module = backbone.shape(layer)[0], module_with(backbone, readout)
    _, weights, features = ablation_weights(backbone, images, readout, layer)  # makes the folded twins
    labels = readout.values(features).argmax(1)[0]
    took = timed({"ours": partial(ablation_cam, backbone, images, readout, layer)}, REPEATS, False)["ours"]

    def peer() -> None:
        with contextlib.redirect_stderr(io.StringIO()), AblationCAM(module, [module.get_submodule(layer)]) as cam:
            cam(images[:SAMPLE].clone(), [ClassifierOutputTarget(int(label)) for label in labels[:SAMPLE]])

    def naive() -> list[torch.Tensor]:
        return [hooked(module, layer, images, channel) for channel in range(FILTERS)]

    slow = timed({"peer": peer, "naive": naive}, REPEATS, False)
    with torch.no_grad():
        whole = module(images).gather(1, labels[:, None])[:, 0]
    lost = torch.stack([(whole - values.gather(1, labels[:, None])[:, 0]) / whole.abs() for values in naive()], 1)
    setting = f"{IMAGES} stimuli ({kind_of_pictures()}), predicted label, all {count} filters of {layer}"
    return Row(
        "ablation_cam",
        name,
        setting,
        1,
        took,
        "pytorch-grad-cam AblationCAM",
        slow["peer"] * (IMAGES / SAMPLE),
        slow["naive"] * (count / FILTERS),
        None,
        float((weights[0, :, :FILTERS] - lost).abs().max()),
        "peer and naive sampled; the difference is that of the weights to hooked passes",
    )


def _lift(name: str) -> Row:
    backbone, images, readout = network(name), pictures(name, IMAGES), emotions(network(name))
    layer = backbone.target_layers[-1]
    module = module_with(backbone, readout)
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    stages = backbone.stages_behind(layer)
    with torch.no_grad():
        maps = backbone.trunk(images, layer)
        while isinstance(stages[0], nn.MaxPool2d):  # a filter's share is that behind it; Captum loses some within
            maps, stages = stages[0](maps), stages[1:]
    behind = nn.Sequential(nn.Identity(), *stages, head_of(readout))

    def peer() -> None:
        LayerDeepLift(module, module.get_submodule(layer)).attribute(images, torch.zeros_like(images), target=0)

    def rest() -> torch.Tensor:
        return LayerDeepLift(behind, behind[0]).attribute(maps, torch.zeros_like(maps), target=0)

    work: dict[str, Callable[[], object]] = {
        "ours": partial(lift_cam, backbone, images, readout, layer, "all"),
        "peer": peer,
        "rest": rest,
    }
    took = timed(work, REPEATS)
    shares = lift_shares(backbone, images, readout, layer, 0)[1][0]
    theirs = rest().detach().sum((2, 3))
    difference = float((shares - theirs).abs().max() / theirs.abs().max())
    note = (
        "Captum asks for a picture as baseline, which costs as much as maps of 0; on the rest of the network alone, "
        f"{LABELS} calls take {LABELS * took['rest'].median:.3g} s beside a pass to the layer; the difference is that "
        "of the shares there, relative to the largest"
    )
    setting = f"{IMAGES} stimuli ({kind_of_pictures()}), {LABELS} labels, {layer}"
    return Row(
        "lift_cam", name, setting, 1, took["ours"], "captum LayerDeepLift, a call per label", took["peer"] * LABELS,
        None, None, difference, note,
    )  # fmt: skip


def head_of(readout: Readout) -> nn.Linear:
    head = nn.Linear(readout.n_features, readout.n_outputs)
    with torch.no_grad():
        head.weight.copy_(torch.as_tensor(readout.weight)[0])
        head.bias.copy_(torch.as_tensor(readout.bias)[0])
    return head


def _lime(name: str) -> Row:
    backbone, images, readout = network(name), pictures(name, SAMPLE + 1), emotions(network(name))
    settings = LimeSettings(samples=COPIES)
    side = images.shape[-1]
    segments, masks = grid_segments(side, side, settings.rows), lime_masks(COPIES, settings.rows**2, settings.seed)
    module = nn.Sequential(module_with(backbone, readout), nn.Softmax(1)).requires_grad_(False)

    def peer() -> torch.Tensor:
        waiting = iter(masks)
        lime = Lime(
            module,
            interpretable_model=SkLearnRidge(alpha=settings.penalty),
            similarity_func=lambda _, __, mask, **___: mask_weights(mask.bool()),
            perturb_func=lambda *_, **__: next(waiting)[None].long(),
        )
        return lime.attribute(images[:1], target=0, feature_mask=segments[None, None], n_samples=COPIES)

    @torch.no_grad()
    def floor() -> None:
        copies = images[:1].repeat(settings.batch_size, 1, 1, 1)
        for some in masks.split(settings.batch_size):
            backbone.features(copies[: len(some)])

    took = timed(
        {"ours": partial(lime_cam, backbone, images, readout, "all", settings=settings), "floor": floor}, REPEATS
    ) | timed({"peer": peer}, 1, False)
    ours = lime_cam(backbone, images, readout, 0, settings=settings, masks=masks).maps[0, 0]
    theirs = peer()[0, 0].clamp(min=0)
    factor = len(images)
    setting = f"{factor} stimuli ({kind_of_pictures()}), {LABELS} labels, {COPIES} masked copies of each"
    return Row(
        "lime", name, setting, 1, took["ours"], "captum Lime, a call per stimulus and label",
        took["peer"] * (factor * LABELS), None, took["floor"] * factor,
        float((ours - theirs).abs().max() / theirs.max()),
        "peer sampled; the difference is that of the maps on the same copies, relative to the largest value",
    )  # fmt: skip


def _paste(name: str) -> Row:
    backbone = network(name)
    with TemporaryDirectory() as folder:
        photographs = [np.asarray(read_image(file)) for file in picture_files(SAMPLE + 1, Path(folder))]
    things = [np.asarray(pasted_object(each)) for each in OBJECTS]
    preprocessing, places = backbone.preprocessing, quincunx()

    def made() -> list[torch.Tensor]:
        inputs = []
        for photograph in photographs:
            canvas = Canvas(photograph, preprocessing)
            for thing in things:
                size = pasted_size(thing.shape, photograph.shape)
                inputs.append(canvas.inputs(resized_object(thing, size), places)[0])
        return inputs

    @torch.no_grad()
    def passes(inputs: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat([backbone.features(some) for some in inputs])

    @torch.no_grad()
    def naive() -> torch.Tensor:
        features = []
        for photograph in photographs:
            for thing in things:
                height, width = pasted_size(thing.shape, photograph.shape)
                small = Image.fromarray(thing).resize((width, height), Image.Resampling.LANCZOS)
                for x, y, _, _ in corners(places, (height, width), *photograph.shape[1::-1]).tolist():
                    copy = Image.fromarray(photograph)
                    copy.paste(small, (x, y), small)
                    features.append(backbone.features(preprocessing(copy)[None]))
        return torch.cat(features)

    inputs = made()
    took = timed({"ours": lambda: passes(made()), "floor": lambda: passes(inputs), "naive": naive}, REPEATS)
    difference = float((passes(inputs) - naive()).abs().max())
    setting = f"{len(photographs)} stimuli ({kind_of_pictures()}), {len(things)} objects, {len(places)} places"
    return Row("paste", name, setting, 1, took["ours"], None, None, took["naive"], took["floor"], difference)
