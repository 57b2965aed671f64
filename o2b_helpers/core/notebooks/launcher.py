"""The script that a notebook's kernel starts with.

The kernel imports what the command imports, and it ends with the command, however that ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

IMPORT_PATH = "O2B_IMPORT_PATH"  # the command's sys.path, as JSON
PARENT = "JPY_PARENT_PID"  # set by Jupyter; ipykernel itself looks every second whether this process is still there
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


def main() -> None:
    """Start the kernel; the arguments are those of ipykernel."""
    end_with(int(os.environ[PARENT]))
    sys.path[:] = json.loads(os.environ.pop(IMPORT_PATH))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


def end_with(parent: int) -> None:
    """Have the system end this process when its parent ends, also while a long computation keeps Python busy."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be asked for
        os._exit(1)


if __name__ == "__main__":
    main()
