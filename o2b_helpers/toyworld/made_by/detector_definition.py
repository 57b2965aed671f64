"""The toy detector's network, and the checkpoint that ships: weights and names, nothing of the machine."""

from __future__ import annotations

from pathlib import Path

from o2b_helpers.toyworld.truth import class_names

# YOLOv8 as Ultralytics defines it, at an eighth of the width and with the fewest repeats.
DETECTOR_DEFINITION = {
    "nc": len(class_names()),
    "depth_multiple": 0.33,
    "width_multiple": 0.125,
    "backbone": [
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "Conv", [128, 3, 2]],
        [-1, 3, "C2f", [128, True]],
        [-1, 1, "Conv", [256, 3, 2]],
        [-1, 6, "C2f", [256, True]],
        [-1, 1, "Conv", [512, 3, 2]],
        [-1, 6, "C2f", [512, True]],
        [-1, 1, "Conv", [1024, 3, 2]],
        [-1, 3, "C2f", [1024, True]],
        [-1, 1, "SPPF", [1024, 5]],
    ],
    "head": [
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 6], 1, "Concat", [1]],
        [-1, 3, "C2f", [512]],
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 4], 1, "Concat", [1]],
        [-1, 3, "C2f", [256]],
        [-1, 1, "Conv", [256, 3, 2]],
        [[-1, 12], 1, "Concat", [1]],
        [-1, 3, "C2f", [512]],
        [-1, 1, "Conv", [512, 3, 2]],
        [[-1, 9], 1, "Concat", [1]],
        [-1, 3, "C2f", [1024]],
        [[15, 18, 21], 1, "Detect", ["nc"]],
    ],
}


def write_clean_checkpoint(trained: Path, target: Path) -> None:
    """Write the trained network as a checkpoint that holds no path, date or setting of the machine.

    Parameters
    ----------
    trained
        The checkpoint that Ultralytics' own training has just written.
    target
        The checkpoint that ships: the network in half precision with its class names and input size.
    """
    import torch
    from ultralytics.utils.torch_utils import strip_optimizer

    strip_optimizer(trained)
    # Not weights_only: the file was written by this process a moment ago, and Ultralytics stores whole modules.
    model = torch.load(trained, map_location="cpu", weights_only=False)["model"]
    model.args = {"task": "detect", "imgsz": 128, "model": "toydetector.yaml"}
    model.yaml = {**DETECTOR_DEFINITION, "ch": 3, "yaml_file": "toydetector.yaml"}
    model.names = dict(enumerate(class_names()))
    for leftover in ("criterion", "pt_path", "loss"):
        if leftover in vars(model):
            delattr(model, leftover)
    model = model.half().eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    content = {"epoch": -1, "model": model, "train_args": dict(model.args), "date": None}
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, target)
