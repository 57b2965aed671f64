"""One module per notebook; its ``run(params)`` is all that the notebook calls."""
