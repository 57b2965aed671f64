"""Readouts that learn from frozen features: many runs and learning rates at once.

Features come from memory, from a file or from the network itself.
"""
