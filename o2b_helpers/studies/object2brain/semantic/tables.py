"""The result files of the step ``semantic_control``."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.studies.alignment.tables import MODEL, RUN, STIMULUS, N
from o2b_helpers.studies.common.tables import TARGET

SEMANTIC_PREDICTIONS = Table(
    "semantic_predictions.csv",
    "a stimulus",
    (
        STIMULUS,
        Column("n_classes", "integer", "classes of objects that it shows, of those that the regression learned from"),
        Column("prediction", "number", "label predicted from which classes the stimulus shows, without any network"),
    ),
)
SEMANTIC_HELD_OUT = Table(
    "semantic_held_out.csv",
    "a split of the corpus into pictures to learn from and held-out ones: that of the heads' run",
    (
        RUN,
        Column("n_train", "integer", "pictures that the regression learned from"),
        Column("n_test", "integer", "pictures held out"),
        Column(
            "r2", "number", "R2 of the held-out labels: 1 is exact, below 0 is further off than their mean", "up to 1"
        ),
        Column(
            "rho",
            "number",
            "Spearman's rho of prediction and rating over the held-out pictures; empty for constant predictions",
            "-1..1",
        ),
    ),
)


def _beyond(words: str, end: str = "") -> tuple[Column, ...]:
    """Return the columns of a partial correlation; `end` is what their names end with."""
    partial = f"mean over runs of rho beyond {words}: ranks are taken out of both sides"
    return (
        Column(f"partial_rho{end}", "number", partial, "-1..1"),
        Column(
            f"p_partial{end}",
            "number",
            f"two-sided p of partial_rho{end} when the target's residuals are permuted",
            "0..1",
        ),
        Column(
            f"q_partial{end}",
            "number",
            f"q after Benjamini-Hochberg of p_partial{end} over the targets of the model",
            "0..1",
        ),
        Column(
            f"ci_low{end}",
            "number",
            f"lower end of partial_rho{end}'s interval over stimuli and runs (bootstrap)",
            "-1..1",
        ),
        Column(f"ci_high{end}", "number", "upper end of that interval", "-1..1"),
    )


SEMANTIC_CONTROL = Table(
    "semantic_control.csv",
    "a full model and a target, held against the presence of classes of objects",
    (
        *MODEL,
        *TARGET,
        N,
        Column("runs", "integer", "runs behind the means: those whose rho is defined"),
        Column("rho", "number", "mean rho over runs", "-1..1"),
        Column(
            "semantic_rho",
            "number",
            "rho of the semantic control (the prediction from presence), the same for all models; empty where it "
            "predicts the same for all stimuli of the target, as are all columns that follow",
            "-1..1",
        ),
        Column("semantic_ci_low", "number", "lower end of semantic_rho's interval over stimuli (bootstrap)", "-1..1"),
        Column("semantic_ci_high", "number", "upper end of that interval", "-1..1"),
        Column(
            "semantic_p", "number", "two-sided p of semantic_rho when stimuli are exchanged in their condition", "0..1"
        ),
        Column("semantic_q", "number", "q after Benjamini-Hochberg of semantic_p over the targets", "0..1"),
        *_beyond("the semantic control"),
        *_beyond("the semantic and the low-level control together", "_both"),
    ),
)
