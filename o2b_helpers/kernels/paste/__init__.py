"""Objects pasted onto pictures, their controls, and what changes: pixels and labels in, pixels and numbers out."""
