"""Frozen networks that can be cut at their layers, and the list of those that are known.

Importing this folder registers the architectures that ship with the package. Those of torchvision are read when one
of them is asked for: torchvision takes seconds to import. EmoNet needs a package of its own, which may be missing.
"""

from o2b_helpers.models.backbones import toynet  # noqa: F401
from o2b_helpers.models.backbones.registry import register_later

TORCHVISION = (
    *("alexnet", "vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101"),
    *("densenet121", "densenet161", "googlenet", "squeezenet1_1"),
)


def _torchvision() -> None:
    from o2b_helpers.models.backbones import architectures  # noqa: F401


register_later(TORCHVISION, _torchvision)


def _emonet() -> None:
    from o2b_helpers.models.backbones import emonet  # noqa: F401


register_later(("emonet",), _emonet)
