"""What every layer stands on: errors, options, keys, the store, declarations, and how a step is run.

Nothing in here knows a study's name, a network or a picture.
"""
