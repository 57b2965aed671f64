"""What is pasted onto which pictures, and where; nothing is pasted yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.errors import InputError
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.object_pictures import read_object
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.kernels.paste.objects import checked_object
from o2b_helpers.kernels.paste.places import centres_of_boxes, pasted_size, quincunx, random_places
from o2b_helpers.studies.alignment.inputs import Inputs
from o2b_helpers.studies.emocam.emotion_models import EmotionModel
from o2b_helpers.studies.emocam.maps import drawn_rows
from o2b_helpers.studies.emocam.options import is_built_in, object_name
from o2b_helpers.studies.emocam.paste.tables import OBJECT_KIND
from o2b_helpers.studies.object2brain import objects as detected
from o2b_helpers.toyworld.pasted_objects import pasted_object

DIGITS_OF_A_SEED = 15  # of a picture's digest, in base 16
ROOM = 1e-9  # a centre that is rounded may lie so far outside


def kinds(params: Params) -> tuple[str, ...]:
    """Return what is pasted of each object: itself and its controls."""
    return (OBJECT_KIND, *params.analysis.paste.controls)


def positions(params: Params) -> np.ndarray:
    """Return the relative positions (position, 2), the profile's or the 17 of the quincunx."""
    given = params.analysis.paste.positions
    return quincunx() if given is None else np.array(given, dtype=np.float64)


def objects(params: Params) -> dict[str, np.ndarray]:
    """Read the objects by name, (height, width, 4) of uint8, cropped to what is visible.

    Raises
    ------
    InputError
        A file that is missing, unreadable, or without transparency.
    """
    read = {}
    for text in params.analysis.paste.objects:
        pixels = np.asarray(pasted_object(text)) if is_built_in(text) else read_object(params.path(text))
        read[object_name(text)] = checked_object(pixels, text)
    return read


def object_digest(pixels: np.ndarray) -> str:
    """Name an object by its pixels, for keys."""
    return digest_of([list(pixels.shape), hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()])


def chosen_pictures(params: Params, inputs: Inputs, emotion_model: EmotionModel) -> pd.DataFrame:
    """Return the pictures that are pasted onto, and which head judges each.

    A picture of the corpus is judged by the head that did not learn from it. No head learned from a stimulus: the first
    one judges it, but where the corpus holds the same pixels, the head that did not learn from those.

    Parameters
    ----------
    params : Params
        The profile.
    inputs : Inputs
        Corpus and stimuli.
    emotion_model : EmotionModel
        Whose heads judge.

    Returns
    -------
    DataFrame
        image, path, width, height, sha256, fold; in the order of the table that they come from.
    """
    options = params.analysis.paste
    labelled = emotion_model.table[["image", "fold"]].merge(inputs.corpus, on="image", validate="one_to_one")
    if options.pictures == "corpus":
        table = labelled
    else:
        table = inputs.stimuli.drop_duplicates("image").reset_index(drop=True)
        held_out = labelled.drop_duplicates("pixels").set_index("pixels")["fold"]
        table = table.assign(fold=table["pixels"].map(held_out).fillna(0).astype(np.int64))
    table = table[["image", "path", "width", "height", "sha256", "fold"]]
    return table.iloc[drawn_rows(len(table), options.max_pictures, options.seed)].reset_index(drop=True)


def surest_boxes(
    params: Params, store: Store, preprocessing: Preprocessing, table: pd.DataFrame, detections: pd.DataFrame
) -> pd.DataFrame:
    """Return the surest box of each named class in each picture whose centre the network sees.

    Parameters
    ----------
    params, store
        The profile; where boxes of stimuli are kept.
    preprocessing : Preprocessing
        Of the network.
    table : DataFrame
        The pictures, see :func:`chosen_pictures`.
    detections : DataFrame
        Of the corpus.

    Returns
    -------
    DataFrame
        row (of the picture), class, x, y (centre by the picture's sides).
    """
    options, columns = params.analysis.paste, ["row", "class", "x", "y"]
    if not options.box_classes:
        return pd.DataFrame(columns=columns)
    boxes = detections if options.pictures == "corpus" else detected.detect(params, store, table, "stimuli")
    boxes = boxes[boxes["class"].isin(options.box_classes)]
    boxes = boxes.assign(row=boxes["image"].map({name: row for row, name in enumerate(table["image"])}))
    boxes = (
        boxes.dropna(subset="row").astype({"row": np.int64}).sort_values("confidence", ascending=False, kind="stable")
    )
    kept = []
    for kind, row, *corners, width, height in boxes[
        ["class", "row", "x0", "y0", "x1", "y1", "width", "height"]
    ].itertuples(index=False):
        x, y = centres_of_boxes(np.array([corners]), width, height)[0]
        left, top, right, bottom = seen_part(preprocessing, width, height)
        if left <= x * width <= right and top <= y * height <= bottom:
            kept.append((row, kind, x, y))
    return pd.DataFrame(kept, columns=columns).drop_duplicates(["row", "class"]).sort_values(["row", "class"])


