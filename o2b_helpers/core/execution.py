"""The block ``execution:``: what cannot change a number, but for rounding."""

from __future__ import annotations

from typing import Literal

from o2b_helpers.core.options import Block, option


class Execution(Block):
    """What cannot change a number, but for rounding: the same bytes come from the same device and threads."""

    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", "where networks run")
    threads: int | None = option(None, "CPU threads; default: all cores", ge=1)
    batch_size: int = option(32, "images in one forward pass", unit="images", ge=1)
    memory_gib: float | None = option(
        None, "memory that a step may use, all in all; default: what is available", unit="GiB", gt=0
    )
    features: Literal["auto", "memory", "disk", "stream"] = option(
        "auto",
        "where features are while heads learn: in memory, in a file that is gone afterwards, or computed anew in every "
        "epoch; auto: the first of them that fits",
    )
    runs_folder: str = option("runs", "where results go")
    figures_folder: str = option("figures", "where figures go")
    weights_folder: str | None = option(None, "folder to look for downloaded weights in; default: torch's own cache")
