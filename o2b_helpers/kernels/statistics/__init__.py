"""Rank correlation, class weights, and how much chance alone would give of either.

NumPy only: nothing in here needs torch.
"""
