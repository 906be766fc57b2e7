"""Multilayer perceptrons: a layer, its local error and the one below, whole networks, and their chain of Jacobians."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, exercise, expect_labels, expect_shapes, keep, mistake

from .activations import logistic
from .initialisation import expect_layers


def expect_act(act):
    """Demand the name of an activation that there is."""
    if act not in ("tanh", "relu", "sigmoid"):
        raise ValueError(f"act is {act!r}, where 'tanh', 'relu' or 'sigmoid' is wanted")


def expect_network(x, ws, bs, act):
    """Demand weights that follow on one another, from x on, with a bias for every unit."""
    expect_layers(x, ws)
    expect_act(act)
    if len(ws) != len(bs) or not len(ws):
        raise ValueError(f"ws has {len(ws)} layers and bs {len(bs)}, where as many, and at least 1, are wanted")
    for place, (w, b) in enumerate(zip(ws, bs)):
        if np.shape(b) != np.shape(w)[:1]:
            wanted = f"{np.shape(w)[:1]} is wanted, as ws[{place}] {np.shape(w)} has"
            raise ValueError(f"bs[{place}] has shape {np.shape(b)}, where {wanted}")


def activated(act, z):
    """The activation of each entry."""
    return {"tanh": np.tanh, "sigmoid": logistic, "relu": lambda z: np.maximum(z, 0)}[act](z)


def slope(act, a):
    """The activation's slope, by the value a that it has."""
    return {"tanh": lambda a: 1 - a**2, "sigmoid": lambda a: a * (1 - a), "relu": lambda a: 1.0 * (a > 0)}[act](a)


def another(act):
    """Another activation, for the wrong answers."""
    return "sigmoid" if act == "tanh" else "tanh"


# -- one layer --------------------------------------------------------------------------------------------------------


def layer_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"], act: str = "tanh"):
    """A layer a = act(z), z = x w^T + b: return (out, cache) with out of shape (N, M). Lecture S0-03.

    act is "tanh", "relu" or "sigmoid".
    """
    ### BEGIN SOLUTION
    expect_shapes(layer_forward, x, w, b)
    expect_act(act)
    out = activated(act, x @ w.T + b)
    return out, (x, w, out, act)
    ### END SOLUTION


