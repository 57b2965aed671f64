"""Spoil one file of a finished run at a time, run again, and count: right, clear error, raw error, silently wrong.

    python benchmarks/store_corruption.py --finished runs --profile demo --trials 200 --seed 11 --commands 5

The finished runs folder is copied first and stays as it is. Each trial spoils one file or folder (a bit flipped, bytes
zeroed, cut, deleted, a folder emptied), spread over all kinds of files, and runs the profile again: most trials run the
steps in this process, those that spoil executed notebooks and pages run the series, and some run the real command.
Where a piece of a long step is spoilt, what was made from it is removed, so that it is read. Writes
benchmarks/store_corruption.json and .md.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.files.known_digests import known_digest
from o2b_helpers.core.files.sealed import read_sealed
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.executed import check_executed
from o2b_helpers.core.running.run import run_step
from o2b_helpers.report.publish import publish_views
from o2b_helpers.series import notebooks, run_series
from o2b_helpers.studies.registry import load_params

HERE = Path(__file__).parent
# Every run writes these anew, whatever stands in them (the last one remembers which files were read, and is made again
# where it is missing); what is said of them is no sign of a fault.
ALWAYS_WRITTEN = ("lock", "lock-holder.txt", "status.json", "file_digests.json")
SIGNS = ("was changed", "is missing", "stored file", "copied again", "computing", "running", "again")
RIGHT, CLEAR, RAW, SILENT = "right", "clear error", "raw error", "silently wrong"


class Run:
    """A copy of a finished run that is spoilt and put right again.

    Parameters
    ----------
    finished : Path
        The runs folder.
    profile : str
        The profile that was run.
    folder : Path
        Where the copy goes.
    """

    def __init__(self, finished: Path, profile: str, folder: Path) -> None:
        self.profile, self.folder, self.whole = profile, folder / "now", folder / "whole"
        self.overrides = {
            "execution.runs_folder": str(self.folder / "runs"),
            "execution.figures_folder": str(self.folder / "figures"),
        }
        shutil.copytree(finished, self.folder / "runs", symlinks=True)
        self.by_series()  # draws the figures, which do not lie in the runs folder
        shutil.copytree(self.folder, self.whole)
        self.results = self._content(self.params.runs / "results")

    @property
    def params(self) -> Params:
        """The profile, read anew as every command does."""
        return load_params(self.profile, self.overrides)

    def by_steps(self) -> str:
        """Run all steps in this process and return what was said."""
        with _listening() as said:
            for step in (params := self.params).steps:
                run_step(params, step.name)
        return said.getvalue()

    def by_series(self) -> str:
        """Do in this process what the command does; notebooks that are executed have kernels of their own."""
        with _listening() as said:
            run_series(self.params)
            publish_views(self.params)
        return said.getvalue()

    def by_command(self) -> str:
        """Run the command itself."""
        named = [part for name, value in self.overrides.items() for part in ("--set", f"{name}={value}")]
        done = subprocess.run(
            [sys.executable, "-m", "o2b_helpers.cli", "run", self.profile, *named],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode and "Traceback" not in said and "\nError: " in said:
            raise Object2BrainError(said.split("\nError: ")[1], expected="", remedy="")
        if done.returncode or "Traceback" in said:
            raise RuntimeError(said[-2000:])
        return said

    def restore(self) -> None:
        """Put back whatever is not as it was."""
        before, after = self._files(self.whole), self._files(self.folder)
        for name in after.keys() - before.keys():
            after[name].unlink()
        for name, path in before.items():
            now = after.get(name)
            if now is None or path.stat().st_size != now.stat().st_size or path.read_bytes() != now.read_bytes():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, self.folder / name)

    def kinds(self) -> dict[str, list[str]]:
        """Return the files by kind: where they lie and what they are."""
        kinds: dict[str, list[str]] = {}
        steps = {step.name for step in self.params.known_steps}
        for name, path in self._files(self.folder).items():
            parts = Path(name).parts
            place = "/".join(parts[1:3]) if parts[0] == "runs" else parts[0]
            if parts[1] == "store" and len(parts) > 3:
                place = "store/step" if parts[2] in steps else place
            elif parts[0] == "runs" and parts[1] == "store":
                place = "store"
            kinds.setdefault(f"{place} {path.suffix or path.name}", []).append(name)
        return kinds

    def wrong(self, name: str, spoilt: bytes | None, said: str, whole_series: bool) -> str | None:
        """Say what is wrong after a run, and was not said; None where all is right."""
        params = self.params
        if self._content(params.runs / "results") != self.results:
            return "results/ differs"
        if whole_series:
            check_executed(params.runs / "notebooks", notebooks(params))
            drawn = read_sealed(params.runs / "report" / "drawn_from.json") or {}
            for folder, files in ((params.runs / "report", drawn["report"]), (params.figures, drawn["figures"])):
                for file, digest in files.items():
                    if not (folder / file).is_file() or known_digest(folder / file) != digest:
                        return f"{file} is not as it was drawn"
        path, place = self.folder / name, Path(name).relative_to("runs") if name.startswith("runs/") else Path(name)
        if place.name in ALWAYS_WRITTEN:
            return None
        now = path.read_bytes() if path.is_file() else None
        is_read = place.parts[0] != "store" or whole_series and len(place.parts) == 2
        if now == spoilt and is_read and now != (self.whole / name).read_bytes():
            return "the spoilt file stays"
        if now != spoilt and not any(sign in said for sign in SIGNS):
            return "mended without a word"
        return None

    @staticmethod
    def _files(folder: Path) -> dict[str, Path]:
        return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}

    @classmethod
    def _content(cls, folder: Path) -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in cls._files(folder).items()}


@contextmanager
def _listening() -> Iterator[io.StringIO]:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        yield said


def flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def zero(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = draw.randrange(len(content))
    stop = min(len(content), start + draw.choice([1, 16, 4096]))
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def delete(path: Path, draw: random.Random) -> None:
    path.unlink()


def empty(path: Path, draw: random.Random) -> None:
    for other in list(path.parent.iterdir()):
        shutil.rmtree(other) if other.is_dir() else other.unlink()


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (flip, flip, flip, zero, cut, delete, empty)


def read_again(run: Run, name: str) -> None:
    """Remove what was made from a piece of a long step, so that the piece is read."""
    parts, store = Path(name).parts, run.folder / "runs" / "store"
    steps = {step.name for step in run.params.known_steps}
    if parts[1] != "store" or len(parts) < 4 or parts[2] in steps:
        return
    pieces = {folder.name for folder in store.iterdir() if folder.is_dir()} - steps
    made = {"images": pieces - {"images", "toyworld"}, "toyworld": pieces - {"toyworld"}}.get(parts[2], set())
    for kind in steps | made:
        shutil.rmtree(store / kind, ignore_errors=True)


def trial(
    run: Run, kind: str, name: str, way: Callable[[Path, random.Random], None], how: str, draw: random.Random
) -> dict[str, Any]:
    """Spoil one file, run again, and say what came of it."""
    path, before = run.folder / name, time.monotonic()
    if path.stat().st_size == 0:
        way = delete
    way(path, draw)
    spoilt = path.read_bytes() if path.is_file() else None
    read_again(run, name)
    note = ""
    try:
        said = {"steps": run.by_steps, "series": run.by_series, "command": run.by_command}[how]()
        note = run.wrong(name, spoilt, said, how != "steps") or ""
        outcome = SILENT if note else RIGHT
    except Object2BrainError as error:
        outcome, note = CLEAR, error.problem
    except Exception:  # whatever it is, it is raw: that is what is counted
        outcome, note = RAW, traceback.format_exc()[-1500:]
    taken = round(time.monotonic() - before, 2)
    return {"kind": kind, "file": name, "way": way.__name__, "how": how, "outcome": outcome, "note": note, "s": taken}


def trials(run: Run, count: int, seed: int, commands: int) -> list[dict[str, Any]]:
    """Run the trials; kinds of files take turns, so that rare ones are spoilt as often as others."""
    draw, done = random.Random(seed), []
    kinds = run.kinds()
    order = sorted(kinds)
    draw.shuffle(order)
    by_command = {round((number + 0.5) * count / commands) for number in range(commands)} if commands else set()
    for number in range(count):
        kind = order[number % len(order)]
        name, way = draw.choice(kinds[kind]), draw.choice(WAYS)
        of_steps = kind.startswith("store/") or kind.split(" ")[0].endswith("/results")
        how = "command" if number in by_command else "steps" if of_steps and number % 5 else "series"
        done.append(trial(run, kind, name, way, how, draw))
        shown = f"{number + 1:4} {done[-1]['outcome']:15} {done[-1]['way']:7} {how:8} {done[-1]['s']:6.1f} s {name}"
        print(f"{shown}  {done[-1]['note'][-300:]}", flush=True)
        run.restore()
    return done


def as_page(done: list[dict[str, Any]], about: str) -> str:
    """Write the counts as a page."""
    outcomes = (RIGHT, CLEAR, RAW, SILENT)
    rows = [f"| kind of file | {' | '.join(outcomes)} |", "|---|" + "---:|" * len(outcomes)]
    for kind in [*sorted({row["kind"] for row in done}), "all"]:
        counts = Counter(row["outcome"] for row in done if kind in (row["kind"], "all"))
        rows.append(f"| {kind} | {' | '.join(str(counts[outcome]) for outcome in outcomes)} |")
    notes = [f"- {row['outcome']}: {row['way']} {row['file']}: {row['note'][:200]}" for row in done if row["note"]]
    return "\n".join(["# One file of a finished run spoilt, then run again", "", about, "", *rows, "", *notes, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=Path, required=True, help="runs folder of a finished run")
    parser.add_argument("--profile", default="demo", help="the profile that was run")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--commands", type=int, default=5, help="how many of the trials run the real command")
    parser.add_argument("--out", type=Path, default=HERE, help="where the two files go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments.finished.resolve(), arguments.profile, Path(folder))
        began = time.monotonic()
        run.by_series()
        reused = round(time.monotonic() - began, 2)
        done = trials(run, arguments.trials, arguments.seed, arguments.commands)
    counts = Counter(row["outcome"] for row in done)
    by_command = sum(row["how"] == "command" for row in done)
    about = f"{len(done)} trials, seed {arguments.seed}, {by_command} of them with the real command. "
    about += f"A run that reuses everything takes {reused} s here."
    result = {"about": about, "counts": dict(counts), "trials": done}
    (arguments.out / "store_corruption.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (arguments.out / "store_corruption.md").write_text(as_page(done, about), encoding="utf-8")
    print(about, dict(counts))
    sys.exit(bool(counts[RAW] or counts[SILENT]))


if __name__ == "__main__":
    main()
