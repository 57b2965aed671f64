from __future__ import annotations

import pandas as pd
import pytest
from view_fixture import HOSTILE, STUDIES, write_results

from o2b_helpers.core.contract import Table
from o2b_helpers.core.errors import InputError
from o2b_helpers.report.results import Results
from o2b_helpers.studies.alignment.figures.kept_heads import (
    best_alignment,
    best_runs,
    choice_in_words,
    chosen_on,
    kept_heads,
)
from o2b_helpers.studies.alignment.tables import ALIGNMENT, HEADS, LAYER_ALIGNMENT
from o2b_helpers.studies.common.select import layers, named
from o2b_helpers.studies.common.target_order import target_parts
from o2b_helpers.studies.object2brain.explorer.filter_tables import filter_models
from o2b_helpers.studies.object2brain.tables import CATEGORY_OVERLAP, FILTER_SCORES, LESION_EFFECTS


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("toy") / "results")


def test_every_table_of_the_contract_is_read_with_its_columns(toy):
    results = Results(toy)
    tables = [table for study in STUDIES for table in study.tables if isinstance(table, Table)]
    assert len(tables) == 65
    for table in tables:
        needed = [column.name for column in table.columns if not column.optional]
        assert list(results.table(table).columns) == needed, table.file
        assert len(results.table(table)) > 0 and results.has(table)
        assert results.table(table) is results.table(table)
    assert results.arrays(FILTER_SCORES, "toynet")["score_sum"].dims == ("run", "filter", "class")
    assert results.arrays(LESION_EFFECTS, "toynet")["delta"].dims == ("run", "filter", "target")
    assert not results.has(LESION_EFFECTS, "alexnet")
    assert filter_models(results) == ["toynet", "toynet_untrained"]


def test_names_stay_text_and_numbers_stay_exact(tmp_path):
    folder = write_results(tmp_path / "results", "oasis")
    table = pd.read_csv(folder / "category_overlap.csv")
    table["overlap"] = 0.1 + 0.2
    table.loc[0, ["category_a", "category_b"]] = ["NA", "007"]
    table.loc[1, "overlap"] = None
    table.to_csv(folder / "category_overlap.csv", index=False)
    read = Results(folder).table(CATEGORY_OVERLAP)
    assert read.loc[0, ["category_a", "category_b"]].tolist() == ["NA", "007"]
    assert pd.isna(read.loc[1, "overlap"])
    assert (read["overlap"].drop(1) == 0.1 + 0.2).all()


def test_a_missing_folder_file_or_column_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="o2b run"):
        Results(tmp_path / "nowhere")
    folder = write_results(tmp_path / "results", "oasis")
    (folder / "heads.csv").unlink()
    with pytest.raises(InputError, match="02_valence_models"):
        Results(folder, STUDIES).table(HEADS)
    with pytest.raises(InputError, match="the series writes"):  # without studies, nobody knows who does
        Results(folder).table(HEADS)
    table = pd.read_csv(folder / "alignment.csv").drop(columns="q")
    table.to_csv(folder / "alignment.csv", index=False)
    with pytest.raises(InputError, match=r"(?s)lacks a column.*03_alignment"):
        Results(folder, STUDIES).table(ALIGNMENT)


def test_a_model_name_does_not_lead_out_of_the_folder(tmp_path):
    folder = write_results(tmp_path / "results", "oasis")
    (tmp_path / "x.nc").write_bytes((folder / "filter_scores_squeezenet1_1.nc").read_bytes())
    (folder / "filter_scores_").mkdir()
    with pytest.raises(InputError, match="lack"):
        Results(folder).arrays(FILTER_SCORES, "/../../x")
    assert Results(write_results(tmp_path / "hostile", hostile=True)).arrays(FILTER_SCORES, HOSTILE)["run"].size == 5


