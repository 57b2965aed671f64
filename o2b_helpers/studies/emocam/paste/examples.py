"""Pictures before and after, for the notebook, whose page is passed on: only where pictures may be shown."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import read_image
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.kernels.paste.compositing import pasted
from o2b_helpers.kernels.paste.objects import control, resized_object
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.report.panels import PanelGrid
from o2b_helpers.report.pictures.embedded import embedded
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import SIZE_SMALL, safe
from o2b_helpers.studies.alignment.inputs import image_folders
from o2b_helpers.studies.common.networks import target_layers
from o2b_helpers.studies.common.shown_pictures import pictures_shown
from o2b_helpers.studies.emocam.paste.plan import Frame, kinds, objects
from o2b_helpers.studies.emocam.paste.tables import OBJECT_KIND, PASTE_LABELS

SIDE = 130
NO_CHANGE = "No pasted object changed what is named, so there is no example."
NO_MODEL = "No model names emotions in this profile (analysis.emotion_heads.models), so there is no example."


def example_pictures(params: Params, results: Results, most: int = 4) -> go.Figure | str:
    """Show pictures whose named emotion changes with an object: as they are, with the object, with its controls.

    Parameters
    ----------
    params : Params
        The profile.
    results : Results
        Needs paste_labels.parquet.
    most : int
        Pictures, at most; objects take turns.

    Returns
    -------
    plotly.graph_objects.Figure or str
        A sentence where there is nothing that may be shown.
    """
    options = params.analysis.paste
    shown_there = pictures_shown(params, options.pictures)
    if not shown_there.allowed:
        return shown_there.reason
    if not params.analysis.emocam_models:
        return NO_MODEL
    table, read = results.table(PASTE_LABELS), objects(params)
    table = table[(table["architecture"] == params.analysis.emocam_models[0].label) & (table["where"] == "position")]
    changed = table[(table["kind"] == OBJECT_KIND) & (table["before"] != table["after"])]
    # the first change of each object, then the second of each
    turn = changed.drop_duplicates(["object", "image"]).groupby("object", sort=False).cumcount()
    rows = changed.loc[turn.sort_values(kind="stable").index].head(most).to_dict("records")
    if not rows:
        return NO_CHANGE
    folder = image_folders(params, Store(params.store))[options.pictures == "stimuli"]
    grid = PanelGrid(len(rows), 1 + len(kinds(params)), width=SIDE, height=SIDE, column_gap=20, row_gap=44, left=20,
                     right=20, top=56, bottom=40)  # fmt: skip
    for line, row in enumerate(rows):
        spot = table[(table["image"] == row["image"]) & (table["object"] == row["object"])]
        named = spot[spot["position"] == row["position"]].set_index("kind")["after"]
        picture = np.asarray(read_image(path_inside(folder, row["image"]), params.analysis.corpus.max_pixels))
        shown = [(picture, f"as it is: {row['before']}")]
        shown += [
            (changed_picture(params, picture, read[row["object"]], kind, (row["x"], row["y"])),
             f"{row['object'] if kind == OBJECT_KIND else kind.replace('_', ' ')}: {named[kind]}")
            for kind in kinds(params)
        ]  # fmt: skip
        for column, (pixels, words) in enumerate(shown):
            bare = {"visible": False, "range": [0, pixels.shape[1]]}
            grid.axes(line, column, bare, bare | {"range": [pixels.shape[0], 0]})
            grid.add(go.Image(source=embedded(Image.fromarray(pixels), "png"), hoverinfo="skip"), line, column)
            grid.text(safe(words, 30), grid._x(column), grid._y(line) - 2, size=SIZE_SMALL)
    return grid.finish()


def changed_picture(
    params: Params, picture: np.ndarray, pixels: np.ndarray, kind: str, place: tuple[float, float]
) -> np.ndarray:
    """Paste an object, or a control of it, onto a picture (height, width, 3) as the step does."""
    model, options = params.analysis.emocam_models[0], params.analysis.paste
    target_layers(params, model)  # reads the file that defines the architecture, where there is one
    frame = Frame.of(params, architecture(model.architecture).preprocessing, picture.shape[1], picture.shape[0])
    look = resized_object(pixels, frame.object_size(pixels, options.height_share))
    look = look if kind == OBJECT_KIND else control(kind, look, options.seed)
    return pasted(picture, look, np.array([place]))[0][0]
