"""Object detectors, opened only after their digest was checked.

Ultralytics is imported in one module of this folder and nowhere else.
"""
