"""Ready networks that only name what a picture shows: their outputs are features, and they are never cut at a layer.

Any architecture of `models.backbones` can be loaded so; the networks defined here are known to this folder only.
"""
