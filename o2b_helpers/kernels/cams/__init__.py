"""GradCAM of single filters: feature maps, their gradients, and scores of boxes inside the maps.

No map is ever resized.
"""
