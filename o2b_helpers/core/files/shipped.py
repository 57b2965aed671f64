"""Where the notebooks, profiles and templates lie that ship with the package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]


def shipped(name: str) -> Path:
    """Return a folder that ships with the package.

    In a clone of the repository it lies at the top; an installed package carries a copy.

    Parameters
    ----------
    name : str
        ``"notebooks"``, ``"params"`` or ``"templates"``.
    """
    carried = PACKAGE / "project" / name
    return carried if carried.is_dir() else PACKAGE.parent / name
