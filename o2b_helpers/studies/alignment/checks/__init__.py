"""What the doctor finds inside files and folders before anything is run.

Each module looks at one kind of thing and yields findings; nothing is decoded, and nothing is stored.
"""
