from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from filter_score_setting import LAYERS, N_CLASSES, setting
from kernels_reference import assert_close, box_values, scaled, score_of, some_runs, untrained, whole_network
from safetensors.numpy import load, save

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels.cams.filter_scores import filter_scores, scoring_bytes
from o2b_helpers.models.backbones.meta import meta_backbone


def plain(network, pictures, readout, corners, owner, classes, score, cam_scale):
    """One filter, one run, one box at a time, on maps that are really resized."""
    module = whole_network(network, readout)
    kept, hooks = {}, []
    for layer in LAYERS:
        stage = module.get_submodule(layer)
        hooks.append(stage.register_forward_hook(lambda _, __, maps, layer=layer: kept.__setitem__(layer, maps)))
    outputs = module(pictures)
    outputs = torch.sigmoid(outputs) if readout.link == "sigmoid" else outputs
    tables = []
    for run in range(readout.n_runs):
        gradients = torch.autograd.grad(outputs[:, run].sum(), [kept[layer] for layer in LAYERS], retain_graph=True)
        rows = []
        for layer, gradient in zip(LAYERS, gradients, strict=True):
            maps, weights = kept[layer].detach().double().numpy(), gradient.double().mean((2, 3)).numpy()
            cams = np.maximum(weights[:, :, None, None] * maps, 0)
            for k in range(cams.shape[1]):
                row = np.zeros(N_CLASSES)
                for box, image, c in zip(corners.tolist(), owner.tolist(), classes.tolist(), strict=True):
                    x0, y0, x1, y1 = (min(max(value, 0), 96) for value in box)
                    if x1 <= x0 or y1 <= y0:
                        continue
                    cam = cams[image, k]
                    if cam_scale == "filter":
                        span = cam.max() - cam.min()
                        cam = (cam - cam.min()) / span if span > 0 else np.zeros_like(cam)
                    else:
                        peak = cams[image].max()
                        cam = cam / peak if peak > 0 else cam
                    resized = cv2.resize(cam, (96, 96))
                    whole = [np.floor(x0), np.floor(y0), np.ceil(x1), np.ceil(y1)]
                    row[c] += score_of(*box_values(resized, whole), score)
                rows.append(row)
        tables.append(rows)
    return np.array(tables)


@pytest.mark.parametrize(
    ("score", "cam_scale", "link"),
    [
        ("homogeneity", "filter", "linear"),
        ("homogeneity", "layer", "linear"),
        ("mean", "layer", "sigmoid"),
        ("max", "filter", "sigmoid"),
        ("ratio", "filter", "sigmoid"),
        ("ratio", "layer", "linear"),
    ],
)
def test_equals_plain_loops(score, cam_scale, link):
    things = setting(link=link)
    result = filter_scores(*things, N_CLASSES, LAYERS, score=score, cam_scale=cam_scale, batch_size=2)
    wanted = plain(*things, score, cam_scale)
    assert result.score_sum.shape == wanted.shape == (2, 116, N_CLASSES) and result.score_sum.dtype == np.float64
    assert_close(result.score_sum, wanted, 1e-4)
    assert wanted.max() > 0.5
    corners, classes = things[3], things[5]
    inside = (corners[:, 2] > 0) & (corners[:, 3] > 0) & (corners[:, 0] < 96) & (corners[:, 1] < 96)
    assert result.box_count.tolist() == np.bincount(classes[inside], minlength=N_CLASSES).tolist()
    assert result.box_count.dtype == np.int64 and result.dropped == int((~inside).sum()) > 0
    assert result.layer.tolist() == [layer for layer, n in zip(LAYERS, (12, 24, 32, 48), strict=True) for _ in range(n)]
    assert result.channel.tolist() == [k for n in (12, 24, 32, 48) for k in range(n)]


@pytest.mark.parametrize("cam_scale", ["filter", "layer"])
def test_maps_of_weights_at_or_below_zero_are_empty(cam_scale):
    things = setting()
    result = filter_scores(*things, N_CLASSES, LAYERS, cam_scale=cam_scale).score_sum[:, -48:]
    weight = things[2].weight.reshape(2, 48, 9).sum(2).numpy()  # the last layer's w, but for a factor
    assert (weight <= 0).any() and not result[weight <= 0].any()
    assert (result[weight > 0].sum(-1) > 0).any()
    assert not result[:, 3].any()


def test_all_weights_zero_gives_zeros():
    network, pictures, readout, *boxes = setting()
    for cam_scale in ("filter", "layer"):
        result = filter_scores(network, pictures, scaled(readout, 0), *boxes, N_CLASSES, LAYERS, cam_scale=cam_scale)
        assert not result.score_sum.any() and result.box_count.sum() > 0


def test_size_of_the_head_does_not_matter_scaled_per_filter():
    network, pictures, readout, *boxes = setting()
    each = filter_scores(network, pictures, readout, *boxes, N_CLASSES, LAYERS)
    tiny = filter_scores(network, pictures, scaled(readout, 2.0**-60), *boxes, N_CLASSES, LAYERS)
    assert np.array_equal(each.score_sum, tiny.score_sum)


def test_a_run_alone_is_the_run_among_others():
    network, pictures, readout, *boxes = setting(runs=3)
    for cam_scale in ("filter", "layer"):
        several = filter_scores(network, pictures, readout, *boxes, N_CLASSES, LAYERS, cam_scale=cam_scale)
        second = some_runs(readout, [1])
        alone = filter_scores(network, pictures, second, *boxes, N_CLASSES, LAYERS, cam_scale=cam_scale)
        assert alone.score_sum.shape[0] == 1
        assert np.allclose(alone.score_sum[0], several.score_sum[1], rtol=0, atol=1e-9)


