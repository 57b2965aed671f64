"""Do random answers agree with networks that met the stimuli, and are random labels learnt from copies?

    python benchmarks/leakage.py --seeds 20

Made-up pictures and answers, so an honest rho is around 0. Each line is the mean over seeds with its 95 % interval.
Stimuli are copied into the corpus and left out, as by default, or kept; every picture of the corpus is copied, with
copies on one side of every split, as the package has it, or drawn one by one.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from scipy.stats import t

from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.heads.features import layer_features
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.models.heads.training import HeadSettings, TrainedHeads, predict, train_heads

CORPUS, STIMULI, RUNS = 80, 16, 5
SETTINGS = HeadSettings(epochs=80, learning_rates=(0.01, 0.1))
