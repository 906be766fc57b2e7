"""What a backward pass must remember of the forward, and what frozen layers allow it to forget."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake


def affine_layers(layers, trainable):
    """The places of the affine layers, counted from 1, and of those that are trainable; refuse what does not fit."""
    places = [place for place, layer in enumerate(layers.split(), 1) if layer == "affine"]
    learning = [place for place in places if f"w{place}" in trainable.split()]
    if len(learning) != len(trainable.split()):
        wanted = " ".join(f"w{place}" for place in places)
        raise ValueError(f"trainable is {trainable!r}, where some of {wanted!r}, each once, are wanted")
    return places, learning


@exercise(
    kind="value",
    points=3,
    rows=("S2-12", "S2-14"),
    hints=(
        "Take one affine layer with upstream gradient dout: what does the gradient of w need? And that of x?",
        "Which is the lowest layer that anything is asked of? Nothing has to flow further down than to its weights.",
        "A frozen layer above a trainable one is asked for one of its two gradients.",
    ),
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
    ### BEGIN SOLUTION
    # $\bar W = \bar o^\top x$ needs a layer's input, $\bar x = \bar o\,W$ its weights, and $\bar z = \bar a\,\phi'$ its
    # output. Only layers above the lowest trainable one hand anything down.
    affine, learning = affine_layers(layers, trainable)
    above = range(min(learning) + 1, len(layers.split()) + 1) if learning else ()
    return {f"x{k - 1}" for k in learning} | {f"w{k}" if k in affine else f"x{k}" for k in above}
    ### END SOLUTION


@mistake(activation_memory, "Is there a layer of which nothing is asked, and which nothing has to pass through?")
def everything_remembered(layers, trainable):
    affine, _ = affine_layers(layers, trainable)
    count = len(layers.split())
    return {f"x{k}" for k in range(count + 1)} | {f"w{k}" for k in affine}


@mistake(activation_memory, "An affine layer needs its input for one gradient alone: is it wanted of a frozen one?")
def inputs_of_frozen_layers(layers, trainable):
    affine, _ = affine_layers(layers, trainable)
    return activation_memory(layers, trainable) | {f"x{k - 1}" for k in affine}


@mistake(activation_memory, "How far down does the gradient have to flow?")
def gradient_down_to_the_input(layers, trainable):
    affine, learning = affine_layers(layers, trainable)
    names = {f"w{k}" if k in affine else f"x{k}" for k in range(1, len(layers.split()) + 1)}
    return names | {f"x{k - 1}" for k in learning}


@mistake(activation_memory, "A frozen layer learns nothing, but what does the gradient need on its way through it?")
def frozen_layers_forgotten(layers, trainable):
    affine, learning = affine_layers(layers, trainable)
    return activation_memory(layers, trainable) - {f"w{k}" for k in affine if k not in learning}


@mistake(activation_memory, "Whose input does the gradient of the lowest trainable weights multiply?")
def lowest_input_dropped(layers, trainable):
    _, learning = affine_layers(layers, trainable)
    return activation_memory(layers, trainable) - {f"x{k - 1}" for k in learning[:1]}


@mistake(
    activation_memory, "What are an affine layer's weights needed for, and does anyone below the lowest ask for it?"
)
def lowest_weights_remembered(layers, trainable):
    _, learning = affine_layers(layers, trainable)
    return activation_memory(layers, trainable) | {f"w{k}" for k in learning}


@mistake(activation_memory, "The task asks for an activation's output: which of its two neighbours is that?")
def inputs_of_activations(layers, trainable):
    affine, learning = affine_layers(layers, trainable)
    above = range(min(learning) + 1, len(layers.split()) + 1) if learning else ()
    return {f"x{k - 1}" for k in learning} | {f"w{k}" if k in affine else f"x{k - 1}" for k in above}


@mistake(activation_memory, "On its way down the gradient is multiplied by weights too.")
def weights_forgotten(layers, trainable):
    return {name for name in activation_memory(layers, trainable) if name.startswith("x")}


@mistake(activation_memory, "On its way down the gradient passes activations too: what tells their slopes?")
def slopes_forgotten(layers, trainable):
    affine, learning = affine_layers(layers, trainable)
    above = range(min(learning) + 1, len(layers.split()) + 1) if learning else ()
    return {f"x{k - 1}" for k in learning} | {f"w{k}" for k in above if k in affine}


# -- a network of which two layers learn ------------------------------------------------------------------------------


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
    ### BEGIN SOLUTION
    # Kept are the inputs of the two layers that learn. $1\{h_4>0\}$ is in $h_4$; of $h_3$ a mask is enough, as $w_4$ is
    # frozen. Nothing flows below $w_3$, as if h2 were detached.
    expect_shapes(freeze_forward, x, w1, w2, w3, w4, w5)
    h2 = np.maximum(np.maximum(x @ w1.T, 0) @ w2.T, 0)
    h3 = np.maximum(h2 @ w3.T, 0)
    h4 = np.maximum(h3 @ w4.T, 0)
    return h4 @ w5.T, (h2, h3 > 0, w4, h4, w5)
    ### END SOLUTION


@exercise(
    freeze_forward,
    points=4,
    rows=("S2-12", "S2-14"),
    hints=(
        "Write the two gradients down first; only then look which arrays they mention.",
        "The way from out to w3 leads through w5, relu, w4 and relu: frozen weights are needed there all the same.",
        "For the gradient of w3 you need its input, and of h3 only where it is positive.",
    ),
    wrt=("w3", "w5"),
    memory=True,
    edges={"a batch of 1": {"N": 1}, "one output": {"M": 1}, "one unit": {"G": 1}},
)
def freeze_backward(dout, cache):
    """Gradients of the weights that learn: return (dw3, dw5) of shapes (G, F) and (M, H), given dout (N, M).

    The layers 1, 2 and 4 are frozen, and the gradient of x is not wanted. Lecture S2-14, which drops the activations of
    frozen lower layers; a frozen layer above a trainable one still takes part.
    """
    ### BEGIN SOLUTION
    # $$\bar w_5 = \bar o^\top h_4,\qquad \bar z_4 = \bar o\,w_5 \odot 1\{h_4>0\},\qquad
    #   \bar z_3 = \bar z_4\,w_4 \odot 1\{h_3>0\},\qquad \bar w_3 = \bar z_3^\top h_2.$$
    h2, mask, w4, h4, w5 = cache
    dz4 = dout @ w5 * (h4 > 0)
    dz3 = dz4 @ w4 * mask
    return dz3.T @ h2, dout.T @ h4
    ### END SOLUTION


@mistake(freeze_backward, "A frozen layer's weights stay as they are, but its slope still counts on the way to w3.")
def slope_of_the_frozen_layer_left_out(dout, cache):
    h2, mask, w4, h4, w5 = cache
    return (dout @ w5 @ w4 * mask).T @ h2, dout.T @ h4


@mistake(freeze_backward, "h3 is a relu's output: what does that do to the gradient on its way to w3?")
def slope_of_the_trainable_layer_left_out(dout, cache):
    h2, mask, w4, h4, w5 = cache
    return (dout @ w5 * (h4 > 0) @ w4).T @ h2, dout.T @ h4


@mistake(freeze_backward, "Freezing layer 4 does not detach what lies below it: does the output change with w3?")
def stopped_at_the_frozen_layer(dout, cache):
    h2, mask, w4, h4, w5 = cache
    return np.zeros((w4.shape[1], h2.shape[1])), dout.T @ h4


@mistake(freeze_backward, "Is anything in the forward divided by the number of examples?")
def learning_weights_averaged(dout, cache):
    return tuple(dw / len(dout) for dw in freeze_backward(dout, cache))


@mistake(freeze_backward, "Your gradients do not depend on dout as they should: it is one factor of each.")
def signs_of_the_upstream(dout, cache):
    return freeze_backward(np.ones_like(dout), cache)


def _keep_everything(x, w1, w2, w3, w4, w5):
    hs = [x]
    for w in (w1, w2, w3, w4):
        hs.append(np.maximum(hs[-1] @ w.T, 0))
    return hs[-1] @ w5.T, (hs, w4, w5)


@mistake(
    freeze_backward,
    "It is right, but what lies below the lowest trainable layer is never used.",
    forward=_keep_everything,
)
def every_activation_kept(dout, cache):
    hs, w4, w5 = cache
    return freeze_backward(dout, (hs[2], hs[3] > 0, w4, hs[4], w5))


def _keep_what_the_layers_that_learn_touch(x, w1, w2, w3, w4, w5):
    _, (hs, *_) = _keep_everything(x, w1, w2, w3, w4, w5)
    return hs[-1] @ w5.T, (hs[2:], w4, w5)


@mistake(
    freeze_backward,
    "It is right, but h3 is the input of a frozen layer: what do you need to know of it?",
    forward=_keep_what_the_layers_that_learn_touch,
)
def input_of_the_frozen_layer_kept(dout, cache):
    hs, w4, w5 = cache
    return freeze_backward(dout, (hs[0], hs[1] > 0, w4, hs[2], w5))


def _keep_the_frozen_layer_below(x, w1, w2, w3, w4, w5):
    _, (hs, *_) = _keep_everything(x, w1, w2, w3, w4, w5)
    return hs[-1] @ w5.T, (hs[1], (hs[2], hs[3] > 0, w4, hs[4], w5))


@mistake(
    freeze_backward,
    "It is right, but whose gradient needs h1? Below the lowest trainable layer nothing has to flow.",
    forward=_keep_the_frozen_layer_below,
)
def activation_of_a_frozen_layer_below_kept(dout, cache):
    return freeze_backward(dout, cache[1])


def _keep_preactivations(x, w1, w2, w3, w4, w5):
    out, (h2, mask, w4, h4, w5) = freeze_forward(x, w1, w2, w3, w4, w5)
    return out, (h2, h2 @ w3.T, np.maximum(h2 @ w3.T, 0) @ w4.T, w4, h4, w5)


@mistake(
    freeze_backward,
    "It is right, but a relu's slope needs neither all digits of its input nor another array beside its output.",
    forward=_keep_preactivations,
)
def preactivations_kept(dout, cache):
    h2, z3, z4, w4, h4, w5 = cache
    return (((dout @ w5) * (z4 > 0)) @ w4 * (z3 > 0)).T @ h2, dout.T @ h4
