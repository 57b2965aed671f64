from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.toyworld.backgrounds import apply_light, draw_background
from o2b_helpers.toyworld.scenes import draw_scene, render
from o2b_helpers.toyworld.shapes import SHAPES, sprite
from o2b_helpers.toyworld.truth import class_names, planted, truth

SCENES = [draw_scene((99, 0, index)) for index in range(40)]


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def _cover(scene, class_names_shown) -> np.ndarray:
    """Mark the pixels that objects of these classes touch, from their sprites alone."""
    side = planted("image_size")
    touched = np.zeros((side, side), dtype=bool)
    for thing in scene.objects:
        if thing.class_name in class_names_shown:
            alpha = np.asarray(sprite(thing.class_name, thing.size, thing.flipped, thing.seed))[..., 3] > 0
            x0, y0, x1, y1 = thing.box
            touched[y0:y1, x0:x1] |= alpha
    return touched


def test_leaving_a_class_out_changes_only_pixels_it_touched():
    changed_somewhere = 0
    for scene in SCENES:
        full = _pixels(render(scene))
        assert full.shape == (128, 128, 3)
        for name in scene.classes:
            difference = (_pixels(render(scene, without=name)) != full).any(axis=2)
            touched = _cover(scene, [name])
            assert not difference[~touched].any()
            hidden = _cover(scene, [other for other in scene.classes if other != name])
            assert difference[touched & ~hidden].mean() > 0.7
            changed_somewhere += int(difference.any())
    assert changed_somewhere == sum(len(scene.classes) for scene in SCENES)


def test_leaving_a_class_out_equals_drawing_the_other_objects_on_the_same_ground():
    scene = max(SCENES, key=lambda candidate: len(candidate.classes))
    name = scene.classes[1]
    picture = draw_background(128, (*scene.seed, 0))
    for thing in scene.objects:
        if thing.class_name != name:
            drawing = sprite(thing.class_name, thing.size, thing.flipped, thing.seed)
            picture.paste(drawing, thing.box[:2], drawing)
    assert np.array_equal(_pixels(apply_light(picture, (*scene.seed, 1))), _pixels(render(scene, without=name)))


def test_a_printed_scene_is_the_same_scene_in_another_look():
    for scene in SCENES[:8]:
        painted, printed = (_pixels(render(scene, style=style)) for style in ("painted", "printed"))
        assert np.array_equal(painted, _pixels(render(scene))) and not np.array_equal(painted, printed)
        assert np.array_equal(printed, _pixels(render(scene, style="printed")))
        name = scene.classes[0]
        difference = (_pixels(render(scene, without=name, style="printed")) != printed).any(axis=2)
        assert difference.any() and not difference[~_cover(scene, [name])].any()
    with pytest.raises(InputError, match="this style"):
        render(SCENES[0], style="drawn")


def test_boxes_are_exact():
    for scene in SCENES:
        background = draw_background(128, (*scene.seed, 0))
        for thing in scene.objects:
            alone = background.copy()
            drawing = sprite(thing.class_name, thing.size, thing.flipped, thing.seed)
            alone.paste(drawing, thing.box[:2], drawing)
            mask = np.zeros((128, 128), dtype=bool)
            mask[thing.box[1] : thing.box[3], thing.box[0] : thing.box[2]] = np.asarray(drawing)[..., 3] > 0
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            assert thing.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            changed = (_pixels(alone) != _pixels(background)).any(axis=2)
            assert not changed[~mask].any()
            assert 0 <= thing.box[0] and thing.box[2] <= 128 and 0 <= thing.box[1] and thing.box[3] <= 128


def test_objects_are_mostly_visible():
    shares = []
    for scene in SCENES:
        for depth, thing in enumerate(scene.objects):
            own = _cover(type(scene)(scene.seed, (thing,), 0.0, 0.0), [thing.class_name])
            front = type(scene)(scene.seed, scene.objects[depth + 1 :], 0.0, 0.0)
            shares.append(1 - (own & _cover(front, class_names())).sum() / own.sum())
    assert np.mean(shares) > 0.9
    assert np.mean(np.array(shares) < 0.5) < 0.03


def test_same_seed_same_pixels_and_other_seed_other_pixels():
    again = draw_scene((99, 0, 3))
    assert again == SCENES[3]
    assert render(again).tobytes() == render(SCENES[3]).tobytes()
    assert render(draw_scene(5)).tobytes() == render(draw_scene((5,))).tobytes()
    assert render(SCENES[3]).tobytes() != render(SCENES[4]).tobytes()


def test_there_are_always_people():
    people = set(truth().query("category == 'Human'")["class"])
    assert all(people & set(scene.classes) for scene in SCENES)


def test_signs_that_are_asked_for_are_kept():
    margin = planted("stimulus_margin")
    for people_sign, scene_sign in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        valence = draw_scene((7, 7), people_sign, scene_sign).valence()
        assert valence.people * people_sign >= margin
        assert valence.scene * scene_sign >= margin


def test_counterfactual_valence_moves_by_the_planted_effect():
    effects = truth().set_index("class")
    for scene in SCENES:
        for name in scene.classes:
            gone, there = scene.valence(without=name), scene.valence()
            assert there.people - gone.people == pytest.approx(effects.at[name, "people_effect"], abs=1e-12)
            assert there.scene - gone.scene == pytest.approx(effects.at[name, "scene_effect"], abs=1e-12)


def test_leaving_out_what_is_not_shown_is_an_error():
    scene = SCENES[0]
    absent = next(name for name in class_names() if name not in scene.classes)
    with pytest.raises(InputError, match=absent):
        render(scene, without=absent)


def test_every_class_has_a_shape_and_no_other():
    assert set(SHAPES) == set(class_names())
    with pytest.raises(InputError, match="Unicorn"):
        sprite("Unicorn", 30, False, (0,))


@pytest.mark.parametrize("name", class_names())
def test_an_object_looks_different_with_another_seed(name):
    each, two = (sprite(name, 40, False, (seed,)).resize((40, 40)) for seed in (1, 2))
    assert (np.asarray(each) != np.asarray(two)).any()
