"""Files: written whole or not at all, labelled arrays, profiles, and what ships with the package.

The results themselves lie in the store.
"""
