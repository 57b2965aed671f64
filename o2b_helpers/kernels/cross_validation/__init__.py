"""How good predictions of held-out pictures are, how good they could be, and tests over folds."""
