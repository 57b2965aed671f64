"""What people said and what their brains showed, and the targets that are made from it.

Stimuli, ratings and signals are matched by name here.
"""
