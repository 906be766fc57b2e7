"""Your answers: edit these files, then check them.

    python -m checker gradcheck coursework.gates
    pytest coursework

`python -m checker list` shows how far you are, and `python -m checker hint coursework.gates` helps.
"""

#: In the order of learning.
TOPICS = (
    "gates",
    "staged",
    "activations",
    "jacobians",
    "hessians",
    "tensors",
    "least_squares",
    "affine",
    "losses",
    "memory",
    "initialisation",
    "batchnorm",
    "normalisation",
    "regularisation",
    "rnn",
)
