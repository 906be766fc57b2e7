"""Multilayer perceptrons: a layer, its local error and the one below, whole networks, and their chain of Jacobians."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, expect_labels, expect_shapes, keep, task


def layer_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"], act: str = "tanh"):
    """A layer a = act(z), z = x w^T + b: return (out, cache) with out of shape (N, M). Lecture S0-03.

    act is "tanh", "relu" or "sigmoid".
    """
    raise NotImplementedError  # your answer goes here


@task(
    layer_forward,
    points=3,
    rows=("S0-03", "S0-05", "S0-06", "S0-07"),
    edges={
        "relu": {"act": "relu"},
        "sigmoid": {"act": "sigmoid"},
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
        "one input": {"D": 1},
    },
    overflow={
        "biases of 1000 under a sigmoid": {"act": "sigmoid", "b": (900, 1100)},
        "biases of -1000 under a sigmoid": {"act": "sigmoid", "b": (-1100, -900)},
        "biases of 1000 under tanh": {"b": (900, 1100)},
    },
)
def layer_backward(dout, cache):
    """Gradients of a = act(x w^T + b): return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lectures S0-05, S0-06 and S0-07. Where a ReLU's input is exactly 0, any slope from 0 to 1 is accepted.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S0-07",),
    edges={
        "relu": {"act": "relu"},
        "tanh": {"act": "tanh"},
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
    },
    overflow={"z of 1000": {"z": (900, 1100)}, "z of -1000": {"z": (-1100, -900)}},
)
def output_delta(da: Float[ndarray, "N M"], z: Float[ndarray, "N M"], act: str = "sigmoid"):
    """The local error dC/dz of the last layer, a = act(z): return an array of shape (N, M), given da = dC/da (N, M).

    act is "tanh", "relu" or "sigmoid": each entry of a comes from its own z, which is not so with a softmax.
    Lecture S0-07; where it says that dC/da^k is given, read dC/da^L.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S0-08", "S2-10"),
    draw={"h": (0.05, 0.95)},
    edges={
        "a batch of 1": {"N": 1},
        "one unit above": {"M": 1},
        "one unit below": {"D": 1},
        "fewer units above than below": {"M": 2},
        "as many units above as below": {"M": 4},
        "units below that are saturated": {"h": (0.999, 1.0)},
    },
)
def blame_backward(delta: Float[ndarray, "N M"], w: Float[ndarray, "M D"], h: Float[ndarray, "N D"]):
    """Hand the local error down one layer: return that of the layer below, of shape (N, D).

    delta (N, M) is the loss's gradient with respect to h w^T, and h = sigmoid(h_tilde) are the units below; what is
    wanted is the gradient with respect to h_tilde. Lectures S0-08 and S2-10. S0-08's sums over the units above stop at
    N_m, the width below: read N^{m+1}. S2-10 leaves out the slope of the sigmoid: put it in.
    """
    raise NotImplementedError  # your answer goes here


def two_layer_sigmoid_forward(
    x: Float[ndarray, "N D"],
    w1: Float[ndarray, "H D"],
    b1: Float[ndarray, "H"],
    w2: Float[ndarray, "M H"],
    b2: Float[ndarray, "M"],
    y: Int[ndarray, "N M"],
):
    """Two sigmoid layers and their cross-entropy, with labels y of 0 or 1: return (loss, cache).

    a1 = sigmoid(x w1^T + b1) and a2 = sigmoid(a1 w2^T + b2), both in every unit; the loss is the mean over the examples
    of the sum over the M outputs of -y log a2 - (1 - y) log(1 - a2). Write it so that biases of 1000 do no harm.
    Lectures S0-10, S0-11 and S0-12.
    """
    raise NotImplementedError  # your answer goes here


@task(
    two_layer_sigmoid_forward,
    wrt=("w1", "b1", "w2", "b2"),
    points=4,
    rows=("S0-11", "S0-12"),
    draw={"y": below(2)},
    edges={
        "one example": {"N": 1},
        "one output": {"M": 1},
        "one hidden unit": {"H": 1},
        "more outputs than hidden units": {"H": 2, "M": 4},
        "label 0 only": {"y": below(1)},
    },
    overflow={
        "output biases of 1000": {"b2": (900, 1100)},
        "output biases of -1000": {"b2": (-1100, -900)},
        "hidden biases of 1000": {"b1": (900, 1100)},
    },
)
def two_layer_sigmoid_backward(dout, cache):
    """Gradients of the two-layer net's loss: return (dw1, db1, dw2, db2), each of its input's shape.

    dw1 is (H, D), db1 (H,), dw2 (M, H), db2 (M,); dout is a scalar. Lectures S0-11 and S0-12, for one example: S0-12
    lacks the brackets around dL/dz, which is complete before the outer product with what lies below is taken.
    """
    raise NotImplementedError  # your answer goes here


def mlp_bce_forward(
    x: Float[ndarray, "N D"], w1: Float[ndarray, "H D"], w2: Float[ndarray, "1 H"], y: Int[ndarray, "N"], node=keep
):
    """The cross-entropy of sigmoid(w2 h), h = sigmoid(w1 x), with labels y of 0 or 1: return (loss, cache).

    There are no biases. The loss is the mean over the examples, written so that a y_tilde of 1000 does no harm.
    Lectures S2-02 and S2-06.
    """
    expect_shapes(mlp_bce_forward, x, w1, w2, y)
    expect_labels("y", y, 2)
    h_tilde = node("h_tilde", x @ w1.T)
    h = node("h", (1 + np.tanh(h_tilde / 2)) / 2)
    y_tilde = node("y_tilde", h @ w2[0])
    y_hat = (1 + np.tanh(y_tilde / 2)) / 2
    return np.mean(np.logaddexp(0, y_tilde) - y * y_tilde), (x, w1, w2, y, h, y_hat)


@task(
    mlp_bce_forward,
    nodes={"y_tilde": "N", "h": "N H", "h_tilde": "N H"},
    points=4,
    rows=("S2-03", "S2-04", "S2-05", "S2-06"),
    draw={"y": below(2)},
    edges={
        "one example": {"N": 1},
        "one hidden unit": {"H": 1},
        "one input": {"D": 1},
        "label 0 only": {"y": below(1)},
    },
    overflow={"inputs of 1000": {"x": (-1000, 1000)}, "output weights of 1000": {"w2": (900, 1100)}},
)
def mlp_bce_backward(dout, cache):
    """The local errors of a two-layer net and the gradients of its inputs: return a dict, given the scalar dout.

    Its keys are "dy_tilde", of shape (N,); "dh" and "dh_tilde", (N, H); "dw2", (1, H); "dw1", (H, D); "dx", (N, D).
    Lectures S2-03 to S2-06, which print the local error, delta, like an integral sign; dh_tilde is S2-05's
    "local error at h_tilde", with the slope of the sigmoid in it.
    """
    raise NotImplementedError  # your answer goes here


def mlp2_forward(
    x: Float[ndarray, "N D"],
    w1: Float[ndarray, "H D"],
    w2: Float[ndarray, "M H"],
    target: Float[ndarray, "N M"],
    act: str = "tanh",
):
    """Two layers and their squared error: return (loss, cache). Lecture S1-07, where all layers have n units.

    a1 = act(x w1^T) and a2 = act(a1 w2^T), without biases; the loss is the sum over all examples and outputs of
    (a2 - target)^2. act is "tanh", "relu" or "sigmoid".
    """
    raise NotImplementedError  # your answer goes here


@task(
    mlp2_forward,
    wrt=("w1", "w2"),
    points=4,
    rows=("S1-07",),
    edges={
        "relu": {"act": "relu"},
        "sigmoid": {"act": "sigmoid"},
        "one example": {"N": 1},
        "one output": {"M": 1},
        "one hidden unit": {"H": 1},
        "layers of one width": {"D": 4, "H": 4, "M": 4},
    },
    overflow={"inputs of 1000": {"x": (-1000, 1000), "act": "sigmoid"}},
)
def mlp2_backward(dout, cache):
    """Gradients of the squared error of two layers: return (dw1, dw2) of shapes (H, D) and (M, H), given a scalar dout.

    Lecture S1-07, which asks for dL/dW1 and leaves it to you.
    """
    raise NotImplementedError  # your answer goes here


def mlp_forward(x: Float[ndarray, "N D"], ws, bs, act: str = "tanh"):
    """A network of layers a = act(a_below w^T + b): return (out, cache), out being the last layer's a. Lecture S0-03.

    ws and bs are lists, from the lowest layer up: w is (out, in), b is (out,), and widths may differ from layer to
    layer. x is (N, D). act is "tanh", "relu" or "sigmoid", and follows every layer, the last one too.
    """
    raise NotImplementedError  # your answer goes here


THREE_LAYERS = {
    "ws": [Float[ndarray, "H D"], Float[ndarray, "K H"], Float[ndarray, "M K"]],
    "bs": [Float[ndarray, "H"], Float[ndarray, "K"], Float[ndarray, "M"]],
}
ONE_LAYER = {"ws": [Float[ndarray, "M D"]], "bs": [Float[ndarray, "M"]]}
TWO_LAYERS = {"ws": [Float[ndarray, "H D"], Float[ndarray, "M H"]], "bs": [Float[ndarray, "H"], Float[ndarray, "M"]]}
ONE_WIDTH = {
    "ws": [Float[ndarray, "D D"], Float[ndarray, "D D"], Float[ndarray, "D D"], Float[ndarray, "D D"]],
    "bs": [Float[ndarray, "D"], Float[ndarray, "D"], Float[ndarray, "D"], Float[ndarray, "D"]],
}


@task(
    mlp_forward,
    points=5,
    rows=("S0-03", "S0-08", "S0-09", "S2-07"),
    arguments=THREE_LAYERS,
    edges={
        "relu": {"act": "relu"},
        "sigmoid": {"act": "sigmoid"},
        "one layer": ONE_LAYER,
        "two layers": TWO_LAYERS,
        "four layers of one width": ONE_WIDTH,
        "a batch of 1": {"N": 1},
    },
    overflow={
        "biases of 1000 under a sigmoid": {"act": "sigmoid", "bs": (900, 1100)},
        "biases of -1000 under a sigmoid": {"act": "sigmoid", "bs": (-1100, -900)},
    },
)
def mlp_backward(dout, cache):
    """Gradients of the whole network: return (dx, dws, dbs), given dout, of the shape of out.

    dx is (N, D); dws and dbs are lists like ws and bs, each gradient of its own input's shape. Lectures S0-09 and
    S2-07. S0-08's sums over the units of the layer above stop at N_m: read N^{m+1}. S2-07 prints h^{(k+2)} where it
    should read h^{(k+1)}. Where a ReLU's input is exactly 0, any slope from 0 to 1 is accepted.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=4,
    rows=("S0-08", "S2-07"),
    arguments=THREE_LAYERS,
    edges={
        "relu": {"act": "relu"},
        "sigmoid": {"act": "sigmoid"},
        "one layer": ONE_LAYER,
        "two layers": TWO_LAYERS,
        "four layers": {
            "ws": [*THREE_LAYERS["ws"][:2], Float[ndarray, "L K"], Float[ndarray, "M L"]],
            "bs": [*THREE_LAYERS["bs"][:2], Float[ndarray, "L"], Float[ndarray, "M"]],
        },
        "a batch of 1": {"N": 1},
    },
    overflow={"biases of 1000 under a sigmoid": {"act": "sigmoid", "bs": (900, 1100)}},
)
def local_errors(x: Float[ndarray, "N D"], ws, bs, dout: Float[ndarray, "N M"], act: str = "tanh"):
    """The local error of every layer: return a list of dL/dz, each of shape (N, units), from the lowest layer up.

    The layers are a = act(z) with z = a_below w^T + b, for w and b of the lists ws and bs; dout (N, M) is the gradient
    of the last layer's a. Lectures S0-08 and S2-07: where S2-07 prints h^{(k+2)}, read h^{(k+1)}, the layer just above.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S2-13",),
    edges={
        "one output": {"K": 1},
        "one unit in the second layer": {"H": 1},
        "one unit in the first layer": {"E": 1},
        "one input": {"D": 1},
        "layers of one width": {"K": 4, "H": 4, "E": 4, "D": 4},
    },
)
def deep_chain(
    dl_dy: Float[ndarray, "K"],
    dy_dh2: Float[ndarray, "K H"],
    dh2_dh1: Float[ndarray, "H E"],
    dh1_dw1: Float[ndarray, "E E D"],
):
    """The chain from the loss to the first weights: return dL/dW1, of shape (E, D), from its four factors.

    One row for each output (numerator layout): dy_dh2[i, j] is dy_i/dh2_j, dh2_dh1 likewise, and dh1_dw1[i, j, k] is
    dh1_i/dW1_jk. Use them as they are given, whatever network they come from. Lecture S2-13.
    """
    raise NotImplementedError  # your answer goes here
