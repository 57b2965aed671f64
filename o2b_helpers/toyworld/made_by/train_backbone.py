"""Train the toy backbone: ``python -m o2b_helpers.toyworld.made_by.train_backbone``.

It learns which toy classes a picture shows and is never told a valence. Written: ``weights/toynet.safetensors``, the
untrained twin that it started from, and their digests.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn

from o2b_helpers.core.progress import progress, say
from o2b_helpers.toyworld.backbone import CHANNEL_MEAN, CHANNEL_STD, INPUT_SIZE, untrained_toynet
from o2b_helpers.toyworld.scenes import draw_scene, render
from o2b_helpers.toyworld.truth import class_names, planted
from o2b_helpers.toyworld.weights import record_digest, toynet_weights


def presence_data(images: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw training images and say which classes each shows.

    Returns
    -------
    tuple of torch.Tensor
        Pictures ``(image, channel, height, width)`` in 0..255 (uint8, already of the input size), and presence
        ``(image, class)`` of 0 and 1.
    """
    names = class_names()
    pictures = np.empty((images, INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
    presence = torch.zeros(images, len(names))
    for index in progress(range(images), "drawing training images"):
        scene = draw_scene((seed, planted("training_stream"), index))
        pictures[index] = np.asarray(render(scene).resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BILINEAR))
        presence[index, [names.index(name) for name in scene.classes]] = 1.0
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), presence


def normalise(pictures: Tensor) -> Tensor:
    """Scale 0..255 to the backbone's input."""
    mean, std = (torch.tensor(part)[:, None, None] for part in (CHANNEL_MEAN, CHANNEL_STD))
    return (pictures.float() / 255 - mean) / std


def train(model: nn.Module, images: int, epochs: int, batch: int = 32, rate: float = 3e-3) -> nn.Module:
    """Train a network with binary cross-entropy and one cosine sweep of the rate.

    Parameters
    ----------
    model
        Takes pictures as :func:`normalise` gives them, and returns one logit for each toy class. It is changed.
    images
        Training images.
    epochs
        Passes through them, half of the pictures mirrored each time.
    batch
        Images per step.
    rate
        Largest learning rate of AdamW.
    """
    pictures, presence = presence_data(images, planted("training_seed"))
    unseen, unseen_presence = presence_data(500, planted("validation_seed"))
    generator = torch.Generator().manual_seed(planted("weights_seed"))
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2)
    steps = epochs * (images // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        losses = []
        order = torch.randperm(images, generator=generator)
        for start in range(0, images // batch * batch, batch):
            chosen = order[start : start + batch]
            inputs = normalise(pictures[chosen])
            mirrored = torch.rand(batch, generator=generator) < 0.5
            inputs = torch.where(mirrored[:, None, None, None], inputs.flip(3), inputs)
            loss = nn.functional.binary_cross_entropy_with_logits(model(inputs), presence[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        with torch.no_grad():
            right = ((model(normalise(unseen)) > 0).float() == unseen_presence).float().mean().item()
        say(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.4f}, {right:.4f} of unseen labels right")
    return model.eval()


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="train the toy backbone")
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--epochs", type=int, default=24)
    arguments = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    learnt = train(untrained_toynet(), arguments.images, arguments.epochs)
    for trained, model in ((False, untrained_toynet()), (True, learnt)):
        path = toynet_weights(trained)
        path.write_bytes(save({name: value.contiguous() for name, value in model.state_dict().items()}))
        record_digest(path)
        say(f"wrote {path.name} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
