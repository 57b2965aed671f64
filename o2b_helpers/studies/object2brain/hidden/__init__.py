"""What the networks predict when the objects of a class are hidden in the stimuli, and through which filters.

The steps are `occlusion`, `shams` and `mediation`.
"""
