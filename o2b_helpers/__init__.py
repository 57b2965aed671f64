"""Object2Brain: which objects drive the agreement of a network with people and their brains."""

__version__ = "0.1.0"
