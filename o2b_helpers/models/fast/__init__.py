"""The same networks with less work: folded, fused and resumed forms of their parts.

Each form is compared with the part that it stands for before it is used.
"""