def seen_part(preprocessing: Preprocessing, width: int, height: int) -> tuple[float, float, float, float]:
    """Return what the crop of a network's input leaves of a picture: x0, y0, x1, y1 in pixels of the picture.

    Examples
    --------
    >>> seen_part(Preprocessing(256, 224), 600, 400)
    (125.0, 25.0, 475.0, 375.0)
    """
    side = min(preprocessing.crop * min(width, height) / preprocessing.resize, float(max(width, height)))
    half_x, half_y = min(side, width) / 2, min(side, height) / 2
    return width / 2 - half_x, height / 2 - half_y, width / 2 + half_x, height / 2 + half_y


@dataclass(frozen=True)
class Frame:
    """The part of a picture that positions and heights refer to, in pixels of the picture."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, params: Params, preprocessing: Preprocessing, width: int, height: int) -> Frame:
        """Return the frame of a picture of this size."""
        if params.analysis.paste.frame == "picture":
            return cls(0.0, 0.0, float(width), float(height))
        left, top, right, bottom = seen_part(preprocessing, width, height)
        return cls(left, top, right - left, bottom - top)

    def object_size(self, pixels: np.ndarray, height_share: float) -> tuple[int, int]:
        """Return the height and width in pixels that an object takes; InputError where it does not fit."""
        return pasted_size(pixels.shape, (int(round(self.height)), int(round(self.width))), height_share)

    def in_picture(self, places: np.ndarray, width: int, height: int) -> np.ndarray:
        """Carry positions (place, 2) relative to the frame to such relative to the picture."""
        moved = places * (self.width, self.height) + (self.left, self.top)
        return moved / (width, height)


def places(
    params: Params, frame: Frame, row: Mapping[str, object], size: tuple[int, int], boxes: Mapping[str, Sequence[float]]
) -> np.ndarray:
    """Return where an object is pasted onto one picture.

    Parameters
    ----------
    params : Params
        The profile.
    frame : Frame
        Of the picture.
    row : mapping
        width, height and sha256 of the picture.
    size : (int, int)
        Height and width of the object, pixels of the picture.
    boxes : mapping of str to (float, float)
        Centre of the surest box of each class, relative to the picture's sides.

    Returns
    -------
    array (place, 2)
        x and y relative to the picture's sides: the positions; then for each class the box's centre, moved inside where
        the object would reach over the frame's edge, and a random place in the frame. NaN for a class without a box.
    """
    options, width, height = params.analysis.paste, int(str(row["width"])), int(str(row["height"]))
    seed = [options.seed, int(str(row["sha256"])[:DIGITS_OF_A_SEED], 16)]
    # the same draws for every object: only the room that it leaves differs
    drawn = frame.in_picture(
        random_places(
            len(options.box_classes), size, int(round(frame.width)), int(round(frame.height)),
            np.random.default_rng(seed),
        ),
        width, height,
    )  # fmt: skip
    half = np.array([size[1] / 2, size[0] / 2])
    lowest, highest = (frame.left, frame.top) + half, (frame.left + frame.width, frame.top + frame.height) - half
    asked = [frame.in_picture(positions(params), width, height)]
    for kind, random in zip(options.box_classes, drawn, strict=True):
        centre = np.array(boxes.get(kind, (np.nan, np.nan)), dtype=np.float64)
        inside = np.minimum(np.maximum(centre * (width, height), lowest), highest) / (width, height)
        asked.append(np.stack([inside, np.where(np.isnan(centre), np.nan, random)]))
    together = np.concatenate(asked)
    return np.where((together > 1) & (together < 1 + ROOM), 1.0, np.where(together > -ROOM, together.clip(0), together))


def check_sizes(
    params: Params, preprocessing: Preprocessing, table: pd.DataFrame, read: Mapping[str, np.ndarray]
) -> None:
    """Refuse an object that is larger than one of the pictures, before anything is computed.

    Raises
    ------
    InputError
        With object, picture and both sizes.
    """
    for name, pixels in read.items():
        for row in table.drop_duplicates(["width", "height"]).to_dict("records"):
            frame = Frame.of(params, preprocessing, row["width"], row["height"])
            try:
                frame.object_size(pixels, params.analysis.paste.height_share)
            except InputError as error:
                raise InputError(
                    f"The object {name!r} is larger than the picture {row['image']}",
                    value=error.value,
                    expected=error.expected,
                    remedy="lower analysis.paste.height_share, take a narrower object, or leave the picture out",
                ) from error
