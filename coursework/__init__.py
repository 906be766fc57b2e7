"""Your answers: edit these files, then check them.

    python -m checker gradcheck coursework.gates
    pytest coursework

`python -m checker list` shows how far you are, and `python -m checker hint coursework.gates` helps.
"""

#: In the order of learning.
TOPICS = (
    "gates",
    "fanout",
    "staged",
    "activations",
    "gradients",
    "jacobians",
    "hessians",
    "tensors",
    "least_squares",
    "affine",
    "losses",
    "mlp",
    "custom",
    "memory",
    "tape",
    "initialisation",
    "batchnorm",
    "normalisation",
    "regularisation",
    "convolution",
    "pooling",
    "rnn",
    "rtrl",
    "gated",
    "attention",
    "digits",
)
