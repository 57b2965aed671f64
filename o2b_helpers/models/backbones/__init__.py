"""Frozen networks that can be cut at their layers, and the list of those that are known.

Importing this folder registers the architectures that ship with the package.
"""

from o2b_helpers.models.backbones import architectures, toynet  # noqa: F401
