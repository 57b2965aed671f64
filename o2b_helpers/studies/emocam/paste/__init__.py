"""Step ``paste``: objects pasted onto pictures, and which emotion is named then."""
