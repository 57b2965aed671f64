"""How far do networks that judge valence agree with people and their brains? (paper 000, section 2).

Notebooks 00 to 04.
"""
