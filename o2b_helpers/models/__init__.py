"""Networks, readouts and detectors.

Nothing in here knows a target or a study.
"""
