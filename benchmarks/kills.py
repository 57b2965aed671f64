"""Kill a run again and again, and take away what it stands on: does it end in time, and does the next one go on?

    python benchmarks/kills.py --profile small --seed 11 --kills 10

A seeded series: random SIGKILLs of the command, of its whole group and of the kernel alone; then signals that can be
caught, a full disk, read-only folders and a folder that is moved. A killed run is gone on with until it ends by itself;
then its results are compared, byte by byte, with those of a run that nobody disturbed. Writes kills.json and kills.md
beside this file; what other parts gave before stays in them. Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
import yaml

SMALL = {  # the toy world, small enough to run through many times
    "analysis": {
        "corpus": {"kind": "toyworld", "images": 120, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "heads": {"runs": 2, "learning_rates": [0.01], "full": {"epochs": 20}, "layer": {"epochs": 5}},
        "significance": {"permutations": 99, "bootstrap": 99},
    },
    "execution": {"device": "cpu", "threads": 1},
}
MARK = "O2B_KILLS_TRIAL"
MOST_SECONDS = 10.0
LATER_SECONDS = 120.0  # a run meets a full disk when it next writes
LATER = ("no file may grow", "disk full")
STOPS = {"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 129}


@dataclass(frozen=True)
class Trial:
    """One disturbance: after how many seconds of the run, how the command ended, and what was left of it."""

    kind: str
    after_s: float
    ended_in_s: float
    exit_code: int
    traceback: bool
    orphans: int
    right: bool
    note: str = ""
    part: str = ""


class Bench:
    """A profile whose runs are disturbed.

    Parameters
    ----------
    profile : str
        A name in params/, a path, or ``small``.
    folder : Path
        An empty folder for all that the runs write.
    studies : list of str
        The studies of the profile ``small``; without any, those that run by default.
    """

    def __init__(self, profile: str, folder: Path, studies: list[str]) -> None:
        self.folder = folder
        if profile == "small":
            profile = str(folder / "small.yaml")
            named = {"studies": studies} if studies else {}
            Path(profile).write_text(yaml.safe_dump(SMALL | named), encoding="utf-8")
        self.profile, self.name = profile, Path(profile).stem

    def start(self, runs: Path, before: Callable[[], None] | None = None) -> tuple[subprocess.Popen, Path, str]:
        """Start a run; return it, the file with what it prints, and the mark that its processes carry."""
        mark = uuid.uuid4().hex
        log = self.folder / f"{mark}.log"
        settings = [f"execution.runs_folder={runs}", f"execution.figures_folder={self.folder / 'figures'}"]
        arguments = [sys.executable, "-m", "o2b_helpers.cli", "run", self.profile]
        arguments += [part for text in settings for part in ("--set", text)]
        with log.open("wb") as file:
            run = subprocess.Popen(
                arguments, stdout=file, stderr=file, env={**os.environ, MARK: mark}, start_new_session=True,
                preexec_fn=before or heed_signals,
            )  # fmt: skip
        return run, log, mark

    def complete(self, runs: Path) -> tuple[int, float]:
        """Run to the end; return the exit code and how long it took."""
        began = time.monotonic()
        run, _, _ = self.start(runs)
        return run.wait(), time.monotonic() - began

    def content(self, runs: Path) -> dict[str, bytes]:
        """Return the results, file by file."""
        folder = runs / self.name / "results"
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def carrying(mark: str) -> list[psutil.Process]:
    """Return the processes that a run has started and that still live."""
    alive = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.Error:
            continue
    return alive


def kernel_of(run: subprocess.Popen, seconds: float = 60) -> psutil.Process | None:
    """Return the kernel of a run, waiting for one; None where the run ends first."""
    for _ in range(int(seconds / 0.05)):
        if run.poll() is not None:
            return None
        try:
            for child in psutil.Process(run.pid).children():
                if any("launcher" in part for part in child.cmdline()):
                    return child
        except psutil.Error:
            pass
        time.sleep(0.05)
    return None


def end_of(kind: str, after: float, run: subprocess.Popen, log: Path, mark: str) -> Trial:
    """Wait for a disturbed run; say how long it took to end, and how many processes outlived it for seconds."""
    began, note, notebook = time.monotonic(), "", running(log)
    try:
        run.wait(LATER_SECONDS if kind in LATER else 1.5 * MOST_SECONDS)
    except subprocess.TimeoutExpired:
        if kind == "kernel" and "did not start; once more" in text_of(log):
            note, began = "the kernel was killed while it started, and started once more", time.monotonic()
        elif kind == "kernel" and notebook and f"done      {notebook}" in text_of(log):
            note, began = "the kernel was killed when its notebook was done, and the run went on", time.monotonic()
        run.kill()
        run.wait()
    took, deadline = time.monotonic() - began, time.monotonic() + MOST_SECONDS
    while (left := carrying(mark)) and time.monotonic() < deadline:
        time.sleep(0.25)
    for process in left:
        process.kill()
    wanted = STOPS.get(kind, -signal.SIGKILL if kind in ("command", "group") or note else 1)
    return Trial(
        kind, round(after, 1), round(took, 2), run.returncode, "Traceback" in text_of(log), len(left),
        run.returncode == wanted, note or last(log),
    )  # fmt: skip


def disturb(run: subprocess.Popen, kind: str) -> bool:
    """Kill a run or tell it to end; False where it had ended."""
    if kind == "kernel":
        kernel = kernel_of(run)
        if kernel is not None:
            kernel.kill()
        return kernel is not None
    if run.poll() is not None:
        return False
    if kind == "group":  # the command and all that it has started
        for process in [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]:
            process.kill()
    else:
        run.send_signal(signal.SIGKILL if kind == "command" else getattr(signal, kind))
    return True


def killed(bench: Bench, kinds: list[str], seconds: float, wanted: dict[str, bytes], seed: int) -> Iterator[Trial]:
    """Disturb runs at random moments; a run that ends by itself is compared, and a new one begins."""
    moments, runs, left = random.Random(seed), bench.folder / "killed", list(kinds)
    while left:
        after = moments.uniform(1.0, max(0.5 * seconds, 3.0))
        run, log, mark = bench.start(runs)
        with suppress(subprocess.TimeoutExpired):
            run.wait(after)
        if disturb(run, left[0]):
            yield end_of(left.pop(0), after, run, log, mark)
            continue
        yield finished(bench, runs, wanted)
        shutil.rmtree(runs)
    yield finished(bench, runs, wanted)
    shutil.rmtree(runs)


def finished(bench: Bench, runs: Path, wanted: dict[str, bytes], note: str = "") -> Trial:
    """Go on to the end and compare."""
    code, seconds = bench.complete(runs)
    right = not code and bench.content(runs) == wanted
    return Trial("undisturbed end", round(seconds, 1), 0.0, code, False, 0, right, note)


def heed_signals() -> None:
    """Undo, in a process that is to start, what a shell does to its background jobs: ignore Ctrl-C."""
    for name in STOPS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def as_user() -> None:
    """Take root's right to write everywhere away from the process that is to start."""
    if os.geteuid() == 0:
        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, right)  # PR_CAPBSET_DROP


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """Make a folder a disk of its own; False where this process may not."""
    folder.mkdir()
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=False)


