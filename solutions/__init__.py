"""The reference answers: one file for each topic, every exercise declared once."""

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
