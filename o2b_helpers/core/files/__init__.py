"""Files: written whole or not at all, notes that carry a seal, digests, labelled arrays, profiles, what ships along.

The results themselves lie in the store.
"""