def read_only(runs: Path, mark: str) -> Callable[[], object]:
    """Forbid writing; return what allows it again."""
    folders = [path for path in (runs, *runs.rglob("*")) if path.is_dir()]
    for path in folders:
        path.chmod(0o555)

    def back() -> None:
        for path in folders:
            if path.exists():
                path.chmod(0o755)

    return back


def moved(runs: Path, mark: str) -> Callable[[], object]:
    """Move the folder; return what moves it back."""
    aside = runs.with_name("moved")
    runs.rename(aside)

    def back() -> None:
        shutil.rmtree(runs, ignore_errors=True)
        aside.rename(runs)

    return back


def limited(runs: Path, mark: str) -> Callable[[], object]:
    """Allow no file above 20 kB."""
    for process in carrying(mark):
        process.rlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    return lambda: None


def taken_away(bench: Bench, wanted: dict[str, bytes], seconds: float) -> Iterator[Trial]:
    """Take away what a run stands on, and give it back."""
    runs = bench.folder / "taken"
    for kind, take, after in (
        ("read-only from the start", read_only, 0.0),
        ("read-only midway", read_only, 0.4 * seconds),
        ("runs folder moved midway", moved, 0.4 * seconds),
        ("no file may grow", limited, 0.4 * seconds),
    ):
        runs.mkdir()
        back = read_only(runs, "") if not after else None
        run, log, mark = bench.start(runs, as_user)
        if back is None:
            time.sleep(after)
            back = take(runs, mark)
        trial = end_of(kind, after, run, log, mark)
        back()
        yield trial
        yield finished(bench, runs, wanted, f"after {kind}")
        shutil.rmtree(runs)
    with small_disk(bench.folder / "disk", "3m") as mounted:
        if not mounted:
            yield Trial("disk full", 0, 0, 0, False, 0, True, "skipped: this process may not mount a disk")
            return
        runs = bench.folder / "disk" / "runs"
        yield end_of("disk full", 0.0, *bench.start(runs))
        subprocess.run(["mount", "-o", "remount,size=4g", str(bench.folder / "disk")], check=True)
        yield finished(bench, runs, wanted, "after disk full")


