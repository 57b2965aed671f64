"""The exact computations: tensors or arrays in, arrays out, no files.

Each one is tested against an independent reference.
"""
