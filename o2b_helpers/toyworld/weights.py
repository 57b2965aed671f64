"""Where the weights of the toy world lie and what their digests are."""

from __future__ import annotations

import json
from pathlib import Path

from o2b_helpers.core.digests import file_digest

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
DIGESTS_FILE = WEIGHTS_FOLDER / "DIGESTS.json"


def toy_detector_path() -> Path:
    """Return the checkpoint of the toy detector."""
    return WEIGHTS_FOLDER / "toydetector.pt"


def toynet_weights(trained: bool) -> Path:
    """Return the weights of the trained backbone, or of its untrained twin."""
    return WEIGHTS_FOLDER / ("toynet.safetensors" if trained else "toynet_untrained.safetensors")


def digests() -> dict[str, str]:
    """Return the SHA-256 of each shipped weights file, by file name."""
    return json.loads(DIGESTS_FILE.read_text(encoding="utf-8"))


def record_digest(path: Path) -> None:
    """Enter the digest of a file that was just written; only the training scripts call this."""
    known = digests() if DIGESTS_FILE.exists() else {}
    known[path.name] = file_digest(path)
    DIGESTS_FILE.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
