"""Notebook 13: what lesioning and strengthening emotion-selective filters does to rho with the human targets.

The step is `gains_and_alignment`. It reads the valence models of the study `alignment` where the profile runs it.
"""
