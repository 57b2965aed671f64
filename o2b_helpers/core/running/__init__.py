"""How a step is run: its key, whether it fits, its result, and what is published of it.

Notebooks call :func:`~o2b_helpers.core.running.run.run_step`, and nothing else of it.
"""
