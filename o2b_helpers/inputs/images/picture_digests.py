"""The digests of named pictures: what identifies them in keys, and whether they were read as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from o2b_helpers.core.errors import EnvironmentFault
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.images.faults import is_a_file, patiently
from o2b_helpers.inputs.images.folders import path_inside
from o2b_helpers.inputs.images.image_check import ImageCheck

_OF_NOTHING = hashlib.sha256(b"").hexdigest()


def picture_digests(store: Store, folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return name -> sha256 of the pictures that are there.

    Parameters
    ----------
    store : Store
        Remembers the digests of files that have not changed.
    folder : Path
        Where the pictures are.
    names : iterable of str
        Names relative to the folder.

    Raises
    ------
    InputError
        For a name that leaves the folder.
    EnvironmentFault
        Where a picture is there and cannot be read: without it, the key would be that of other inputs.
    """
    paths = {name: path_inside(folder, name) for name in names}
    there = {name: path for name, path in paths.items() if is_a_file(path)}
    return patiently(lambda: store.digests_of_files(there), str(folder))


def refuse_changes(store: Store, folder: Path, check: ImageCheck) -> None:
    """Refuse a check of pictures that saw other files than those whose digests are taken now.

    Raises
    ------
    EnvironmentFault
        Where pictures went, came or changed while they were looked at, as on a share that was cut off.
    """
    seen = {row.image: row.sha256 for table in (check.found, check.problems) for row in table.itertuples()}
    now = picture_digests(store, folder, seen)
    # an empty file is named, but nothing was read of it
    changed = [
        name for name, digest in seen.items() if digest != now.get(name, "") and (digest or now[name] != _OF_NOTHING)
    ]
    if changed:
        raise EnvironmentFault(
            "Pictures changed while they were looked at",
            value=f"{name_some(changed)} in {folder}",
            expected="a folder that stays as it is until the step has ended",
            remedy="check the disk or the network share, wait until all files are copied, and run again"
            ": nothing was stored",
        )
