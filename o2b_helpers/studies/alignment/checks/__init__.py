"""What the doctor looks for inside the files and folders that a profile names, in seconds and before anything runs.

Each file looks at one kind of input and yields findings; nothing is stored.
"""