def test_shards_add_up():
    network, pictures, readout, corners, owner, classes = setting()
    whole = filter_scores(network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS)
    parts = []
    for images in (slice(0, 2), slice(2, 5)):
        place = (owner >= images.start) & (owner < images.stop)
        shard = corners[place], owner[place] - images.start, classes[place]
        parts.append(filter_scores(network, pictures[images], readout, *shard, N_CLASSES, LAYERS))
    total = parts[0].score_sum + parts[1].score_sum
    assert_close(total, whole.score_sum, 1e-6)
    for sums in (whole.score_sum, total):  # as it is stored between shards
        assert np.array_equal(load(save({"sums": sums}))["sums"], sums)
    count = parts[0].box_count + parts[1].box_count
    assert count.tolist() == whole.box_count.tolist() and count[-1] == 0
    assert parts[0].dropped + parts[1].dropped == whole.dropped
    assert not total[..., -1].any() and (total <= count + 1e-6).all()  # a score is at most 1


def test_batches_and_blocks_do_not_change_the_result():
    things = setting()
    each = filter_scores(*things, N_CLASSES, LAYERS)
    other = filter_scores(*things, N_CLASSES, LAYERS, batch_size=1, block_bytes=1)
    assert_close(other.score_sum, each.score_sum, 1e-5)
    assert np.array_equal(each.score_sum, filter_scores(*things, N_CLASSES, LAYERS).score_sum)


def test_no_box_at_all():
    network, pictures, readout, *_ = setting()
    empty = torch.empty(0, 4), torch.empty(0, dtype=int), torch.empty(0, dtype=int)
    result = filter_scores(network, pictures, readout, *empty, N_CLASSES, LAYERS)
    assert not result.score_sum.any() and not result.box_count.any()


MEASURE = """
import ctypes
import sys
import numpy as np
import torch
from o2b_helpers.kernels.cams.filter_scores import filter_scores, scoring_bytes
from o2b_helpers.kernels.cams.score_sums import Membership
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.heads.readout import Readout

def resident(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

network, many, boxes, classes = load_backbone(sys.argv[1], "untrained"), int(sys.argv[2]), 6, int(sys.argv[3])
images, layers = torch.randn(2 * many, 3, 224, 224), network.target_layers
readout = Readout.valence(torch.randn(2, network.n_features), torch.zeros(2))
corners = torch.tensor([[10, 20, 100, 130]]).repeat(2 * many * boxes, 1)
owner = torch.arange(len(corners)) // boxes
some = corners, owner, owner % classes
more = {}
if classes > 1:  # as filter sensitivity asks for: weighted columns, squares and ungated sums
    entry = np.arange(3 * len(corners))
    members = Membership(entry // 3, entry % (3 * classes), np.ones(len(entry)), 3 * classes)
    more = {"members": members, "squares": True, "ungated": True}
estimate = scoring_bytes(network, many, layers, 2, boxes, classes, n_columns=3 * classes if more else 0)
filter_scores(network, images[:1], readout, *(one[:boxes] for one in some), classes, layers)  # loads libraries
ctypes.CDLL(None).malloc_trim(0)  # or what was freed is used again, and doesn't count
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak is counted from here
before = resident("VmRSS")
filter_scores(network, images, readout, *some, classes, layers, batch_size=many, **more)
print(estimate, resident("VmHWM") - before)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's peak memory")
@pytest.mark.parametrize(("name", "classes"), [("alexnet", 1), ("resnet18", 1), ("alexnet", 600)])
def test_memory_is_estimated_to_a_third(name, classes):
    arguments = [sys.executable, "-c", MEASURE, name, "16", str(classes)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    estimate, measured = map(int, done.stdout.split())
    assert measured > 2**26 and estimate / 1.33 < measured < estimate * 1.33


def test_memory_grows_with_what_is_asked_for():
    network, layers = untrained("alexnet"), untrained("alexnet").target_layers
    each = scoring_bytes(network, 8, layers, 1, 6, 10)
    assert scoring_bytes(meta_backbone("alexnet"), 8, layers, 1, 6, 10) == each
    assert 1.5 * each < scoring_bytes(network, 32, layers, 1, 6, 10)
    assert each < scoring_bytes(network, 8, layers, 5, 6, 10)
    assert each < scoring_bytes(network, 8, layers, 1, 60, 10) and each < scoring_bytes(network, 8, layers, 1, 6, 600)
    assert each > scoring_bytes(network, 8, layers[2:], 1, 6, 10) > 0
    assert each < scoring_bytes(network, 8, layers, 1, 6, 10, n_columns=30)
    assert scoring_bytes(network, 8, layers, 5, 6, 10) < scoring_bytes(network, 8, layers, 1, 6, 10, outputs=5)


def test_refuses_bad_input():
    network, pictures, readout, corners, owner, classes = setting()
    with pytest.raises(InputError, match="box_image"):
        filter_scores(network, pictures, readout, corners, owner + 4, classes, N_CLASSES, LAYERS)
    with pytest.raises(InputError, match="box_class"):
        filter_scores(network, pictures, readout, corners, owner, classes, 2, LAYERS)
    with pytest.raises(InputError, match="box_class"):
        filter_scores(network, pictures, readout, corners, owner, classes[1:], N_CLASSES, LAYERS)
    with pytest.raises(ParameterError, match="cam_scale"):
        filter_scores(network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS, cam_scale="image")
    with pytest.raises(ParameterError, match="score"):
        filter_scores(network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS, score="sum")
    with pytest.raises(ParameterError, match="batch_size"):
        filter_scores(network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS, batch_size=0)
    with pytest.raises(InputError, match="not finite"):
        filter_scores(network, pictures * float("nan"), readout, corners, owner, classes, N_CLASSES, LAYERS)
