"""The result tables of the study ``alignment``."""

from __future__ import annotations

from o2b_helpers.core.contract import Column, Table
from o2b_helpers.studies.common.tables import MODEL, TARGET

LAYER = Column(
    "layer",
    "text",
    "torchvision module path of the layer model; `full` for a full model, trained under the layer models' rules",
)
RUN = Column("run", "integer", "training run, from 0")
STIMULUS = Column("stimulus", "text", "the stimulus")
PREDICTION = Column("prediction", "number", "predicted valence on the scale of the label, 0..1; not clipped")
N = Column("n", "integer", "stimuli with a value for the target")
RHO = (
    N,
    Column("rho", "number", "Spearman's rho of predictions and target within the target's condition", "-1..1"),
    Column("p", "number", "two-sided p of Student's t, not corrected (the paper's)", "0..1"),
    Column("p_perm", "number", "two-sided p when stimuli are exchanged within their condition", "0..1"),
    Column("q", "number", "q after Benjamini-Hochberg of p_perm over the table", "0..1"),
    Column("p_fwer", "number", "p against the largest rho of the whole table (family-wise)", "0..1"),
)
OVER_RUNS = (
    N,
    Column("runs", "integer", "runs behind the mean: those whose rho is defined"),
    Column("rho", "number", "mean rho over runs", "-1..1"),
    Column("sd", "number", "its standard deviation over runs; empty for one run"),
    Column("ci_low", "number", "lower end of its interval over stimuli and runs (bootstrap)", "-1..1"),
    Column("ci_high", "number", "upper end of its interval over stimuli and runs (bootstrap)", "-1..1"),
)

