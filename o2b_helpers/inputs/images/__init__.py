"""Pictures: found inside their folder, checked, decoded once and turned into a network's input.

Every picture of the package is read through this folder.
"""
