"""Which objects a network looks at when it names an emotion: emotion heads, class maps, associations (METHODS 5).

It reads pictures and their emotions from the step ``inputs`` of `alignment`, and boxes from ``objects`` of
`object2brain`.
"""
