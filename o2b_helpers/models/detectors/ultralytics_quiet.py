"""Import Ultralytics so that it keeps to itself: no network, no installing, no files outside its own folder.

Ultralytics reads its settings when it is first imported and then writes a settings file, may install packages and may
report its use. All of that is switched off here, before the import, and nothing else in the package imports it for
detecting.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from o2b_helpers.inputs.images.run_lengths import encode_mask

PIXELS_AT_ONCE = 2**26  # of masks, one byte each
SWITCHES = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}


def import_ultralytics() -> SimpleNamespace:
    """Import Ultralytics (seconds, so only when something is to be detected).

    Returns
    -------
    SimpleNamespace
        ``YOLO``, ``QuietPredictor`` (a predictor that keeps torch's number of threads and never gives up on time),
        ``QuietMaskPredictor`` (the same for segmentation checkpoints; with the option ``retina_masks`` each result has
        ``mask_codes``, a list with the run-length code of every box's mask) and ``version``.
    """
    os.environ.update(SWITCHES)
    if not os.path.isdir(os.environ.get("O2B_YOLO_CONFIG", "")):
        folder = tempfile.mkdtemp(prefix="o2b_ultralytics_")
        atexit.register(_remove, folder, os.getpid())
        os.environ.update(YOLO_CONFIG_DIR=folder, O2B_YOLO_CONFIG=folder)
    first_time = "ultralytics" not in sys.modules
    with unchanged_surroundings():
        import torch
        import ultralytics
        from ultralytics.models.yolo.detect import DetectionPredictor
        from ultralytics.utils import nms, ops

        if first_time:
            torch.set_printoptions(profile="default")
        if ultralytics.settings.get("sync", False):
            ultralytics.settings.update({"sync": False})

        class QuietPredictor(DetectionPredictor):
            n_classes = 0  # as many as the outputs tell

            def setup_model(self, *arguments, **options):
                threads = torch.get_num_threads()
                super().setup_model(*arguments, **options)
                torch.set_num_threads(threads)  # Ultralytics sets a number of its own

            def postprocess(self, preds, img, orig_imgs, **options):
                # as in Ultralytics, but without its time limit, behind which a busy machine loses boxes
                boxes = nms.non_max_suppression(
                    preds,
                    self.args.conf,
                    self.args.iou,
                    max_det=self.args.max_det,
                    nc=self.n_classes,
                    max_time_img=3600.0,
                    end2end=getattr(self.model, "end2end", False),
                )
                return self.construct_results(boxes, img, orig_imgs, **options)

        class QuietMaskPredictor(QuietPredictor):
            def postprocess(self, preds, img, orig_imgs, **options):
                model: Any = self.model
                self.n_classes = len(model.names)  # what follows the classes are the masks' coefficients
                protos = preds[0][1] if isinstance(preds[0], tuple) else preds[1]
                return super().postprocess(preds[0], img, orig_imgs, protos=protos)

            def construct_results(self, preds, img, orig_imgs, protos=()):
                results = super().construct_results(preds, img, orig_imgs)  # puts the boxes in the original's pixels
                if self.args.retina_masks:
                    for result, boxes, picture, proto in zip(results, preds, orig_imgs, protos, strict=True):
                        result.mask_codes = mask_codes(proto, boxes, picture.shape[:2])
                return results

        def mask_codes(proto, boxes, shape) -> list[str]:
            # Ultralytics drops a box whose mask is empty; here it stays, so that the boxes do not hang on the masks
            codes = []
            for part in boxes.split(max(1, PIXELS_AT_ONCE // (shape[0] * shape[1]))):
                masks = ops.process_mask_native(proto, part[:, 6:], part[:, :4], shape)
                codes += [encode_mask(mask) for mask in masks.bool().cpu().numpy()]
            return codes

        return SimpleNamespace(
            YOLO=ultralytics.YOLO,
            QuietPredictor=QuietPredictor,
            QuietMaskPredictor=QuietMaskPredictor,
            version=ultralytics.__version__,
        )


@contextmanager
def unchanged_surroundings() -> Iterator[None]:
    """Put back what Ultralytics changes for the whole process: number of threads and how arrays are printed."""
    import numpy
    import torch

    threads, printing = torch.get_num_threads(), numpy.get_printoptions()
    omp = os.environ.get("OMP_NUM_THREADS")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        numpy.set_printoptions(**printing)
        if omp is None:
            os.environ.pop("OMP_NUM_THREADS", None)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker must not take the folder away from its parent
        shutil.rmtree(folder, ignore_errors=True)
