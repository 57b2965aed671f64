"""Where in a picture something is: boxes and masks, and statistics of maps inside them.

Hiding a region belongs here, too.
"""
