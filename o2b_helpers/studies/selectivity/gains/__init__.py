"""Notebook 13: does the network need its emotion-selective filters? They are lesioned and strengthened.

The steps are `emotion_readouts` and `lesion_and_attention`.
"""
