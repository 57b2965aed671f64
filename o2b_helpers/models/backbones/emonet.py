"""EmoNet, a ready network that names 20 emotions (Kragel et al., 2019), from the package emonet-py.

The package's own weights and mean picture are used; it fetches them itself. What the package computes before its last
layer is listed here as stages, and a test compares both.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, WeightsSource, register
from o2b_helpers.models.backbones.stages import Stages, stages_of

PACKAGE, INSTALL = "emonet_py", 'pip install "object2brain[emonet]" (or: pip install emonet-py)'
SIDE, MEAN = 227, "img_mean.txt"
FETCH = "from emonet_py.check_data_files import CheckDataFiles; CheckDataFiles.check_and_download()"
LABELS = (
    "Adoration", "Aesthetic Appreciation", "Amusement", "Anxiety", "Awe", "Boredom", "Confusion", "Craving", "Disgust",
    "Empathetic Pain", "Entrancement", "Excitement", "Fear", "Horror", "Interest", "Joy", "Romance", "Sadness",
    "Sexual Desire", "Surprise",
)  # fmt: skip


class MeanTaken(nn.Module):
    """Take the mean picture of EmoNet's training away from pictures of 0..255; untrained, it takes nothing away."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.register_buffer("mean", torch.zeros(3, SIDE, SIDE), persistent=False)  # no file of weights holds it

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return images (image, 3, height, width) less the mean."""
        return images - self.mean


class InMatlabsOrder(nn.Module):
    """Flatten maps (image, channel, height, width) with the columns first, as the network was trained."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return features (image, feature)."""
        return maps.transpose(2, 3).flatten(1)


class EmoNet(nn.Module):
    """EmoNet without the softmax behind its last layer, which the readout has."""

    def __init__(self) -> None:
        super().__init__()
        need_package()
        from emonet_py.alexnet_big import AlexNetBigEmoNet

        self.mean_taken, self.network, self.flatten = MeanTaken(), AlexNetBigEmoNet(), InMatlabsOrder()
        for place in (1, 2, 3, 4, 5, 6, 7):
            self.add_module(f"relu{place}", nn.ReLU())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the linear values (image, 20) of pictures (image, 3, 227, 227) of 0..255."""
        for _, stage in emonet_stages(self):
            images = stage(images)
        last: nn.Module = self.network.fc3
        return last(images)


def emonet_stages(module: nn.Module) -> Stages:
    """List the stages of EmoNet; names follow MatLab's (relu5 is behind the fifth convolution)."""
    network = module.get_submodule("network")
    stages = stages_of(module, "mean_taken")
    for place in (1, 2, 3, 4, 5):
        stages += [(f"conv{place}", network.get_submodule(f"conv{place}")), *stages_of(module, f"relu{place}")]
        if place in (1, 2):
            stages.append((f"norm{place}", network.get_submodule("lr_norm")))
        if place in (1, 2, 5):
            stages.append((f"pool{place}", network.get_submodule("maxpool")))
    stages += stages_of(module, "flatten")
    for place in (6, 7):
        stages += [(f"fc{place}", network.get_submodule(f"fc{place - 5}")), *stages_of(module, f"relu{place}")]
    return stages


def need_package() -> None:
    """Raise ModelError where the package emonet-py is not installed."""
    if find_spec(PACKAGE) is None:
        raise ModelError(
            "EmoNet needs a package that is not installed",
            value=f"no module {PACKAGE}",
            expected="the package emonet-py",
            remedy=INSTALL,
        )


def package_data() -> Path:
    """Return the folder into which the package puts its weights."""
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) / "data" if places else Path(PACKAGE) / "data"


def fetch() -> None:
    """Let the package fetch its weights and mean picture.

    Raises
    ------
    ModelError
        The package is not installed.
    OSError
        There is no way to the files, or no room for them.
    """
    need_package()
    from emonet_py.check_data_files import CheckDataFiles
    from gitlab.exceptions import GitlabError

    try:
        CheckDataFiles.check_and_download()
    except GitlabError as error:
        raise OSError(f"GitLab: {error}") from error


def read_mean(path: Path) -> torch.Tensor:
    """Read EmoNet's mean picture.

    Parameters
    ----------
    path : Path
        The package's text file: a line for each row of the picture, in it that row's red, green and blue.

    Returns
    -------
    tensor (3, 227, 227)
        0..255; channel, height, width.

    Raises
    ------
    ModelError
        The file is missing or holds something else.
    """
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
        rows = torch.from_numpy(table.reshape(SIDE, 3, SIDE))  # another size does not fit
    except (OSError, ValueError) as error:
        raise ModelError(
            "EmoNet's mean picture cannot be read",
            value=f"{path} ({str(error).splitlines()[0]})",
            expected=f"{SIDE} lines of {3 * SIDE} numbers",
            remedy=f'delete it and fetch it again: {sys.executable} -c "{FETCH}"',
        ) from error
    return rows.transpose(0, 1).contiguous()


def complete(module: nn.Module, weights: Path) -> None:
    """Put the mean picture that lies beside the weights into the network."""
    module.get_buffer("mean_taken.mean").copy_(read_mean(weights.parent / MEAN))


register(
    Architecture(
        name="emonet",
        build=EmoNet,
        stages=emonet_stages,
        target_layers=tuple(f"relu{place}" for place in (1, 2, 3, 4, 5)),
        # 0..255, as the mean picture: its own way to 227 x 227 squashes pictures; ours crops them, as for all networks
        preprocessing=Preprocessing(SIDE, SIDE, mean=(0.0, 0.0, 0.0), std=(1 / 255,) * 3),
        last_layer="network.fc3",
        weights={
            "emonet": WeightsSource(
                "emonet.pth",
                f'python -c "{FETCH}"',
                download=True,
                folder=package_data(),
                fetch=fetch,
            )
        },
        rename_key=lambda key: f"network.{key.removeprefix('network.')}",
        needed=need_package,
        beside=(MEAN,),
        complete=complete,
        labels=LABELS,
    )
)
