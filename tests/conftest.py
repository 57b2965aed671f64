from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# one thread for each of the test processes that share the cores; NumPy reads it when it is imported, which is why
# pyproject.toml switches off a plugin that imports it before
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

for name in ("SIGINT", "SIGHUP"):
    # tests in the background of a shell ignore these signals, and what a test starts would ignore them as well
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real photographs and weights; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("O2B_REAL_DATA", ROOT.parent / "shared" / "real"))
    if not (folder / "oasis").is_dir():
        pytest.skip(f"no real photographs at {folder} (set O2B_REAL_DATA)")
    return folder


@pytest.fixture
def network(monkeypatch):
    """The benchmark that catches whatever a process asks of the network."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import network

    return network


def pytest_collection_modifyitems(items):
    """Start the two longest files first, so that both test processes stay busy."""
    first = ("test_contract", "test_interruption")
    items.sort(key=lambda item: item.path.stem not in first)
