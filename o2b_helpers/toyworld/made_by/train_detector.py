"""Train the toy detector: ``python -m o2b_helpers.toyworld.made_by.train_detector``.

A YOLOv8 of an eighth of the usual width learns from toy images that no corpus and no stimulus set shares (their
seed stands in the truth table). Written: ``weights/toydetector.pt`` (half precision, no machine path, no date)
and its digest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from o2b_helpers.core.progress import say
from o2b_helpers.toyworld.made_by.detection_data import IMAGE_SIZE, write_detection_data
from o2b_helpers.toyworld.made_by.detector_definition import DETECTOR_DEFINITION, write_clean_checkpoint
from o2b_helpers.toyworld.truth import planted
from o2b_helpers.toyworld.weights import record_digest, toy_detector_path


def train(images: int, epochs: int, target: Path) -> Path:
    """Train the detector and write its checkpoint.

    Parameters
    ----------
    images
        Training images.
    epochs
        Passes through them; the second half without mosaics.
    target
        Where the checkpoint goes.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        # Ultralytics reads these when it is first imported: no network, no installing, no settings in the home folder.
        # models/detector.py does the same where the detector is used; this room lies below that one.
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=str(work), YOLO_VERBOSE="true")
        import yaml
        from ultralytics import YOLO, settings

        settings.update({"sync": False})
        data = write_detection_data(
            work / "data",
            {"train": (images, planted("training_seed")), "val": (200, planted("validation_seed"))},
        )
        definition = work / "toydetector.yaml"
        definition.write_text(yaml.safe_dump(DETECTOR_DEFINITION))
        model = YOLO(str(definition), task="detect")
        model.train(
            data=str(data),
            imgsz=IMAGE_SIZE,
            epochs=epochs,
            batch=16,
            nbs=16,
            workers=0,
            device="cpu",
            optimizer="AdamW",
            lr0=3e-3,
            lrf=0.02,
            cos_lr=True,
            warmup_epochs=1.0,
            weight_decay=5e-4,
            amp=False,
            close_mosaic=max(1, epochs // 2),
            mosaic=0.5,
            scale=0.2,
            translate=0.1,
            hsv_h=0.02,
            hsv_s=0.4,
            hsv_v=0.3,
            plots=False,
            val=True,
            seed=planted("weights_seed"),
            deterministic=True,
            project=str(work / "runs"),
            name="toy",
            exist_ok=True,
            pretrained=False,
        )
        write_clean_checkpoint(work / "runs" / "toy" / "weights" / "last.pt", target)
    return target


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="train the toy detector")
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--target", type=Path, default=toy_detector_path())
    arguments = parser.parse_args()
    path = train(arguments.images, arguments.epochs, arguments.target)
    if path == toy_detector_path():
        record_digest(path)
    say(f"wrote {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
