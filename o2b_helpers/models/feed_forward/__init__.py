"""The feed-forward network that predicts arousal and valence from features (003): many of them are trained at once.

The folds that they are trained on, and the simple models that they are compared with, belong here as well.
"""
