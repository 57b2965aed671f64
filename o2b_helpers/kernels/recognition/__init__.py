"""How well scores of pictures tell one emotion from the rest."""