def test_the_kept_head_is_the_best_rate_at_its_best_test_loss():
    rows = [
        # rate 0.1: lowest loss at epoch 2, where the error is 0.30; rate 0.01: lowest loss at epoch 1, error 0.25
        ("a", "w", "full", 0, 0.1, 1, "test", 0.10, 0.5, 0.0),
        ("a", "w", "full", 0, 0.1, 2, "test", 0.30, 0.1, 0.0),
        ("a", "w", "full", 0, 0.01, 1, "test", 0.25, 0.2, 0.0),
        ("a", "w", "full", 0, 0.01, 2, "test", 0.05, 0.3, 0.0),
        ("a", "w", "full", 0, 0.01, 2, "train", 0.01, 0.0, 0.0),
        ("a", "w", "full", 1, 0.1, 1, "test", 0.20, 0.4, 0.0),
        ("a", "w", "features.1", 0, 0.1, 1, "test", 0.01, 0.4, 0.0, "layer"),
        # the other set of full models has its own kept heads
        ("a", "w", "full", 0, 0.1, 1, "test", 0.02, 0.05, 0.0, "full_under_layer_rules"),
        ("a", "w", "full", 0, 0.1, 2, "test", 0.01, 0.06, 0.0, "full_under_layer_rules"),
    ]
    heads = pd.DataFrame([(*row, "full")[: len(HEADS.names)] for row in rows], columns=HEADS.names)
    kept = kept_heads(heads)
    assert len(kept) == 4 and chosen_on(heads) == "test" and "mildly optimistic" in choice_in_words(heads)
    other = kept[kept["rules"] == "full_under_layer_rules"]
    assert other[["epoch", "mae"]].to_numpy().tolist() == [[1, 0.02]]
    full = kept[kept["rules"] == "full"].set_index("run")
    assert (full.loc[0, "learning_rate"], full.loc[0, "epoch"], full.loc[0, "mae"]) == (0.01, 1, 0.25)
    assert best_runs(heads) == {"a": 1}
    pd.testing.assert_frame_equal(kept_heads(kept), kept)


def test_validation_images_choose_where_there_are_any():
    rows = []
    # by the test images epoch 1 of run 0 and run 0 itself would be best
    for run, epoch, validation, test in ((0, 0, 0.2, 0.4), (0, 1, 0.3, 0.1), (1, 0, 0.1, 0.5), (1, 1, 0.4, 0.3)):
        for split, mae in (("train", 0.0), ("validation", validation), ("test", test)):
            rows.append(("a", "w", "full", run, 0.1, epoch, split, mae, mae**2, 0.0, "full"))
    heads = pd.DataFrame(rows, columns=HEADS.names)
    kept = kept_heads(heads)
    assert kept[["run", "epoch", "split", "mae"]].to_numpy().tolist() == [[0, 0, "test", 0.4], [1, 0, "test", 0.5]]
    assert best_runs(heads) == {"a": 1}
    assert chosen_on(heads) == "validation" and "optimistic" not in choice_in_words(heads)


def test_the_best_run_of_every_model_is_shown_and_a_model_without_head_is_an_error(toy, tmp_path):
    results = Results(toy)
    best = best_alignment(results)
    assert len(best) == 2 * 24
    assert best.groupby("architecture")["run"].nunique().eq(1).all()
    folder = write_results(tmp_path / "results")
    heads = pd.read_csv(folder / "heads.csv")
    heads[heads["architecture"] == "toynet"].to_csv(folder / "heads.csv", index=False)
    with pytest.raises(InputError, match="toynet_untrained"):
        best_alignment(Results(folder))


def test_one_architecture_with_two_weights_is_two_models(toy):
    table = Results(toy).table(ALIGNMENT).assign(architecture="alexnet")
    assert set(named(table, table)["architecture"]) == {"alexnet (toyworld)", "alexnet (untrained)"}
    assert set(named(table[table["weights"] == "toyworld"], table)["architecture"]) == {"alexnet (toyworld)"}


def test_targets_and_layers_keep_the_order_of_the_figures(toy):
    results = Results(toy)
    parts = target_parts(results)
    assert list(parts.index[:5]) == [
        "IV/true/congruent", "IV/LLR/congruent", "IV/MLR/congruent", "IV/HLR/congruent", "PV/true/congruent",
    ]  # fmt: skip
    assert parts["condition"].tolist() == ["congruent"] * 12 + ["incongruent"] * 12
    assert layers(results.table(LAYER_ALIGNMENT), "toynet") == ["features.1", "features.4", "features.7", "features.9"]
