"""Object2Brain: which objects drive the agreement of a network with people and their brains."""

import os

__version__ = "0.1.0"

# Threads that wait actively steal the cores of other jobs: on a shared machine steps took five times as long.
# It must be set before torch is imported, and a user's own setting stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
