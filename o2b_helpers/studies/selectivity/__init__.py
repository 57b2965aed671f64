"""Emotion-selective filters: does a network that learned objects hold filters that answer to emotions? (METHODS 6).

It reads pictures from the step ``inputs`` of `alignment`.
"""
