"""Do pleasant pictures have longer names? A study that only tests need.

Its folder is all that adding it touches, and one line of the registry.
"""
