"""The reference answers: one file for each topic, every exercise declared once."""

#: In the order of learning.
TOPICS = (
    "gates",
    "staged",
    "activations",
    "affine",
    "losses",
    "batchnorm",
    "rnn",
)