@exercise(
    layer_forward,
    points=3,
    rows=("S0-03", "S0-05", "S0-06", "S0-07"),
    hints=(
        "Two steps forward, z and a, so two steps back: first from a to z, then from z to x, w and b.",
        "Each activation's slope can be had from its own output: 1 - a^2, a (1 - a), or 1 where a > 0.",
        "With the gradient of z in hand, it is an affine layer.",
    ),
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
    ### BEGIN SOLUTION
    # $$\bar z = \bar a\odot\sigma'(z),\qquad \bar x = \bar z\,w,\qquad \bar w = \bar z^\top x,\qquad
    #   \bar b = \textstyle\sum_n\bar z_n,$$
    # with $\sigma' = 1-a^2$ for tanh, $a(1-a)$ for the sigmoid, $1\{a>0\}$ for ReLU.
    x, w, out, act = cache
    dz = dout * slope(act, out)
    return dz @ w, dz.T @ x, dz.sum(axis=0)
    ### END SOLUTION


def _from_z(dz, cache):
    x, w, *_ = cache
    return dz @ w, dz.T @ x, dz.sum(axis=0)


@mistake(layer_backward, "Between z and a there is the activation: where is its slope?")
def slope_of_the_layer_left_out(dout, cache):
    return _from_z(dout, cache)


@mistake(layer_backward, "The value of the activation is not its slope: where tanh is 0 it is steepest.")
def value_of_the_layer_for_its_slope(dout, cache):
    return _from_z(dout * cache[2], cache)


@mistake(layer_backward, "The cache holds the activated value: the activation is taken once too often.")
def layer_activated_twice(dout, cache):
    _, _, out, act = cache
    return _from_z(dout * slope(act, activated(act, out)), cache)


@mistake(layer_backward, "That is the slope of another activation.")
def slope_of_another_activation(dout, cache):
    _, _, out, act = cache
    return _from_z(dout * slope(another(act), out), cache)


@mistake(layer_backward, "There are three activations to choose from: does your backward ask which one it is?")
def slope_of_tanh_whatever_act_says(dout, cache):
    return _from_z(dout * slope("tanh", cache[2]), cache)


@mistake(layer_backward, "b is part of z: the gradient reaches it through the activation.")
def bias_of_the_layer_above_the_activation(dout, cache):
    dx, dw, _ = layer_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


@mistake(layer_backward, "x is behind the activation too: does your dx pass it?")
def input_of_the_layer_above_the_activation(dout, cache):
    _, dw, db = layer_backward(dout, cache)
    return dout @ cache[1], dw, db


@mistake(layer_backward, "w is behind the activation too: does your dw pass it?")
def weights_of_the_layer_above_the_activation(dout, cache):
    dx, _, db = layer_backward(dout, cache)
    return dx, dout.T @ cache[0], db


@mistake(layer_backward, "Is anything in the forward divided by the number of examples?")
def layer_averaged_over_the_batch(dout, cache):
    dx, dw, db = layer_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake(layer_backward, "A gradient has exactly the shape of the thing it is the gradient of: db is (M,).")
def bias_of_the_layer_with_an_extra_axis(dout, cache):
    dx, dw, db = layer_backward(dout, cache)
    return dx, dw, db[None]


@mistake(layer_backward, "Your gradients do not depend on dout: the slope is one factor of two.")
def slope_of_the_layer_alone(dout, cache):
    return layer_backward(np.ones_like(dout), cache)


@mistake(layer_backward, "Your output is z: what follows it?", half="forward")
def layer_left_linear(x, w, b, act="tanh"):
    z = x @ w.T + b
    return z, (x, w, z, act)


@mistake(layer_backward, "Which comes first in a layer, the weights or the activation?", half="forward")
def input_activated_before_the_weights(x, w, b, act="tanh"):
    out = activated(act, x) @ w.T + b
    return out, (x, w, out, act)


@mistake(layer_backward, "Changing b does not change your output.", half="forward")
def bias_of_the_layer_left_out(x, w, b, act="tanh"):
    return layer_forward(x, w, 0 * b, act)


@mistake(layer_backward, "The bias goes into the activation with the rest of z.", half="forward")
def bias_of_the_layer_behind_the_activation(x, w, b, act="tanh"):
    out = activated(act, x @ w.T) + b
    return out, (x, w, out, act)


@mistake(layer_backward, "There are three activations to choose from: what does act say?", half="forward")
def tanh_whatever_act_says(x, w, b, act="tanh"):
    return layer_forward(x, w, b, "tanh")


@mistake(layer_backward, "Try a bias of 1000 under the sigmoid: what is infinity over infinity?", half="forward")
def quotient_of_exponentials(x, w, b, act="tanh"):
    z = x @ w.T + b
    out = np.exp(z) / (1 + np.exp(z)) if act == "sigmoid" else activated(act, z)
    return out, (x, w, out, act)


# -- local errors, layer by layer -------------------------------------------------------------------------------------


@exercise(
    kind="value",
    rows=("S0-07",),
    hints=(
        "Each z moves its own a and no other: so one product for each entry.",
        "You are given z: the slope of the activation is to be taken there.",
    ),
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
    ### BEGIN SOLUTION
    # $\delta^L_k = \frac{\partial C}{\partial a^L_k}\,\sigma'(z^L_k)$.
    expect_shapes(output_delta, da, z)
    expect_act(act)
    return da * slope(act, activated(act, z))
    ### END SOLUTION


@mistake(output_delta, "That is dC/da: one step further on, there is the activation.")
def delta_above_the_activation(da, z, act="sigmoid"):
    return da.copy()


@mistake(output_delta, "That is the slope of the activation alone: it is one factor of two.")
def delta_without_the_loss(da, z, act="sigmoid"):
    return slope(act, activated(act, z))


@mistake(output_delta, "The value of the activation is not its slope.")
def delta_by_the_value(da, z, act="sigmoid"):
    return da * activated(act, z)


@mistake(output_delta, "a (1 - a) and 1 - a^2 want the activated value: did you put z into them?")
def slope_formula_at_z(da, z, act="sigmoid"):
    return da * slope(act, z)


@mistake(output_delta, "The slope is to be taken at z: have you activated twice?")
def delta_activated_twice(da, z, act="sigmoid"):
    return da * slope(act, activated(act, activated(act, z)))


@mistake(output_delta, "That is the slope of another activation.")
def delta_of_another_activation(da, z, act="sigmoid"):
    return da * slope(another(act), activated(another(act), z))


@mistake(output_delta, "Right for the sigmoid: does your answer ask which activation it is?")
def delta_of_the_sigmoid_always(da, z, act="sigmoid"):
    return da * slope("sigmoid", logistic(z))


@mistake(output_delta, "Does z[n, k] move the other units of its layer?")
def delta_summed_over_the_units(da, z, act="sigmoid"):
    return da.sum(axis=1, keepdims=True) * slope(act, activated(act, z))


@mistake(output_delta, "Try z = 1000: what is infinity over infinity?")
def delta_by_exponentials(da, z, act="sigmoid"):
    return da * np.exp(z) / (1 + np.exp(z)) ** 2 if act == "sigmoid" else output_delta(da, z, act)


@exercise(
    kind="value",
    points=2,
    rows=("S0-08", "S2-10"),
    hints=(
        "Which units above hear from unit i below? All of them: so the sum has as many terms as there are units above.",
        "Unit j above hears from h[i] through the one weight w[j, i]: that is what its error is multiplied by.",
        "What has been summed up is the gradient of h: one more step leads to h_tilde.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta^{(k-1)}_i = \sigma'(\tilde h_i)\sum_{j=1}^{M} W_{ji}\,\delta^{(k)}_j,\qquad \sigma' = h_i(1-h_i).$$
    expect_shapes(blame_backward, delta, w, h)
    return (delta @ w) * h * (1 - h)
    ### END SOLUTION


@mistake(blame_backward, "The error of h is not yet that of h_tilde: what lies between the two?")
def blame_ignoring_the_sigmoid(delta, w, h):
    return delta @ w


@mistake(blame_backward, "How many units are there above? Is there a term for each of them in your sum?")
def blame_summed_to_the_width_below(delta, w, h):
    reach = h.shape[1]
    return (delta[:, :reach] @ w[:reach]) * h * (1 - h)


@mistake(blame_backward, "A unit below feeds all units above: whose errors are missing from your sum?")
def blame_from_the_first_unit(delta, w, h):
    return np.outer(delta[:, 0], w[0]) * h * (1 - h)


@mistake(blame_backward, "With as many units above as below, w and its transpose both fit: which index is summed over?")
def blame_through_the_wrong_connection(delta, w, h):
    return (delta @ (w.T if w.shape[0] == w.shape[1] else w)) * h * (1 - h)


@mistake(blame_backward, "Is blame handed on in proportion to the weight, with its sign, or to its size?")
def blame_by_the_size_of_the_weight(delta, w, h):
    return (delta @ np.abs(w)) * h * (1 - h)


@mistake(blame_backward, "The errors above are weighed by their connections before they are added up.")
def blame_without_the_weights(delta, w, h):
    return delta.sum(axis=1, keepdims=True) * h * (1 - h)


@mistake(blame_backward, "h is activated already: the sigmoid is taken once too often.")
def blame_with_the_sigmoid_twice(delta, w, h):
    return (delta @ w) * logistic(h) * (1 - logistic(h))


@mistake(blame_backward, "That is the value of the sigmoid; where it is near 1, how steep is it?")
def blame_by_the_value_of_the_unit(delta, w, h):
    return (delta @ w) * h


@mistake(blame_backward, "That is the slope of tanh.")
def blame_with_the_slope_of_tanh(delta, w, h):
    return (delta @ w) * (1 - h**2)


@mistake(blame_backward, "Is the blame shared out among the units above, or does each of them pass its own on?")
def blame_averaged_over_the_units(delta, w, h):
    return (delta @ w) * h * (1 - h) / len(w)


@mistake(blame_backward, "Every example has its own errors: does one row of delta reach another's units in yours?")
def blame_of_the_whole_batch(delta, w, h):
    return (delta.sum(axis=0) @ w) * h * (1 - h)


# -- networks of two layers -------------------------------------------------------------------------------------------


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
    ### BEGIN SOLUTION
    # $-y\log\sigma(z) - (1-y)\log(1-\sigma(z)) = \log(1+e^z) - yz = \max(z,0) - yz + \log(1+e^{-|z|})$.
    expect_shapes(two_layer_sigmoid_forward, x, w1, b1, w2, b2, y)
    expect_labels("y", y, 2)
    a1 = logistic(x @ w1.T + b1)
    z2 = a1 @ w2.T + b2
    losses = np.maximum(z2, 0) - y * z2 + np.log1p(np.exp(-np.abs(z2)))
    return losses.sum(axis=1).mean(), (x, a1, logistic(z2), w2, y)
    ### END SOLUTION


@exercise(
    two_layer_sigmoid_forward,
    wrt=("w1", "b1", "w2", "b2"),
    points=4,
    rows=("S0-11", "S0-12"),
    hints=(
        "Start at the output: sigmoid and cross-entropy together leave a simple dz2. Do not forget the mean.",
        "From dz2 to a1: an affine layer's dx; then the slope a1 (1 - a1), entry by entry, gives dz1.",
        "Both layers' weights get their gradients from their own dz, and from what came in from below.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta^2 = \tfrac{1}{N}\bar L\,(a^2 - y),\qquad \delta^1 = (\delta^2 W^2)\odot a^1\odot(1-a^1),$$
    # $\bar W^2 = \delta^{2\top}a^1$, $\bar W^1 = \delta^{1\top}x$, and each bias collects its $\delta$ over the batch.
    x, a1, a2, w2, y = cache
    dz2 = (a2 - y) * (dout / len(y))
    dz1 = (dz2 @ w2) * a1 * (1 - a1)
    return dz1.T @ x, dz1.sum(axis=0), dz2.T @ a1, dz2.sum(axis=0)
    ### END SOLUTION


def _two_layers(
    dout,
    cache,
    output=lambda dout, a2, y: (a2 - y) * (dout / len(y)),
    hidden=lambda dz2, w2, a1: (dz2 @ w2) * a1 * (1 - a1),
):
    """Down the two layers, with one step or the other taken differently."""
    x, a1, a2, w2, y = cache
    dz2 = output(dout, a2, y)
    dz1 = hidden(dz2, w2, a1)
    return dz1.T @ x, dz1.sum(axis=0), dz2.T @ a1, dz2.sum(axis=0)


@mistake(two_layer_sigmoid_backward, "The loss is a mean over the examples: by how much does one of them move it?")
def examples_not_averaged(dout, cache):
    return _two_layers(dout, cache, output=lambda dout, a2, y: (a2 - y) * dout)


@mistake(two_layer_sigmoid_backward, "Over what is the mean taken: the outputs are added up.")
def outputs_averaged_too(dout, cache):
    return _two_layers(dout, cache, output=lambda dout, a2, y: (a2 - y) * dout / y.size)


@mistake(two_layer_sigmoid_backward, "Raise an output whose label is 1: does the loss rise or fall?")
def labels_minus_outputs(dout, cache):
    return _two_layers(dout, cache, output=lambda dout, a2, y: (y - a2) * dout / len(y))


@mistake(two_layer_sigmoid_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def net_loss_taken_as_the_end(dout, cache):
    return two_layer_sigmoid_backward(1.0, cache)


@mistake(two_layer_sigmoid_backward, "The output's sigmoid has cancelled already: its slope is here once too often.")
def output_slope_once_too_often(dout, cache):
    return _two_layers(dout, cache, output=lambda dout, a2, y: (a2 - y) * a2 * (1 - a2) * dout / len(y))


@mistake(two_layer_sigmoid_backward, "Follow the chain through the output's sigmoid: yours ends at a2.")
def stopped_at_the_outputs(dout, cache):
    return _two_layers(
        dout, cache, output=lambda dout, a2, y: (a2 - y) / np.maximum(a2 * (1 - a2), 1e-300) * dout / len(y)
    )


@mistake(two_layer_sigmoid_backward, "The hidden layer has a sigmoid as well: where is its slope?")
def hidden_slope_left_out(dout, cache):
    return _two_layers(dout, cache, hidden=lambda dz2, w2, a1: dz2 @ w2)


@mistake(two_layer_sigmoid_backward, "a1 is the hidden units' value: how steep is the sigmoid where it has that value?")
def hidden_value_for_the_slope(dout, cache):
    return _two_layers(dout, cache, hidden=lambda dz2, w2, a1: (dz2 @ w2) * a1)


@mistake(two_layer_sigmoid_backward, "a1 is activated already: the sigmoid is taken once too often.")
def hidden_layer_activated_twice(dout, cache):
    again = logistic(cache[1])
    return _two_layers(dout, cache, hidden=lambda dz2, w2, a1: (dz2 @ w2) * again * (1 - again))


@mistake(two_layer_sigmoid_backward, "Is there a term for every output in what the hidden layer hears?")
def outputs_summed_to_the_hidden_width(dout, cache):
    def hidden(dz2, w2, a1):
        reach = a1.shape[1]
        return (dz2[:, :reach] @ w2[:reach]) * a1 * (1 - a1)

    return _two_layers(dout, cache, hidden=hidden)


@mistake(two_layer_sigmoid_backward, "What the hidden layer hears comes through w2: where is it in your dz1?")
def output_weights_skipped(dout, cache):
    return _two_layers(dout, cache, hidden=lambda dz2, w2, a1: dz2.sum(axis=1, keepdims=True) * a1 * (1 - a1))


@mistake(two_layer_sigmoid_backward, "The first layer moves the loss through the second: is its gradient really 0?")
def first_layer_not_reached(dout, cache):
    return _two_layers(dout, cache, hidden=lambda dz2, w2, a1: np.zeros_like(a1))


@mistake(two_layer_sigmoid_backward, "w2 multiplies the hidden units as they are after their sigmoid.")
def output_weights_from_the_preactivations(dout, cache):
    dw1, db1, _, db2 = two_layer_sigmoid_backward(dout, cache)
    _, a1, a2, _, y = cache
    z1 = np.log(np.maximum(a1, 1e-300)) - np.log(np.maximum(1 - a1, 1e-300))
    return dw1, db1, ((a2 - y) * dout / len(y)).T @ z1, db2


@mistake(two_layer_sigmoid_backward, "A bias is shared by the examples: each adds its dz, and one is not enough.")
def biases_from_one_example(dout, cache):
    x, a1, a2, w2, y = cache
    dw1, _, dw2, _ = two_layer_sigmoid_backward(dout, cache)
    dz2 = (a2 - y) * dout / len(y)
    return dw1, ((dz2 @ w2) * a1 * (1 - a1))[0], dw2, dz2[0]


@mistake(
    two_layer_sigmoid_backward, "A gradient has exactly the shape of the thing it is the gradient of: the biases'?"
)
def biases_of_the_net_with_an_extra_axis(dout, cache):
    dw1, db1, dw2, db2 = two_layer_sigmoid_backward(dout, cache)
    return dw1, db1[None], dw2, db2[None]


@mistake(
    two_layer_sigmoid_backward,
    "Over what is the mean taken: with twice the outputs, is the loss the same?",
    half="forward",
)
def mean_over_the_outputs(x, w1, b1, w2, b2, y):
    loss, cache = two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)
    return loss / y.shape[1], cache


@mistake(two_layer_sigmoid_backward, "With twice the examples, your loss is twice as large.", half="forward")
def examples_added_up(x, w1, b1, w2, b2, y):
    loss, cache = two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)
    return loss * len(y), cache


@mistake(two_layer_sigmoid_backward, "Both layers have a sigmoid: the hidden one as well.", half="forward")
def hidden_layer_left_linear(x, w1, b1, w2, b2, y):
    z1 = x @ w1.T + b1
    z2 = z1 @ w2.T + b2
    return np.sum(np.logaddexp(0, z2) - y * z2) / len(y), (x, z1, logistic(z2), w2, y)


@mistake(two_layer_sigmoid_backward, "Both layers have a bias: is the output's in your loss?", half="forward")
def output_bias_left_out(x, w1, b1, w2, b2, y):
    return two_layer_sigmoid_forward(x, w1, b1, w2, 0 * b2, y)


@mistake(two_layer_sigmoid_backward, "What do the outputs with label 0 cost in your loss?", half="forward")
def net_loss_of_the_ones_alone(x, w1, b1, w2, b2, y):
    _, cache = two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)
    z2 = cache[1] @ w2.T + b2
    return np.sum(y * np.logaddexp(0, -z2)) / len(y), cache


@mistake(two_layer_sigmoid_backward, "Try an output bias of 1000: what is the logarithm of 1 - 1?", half="forward")
def logarithm_of_saturated_outputs(x, w1, b1, w2, b2, y):
    _, cache = two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)
    a2 = cache[2]
    return -np.sum(y * np.log(a2) + (1 - y) * np.log(1 - a2)) / len(y), cache


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


@exercise(
    mlp_bce_forward,
    nodes={"y_tilde": "N", "h": "N H", "h_tilde": "N H"},
    points=4,
    rows=("S2-03", "S2-04", "S2-05", "S2-06"),
    hints=(
        "The local error at y_tilde: log(1 + exp(t)) has the sigmoid as its derivative, and y t has y.",
        "y_tilde[n] = sum over j of w2[0, j] h[n, j]: what is its derivative by h[n, j], and by w2[0, j]?",
        "From h to h_tilde there is a sigmoid; from h_tilde to w1 and x the two products of an affine layer.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta^{\hat y} = \tfrac1N\bar L\,(\hat y - y),\quad \nabla_{W^{(2)}} = \delta^{\hat y}h^\top,\quad
    #   \nabla_h = W^{(2)\top}\delta^{\hat y},\quad \delta^{\tilde h} = \nabla_h\odot h\odot(1-h),\quad
    #   \nabla_{W^{(1)}} = \delta^{\tilde h}x^\top.$$
    x, w1, w2, y, h, y_hat = cache
    dy_tilde = (y_hat - y) * (dout / len(y))
    dh = dy_tilde[:, None] * w2
    dh_tilde = dh * h * (1 - h)
    return {
        "dy_tilde": dy_tilde,
        "dw2": dy_tilde[None] @ h,
        "dh": dh,
        "dh_tilde": dh_tilde,
        "dw1": dh_tilde.T @ x,
        "dx": dh_tilde @ w1,
    }
    ### END SOLUTION


def _net_by_nodes(
    dout,
    cache,
    y_tilde=lambda dout, y_hat, y: (y_hat - y) * dout / len(y),
    h=lambda dy_tilde, w2: dy_tilde[:, None] * w2,
    h_tilde=lambda dh, h: dh * h * (1 - h),
):
    """Through the net, with one step or another taken differently."""
    x, w1, w2, y, h_, y_hat = cache
    done = {"dy_tilde": y_tilde(dout, y_hat, y)}
    done["dh"] = h(done["dy_tilde"], w2)
    done["dh_tilde"] = h_tilde(done["dh"], h_)
    done["dw2"] = done["dy_tilde"][None] @ h_
    return done | {"dw1": done["dh_tilde"].T @ x, "dx": done["dh_tilde"] @ w1}


@mistake(mlp_bce_backward, "The loss is a mean over the examples: by how much does one of them move it?")
def local_errors_not_averaged(dout, cache):
    return mlp_bce_backward(dout * len(cache[3]), cache)


@mistake(mlp_bce_backward, "Raise y_tilde where y = 1: does the loss rise or fall?")
def labels_minus_predictions(dout, cache):
    return mlp_bce_backward(-dout, cache)


@mistake(mlp_bce_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def local_errors_started_at_one(dout, cache):
    return mlp_bce_backward(1.0, cache)


@mistake(
    mlp_bce_backward, "In the local error at y_tilde the sigmoid's slope has cancelled: it is here once too often."
)
def slope_in_the_output_error(dout, cache):
    return _net_by_nodes(dout, cache, y_tilde=lambda dout, y_hat, y: (y_hat - y) * y_hat * (1 - y_hat) * dout / len(y))


@mistake(mlp_bce_backward, "The local error is that of y_tilde: from y_hat it is one step further.")
def error_at_the_prediction(dout, cache):
    return _net_by_nodes(
        dout,
        cache,
        y_tilde=lambda dout, y_hat, y: (y_hat - y) / np.maximum(y_hat * (1 - y_hat), 1e-300) * dout / len(y),
    )


@mistake(mlp_bce_backward, "The labels are part of the local error at y_tilde.")
def prediction_alone(dout, cache):
    return _net_by_nodes(dout, cache, y_tilde=lambda dout, y_hat, y: y_hat * dout / len(y))


@mistake(mlp_bce_backward, "What a hidden unit hears comes through its weight: where is w2 in your dh?")
def hidden_errors_without_the_weights(dout, cache):
    return _net_by_nodes(dout, cache, h=lambda dy_tilde, w2: dy_tilde[:, None] * np.ones_like(w2))


@mistake(mlp_bce_backward, "Each example has its own local error: do the rows of your dh hear from one another?")
def hidden_errors_of_the_whole_batch(dout, cache):
    return _net_by_nodes(dout, cache, h=lambda dy_tilde, w2: np.full((len(dy_tilde), 1), dy_tilde.sum()) * w2)


@mistake(mlp_bce_backward, "Between h_tilde and h there is a sigmoid: the two do not have the same error.")
def error_of_h_for_that_of_h_tilde(dout, cache):
    return _net_by_nodes(dout, cache, h_tilde=lambda dh, h: dh + 0.0)


@mistake(mlp_bce_backward, "dh is the gradient of h itself: the sigmoid below it comes one step later.")
def slope_one_step_too_early(dout, cache):
    done = mlp_bce_backward(dout, cache)
    return done | {"dh": done["dh_tilde"].copy()}


@mistake(mlp_bce_backward, "h is the value of the sigmoid: how steep is it where it has that value?")
def value_of_h_for_its_slope(dout, cache):
    return _net_by_nodes(dout, cache, h_tilde=lambda dh, h: dh * h)


@mistake(mlp_bce_backward, "That is the slope of tanh; h is a sigmoid.")
def slope_of_tanh_in_the_net(dout, cache):
    return _net_by_nodes(dout, cache, h_tilde=lambda dh, h: dh * (1 - h**2))


@mistake(mlp_bce_backward, "h is activated already: the sigmoid is taken once too often.")
def h_activated_twice(dout, cache):
    return _net_by_nodes(dout, cache, h_tilde=lambda dh, h: dh * logistic(h) * (1 - logistic(h)))


@mistake(mlp_bce_backward, "w2 is (1, H): a gradient has exactly the shape of the thing it is the gradient of.")
def output_weights_without_their_row(dout, cache):
    done = mlp_bce_backward(dout, cache)
    return done | {"dw2": done["dw2"][0]}


@mistake(mlp_bce_backward, "What w1 makes of x is h_tilde: which error multiplies x in dw1?")
def first_weights_from_the_error_of_h(dout, cache):
    done = mlp_bce_backward(dout, cache)
    return done | {"dw1": done["dh"].T @ cache[0]}


@mistake(mlp_bce_backward, "On its way to x the gradient passes the sigmoid: which error multiplies w1?")
def input_from_the_error_of_h(dout, cache):
    done = mlp_bce_backward(dout, cache)
    return done | {"dx": done["dh"] @ cache[1]}


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
    ### BEGIN SOLUTION
    expect_shapes(mlp2_forward, x, w1, w2, target)
    expect_act(act)
    a1 = activated(act, x @ w1.T)
    a2 = activated(act, a1 @ w2.T)
    return np.sum((a2 - target) ** 2), (x, a1, a2, w2, target, act)
    ### END SOLUTION


@exercise(
    mlp2_forward,
    wrt=("w1", "w2"),
    points=4,
    rows=("S1-07",),
    hints=(
        "Write d2 for the gradient of the second layer's input: the square's derivative times the activation's slope.",
        "From d2 to a1: through w2. Then the slope of the first layer makes it d1.",
        "Each weight matrix gets its own d, times what came into its layer.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta_2 = 2\bar L\,(a_2-a^*)\odot\phi'(h_2),\quad \delta_1 = (\delta_2W_2)\odot\phi'(h_1),\quad
    #   \bar W_2 = \delta_2^\top a_1,\quad \bar W_1 = \delta_1^\top x.$$
    x, a1, a2, w2, target, act = cache
    d2 = 2 * dout * (a2 - target) * slope(act, a2)
    d1 = (d2 @ w2) * slope(act, a1)
    return d1.T @ x, d2.T @ a1
    ### END SOLUTION


def _of_two(
    dout,
    cache,
    last=lambda dout, a2, target, act: 2 * dout * (a2 - target) * slope(act, a2),
    first=lambda d2, w2, a1, act: (d2 @ w2) * slope(act, a1),
):
    """Down the two layers, with one step or the other taken differently."""
    x, a1, a2, w2, target, act = cache
    d2 = last(dout, a2, target, act)
    return first(d2, w2, a1, act).T @ x, d2.T @ a1


@mistake(mlp2_backward, "What is the derivative of a square? There is no one half in this loss.")
def two_of_the_net_left_out(dout, cache):
    return mlp2_backward(dout / 2, cache)


@mistake(mlp2_backward, "Where an output lies above its target: does the loss rise or fall when it rises?")
def target_minus_output_of_the_net(dout, cache):
    return mlp2_backward(-dout, cache)


@mistake(mlp2_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def net_started_at_one(dout, cache):
    return mlp2_backward(1.0, cache)


@mistake(mlp2_backward, "This loss is a sum over the examples: is anything divided by their number?")
def sum_over_the_examples_averaged(dout, cache):
    return mlp2_backward(dout / len(cache[0]), cache)


@mistake(mlp2_backward, "The second layer has an activation, too: where is its slope?")
def last_layer_taken_for_linear(dout, cache):
    return _of_two(dout, cache, last=lambda dout, a2, target, act: 2 * dout * (a2 - target))


@mistake(mlp2_backward, "The first layer has an activation, too: where is its slope in dL/dW1?")
def first_layer_taken_for_linear(dout, cache):
    return _of_two(dout, cache, first=lambda d2, w2, a1, act: d2 @ w2)


@mistake(mlp2_backward, "a1 and a2 are activated already: the activation is taken once too often.")
def both_layers_activated_twice(dout, cache):
    return _of_two(
        dout,
        cache,
        last=lambda dout, a2, target, act: 2 * dout * (a2 - target) * slope(act, activated(act, a2)),
        first=lambda d2, w2, a1, act: (d2 @ w2) * slope(act, activated(act, a1)),
    )


@mistake(mlp2_backward, "Which slope does act ask for? Yours is that of tanh.")
def both_slopes_of_tanh(dout, cache):
    return mlp2_backward(dout, (*cache[:-1], "tanh"))


@mistake(mlp2_backward, "With layers of one width w2 and its transpose both fit: which index does d1 sum over?")
def second_weights_turned(dout, cache):
    def first(d2, w2, a1, act):
        return (d2 @ (w2.T if w2.shape[0] == w2.shape[1] else w2)) * slope(act, a1)

    return _of_two(dout, cache, first=first)


@mistake(mlp2_backward, "On its way to the first layer the error passes w2: where is it?")
def second_weights_skipped(dout, cache):
    return _of_two(dout, cache, first=lambda d2, w2, a1, act: d2.sum(axis=1, keepdims=True) * slope(act, a1))


@mistake(mlp2_backward, "w1 moves the loss through the second layer: is its gradient really 0?")
def first_weights_not_reached(dout, cache):
    return _of_two(dout, cache, first=lambda d2, w2, a1, act: np.zeros_like(a1))


@mistake(mlp2_backward, "Every example adds its share to the weights' gradients.")
def weights_from_one_example(dout, cache):
    x, a1, a2, w2, target, act = cache
    return mlp2_backward(dout, (x[:1], a1[:1], a2[:1], w2, target[:1], act))


@mistake(mlp2_backward, "The second layer is activated as well.", half="forward")
def second_layer_left_linear(x, w1, w2, target, act="tanh"):
    a1 = activated(act, x @ w1.T)
    a2 = a1 @ w2.T
    return np.sum((a2 - target) ** 2), (x, a1, a2, w2, target, act)


@mistake(mlp2_backward, "The loss is a sum: with twice the examples, is yours twice as large?", half="forward")
def mean_over_the_examples(x, w1, w2, target, act="tanh"):
    loss, cache = mlp2_forward(x, w1, w2, target, act)
    return loss / len(x), cache


@mistake(mlp2_backward, "There is no one half in this lecture's loss.", half="forward")
def half_of_the_squares(x, w1, w2, target, act="tanh"):
    loss, cache = mlp2_forward(x, w1, w2, target, act)
    return loss / 2, cache


@mistake(mlp2_backward, "There are three activations to choose from: what does act say?", half="forward")
def net_of_tanh_whatever_act_says(x, w1, w2, target, act="tanh"):
    return mlp2_forward(x, w1, w2, target, "tanh")


# -- any number of layers ---------------------------------------------------------------------------------------------


def mlp_forward(x: Float[ndarray, "N D"], ws, bs, act: str = "tanh"):
    """A network of layers a = act(a_below w^T + b): return (out, cache), out being the last layer's a. Lecture S0-03.

    ws and bs are lists, from the lowest layer up: w is (out, in), b is (out,), and widths may differ from layer to
    layer. x is (N, D). act is "tanh", "relu" or "sigmoid", and follows every layer, the last one too.
    """
    ### BEGIN SOLUTION
    expect_shapes(mlp_forward, x)
    expect_network(x, ws, bs, act)
    activations = [x]
    for w, b in zip(ws, bs):
        activations.append(activated(act, activations[-1] @ w.T + b))
    return activations[-1], (activations, ws, act)
    ### END SOLUTION


#: Lists of weights and biases, from the lowest layer up.
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


@exercise(
    mlp_forward,
    points=5,
    rows=("S0-03", "S0-08", "S0-09", "S2-07"),
    hints=(
        "Three steps: the error of the last layer's z; from each layer's z to that of the layer below; then dw and db.",
        "In a loop from the last layer to the first, only one thing is handed on: the gradient of that layer's output.",
        "One turn of the loop is the backward of one layer, which you have written already.",
        "The lists should come out in the order of ws, though you meet the last layer first.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta^L = \bar a^L\odot\sigma'(z^L),\qquad \delta^m = (\delta^{m+1}W^{m+1})\odot\sigma'(z^m),\qquad
    #   \bar W^m = \delta^{m\top}a^{m-1},\qquad \bar b^m = \textstyle\sum_n\delta^m_n.$$
    activations, ws, act = cache
    da, dws, dbs = dout, [], []
    for w, a, below_ in zip(reversed(ws), activations[:0:-1], activations[-2::-1]):
        dz = da * slope(act, a)
        dws.insert(0, dz.T @ below_)
        dbs.insert(0, dz.sum(axis=0))
        da = dz @ w
    return da, dws, dbs
    ### END SOLUTION


def _network(
    dout,
    cache,
    z=lambda da, a, act, top: da * slope(act, a),
    w=lambda dz, below_, a, da: dz.T @ below_,
    b=lambda dz, da: dz.sum(axis=0),
    down=lambda dz, w, below_: dz @ w,
):
    """Down the layers, with one step or another taken differently."""
    activations, ws, act = cache
    da, dws, dbs = dout, [], []
    for place in reversed(range(len(ws))):
        a, below_ = activations[place + 1], activations[place]
        dz = z(da, a, act, place == len(ws) - 1)
        dws.insert(0, w(dz, below_, a, da))
        dbs.insert(0, b(dz, da))
        da = down(dz, ws[place], below_)
    return da, dws, dbs


@mistake(mlp_backward, "Between z and a there is an activation in every layer: where are the slopes?")
def slopes_of_all_layers_left_out(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da + 0.0)


@mistake(mlp_backward, "The last layer has an activation too: dout is the gradient of its a, and not of its z.")
def slope_of_the_last_layer_left_out(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da + 0.0 if top else da * slope(act, a))


@mistake(mlp_backward, "The last layer is right: does the gradient pass the activations of the layers below?")
def slopes_below_the_last_layer_left_out(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da * slope(act, a) if top else da + 0.0)


@mistake(mlp_backward, "The values of the activations are not their slopes.")
def values_of_the_layers_for_slopes(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da * a)


@mistake(mlp_backward, "The cache holds activated values: the activation is taken once too often.")
def layers_activated_twice(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da * slope(act, activated(act, a)))


@mistake(mlp_backward, "Right with tanh: does your backward ask which activation it is?")
def slopes_of_tanh_whatever_act_says(dout, cache):
    return _network(dout, cache, z=lambda da, a, act, top: da * slope("tanh", a))


@mistake(mlp_backward, "How many units has the layer above? Each of them needs a term in the sum.")
def summed_to_the_width_below(dout, cache):
    def down(dz, w, below_):
        reach = below_.shape[1]
        return dz[:, :reach] @ w[:reach]

    return _network(dout, cache, down=down)


@mistake(mlp_backward, "In layers of one width w and its transpose both fit: which of its indices is summed over?")
def weights_of_the_layers_turned(dout, cache):
    return _network(dout, cache, down=lambda dz, w, below_: dz @ (w.T if w.shape[0] == w.shape[1] else w))


@mistake(mlp_backward, "What leaves a layer at its lower end has passed its activation, and then its weights.")
def gradient_handed_on_above_the_activation(dout, cache):
    activations, ws, act = cache
    da, dws, dbs = dout, [], []
    for w, a, below_ in zip(reversed(ws), activations[:0:-1], activations[-2::-1]):
        dz = da * slope(act, a)
        dws.insert(0, dz.T @ below_)
        dbs.insert(0, dz.sum(axis=0))
        da = da @ w
    return da, dws, dbs


@mistake(mlp_backward, "The lower layers move the output through the last one: are their gradients really 0?")
def last_layer_alone(dout, cache):
    return _network(dout, cache, down=lambda dz, w, below_: np.zeros_like(below_))


@mistake(mlp_backward, "Your loop stops too early: which layer has it not reached, and is x below it?")
def first_layer_left_at_zero(dout, cache):
    dx, dws, dbs = mlp_backward(dout, cache)
    return np.zeros_like(dx), [0 * dws[0], *dws[1:]], [0 * dbs[0], *dbs[1:]]


@mistake(mlp_backward, "Going backwards, you meet the last layer first: in which order should the lists be?")
def lists_from_the_top_down(dout, cache):
    dx, dws, dbs = mlp_backward(dout, cache)
    return dx, dws[::-1], dbs[::-1]


@mistake(mlp_backward, "b is part of z: the gradient reaches it through the activation.")
def biases_above_the_activations(dout, cache):
    return _network(dout, cache, b=lambda dz, da: da.sum(axis=0))


@mistake(mlp_backward, "w is part of z: the gradient reaches it through the activation.")
def weights_above_the_activations(dout, cache):
    return _network(dout, cache, w=lambda dz, below_, a, da: da.T @ below_)


@mistake(mlp_backward, "A layer's weights multiply what comes from below it, and not what it gives.")
def weights_from_the_output_of_the_layer(dout, cache):
    return _network(dout, cache, w=lambda dz, below_, a, da: dz.T @ (a if a.shape[1] == below_.shape[1] else below_))


@mistake(mlp_backward, "A gradient has exactly the shape of the thing it is the gradient of: compare the biases'.")
def biases_with_an_extra_axis(dout, cache):
    return _network(dout, cache, b=lambda dz, da: dz.sum(axis=0, keepdims=True))


@mistake(mlp_backward, "One number came out for each bias vector: over which axis is it shared?")
def biases_summed_over_everything(dout, cache):
    return _network(dout, cache, b=lambda dz, da: np.sum(dz))


@mistake(mlp_backward, "Is anything in the forward divided by the number of examples?")
def parameters_averaged_over_the_batch(dout, cache):
    dx, dws, dbs = mlp_backward(dout, cache)
    return dx, [dw / len(dx) for dw in dws], [db / len(dx) for db in dbs]


@mistake(mlp_backward, "Your gradients do not depend on dout as they should: it is one factor of each.")
def network_without_upstream(dout, cache):
    return mlp_backward(np.ones_like(dout), cache)


@mistake(mlp_backward, "The last layer is activated as the others are.", half="forward")
def last_layer_not_activated(x, ws, bs, act="tanh"):
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    out = activations[-2] @ ws[-1].T + bs[-1]
    return out, ([*activations[:-1], out], ws, act)


@mistake(mlp_backward, "Changing the biases does not change your output.", half="forward")
def biases_of_the_network_left_out(x, ws, bs, act="tanh"):
    return mlp_forward(x, ws, [0 * b for b in bs], act)


@mistake(mlp_backward, "There are three activations to choose from: what does act say?", half="forward")
def network_of_tanh_whatever_act_says(x, ws, bs, act="tanh"):
    return mlp_forward(x, ws, bs, "tanh")


@exercise(
    kind="value",
    points=4,
    rows=("S0-08", "S2-07"),
    hints=(
        "Run forward first, and keep every layer's value: the slopes follow from them.",
        "The last layer's error needs no weights: dout and a slope.",
        "From layer k + 1 to layer k: the weights of layer k + 1, then the slope of layer k.",
    ),
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
    ### BEGIN SOLUTION
    # $$\delta^L = \bar a^L\odot\sigma'(z^L),\qquad \delta^k = (\delta^{k+1}W^{k+1})\odot\sigma'(z^k).$$
    expect_shapes(local_errors, x, None, None, dout)
    expect_network(x, ws, bs, act)
    if np.shape(dout)[1] != len(bs[-1]):
        wanted = f"{(len(x), len(bs[-1]))} is wanted, as x {x.shape} and bs[-1] {bs[-1].shape} have"
        raise ValueError(f"dout has shape {dout.shape}, where {wanted}")
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    deltas = [dout * slope(act, activations[-1])]
    for w, a in zip(ws[:0:-1], activations[-2:0:-1]):
        deltas.insert(0, (deltas[0] @ w) * slope(act, a))
    return deltas
    ### END SOLUTION


def _errors(
    x, ws, bs, dout, act, top=lambda dout, slope: dout * slope, down=lambda delta, w, slope, place: delta @ w * slope
):
    """Down the layers, with one step or the other taken differently."""
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    slopes = [slope(act, a) for a in activations[1:]]
    deltas = [top(dout, slopes[-1])]
    for place in reversed(range(len(ws) - 1)):
        deltas.insert(0, down(deltas[0], ws[place + 1], slopes[place], place))
    return deltas


@mistake(local_errors, "An error of z was asked for; yours is that of a, one slope earlier.")
def errors_above_the_activations(x, ws, bs, dout, act="tanh"):
    return [dout.copy(), *[d @ w for d, w in zip(local_errors(x, ws, bs, dout, act)[:0:-1], ws[:0:-1])]][::-1]


@mistake(local_errors, "Between one z and the next there is an activation: where are the slopes?")
def errors_without_slopes(x, ws, bs, dout, act="tanh"):
    return _errors(x, ws, bs, dout, act, lambda dout, _: dout.copy(), lambda delta, w, *_: delta @ w)


@mistake(local_errors, "dout is the gradient of the last layer's a: how does it become that of its z?")
def last_error_without_its_slope(x, ws, bs, dout, act="tanh"):
    return _errors(x, ws, bs, dout, act, top=lambda dout, _: dout.copy())


@mistake(local_errors, "The last layer is right: have the layers below no activation?")
def lower_errors_without_slopes(x, ws, bs, dout, act="tanh"):
    return _errors(x, ws, bs, dout, act, down=lambda delta, w, *_: delta @ w)


@mistake(local_errors, "Which layer's error comes first?")
def errors_from_the_top_down(x, ws, bs, dout, act="tanh"):
    return local_errors(x, ws, bs, dout, act)[::-1]


@mistake(local_errors, "From two layers up, every layer in between takes part: with its weights, and with its slope.")
def errors_from_two_layers_up(x, ws, bs, dout, act="tanh"):
    deltas = local_errors(x, ws, bs, dout, act)
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    for place in range(len(ws) - 2):
        deltas[place] = deltas[place + 2] @ ws[place + 2] @ ws[place + 1] * slope(act, activations[place + 1])
    return deltas


@mistake(local_errors, "How many units has the layer above? Each of them needs a term in the sum.")
def errors_summed_to_the_width_below(x, ws, bs, dout, act="tanh"):
    def down(delta, w, slopes, _):
        reach = slopes.shape[1]
        return delta[:, :reach] @ w[:reach] * slopes

    return _errors(x, ws, bs, dout, act, down=down)


@mistake(local_errors, "You kept the values of a: the slope is something else.")
def errors_by_values(x, ws, bs, dout, act="tanh"):
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    return _errors(
        x,
        ws,
        bs,
        dout,
        act,
        lambda dout, _: dout * activations[-1],
        lambda delta, w, _, place: delta @ w * activations[place + 1],
    )


@mistake(local_errors, "Right with tanh: does your answer ask which activation it is?")
def errors_of_tanh_whatever_act_says(x, ws, bs, dout, act="tanh"):
    _, (activations, _, _) = mlp_forward(x, ws, bs, act)
    slopes = [slope("tanh", a) for a in activations[1:]]
    return _errors(
        x, ws, bs, dout, act, lambda dout, _: dout * slopes[-1], lambda delta, w, _, place: delta @ w * slopes[place]
    )


@mistake(local_errors, "x is no layer: how many errors are there?")
def error_of_the_input_too(x, ws, bs, dout, act="tanh"):
    deltas = local_errors(x, ws, bs, dout, act)
    return [deltas[0] @ ws[0], *deltas]


@mistake(local_errors, "The biases are part of z, and the slopes are taken there.")
def errors_without_the_biases(x, ws, bs, dout, act="tanh"):
    return local_errors(x, ws, [0 * b for b in bs], dout, act)


@exercise(
    kind="value",
    points=2,
    rows=("S2-13",),
    hints=(
        "Each factor's columns are the next one's rows: in this layout the loss comes first.",
        "From left to right there is a row vector at every stage, until the last factor, which has three axes.",
        "dL/dW1[j, k] adds up, over the units i of the first layer, dL/dh1[i] times dh1[i]/dW1[j, k].",
    ),
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
    ### BEGIN SOLUTION
    # $$\frac{\partial L}{\partial W^{(1)}_{jk}} = \sum_i\Big(\frac{\partial L}{\partial\hat y}
    #   \frac{\partial\hat y}{\partial h^{(2)}}\frac{\partial h^{(2)}}{\partial h^{(1)}}\Big)_i
    #   \frac{\partial h^{(1)}_i}{\partial W^{(1)}_{jk}}.$$
    expect_shapes(deep_chain, dl_dy, dy_dh2, dh2_dh1, dh1_dw1)
    return np.tensordot(dl_dy @ dy_dh2 @ dh2_dh1, dh1_dw1, axes=1)
    ### END SOLUTION


@mistake(deep_chain, "Which axis of the last factor counts the units whose errors you have: the first, or the second?")
def summed_over_the_rows_of_the_weights(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return np.einsum("i,jik->jk", dl_dy @ dy_dh2 @ dh2_dh1, dh1_dw1)


@mistake(deep_chain, "Must unit i depend on row i of W1 alone? Use the factors as they are given.")
def own_rows_of_the_weights_alone(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return np.einsum("i,iik->ik", dl_dy @ dy_dh2 @ dh2_dh1, dh1_dw1)


@mistake(deep_chain, "The loss weighs the outputs: where is its derivative?")
def outputs_added_up_unweighted(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return deep_chain(np.ones_like(dl_dy), dy_dh2, dh2_dh1, dh1_dw1)


@mistake(deep_chain, "W1 moves every output: which of them does your chain start from?")
def chain_from_the_first_output(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return deep_chain(dl_dy * (np.arange(len(dl_dy)) == 0), dy_dh2, dh2_dh1, dh1_dw1)


@mistake(deep_chain, "A gradient has exactly the shape of the thing it is the gradient of: W1 is (E, D).")
def weights_gradient_turned(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return deep_chain(dl_dy, dy_dh2, dh2_dh1, dh1_dw1).T.copy()


@mistake(deep_chain, "What is summed over is gone: your result still has an axis for the units of h1.")
def tensor_not_summed(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return (dl_dy @ dy_dh2 @ dh2_dh1)[:, None, None] * dh1_dw1


@mistake(deep_chain, "The paths are added up: is anything divided by their number?")
def paths_averaged(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    return deep_chain(dl_dy, dy_dh2, dh2_dh1, dh1_dw1) / len(dh1_dw1)


@mistake(deep_chain, "With layers of one width a transposed factor fits as well: whose index counts the outputs?")
def factors_turned_where_they_fit(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    turned = [each.T if each.shape[0] == each.shape[1] else each for each in (dy_dh2, dh2_dh1)]
    return deep_chain(dl_dy, *turned, dh1_dw1)


@mistake(deep_chain, "With layers of one width the factors fit in any order: which one stands next to the loss?")
def factors_in_another_order(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    fits = dy_dh2.shape[0] == dy_dh2.shape[1] == dh2_dh1.shape[1]
    return deep_chain(dl_dy, *((dh2_dh1, dy_dh2) if fits else (dy_dh2, dh2_dh1)), dh1_dw1)
