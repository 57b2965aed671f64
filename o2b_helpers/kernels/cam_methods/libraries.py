"""Import a library that only some methods need, or say what to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from o2b_helpers.core.errors import ParameterError


@contextmanager
def library(name: str, method: str, install: str) -> Iterator[None]:
    """Explain that a library is missing where it is imported.

    Parameters
    ----------
    name : str
        The library's module, e.g. ``captum``.
    method : str
        The method that needs it, for the message.
    install : str
        What to install, as for pip.

    Raises
    ------
    ParameterError
        It is not installed.

    Examples
    --------
    >>> with library("json", "this", "nothing"):
    ...     import json
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or name != error.name.split(".")[0]:
            raise
        raise ParameterError(
            f"{method} needs a library that is not installed",
            value=f"no module {error.name}",
            expected=install,
            remedy=f"pip install '{install}', or leave the method out",
        ) from error
