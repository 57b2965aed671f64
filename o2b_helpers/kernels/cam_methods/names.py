"""Names of the CAM methods, apart from what makes the maps: options name them, and no profile should wait for torch."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "gradcam:"
PEERS = (
    "GradCAM", "HiResCAM", "GradCAMElementWise", "GradCAMPlusPlus", "XGradCAM", "AblationCAM", "ScoreCAM", "LayerCAM",
    "EigenCAM", "EigenGradCAM",
)  # fmt: skip


@dataclass(frozen=True)
class CamMethod:
    """A method and what is to be known before it is chosen.

    Parameters
    ----------
    meaning : str
        What its maps show, in a sentence.
    source : str
        Where it is from.
    before_link : bool
        Whether it usually explains the linear value of an output, or what stands behind the link.
    free : bool
        Whether the other of the two may be asked for.
    """

    meaning: str
    source: str
    before_link: bool = True
    free: bool = True


METHODS: dict[str, CamMethod] = {
    "grad_cam": CamMethod("Maps weighted by the mean gradient of the output.", "Selvaraju et al. 2017"),
    "ablation_cam": CamMethod("Maps weighted by what the output loses without them.", "Desai and Ramaswamy 2020"),
    "lift_cam": CamMethod("Maps weighted by their DeepLIFT share in the output.", "Jung and Oh 2021", free=False),
    "lrp": CamMethod("Relevance of the places of the maps, epsilon rule.", "Bach et al. 2015, Captum", free=False),
    "lime": CamMethod("Parts of the picture whose presence raises the output.", "Ribeiro et al. 2016", False),
}
OF_A_PEER = CamMethod("As pytorch-grad-cam makes it.", "pytorch-grad-cam")
