"""What is counted over pictures: which labels a network names, and which classes are important where it names them.

Arrays in, arrays out; intervals and p-values come with the counts.
"""
