"""Keep every image name inside the folder it belongs to."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from o2b_helpers.core.errors import InputError


def path_inside(folder: Path | str, name: str) -> Path:
    """Return the path of `name` inside `folder`.

    The file need not exist; symbolic links are followed, so that a link cannot point outside either.

    Parameters
    ----------
    folder : Path
        The folder named in the profile; a link to a folder elsewhere is fine here.
    name : str
        Name relative to the folder, sub-folders allowed, e.g. ``"Run_1/party.jpg"``.

    Returns
    -------
    Path
        ``folder / name``, not resolved.

    Raises
    ------
    InputError
        For an empty or absolute name, ``..`` anywhere in it, or a link that leaves the folder.
    """
    folder = Path(folder)
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise _outside(folder, name, "An image has no usable name")
    windows = PureWindowsPath(name)  # splits at both / and \\, so that a table made elsewhere is judged alike
    if Path(name).is_absolute() or windows.is_absolute() or windows.root:
        raise _outside(folder, name, "An image name is an absolute path")
    if ".." in windows.parts:
        raise _outside(folder, name, "An image name leaves its folder")
    real_folder = os.path.realpath(folder)
    real = os.path.realpath(folder / name)
    if real == real_folder or os.path.commonpath([real_folder, real]) != real_folder:
        raise _outside(folder, name, "An image name leaves its folder")
    return folder / name


def _outside(folder: Path, name: object, problem: str) -> InputError:
    return InputError(
        problem,
        value=repr(name),
        expected=f"a name relative to {folder}, of a file inside it",
        remedy="copy the image into the folder and write its name relative to the folder",
    )