def _limit(trial: Trial) -> float:
    return LATER_SECONDS if trial.kind in LATER else MOST_SECONDS


def running(log: Path) -> str:
    """Return the notebook that a run has begun last; empty before the first."""
    begun = [line.split()[1] for line in text_of(log).splitlines() if line.startswith("running ")]
    return begun[-1] if begun else ""


def text_of(log: Path) -> str:
    """Return what a run has printed so far."""
    return log.read_text(encoding="utf-8", errors="replace")


def last(log: Path) -> str:
    """Return what a run said last: its error, or else its last line."""
    lines = [line.strip() for line in text_of(log).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error:")]
    return (errors or lines or [""])[-1][:160]


def table(options: str, trials: list[Trial]) -> str:
    """Return kills.md."""
    lines = [
        "# Kills and lost ground",
        "",
        f"`python benchmarks/kills.py {options}`. Seconds: from the disturbance to the end.",
        "A run is right when it ended with its exit code, or, undisturbed, with the bytes of the first run.",
        "",
        "| what | times | longest, s | exit codes | tracebacks | orphans | right |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(trial.kind for trial in trials):
        own = [trial for trial in trials if trial.kind == kind]
        codes = ", ".join(str(code) for code in sorted({trial.exit_code for trial in own}))
        lines.append(
            f"| {kind} | {len(own)} | {max(t.ended_in_s for t in own):.1f} | {codes} | {sum(t.traceback for t in own)} "
            f"| {sum(t.orphans for t in own)} | {sum(t.right for t in own)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="small", help="a name in params/, a path, or small")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--kills", type=int, default=10, help="SIGKILLs of each of command, group and kernel")
    parser.add_argument("--studies", nargs="*", default=[], help="studies of the profile small, in files of their own")
    parts_known = ["kills", "signals", "ground"]
    parser.add_argument("--only", choices=parts_known, nargs="+", default=parts_known)
    arguments = parser.parse_args()
    place, trials = Path(__file__).with_name("_".join(["kills", *arguments.studies]) + ".json"), []
    if place.is_file():
        stored = json.loads(place.read_text(encoding="utf-8"))
        trials = [Trial(**row) for row in stored if row["part"] not in arguments.only]
    options = f"--profile {arguments.profile} --seed {arguments.seed}"
    if arguments.studies:
        options += f" --studies {' '.join(arguments.studies)}"
    kinds = ["command", "group", "kernel"] * arguments.kills
    random.Random(arguments.seed).shuffle(kinds)
    with tempfile.TemporaryDirectory(prefix="o2b_kills_") as name:
        bench = Bench(arguments.profile, Path(name), arguments.studies)
        code, seconds = bench.complete(bench.folder / "undisturbed")
        if code:
            raise RuntimeError(f"the undisturbed run ended with {code}")
        wanted = bench.content(bench.folder / "undisturbed")
        print(f"an undisturbed run takes {seconds:.0f} s", flush=True)
        parts: dict[str, Callable[[], Iterator[Trial]]] = {
            "kills": lambda: killed(bench, kinds, seconds, wanted, arguments.seed),
            "signals": lambda: killed(bench, list(STOPS), seconds, wanted, arguments.seed + 1),
            "ground": lambda: taken_away(bench, wanted, seconds),
        }
        for part in arguments.only:
            for trial in parts[part]():
                trials.append(replace(trial, part=part))
                print(trials[-1], flush=True)
    place.write_text(json.dumps([asdict(t) for t in trials], indent=1) + "\n", encoding="utf-8")
    place.with_suffix(".md").write_text(table(options, trials), encoding="utf-8")
    bad = [t for t in trials if not t.right or t.traceback or t.orphans or t.ended_in_s > _limit(t)]
    print(f"{len(trials)} trials, {len(bad)} not as they should be")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
