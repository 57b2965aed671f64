"""Import a library that only some methods need, or say what to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from o2b_helpers.core.errors import ParameterError


def library(module: str, method: str, install: str) -> ModuleType:
    """Return a module of a library.

    Parameters
    ----------
    module : str
        Its path, e.g. ``captum.attr``.
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
    >>> library("json", "this", "nothing").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise
        raise ParameterError(
            f"{method} needs a library that is not installed",
            value=f"no module {error.name}",
            expected=install,
            remedy=f"pip install '{install}', or leave the method out",
        ) from error
