from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from o2b_helpers.inputs.people.targets import mean_over_subjects, subject_predictions, true_labels
from o2b_helpers.toyworld.people import write_human
from o2b_helpers.toyworld.scenes import render
from o2b_helpers.toyworld.truth import class_names, planted, planted_regions, truth
from o2b_helpers.toyworld.world import corpus_scene, stimulus_scene, write_corpus, write_stimuli


def _ridge_predictions(*tables, **options) -> pd.DataFrame:
    return mean_over_subjects(subject_predictions(*tables, **options))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    path = write_corpus(folder, 800, seed=21)
    return path


def _presence(corpus) -> pd.DataFrame:
    objects = pd.read_csv(corpus.parent / "objects.csv")
    shown = pd.crosstab(objects["image"], objects["class"]).clip(upper=1)
    return shown.reindex(columns=list(class_names()), fill_value=0)


def _digests(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_corpus_is_complete_and_neutral_images_exist(corpus):
    table = pd.read_csv(corpus)
    assert list(table.columns) == ["image", "valence", "people_valence", "scene_valence", "emotion", "arousal"]
    assert len(table) == 800 and table["image"].is_unique
    assert table["valence"].dtype == np.int64 and set(table["valence"]) == {-3, -2, -1, 0, 1, 2, 3}
    negative, neutral, positive = ((np.sign(table["valence"]) == sign).mean() for sign in (-1, 0, 1))
    assert neutral > 0.05 and negative > 0.2 and positive > 0.2
    for name in table["image"][:5]:
        with Image.open(corpus.parent / "images" / name) as image:
            assert image.size == (128, 128) and image.mode == "RGB"


def test_valence_is_the_rounded_mean_of_people_and_scene(corpus):
    table = pd.read_csv(corpus)
    mean = (table["people_valence"] + table["scene_valence"]) / 2
    assert (table["valence"] == np.clip(np.rint(mean), -3, 3)).all()


def test_regression_on_class_presence_recovers_the_planted_effects(corpus):
    table = pd.read_csv(corpus).set_index("image")
    presence = _presence(corpus).loc[table.index]
    design = np.column_stack([np.ones(len(presence)), presence.to_numpy()])
    for column, effects in (("people_valence", "people_effect"), ("scene_valence", "scene_effect")):
        result, residual, _, _ = np.linalg.lstsq(design, table[column].to_numpy(), rcond=None)
        assert np.abs(result[1:] - truth()[effects].to_numpy()).max() < 0.1
        assert abs(result[0]) < 0.1
        noise = np.sqrt(residual[0] / (len(design) - design.shape[1]))
        assert noise == pytest.approx(planted("valence_noise"), rel=0.1)


def test_an_image_of_the_corpus_can_be_drawn_again(corpus):
    with Image.open(corpus.parent / "images" / "corpus_00017.png") as stored:
        assert stored.convert("RGB").tobytes() == render(corpus_scene(21, 17)).tobytes()
    boxes = pd.read_csv(corpus.parent / "objects.csv").query("image == 'corpus_00017.png'")
    assert [tuple(row) for row in boxes[["x0", "y0", "x1", "y1"]].to_numpy()] == [
        thing.box for thing in corpus_scene(21, 17).objects
    ]


def test_same_seed_same_bytes_and_a_longer_corpus_starts_with_the_shorter(tmp_path):
    for name, images in (("one", 12), ("two", 12), ("long", 15)):
        write_corpus(tmp_path / name, images, seed=4)
        write_stimuli(tmp_path / name / "stimuli", seed=4)
        write_human(tmp_path / name / "human", seed=4)
    each, two, longer = (_digests(tmp_path / name) for name in ("one", "two", "long"))
    assert each == two
    pictures = [name for name in each if name.startswith("images")]
    assert len(pictures) == 12 and all(longer[name] == each[name] for name in pictures)
    write_corpus(tmp_path / "other", 12, seed=5)
    assert all(_digests(tmp_path / "other")[name] != each[name] for name in pictures)


def test_a_style_changes_pictures_and_nothing_else(tmp_path):
    for style in ("painted", "printed"):
        write_corpus(tmp_path / style, images=4, seed=7, style=style)
    for table in ("corpus.csv", "objects.csv"):
        assert (tmp_path / "painted" / table).read_bytes() == (tmp_path / "printed" / table).read_bytes()
    names = sorted(path.name for path in (tmp_path / "painted" / "images").iterdir())
    pairs = [[(tmp_path / style / "images" / name).read_bytes() for style in ("painted", "printed")] for name in names]
    assert len(pairs) == 4 and all(painted != printed for painted, printed in pairs)


def test_stimuli_are_twelve_of_each_cell(tmp_path):
    table = pd.read_csv(write_stimuli(tmp_path, seed=6))
    assert list(table.columns)[:3] == ["stimulus", "image", "condition"]
    assert len(table) == 48 and table["stimulus"].is_unique
    cells = table.groupby(["people_sign", "scene_sign"]).size()
    assert len(cells) == 4 and (cells == 12).all()
    agree = table["people_sign"] == table["scene_sign"]
    assert (table["condition"] == np.where(agree, "congruent", "incongruent")).all()
    for side in ("people", "scene"):
        assert (np.sign(table[f"{side}_valence"]) == table[f"{side}_sign"]).all()
        assert table[f"{side}_valence"].abs().min() >= planted("stimulus_margin")
    assert len({path.read_bytes() for path in (tmp_path / "images").iterdir()}) == 48


@pytest.fixture(scope="module")
def human(tmp_path_factory):
    return write_human(tmp_path_factory.mktemp("human"), seed=1)


def test_ratings_are_complete_and_follow_the_truth(human):
    ratings = pd.read_csv(human.ratings)
    assert len(ratings) == 48 * 50 * 3 and not ratings.duplicated(["stimulus", "annotator", "valence_type"]).any()
    assert ratings["rating"].between(1, 7).all() and ratings["rating"].nunique() == 7
    mean = ratings.groupby(["valence_type", "stimulus"])["rating"].mean()
    valences = [stimulus_scene(1, index).valence() for index in range(48)]
    for kind, true in (("IV", "image"), ("PV", "people"), ("SV", "scene")):
        assert np.corrcoef(mean[kind], [getattr(valence, true) for valence in valences])[0, 1] > 0.9
    spread = ratings.groupby(["valence_type", "stimulus"])["rating"].std()
    assert (spread > 0).all()


def test_signals_are_complete(human):
    signals, regions = pd.read_csv(human.signals), pd.read_csv(human.regions)
    assert len(signals) == 22 * 48 * len(regions) and np.isfinite(signals["value"]).all()
    assert set(signals["roi"]) == set(regions["roi"]) and set(regions["region"]) == {"LLR", "MLR", "HLR"}


def test_signals_carry_the_planted_loadings(human):
    signals = pd.read_csv(human.signals)
    mean = signals.groupby(["roi", "stimulus"])["value"].mean().unstack("roi")
    valences = [stimulus_scene(1, index).valence() for index in range(48)]
    felt = np.tanh(np.array([(v.people, v.scene) for v in valences]) / planted("signal_scale"))
    regions = planted_regions().set_index("roi")
    error = np.sqrt(planted("stimulus_noise") ** 2 + planted("subject_noise") ** 2 / 22) / np.sqrt(48) / 0.8
    for roi, values in mean.items():
        result = np.linalg.lstsq(np.column_stack([felt, np.ones(48)]), values.to_numpy(), rcond=None)[0][:2]
        expected = regions.loc[roi, ["people_loading", "scene_loading"]].to_numpy(dtype=float)
        assert np.abs(result - expected).max() < 4 * error


def test_ridge_predictions_show_the_planted_pattern(tmp_path):
    result: dict[tuple[str, str], list[float]] = {}
    for seed in (1, 2, 3, 4):
        files = write_human(tmp_path / str(seed), seed)
        labels = true_labels(pd.read_csv(files.ratings))
        predictions = _ridge_predictions(
            pd.read_csv(files.signals), pd.read_csv(files.regions), labels, np.logspace(-1, 4, 6), seed=0, repeats=3
        )
        both = predictions.merge(labels, on=["stimulus", "valence_type"]).dropna()
        for key, rows in both.groupby(["region", "valence_type"]):
            rho = rows["prediction"].corr(rows["label"], method="spearman")
            result.setdefault(key, []).append(rho)
    mean = {key: np.mean(values) for key, values in result.items()}
    assert mean["LLR", "SV"] > 0.5
    assert abs(mean["LLR", "PV"]) < 0.25  # nothing planted; 48 labels shared by all subjects leave chance of this size
    for region in ("MLR", "HLR"):
        for kind in ("PV", "SV"):
            assert min(result[region, kind]) > 0.3
            assert mean[region, kind] < 0.865  # clear, not perfect: two equal halves reach 0.866 at most
