"""Boxes of a corpus as filter sensitivity needs them, and the sums of their scores.

The step itself is `filter_sensitivity`.
"""
