from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.counts.associations import Associations, hypergeometric_p
from o2b_helpers.kernels.counts.confusion import Confusion, balanced_accuracy_p

PICTURES, CLASSES, LABELS = 160, 5, 4  # nobody predicts label 3


@pytest.fixture(scope="module")
def table() -> Associations:
    rng = np.random.default_rng(0)
    predicted = rng.integers(0, LABELS - 1, PICTURES)
    present = rng.uniform(size=(PICTURES, CLASSES)) < [0.1, 0.3, 0.5, 0.9, 0.0]
    important = present & (rng.uniform(size=present.shape) < 0.3 + 0.4 * (predicted[:, None] == 1))
    return Associations(predicted, present, important, LABELS)


def test_counts_and_shares_are_those_of_plain_loops(table):
    for label in range(LABELS):
        own = [row for row in range(PICTURES) if table.predicted[row] == label]
        assert table.pictures[label, 0] == len(own)
        for name in range(CLASSES):
            shown = [row for row in own if table.present[row, name]]
            hits = [row for row in shown if table.important[row, name]]
            assert table.count[label, name] == len(hits) and table.shown[label, name] == len(shown)
            for value, top, bottom in (
                (table.importance, 100 * len(hits), len(own)),
                (table.presence, 100 * len(shown), len(own)),
                (table.conditional, len(hits), len(shown)),
            ):
                assert np.isnan(value[label, name]) if not bottom else value[label, name] == pytest.approx(top / bottom)


def test_p_is_fishers(table):
    p, conditional = table.p_values(), table.conditional_p_values()
    for label in range(LABELS):
        of_label = table.predicted == label
        for name in range(CLASSES):
            hit, shown = table.important[:, name], table.present[:, name]
            for value, of in ((p, np.ones(PICTURES, bool)), (conditional, shown)):
                cells = [[int((of & of_label & hit).sum()), int((of & of_label & ~hit).sum())],
                         [int((of & ~of_label & hit).sum()), int((of & ~of_label & ~hit).sum())]]  # fmt: skip
                rows, columns = np.sum(cells, 1), np.sum(cells, 0)
                if min(columns) == 0 or (of is not shown and rows[0] == 0) or (of is shown and min(rows) == 0):
                    assert np.isnan(value[label, name])
                else:
                    assert value[label, name] == pytest.approx(fisher_exact(cells).pvalue, rel=1e-9)


def test_p_is_what_permutations_of_the_labels_come_to(table):
    rng, name, label = np.random.default_rng(1), 2, 1
    drawn = np.array(
        [(table.important[:, name] & (rng.permutation(table.predicted) == label)).sum() for _ in range(4000)]
    )
    counts = np.bincount(drawn, minlength=PICTURES) / len(drawn)
    observed = int(table.count[label, name])
    expected = counts[counts <= counts[observed] + 1e-3].sum()
    assert table.p_values()[label, name] == pytest.approx(expected, abs=0.03)


def test_fishers_test_of_every_small_table():
    rng = np.random.default_rng(2)
    for _ in range(300):
        cells = rng.integers(0, 12, (2, 2))
        if min(cells.sum(0).min(), cells.sum(1).min()):
            p = hypergeometric_p(cells[:1, 0], cells[:, 0].sum(), cells[0].sum(), cells.sum())
            assert p[0] == pytest.approx(fisher_exact(cells).pvalue, rel=1e-9)
    large = np.array([[3000, 5000], [2000, 15000]])
    p = hypergeometric_p(large[:1, 0], large[:, 0].sum(), large[0].sum(), large.sum())
    assert p[0] == pytest.approx(fisher_exact(large).pvalue, rel=1e-6)


def test_intervals_are_those_of_pictures_drawn_one_by_one(table):
    rng, chance = np.random.default_rng(3), np.where(table.present, 0.35, 0.0)
    ends = table.intervals(chance, 2000, seed=0)
    label, name = 1, 2
    own, values = np.flatnonzero(table.predicted == label), {key: [] for key in ends}
    for _ in range(2000):
        rows = rng.choice(own, len(own))
        hit, shown = table.important[rows, name], table.present[rows, name]
        values["importance"].append(100 * hit.mean())
        values["presence"].append(100 * shown.mean())
        values["conditional"].append(hit.sum() / shown.sum())
        values["lift"].append(hit.sum() / shown.sum() - chance[rows, name].sum() / shown.sum())
    for key, drawn in values.items():
        scale = 100 if key in ("importance", "presence") else 1
        low, high = np.percentile(drawn, [2.5, 97.5])
        assert ends[key][0][label, name] == pytest.approx(low, abs=0.03 * scale)
        assert ends[key][1][label, name] == pytest.approx(high, abs=0.03 * scale)
        assert np.isnan(ends[key][0][LABELS - 1]).all()
    assert np.isnan(ends["conditional"][0][:, 4]).all() and (ends["importance"][1][:3, 4] == 0).all()


def test_lift_is_what_is_left_of_conditional_importance(table):
    chance = np.where(table.present, np.random.default_rng(4).uniform(size=table.present.shape), 0.0)
    expected = table.expected(chance)
    for label, name in np.ndindex(LABELS - 1, CLASSES - 1):
        rows = (table.predicted == label) & table.present[:, name]
        assert expected[label, name] == pytest.approx(chance[rows, name].mean())


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="do not fit"):
        Associations(np.zeros(2, int), np.zeros((2, 1), bool), np.ones((2, 1), bool), 1)


def test_confusion_is_that_of_plain_loops_and_of_sklearn():
    from sklearn.metrics import balanced_accuracy_score, confusion_matrix

    rng = np.random.default_rng(5)
    labels = rng.integers(0, 4, 300)
    predicted = np.where(rng.uniform(size=300) < 0.5, labels, rng.integers(0, 4, 300))
    confusion = Confusion.of(labels, predicted, 4)
    assert (confusion.counts == confusion_matrix(labels, predicted)).all()
    assert confusion.accuracy == pytest.approx((labels == predicted).mean())
    assert confusion.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    ends = confusion.intervals(2000, seed=0)
    drawn = [rng.integers(0, 300, 300) for _ in range(2000)]
    for name, score in (
        ("accuracy", lambda rows: (labels[rows] == predicted[rows]).mean()),
        ("balanced_accuracy", lambda rows: balanced_accuracy_score(labels[rows], predicted[rows])),
    ):
        low, high = np.percentile([score(rows) for rows in drawn], [2.5, 97.5])
        assert ends[name] == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert ((ends["shares"][0] <= confusion.shares) & (confusion.shares <= ends["shares"][1])).all()


def test_p_of_balanced_accuracy_is_small_only_for_skill():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 90)
    skilled = np.where(rng.uniform(size=90) < 0.6, labels, rng.integers(0, 3, 90))
    assert balanced_accuracy_p(labels, skilled, 199, 0) == 1 / 200
    assert np.mean([balanced_accuracy_p(labels, rng.permutation(labels), 99, 0) for _ in range(60)]) > 0.35
