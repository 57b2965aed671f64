"""Object2Brain: which objects drive the agreement of a network with people and their brains."""

import os

__version__ = "0.1.0"

# Threads that wait for long steal the cores of other jobs, threads that never wait start late: wait for a moment only.
# Both must be set before torch is imported, and a user's own settings stay.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
