"""What a backward pass must remember of the forward, and what frozen layers allow it to forget."""

from numpy import ndarray

from checker import Float, task


@task(
    kind="value",
    points=3,
    rows=("S2-12", "S2-14"),
    arguments={"layers": "affine relu affine sigmoid affine tanh", "trainable": "w3"},
    edges={
        "all layers trainable": {"trainable": "w1 w3 w5"},
        "all layers frozen": {"trainable": ""},
        "only the last layer trainable": {"trainable": "w5"},
        "a frozen layer in the middle": {"trainable": "w1 w5"},
        "one layer": {"layers": "affine", "trainable": "w1"},
        "no activations": {"layers": "affine affine affine affine", "trainable": "w2"},
    },
)
def activation_memory(layers, trainable):
    """What the backward pass needs: return a set of names among "x0", "x1", ... and "w1", "w2", ...

    `layers` names the layers from the lowest up, as in "affine relu affine", and `trainable` some of the weights, as in
    "w1 w3". Layer k, from 1, makes x_k out of x_{k-1}; x_0 is the input. An affine layer k has weights w_k; only the
    gradients of trainable weights are wanted. A relu, sigmoid or tanh should use its output, which tells its slope.
    Lectures S2-12 and S2-14.
    """
    raise NotImplementedError  # your answer goes here


def freeze_forward(
    x: Float[ndarray, "N D"],
    w1: Float[ndarray, "E D"],
    w2: Float[ndarray, "F E"],
    w3: Float[ndarray, "G F"],
    w4: Float[ndarray, "H G"],
    w5: Float[ndarray, "M H"],
):
    """Five layers, of which only w3 and w5 learn: return (out, cache) with out of shape (N, M). Lecture S2-14.

    h1 = relu(x w1^T), h2 = relu(h1 w2^T), h3 = relu(h2 w3^T), h4 = relu(h3 w4^T), and out = h4 w5^T. The cache may keep
    nothing alive that the backward can do without; inputs and output live on anyway. Booleans are enough for a mask.
    """
    raise NotImplementedError  # your answer goes here


@task(
    freeze_forward,
    points=4,
    rows=("S2-12", "S2-14"),
    wrt=("w3", "w5"),
    memory=True,
    edges={"a batch of 1": {"N": 1}, "one output": {"M": 1}, "one unit": {"G": 1}},
)
def freeze_backward(dout, cache):
    """Gradients of the weights that learn: return (dw3, dw5) of shapes (G, F) and (M, H), given dout (N, M).

    The layers 1, 2 and 4 are frozen, and the gradient of x is not wanted. Lecture S2-14, which drops the activations of
    frozen lower layers; a frozen layer above a trainable one still takes part.
    """
    raise NotImplementedError  # your answer goes here
