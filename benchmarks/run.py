"""Time the kernels against the peers and the naive way, on the same input in the same process.

make bench      # toynet and AlexNet, untrained, synthetic pictures; a few minutes on two cores
"""

from __future__ import annotations

import platform

import filter_scores
import lesions
import rank_correlation
import torch

if __name__ == "__main__":
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'kernel':<18}{'setting':<52}{'ours':>11}{'peer':>34}{'':>12}{'ratio':>10}{'difference':>11}")
    for name in ("toynet", "alexnet"):
        for kernel in (filter_scores, lesions):
            print(*kernel.lines(name), sep="\n", flush=True)
    print(*rank_correlation.lines("any"), sep="\n")
