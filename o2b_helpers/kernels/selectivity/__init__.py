"""How much filters prefer the pictures of one emotion, and whether two image sets agree on it (METHODS 6)."""