CEILINGS = Table(
    "ceilings.csv",
    "a target",
    (
        *TARGET,
        Column("n", "integer", "stimuli of the target"),
        Column(
            "reliability",
            "number",
            "of the mean over all annotators (random halves, Spearman-Brown) or over all subjects (each against the "
            "mean of the others); not cut at 0",
        ),
        Column(
            "ceiling",
            "number",
            "the rho with this target that the noise-free order of the stimuli is expected to reach (root of the "
            "reliability, times the most that the ties of a label allow); empty where not known",
            "0..1",
        ),
        Column("ceiling_low", "number", "lower end of the interval of that rho in data of this size", "0..1"),
        Column("ceiling_high", "number", "upper end of the interval of that rho in data of this size", "0..1"),
        Column("splits", "integer", "random halves drawn"),
        Column("method", "text", "where the reliability comes from, or why it is not known"),
    ),
)
PREDICTIONS = Table("predictions.csv", "a full model, a run and a stimulus", (*MODEL, RUN, STIMULUS, PREDICTION))
LAYER_PREDICTIONS = Table(
    "layer_predictions.csv",
    "a layer model (or full model under the same rules), a run and a stimulus",
    (*MODEL, LAYER, RUN, STIMULUS, PREDICTION),
)
HEADS = Table(
    "heads.csv",
    "an epoch of a head on one split; the kept epoch has the lowest loss, the kept rate the lowest mae on the images "
    "that choose: the validation images where there are any, else the test images",
    (
        *MODEL,
        Column(
            "layer", "text", "torchvision module path of the layer model; `full` for a full model, whose rules differ"
        ),
        RUN,
        Column("learning_rate", "number", "starting rate of the optimiser"),
        Column("epoch", "integer", "from 0"),
        Column("split", "text", "`train`, `test`, or `validation` where such images choose epoch and rate"),
        Column("mae", "number", "mean absolute error of the prediction against the label", "label scale"),
        Column("loss", "number", "(weighted) mean squared error against the label"),
        Column(
            "rho", "number", "Spearman's rho of the prediction with the rating; empty for constant predictions", "-1..1"
        ),
        Column(
            "rules",
            "text",
            "the block of `analysis.heads` that it is trained by: `full` (figure 1), `full_under_layer_rules` "
            "(figure 2 and Object2Brain) or `layer`",
        ),
    ),
)
ALIGNMENT = Table("alignment.csv", "a full model, a run and a target", (*MODEL, RUN, *TARGET, *RHO))
LAYER_ALIGNMENT = Table(
    "layer_alignment.csv",
    "a layer model (or full model under the same rules), a run and a target",
    (*MODEL, LAYER, RUN, *TARGET, *RHO),
)
ALIGNMENT_SUMMARY = Table(
    "alignment_summary.csv", "a full model and a target over all runs", (*MODEL, *TARGET, *OVER_RUNS)
)
LAYER_ALIGNMENT_SUMMARY = Table(
    "layer_alignment_summary.csv",
    "a layer model (or full model under the same rules) and a target over all runs",
    (*MODEL, LAYER, *TARGET, *OVER_RUNS),
)
CONTRASTS = Table(
    "alignment_contrasts.csv",
    "a pair of targets of a full model, or a pair of full models on a target",
    (
        Column(
            "contrast",
            "text",
            "what differs between the two: `valence types`, `sources` (region groups, where there are two of them), "
            "`conditions` or `models`; all else is the same",
        ),
        *MODEL,
        Column("second_architecture", "text", "the second network; the same one but for `models`"),
        Column("second_weights", "text", "the name of its weights"),
        Column("first_target", "text", "the first target"),
        Column("second_target", "text", "the second target; the same one for `models`"),
        Column("n", "integer", "stimuli of the first correlation: those that have both targets, but for `conditions`"),
        Column("second_n", "integer", "stimuli of the second correlation: the same ones, but for `conditions`"),
        Column("runs", "integer", "runs behind the means: those in which both correlations are defined"),
        Column("rho_a", "number", "mean rho over runs of the first model and target", "-1..1"),
        Column("rho_b", "number", "mean rho over runs of the second model and target", "-1..1"),
        Column("difference", "number", "rho_a less rho_b", "-2..2"),
        Column(
            "p",
            "number",
            "two-sided p when the ranks of the two are swapped at random at each stimulus (`conditions`: when the "
            "labels of the conditions are dealt out anew); empty where the two order all stimuli alike, where two "
            "conditions share stimuli, or where no rho is defined",
            "0..1",
        ),
        Column(
            "q",
            "number",
            "q after Benjamini-Hochberg of p over all rows of this kind of contrast within the model (`models`: within "
            "the pair of models)",
            "0..1",
        ),
        Column(
            "ci_low",
            "number",
            "lower end of the difference's interval over stimuli and runs (bootstrap; both members of the pair share "
            "what is drawn)",
            "-2..2",
        ),
        Column("ci_high", "number", "upper end of that interval", "-2..2"),
    ),
)
CONTROL = (
    Column("control", "text", "`untrained` (a network with drawn weights) or `low_level` (light, colour, edges)"),
    Column("architecture", "text", "the network (untrained), or the one whose crop of the pictures is measured"),
    Column("seed", "integer", "seed of the drawn weights; 0 for `low_level`"),
)
CONTROL_PREDICTIONS = Table(
    "control_predictions.csv", "a control, a seed and a stimulus", (*CONTROL, STIMULUS, PREDICTION)
)
CONTROL_ALIGNMENT = Table(
    "control_alignment.csv",
    "a control, a seed and a target",
    (
        *CONTROL,
        *TARGET,
        N,
        Column("rho", "number", "Spearman's rho of the control's predictions and the target", "-1..1"),
    ),
)
ALIGNMENT_CONTROLS = Table(
    "alignment_controls.csv",
    "a full model and a target, held against the controls",
    (
        *MODEL,
        *TARGET,
        N,
        Column("runs", "integer", "runs behind the means: those whose rho is defined"),
        Column("rho", "number", "mean rho over runs", "-1..1"),
        Column("untrained_seeds", "integer", "untrained networks of the same architecture whose rho is defined"),
        Column("untrained_mean", "number", "mean rho of these networks", "-1..1"),
        Column("untrained_low", "number", "their smallest rho", "-1..1"),
        Column("untrained_high", "number", "their largest rho", "-1..1"),
        Column(
            "p_untrained",
            "number",
            "(1 + untrained networks with at least this rho) / (1 + untrained networks), one-sided; empty without any",
            "0..1",
        ),
        Column("low_level_rho", "number", "rho of the low-level control", "-1..1"),
        Column(
            "partial_rho",
            "number",
            "mean over runs of rho beyond the low-level control: its ranks are taken out of both sides",
            "-1..1",
        ),
        Column("p_partial", "number", "two-sided p of partial_rho when the target's residuals are permuted", "0..1"),
        Column("q_partial", "number", "q after Benjamini-Hochberg of p_partial over the targets of the model", "0..1"),
        Column("ci_low", "number", "lower end of partial_rho's interval over stimuli and runs (bootstrap)", "-1..1"),
        Column("ci_high", "number", "upper end of that interval", "-1..1"),
    ),
)
