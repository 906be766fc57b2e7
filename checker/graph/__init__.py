"""What a derivation computes: a graph of values, and of the gradients that come back along its edges.

`data` says what a graph is; `staged`, `formula` and `tape` make them, `targets` from what is typed;
`checker.render.graph_text` and `graph_svg` draw them.
"""
