"""Methods that make a class activation map, behind one interface: a name, pictures and outputs in, maps out.

Those that other libraries compute are here, too; the libraries are imported when they are asked for.
"""
