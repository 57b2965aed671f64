"""Ready networks as extractors: real weights name what photographs show, and what is refused."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.extractors.loading import OUTPUTS, load_extractor

REAL = Path(os.environ.get("O2B_REAL_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "real"))
PUBLISHED = {  # what is ours -> who published it, as its module and class
    "face_expression": ("face_expression_net", "face_expression_net", "FaceExpressionNet"),
    "places365_squeezenet": ("places365_squeezenet", "places_squeezenet", "PlacesSqueezeNet"),
}
real = pytest.mark.skipif(not (REAL / "weights").is_dir(), reason="no real networks at hand")


def published(name: str):
    """Return the network as the converted weights came with, in eval mode."""
    from safetensors.torch import load_file

    weights, module, kind = PUBLISHED[name]
    spec = spec_from_file_location(module, REAL / "weights" / f"{module}.py")
    loaded = module_from_spec(spec)
    sys.modules[module] = loaded
    spec.loader.exec_module(loaded)
    network = getattr(loaded, kind)().eval()
    network.load_state_dict(load_file(REAL / "weights" / f"{weights}.safetensors"))
    return network


@real
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_real_weights_fit_exactly_and_give_what_the_published_network_gives(name):
    extractor = load_extractor(name, str(REAL / "weights" / f"{PUBLISHED[name][0]}.safetensors"))
    side = extractor.preprocessing.crop
    images = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = published(name)(images.flip(1) if name.startswith("places") else images)
    assert torch.allclose(extractor.outputs(images, "logits"), wanted, rtol=1e-4, atol=1e-4)
    probabilities = extractor.outputs(images, "probabilities")
    assert torch.allclose(probabilities.sum(1), torch.ones(3), atol=1e-5)


@real
def test_scenes_of_photographs_are_named():
    extractor = load_extractor("places365_squeezenet", str(REAL / "weights" / "places365_squeezenet.safetensors"))
    names = json.loads((REAL / "weights" / "places365_squeezenet.classes.json").read_text())
    assert len(names) == 365
    photographs = sorted((REAL / "oasis" / "images").glob("Beach *.jpg")) + sorted(
        (REAL / "oasis" / "images").glob("Lake *.jpg")
    )
    water = (
        "beach",
        "coast",
        "ocean",
        "lake",
        "lagoon",
        "pond",
        "river",
        "islet",
        "water",
        "swimming",
        "raft",
        "creek",
    )
    images = torch.stack([extractor.preprocessing(Image.open(path).convert("RGB").resize((256, 256))) for path in
                          photographs])  # fmt: skip
    top = extractor.outputs(images, "probabilities").argsort(1, descending=True)[:, :5]
    hits = [any(word in names[place] for place in row for word in water) for row in top.tolist()]
    assert len(hits) >= 4 and np.mean(hits) > 0.7


def test_outputs_agree_with_each_other_and_with_the_backbone():
    extractor, backbone = load_extractor("toynet", "toyworld"), load_backbone("toynet", "toyworld")
    images = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    seen = {kind: extractor.outputs(images, kind) for kind in OUTPUTS}
    assert extractor.digest == backbone.digest
    assert torch.allclose(seen["penultimate"], backbone.features(images), atol=1e-5)
    assert torch.allclose(seen["logits"], backbone.module.classifier(seen["penultimate"]), atol=1e-4)
    assert torch.allclose(seen["sigmoid"], torch.sigmoid(seen["logits"]))
    assert torch.allclose(seen["probabilities"], torch.softmax(seen["logits"], 1))


def test_wrong_weights_and_names_are_refused(tmp_path):
    torch.save(load_backbone("toynet", "toyworld").module.state_dict(), tmp_path / "toynet.pt")
    with pytest.raises(ModelError, match="not weights of face_expression"):
        load_extractor("face_expression", str(tmp_path / "toynet.pt"))
    with pytest.raises(ModelError, match="Unknown architecture"):
        load_extractor("face_expresion", "imagenet")
    with pytest.raises(ModelError, match="another digest"):
        load_extractor("toynet", str(tmp_path / "toynet.pt"), sha256="0" * 64)
    with pytest.raises(ModelError, match="not finite"):
        load_extractor("toynet", "toyworld").outputs(torch.full((1, 3, 96, 96), float("nan")), "logits")
