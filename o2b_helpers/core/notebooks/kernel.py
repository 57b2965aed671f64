"""The kernel of a notebook: the Python that runs the command, whatever kernels Jupyter knows on this machine.

Jupyter looks a kernel up by its name, in folders that environment variables and settings add to. The name python3 can
so mean another environment, with another version of every library. Here nothing is looked up.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from o2b_helpers.core.notebooks import launcher

LOG = "kernel.log"  # what the kernel's process prints before it can send messages
SECONDS_BETWEEN_LOOKS = 0.2


class OwnKernel(AsyncKernelManager):
    """Starts the interpreter of this process as a kernel, and knows whether it lives.

    Parameters
    ----------
    folder : Path
        An empty folder for the kernel's files. It takes the place of the user's folder of IPython, so that no start-up
        script or setting from there changes what a notebook computes.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(connection_file=str(folder / "connection.json"), **options)
        self.folder = folder
        self.kernel_id = str(uuid.uuid4())
        self.local = LocalProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        self.provisioner = self.local

    @property
    def kernel_spec(self) -> KernelSpec:
        """What Jupyter would have read from a file found by name."""
        argv = [sys.executable, "-P", launcher.__file__, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def death(self) -> int:
        """Wait until the kernel's process has ended; return its exit code, negative for a signal."""
        while (code := await self.local.poll()) is None:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        return code

    def last_words(self) -> str:
        """Return the last line that the kernel's process itself printed; empty where there is none."""
        try:
            lines = (self.folder / LOG).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def kernel_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a kernel: that of this process, with its import path.

    Parameters
    ----------
    folder : Path
        The kernel's folder, as for :class:`OwnKernel`.
    """
    # an empty entry is the working directory, which is another one for the kernel
    path = [os.path.abspath(entry) if not entry or os.path.isdir(entry) else entry for entry in sys.path]
    return {**os.environ, launcher.IMPORT_PATH: json.dumps(path), "IPYTHONDIR": str(folder)}
