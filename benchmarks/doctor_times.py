"""How long does ``o2b doctor`` take to name what is wrong with a project? One line for each way to break one.

python benchmarks/doctor_times.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the projects are those of the tests

from broken_projects import BROKEN, broken
from study_fixture import write_study

LONGEST = 10  # seconds that are wanted at most


def main() -> None:
    """Break a project in every way, run the command on it, and print its seconds and whether it named the fault."""
    with TemporaryDirectory() as name:
        whole = write_study(Path(name) / "whole" / "study")
        slowest, unnamed = 0.0, []
        for number, (title, (_, words)) in enumerate(BROKEN.items()):
            study = broken(whole, Path(name) / f"project_{number}", title)
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "o2b_helpers.cli", "doctor", str(study.profile)],
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.perf_counter() - start
            said = done.stdout + done.stderr
            if "Traceback" in said or not all(word in said for word in words):
                unnamed.append(title)
            slowest = max(slowest, seconds)
            print(
                f"{seconds:6.1f} s  exit {done.returncode}  {'named' if title not in unnamed else 'NOT NAMED'}  {title}"
            )
    print(f"{len(BROKEN)} projects, {len(unnamed)} not named; the slowest took {slowest:.1f} s (wanted: {LONGEST} s)")
    sys.exit(bool(unnamed) or slowest > LONGEST)


if __name__ == "__main__":
    main()
