"""Running a notebook: a kernel of this very Python, watched while it works.

What happens to the kernel (it dies, the command is told to stop) becomes one clear message.
"""
