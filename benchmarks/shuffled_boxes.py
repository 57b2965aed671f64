"""Which classes of a finished run are beyond sham boxes, and how many would be if their boxes were other pictures'?

    python benchmarks/shuffled_boxes.py oasis --shuffles 20

A shuffle takes one sham for the boxes of every class: same sizes and places, but from other pictures. The other shams
stay the null. What is corrected is the whole table of a model, classes and targets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from lent_boxes import p_of_lent_boxes

from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.object2brain.weights.class_weights import Design
from o2b_helpers.studies.object2brain.weights.evidence import Sources, evidence_of
from o2b_helpers.studies.object2brain.weights.inference import sham_p
from o2b_helpers.studies.registry import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", help="of a finished run")
    parser.add_argument("--shuffles", type=int, default=20)
    arguments = parser.parse_args()
    params = load_params(arguments.profile)
    run = Path("runs") / arguments.profile
    needs = dict.fromkeys(("filter_sensitivity", "filter_lesions", "occlusion", "shams", "mediation"), run)
    design = Design.of(params, TARGETS.read(run / "results"))
    for model in (model for model in params.analysis.models if model.object2brain):
        for estimator in ("occlusion", "mediation"):
            layer, classes, evidence = next(evidence_of(Sources(needs, model), estimator, design.stimuli))
            weight = evidence.weights(design.groups)
            p = sham_p(evidence, design.groups, weight)
            q = benjamini_hochberg(p)
            names = design.described["target"].tolist()
            said = [
                f"{classes[row]}, {names[column]}: weight {weight[row, column]:.3f}, p {p[row, column]:.3f}, "
                f"q {q[row, column]:.3f}"
                for row, column in np.argwhere(q < 0.05)
            ]
            tested = int(np.isfinite(p).sum())
            print(
                f"{model.label}, {estimator}: {len(said)} of {tested} have q_sham < 0.05, {np.nansum(p < 0.05)} p_sham"
            )
            print("\n".join(f"  {line}" for line in said))
            lowest = np.unravel_index(np.nanargmin(p), p.shape)
            print(f"  smallest p_sham: {classes[lowest[0]]}, {names[lowest[1]]}: {p[lowest]:.3f}")
            lent = [p_of_lent_boxes(evidence, design.groups, number) for number in range(arguments.shuffles)]
            above, small = (
                np.array([np.nansum(f(values) < 0.05) for values in lent]) for f in (benjamini_hochberg, np.asarray)
            )
            print(
                f"  with boxes of other pictures, {arguments.shuffles} times: on average {above.mean():.2f} with "
                f"q_sham < 0.05, in {(above > 0).sum()} of them any; p_sham < 0.05 for {small.mean() / tested:.1%}"
            )


if __name__ == "__main__":
    main()
