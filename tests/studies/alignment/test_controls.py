"""Tests of the controls: low-level features, untrained networks, and what is left beyond them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import SMALL, merged, write_profile
from scipy.stats import false_discovery_control, pearsonr, rankdata, spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from view_fixture import write_results

from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.low_level import CYCLES, NAMES, ORIENTATIONS, low_level_features, measured
from o2b_helpers.kernels.statistics.permutation_null import own_order
from o2b_helpers.kernels.statistics.permutations import permutations_within
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.alignment.controls.untrained import controlled_models, seeds, with_seed
from o2b_helpers.studies.alignment.figures.alignment_by_architecture import figure_1
from o2b_helpers.studies.alignment.figures.controls import controls_in_words, controls_table
from o2b_helpers.studies.alignment.tables import ALIGNMENT_CONTROLS
from o2b_helpers.studies.alignment.valence_models import training_set
from o2b_helpers.studies.common.networks import loaded
from o2b_helpers.studies.common.pictures import pictures
from o2b_helpers.studies.registry import load_params

FEW = {"permutations": 99, "bootstrap": 99}
STEPS = ("inputs", "human_targets", "valence_models", "alignment_controls")
SEEDS = 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    tree = merged(SMALL, significance=FEW, controls={"untrained_seeds": SEEDS})
    params = load_params(write_profile(tmp_path_factory.mktemp("controls"), tree))
    return params, {step: run_step(params, step) for step in STEPS}


def test_low_level_features_are_those_of_plain_formulas():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32)).astype(np.uint8)
    table = pd.DataFrame(low_level_features(pixels), columns=NAMES)
    for number, picture in enumerate(pixels / 255):
        red, green, blue = picture
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        expected = {
            "luminance": light.mean(), "contrast": light.std(), "red_green": (red - green).mean(),
            "saturation": ((picture.max(0) - picture.min(0)) / picture.max(0)).mean(),
            "blue_yellow": (blue - (red + green) / 2).mean(),
        }  # fmt: skip
        for name, value in expected.items():
            assert table.loc[number, name] == pytest.approx(value, abs=1e-12), name
        frequency = np.fft.fftfreq(32) * 32
        across, down = np.meshgrid(frequency, frequency)
        for cycles in CYCLES:
            for k in range(ORIENTATIONS):  # filter the picture, and take the mean square of what comes through
                angle = np.pi * k / ORIENTATIONS
                away = (across - cycles * np.cos(angle)) ** 2 + (down - cycles * np.sin(angle)) ** 2
                spectrum = np.exp(-away / (2 * (cycles / 2) ** 2))
                filtered = np.fft.ifft2(np.fft.fft2(light - light.mean()) * spectrum)
                energy = np.log((np.abs(filtered) ** 2).mean() + 1e-8)
                assert table.loc[number, f"gabor_{cycles:g}_{180 * k // ORIENTATIONS}"] == pytest.approx(energy)


def test_a_black_picture_has_no_colour_and_no_energy():
    features = low_level_features(np.zeros((1, 3, 16, 16), np.uint8))
    assert np.isfinite(features).all() and (features[0, :5] == 0).all()


def test_the_low_level_control_is_scikit_learns_ridge(finished):
    params, results = finished
    store, model = Store(params.store), params.analysis.models[0]
    data = inputs.load(params, results["inputs"].folder)
    training = training_set(params, data.corpus)
    known = measured(pictures(params, store, model, data.corpus, "corpus").of(training["sha256"]), 7)
    shown = measured(pictures(params, store, model, data.stimuli, "stimuli"), 50)
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=params.analysis.controls.penalties))
    expected = ridge.fit(known, training["target"]).predict(shown)
    made = results["alignment_controls"].table("control_predictions.csv")
    made = made[made["control"] == "low_level"].set_index("stimulus")["prediction"]
    assert made[data.stimuli["stimulus"]].to_numpy() == pytest.approx(expected, abs=1e-9)


def test_every_seed_draws_its_own_network(finished):
    params, results = finished
    (model,) = controlled_models(params)
    digests = {loaded(with_seed(params, seed), model).digest for seed in seeds(params)}
    assert len(digests) == SEEDS and params.analysis.seed not in seeds(params)
    assert load_backbone("toynet", "untrained", seed=params.analysis.seed).digest not in digests
    made = results["alignment_controls"].table("control_predictions.csv").query("control == 'untrained'")
    assert sorted(made["seed"].unique()) == seeds(params)
    assert (
        made.pivot(index="seed", columns="stimulus", values="prediction").round(6).drop_duplicates().shape[0] == SEEDS
    )


def test_rank_rho_and_partial_rho_are_those_of_plain_loops(finished):
    params, results = finished
    targets = results["human_targets"].table("targets.csv")
    predictions = results["valence_models"].table("predictions.csv")
    controls = results["alignment_controls"].table("control_predictions.csv")
    rho = results["alignment_controls"].table("control_alignment.csv").set_index(["control", "seed", "target"])["rho"]
    table = results["alignment_controls"].table("alignment_controls.csv")
    low_level = controls[controls["control"] == "low_level"].set_index("stimulus")["prediction"]
    stimuli = list(dict.fromkeys(targets["stimulus"]))
    condition = targets.drop_duplicates("stimulus").set_index("stimulus")["condition"][stimuli]
    orders = permutations_within(condition.to_numpy(), 99, params.analysis.significance.seed)

    def left(values, covariate):
        slope, start = np.polyfit(rankdata(covariate), values, 1)
        return values - slope * rankdata(covariate) - start

    for row in table.itertuples():
        own = targets[targets["target"] == row.target].set_index("stimulus")["value"]
        z = low_level[own.index].to_numpy()
        runs = [part.set_index("stimulus")["prediction"][own.index] for _, part in predictions.groupby("run")]
        assert row.rho == pytest.approx(np.mean([spearmanr(run, own).statistic for run in runs]), abs=1e-12)
        assert row.low_level_rho == pytest.approx(spearmanr(z, own).statistic, abs=1e-12)
        of_seeds = [rho["untrained", seed, row.target] for seed in seeds(params)]
        for seed, value in zip(seeds(params), of_seeds, strict=True):
            drawn = controls[(controls["control"] == "untrained") & (controls["seed"] == seed)]
            drawn = drawn.set_index("stimulus")["prediction"][own.index]
            assert value == pytest.approx(spearmanr(drawn, own).statistic, abs=1e-12)
        assert (row.untrained_seeds, row.untrained_low, row.untrained_high) == (SEEDS, min(of_seeds), max(of_seeds))
        assert row.p_untrained == (1 + sum(value >= row.rho for value in of_seeds)) / (1 + SEEDS)
        residuals = [left(rankdata(run), z) for run in runs]
        of_target = left(rankdata(own), z)
        partial = np.mean([pearsonr(part, of_target).statistic for part in residuals])
        assert row.partial_rho == pytest.approx(partial, abs=1e-9)
        null = [
            np.mean([pearsonr(part, left(of_target[order], z)).statistic for part in residuals])
            for order in own_order(orders, np.array([stimuli.index(name) for name in own.index]))
        ]
        assert row.p_partial == (1 + (np.abs(null) >= abs(partial) - 1e-9).sum()) / 100
        assert row.ci_low < row.partial_rho < row.ci_high or row.n < 20
    assert table["q_partial"].to_numpy() == pytest.approx(false_discovery_control(table["p_partial"]), abs=1e-12)


def test_without_untrained_networks_nothing_is_ranked_and_low_level_features_stay(finished):
    params, _ = finished
    off = load_params(params.profile, {"analysis.controls.untrained_seeds": 0})
    result = run_step(off, "alignment_controls")
    table = result.table("alignment_controls.csv")
    assert (table["untrained_seeds"] == 0).all() and table["p_untrained"].isna().all()
    assert table["partial_rho"].notna().all()
    assert set(result.table("control_predictions.csv")["control"]) == {"low_level"}
    assert "untrained" not in result.summary() and "light, colour and edges" in result.summary()


def test_the_figure_the_sentence_and_the_table_show_the_controls(tmp_path):
    folder = write_results(tmp_path / "results")
    results = Results(folder)
    table = results.table(ALIGNMENT_CONTROLS)
    pale = [trace for trace in figure_1(results).data if trace.hovertext and "untrained network" in trace.hovertext[0]]
    assert len(pale) == 6  # one trained model in every panel
    assert {value for trace in pale for value in trace.y if value is not None} == {-0.1, 0.1}
    dotted = [trace for trace in figure_1(results).data if trace.type == "scatter" and trace.line.dash == "dot"]
    assert sum(value is not None for trace in dotted for value in trace.y) == 2 * 24
    words = controls_in_words(results)
    mine = table[table["architecture"] == "toynet"]
    assert f"toynet is above all of 3 networks with drawn weights on {int((mine['rho'] > 0.1).sum())} of 24" in words
    assert "toynet_untrained is above" not in words and "toynet_untrained agrees with" in words
    assert len(controls_table(results).rows) == 48
    none = table.assign(untrained_seeds=0, p_untrained=np.nan, untrained_low=np.nan, untrained_high=np.nan)
    ALIGNMENT_CONTROLS.write(none, folder)
    assert "drawn weights" not in controls_in_words(Results(folder))
    assert "drawn weights" not in figure_1(Results(folder)).layout.title.subtitle.text
