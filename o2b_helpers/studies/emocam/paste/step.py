"""Notebook 11: paste objects onto pictures; which emotion is named then, and is it due to the object? (EmoCAM, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from o2b_helpers.core.contract import Table
from o2b_helpers.core.executor import InProcess
from o2b_helpers.core.facts import beside, carried_on, write_facts
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.store import Store
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.networks import model_part, target_layers
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.maps import cam_layer
from o2b_helpers.studies.emocam.paste.counts import (
    box_rows,
    control_rows,
    label_rows,
    object_rows,
    position_rows,
    switch_rows,
)
from o2b_helpers.studies.emocam.paste.pasting import Pasted, paste_shards
from o2b_helpers.studies.emocam.paste.plan import (
    check_sizes,
    chosen_pictures,
    object_digest,
    objects,
    positions,
    surest_boxes,
)
from o2b_helpers.studies.emocam.paste.tables import (
    ANYWHERE,
    OBJECT_KIND,
    PASTE_BOXES,
    PASTE_CONTROLS,
    PASTE_LABELS,
    PASTE_OBJECTS,
    PASTE_POSITIONS,
    PASTE_SWITCHES,
)

TABLES = (PASTE_LABELS, PASTE_POSITIONS, PASTE_OBJECTS, PASTE_CONTROLS, PASTE_SWITCHES, PASTE_BOXES)


def part(params: Params, store: Store) -> dict[str, Any]:
    """Return the options, the objects' digests and the models."""
    options, models = params.analysis.paste, params.analysis.emocam_models
    return {
        "paste": {**options.model_dump(exclude={"objects"}), "positions": positions(params).tolist()},
        "objects": {name: object_digest(pixels) for name, pixels in objects(params).items()},
        "significance": params.analysis.significance.model_dump(),
        "models": {m.label: {**model_part(params, m, store), "layer": cam_layer(params, m)} for m in models},
    }


def compute(params: Params, needs: Mapping[str, Path], folder: Path) -> None:
    """Paste every object at every place of every chosen picture, for each model."""
    store, data, read = Store(params.store), inputs.load(params, needs["inputs"]), objects(params)
    detections = pd.read_parquet(needs["objects"] / "results" / "detections.parquet")
    models, work = params.analysis.emocam_models, []
    for model in models:
        target_layers(params, model)  # reads the file that defines the architecture, where there is one
        emotion_model = load_emotion_model(needs["emotion_models"], model)
        table, geometry = chosen_pictures(params, data, emotion_model), architecture(model.architecture).preprocessing
        check_sizes(params, geometry, table, read)  # of all models, before the first one is asked
        work.append((model, emotion_model, table, geometry))
    frames: dict[Table, list[pd.DataFrame]] = {declared: [] for declared in TABLES}
    facts, without = {}, dict[str, None]()
    for model, emotion_model, table, geometry in work:
        boxes = surest_boxes(params, store, geometry, table, detections)
        shards = paste_shards(params, store, model, emotion_model.readout, read, table, boxes)
        pasted, names, labels = Pasted.read(InProcess().run(shards, store)), tuple(read), emotion_model.names
        made = {
            PASTE_LABELS: label_rows(params, pasted, names, labels, tuple(table["image"])),
            PASTE_POSITIONS: position_rows(params, pasted, names, labels),
            PASTE_OBJECTS: object_rows(params, pasted, names, labels),
            PASTE_CONTROLS: control_rows(params, pasted, names),
            PASTE_SWITCHES: switch_rows(params, pasted, names, labels),
            PASTE_BOXES: box_rows(params, pasted, names, labels),
        }
        for declared, rows in made.items():
            if len(rows):
                frames[declared].append(rows.assign(architecture=model.label, weights=model.weights_label))
        shown = set(boxes["class"])
        without |= dict.fromkeys(name for name in params.analysis.paste.box_classes if name not in shown)
        facts[model.label] = _told(made, len(table))
        say(f"    {model.label}: {len(read)} objects pasted onto {len(table)} pictures")
    for declared, rows_of_models in frames.items():
        rows = pd.concat(rows_of_models) if rows_of_models else declared.empty()
        declared.write(rows, folder / "results")
    options = params.analysis.paste
    common: dict[str, Any] = {"objects": list(read), "positions": len(positions(params)), "frame": options.frame,
                              "onto": options.pictures, "controls": list(options.controls)}  # fmt: skip
    if without:
        common["warnings"] = [
            f"Objects were not pasted at boxes of {', '.join(without)}: no such box in what a network sees of the "
            "chosen pictures."
        ]
    write_facts(folder, carried_on(beside(common, facts), needs["emotion_models"]))


def _told(made: Mapping[Table, pd.DataFrame], pictures: int) -> dict[str, Any]:
    of_objects, controls, boxes = made[PASTE_OBJECTS], made[PASTE_CONTROLS], made[PASTE_BOXES]
    own = of_objects[of_objects["kind"] == OBJECT_KIND].set_index("object")
    told: dict[str, Any] = {"pasted_onto": pictures, "changed": own["share"].to_dict(),
                            "most_often": own["most_often"].to_dict()}  # fmt: skip
    if len(controls):
        anywhere = controls[controls["position"] == ANYWHERE]
        told |= {"against_controls": len(anywhere), "q_against_controls_below_0.05": int((anywhere["q"] < 0.05).sum())}
    if len(boxes):
        tested = boxes[(boxes["kind"] == OBJECT_KIND) & boxes["p"].notna()]
        told |= {"at_boxes": len(tested), "q_at_boxes_below_0.05": int((tested["q"] < 0.05).sum())}
    return told
