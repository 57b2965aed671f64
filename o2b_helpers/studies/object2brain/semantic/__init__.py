"""The step that holds targets and networks against a semantic control: which classes of objects a picture shows.

It learns valence from presence alone, with no network.
"""
