"""How the weights of the toy world were made; nobody has to run this.

Each script writes one file of ``toyworld/weights``.
"""
