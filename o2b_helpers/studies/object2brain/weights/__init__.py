"""Class and category weights: what they are made of, how they are tested, and what is true in the toy world.

The step is `class_weights`.
"""
