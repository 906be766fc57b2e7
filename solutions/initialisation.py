"""Initial weights: what their size does to activations and gradients, and the laws of Xavier and He."""

import math

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .activations import logistic


def expect_layers(x, ws):
    """Demand weights that follow on one another, from x on: w is (out, in), and in is what comes from below."""
    width = np.shape(x)[-1]
    for place, w in enumerate(ws):
        if np.ndim(w) != 2 or np.shape(w)[1] != width or not np.size(w):
            raise ValueError(f"ws[{place}] has shape {np.shape(w)}, where (any, {width}) is wanted")
        width = np.shape(w)[0]


# -- vanishing and exploding gradients --------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S0-13",),
    hints=(
        "Run forward first and keep every a: the slope of the sigmoid at z is a (1 - a).",
        "Start at the last layer, where dL/dz is dout times the slope; then one layer down at a time.",
        "From layer m + 1 to layer m: its weights, transposed, and the slope at layer m.",
    ),
    arguments={"ws": [Float[ndarray, "H D"], Float[ndarray, "H H"], Float[ndarray, "H H"]]},
    edges={
        "one layer": {"ws": [Float[ndarray, "H D"]]},
        "layers of different widths": {"ws": [Float[ndarray, "K D"], Float[ndarray, "H K"]]},
    },
)
def grad_norms(x: Float[ndarray, "D"], ws, dout: Float[ndarray, "H"]):
    """How the gradient shrinks or grows on its way back: return the norm of dL/dz of every layer, of shape (L,).

    The layers are a = sigmoid(z) with z = w a_below, for each w of the list `ws`, from the lowest layer up; x (D,)
    goes into the first, and dout (H,) is the gradient of the last layer's a. The lowest layer's norm comes first.
    Lecture S0-13.
    """
    ### BEGIN SOLUTION
    # $$\delta^L = \bar a \odot \sigma'(z^L),\qquad \delta^m = (W^{m+1\top}\delta^{m+1}) \odot \sigma'(z^m),$$
    # and $\sigma' = a(1-a) \le \frac14$: each layer multiplies by a transpose and by at most a quarter.
    expect_shapes(grad_norms, x, ws, dout)
    expect_layers(x, ws)
    if dout.shape != ws[-1].shape[:1]:
        raise ValueError(
            f"dout has shape {dout.shape}, where {ws[-1].shape[:1]} is wanted, as ws[-1] {ws[-1].shape} has"
        )
    slopes = _slopes(x, ws)
    deltas = [dout * slopes[-1]]
    for w, slope in zip(ws[:0:-1], slopes[-2::-1]):
        deltas.append((w.T @ deltas[-1]) * slope)
    return np.array([np.linalg.norm(delta) for delta in reversed(deltas)])
    ### END SOLUTION


def _slopes(x, ws):
    """The slope of the sigmoid at every layer's z."""
    slopes = []
    for w in ws:
        x = logistic(w @ x)
        slopes.append(x * (1 - x))
    return slopes


def _norms(x, ws, dout, last, back, norm=np.linalg.norm):
    """Norms of what starts as last(dout, slope) and goes down a layer by back(w, delta, slope below, slope above)."""
    slopes = _slopes(x, ws)
    deltas = [last(dout, slopes[-1])]
    for m in reversed(range(len(ws) - 1)):
        deltas.insert(0, back(ws[m + 1], deltas[0], slopes[m], slopes[m + 1]))
    return np.array([norm(delta) for delta in deltas])


@mistake(grad_norms, "Between a and z there is the sigmoid, in every layer: where is its slope?")
def slopes_left_out(x, ws, dout):
    return _norms(x, ws, dout, lambda d, _: d, lambda w, delta, *_: w.T @ delta)


@mistake(grad_norms, "The last layer has a sigmoid too: dout is the gradient of its a, and not of its z.")
def last_slope_left_out(x, ws, dout):
    return _norms(x, ws, dout, lambda d, _: d, lambda w, delta, slope, _: (w.T @ delta) * slope)


@mistake(grad_norms, "You kept the values of a: the slope of the sigmoid is something else.")
def activations_for_slopes(x, ws, dout):
    values = []
    for w in ws:
        x = logistic(w @ x)
        values.append(x)
    deltas = [dout * values[-1]]
    for w, value in zip(ws[:0:-1], values[-2::-1]):
        deltas.append((w.T @ deltas[-1]) * value)
    return np.array([np.linalg.norm(delta) for delta in reversed(deltas)])


@mistake(grad_norms, "Forward, z is w times what lies below: what multiplies a gradient on its way down?")
def weights_not_transposed(x, ws, dout):
    def back(w, delta, slope, _):
        return ((w if w.shape[0] == w.shape[1] else w.T) @ delta) * slope

    return _norms(x, ws, dout, lambda d, slope: d * slope, back)


@mistake(grad_norms, "A norm is the root of the sum of squares.")
def squared_norms(x, ws, dout):
    return grad_norms(x, ws, dout) ** 2


@mistake(grad_norms, "Which layer's norm comes first?")
def from_the_top_down(x, ws, dout):
    return grad_norms(x, ws, dout)[::-1]


@mistake(grad_norms, "The norm of a vector was asked for: is the mean, or the largest entry, the same?")
def largest_entries(x, ws, dout):
    return _norms(
        x, ws, dout, lambda d, s: d * s, lambda w, delta, s, _: (w.T @ delta) * s, lambda delta: np.max(np.abs(delta))
    )


@mistake(grad_norms, "A gradient of z is what was asked for; yours is that of a, one slope earlier.")
def gradients_of_the_activations(x, ws, dout):
    return _norms(x, ws, dout, lambda d, _: d, lambda w, delta, _, above: w.T @ (delta * above))


# -- a deep network under another scale of its weights ----------------------------------------------------------------


def init_forward(x: Float[ndarray, "N D"], ws, act: str = "relu"):
    """A network of layers h = act(h_below w^T): return (out, cache), with the last layer's h as out.

    The weights w, each (out, in), come as a list from the lowest layer up; x is (N, D); act is "relu" or "tanh", and
    follows the last layer too. Lectures S3-22, S3-24 and S3-25; S3-24 makes the data `x` and then starts from `X`: read
    X in both places.
    """
    ### BEGIN SOLUTION
    expect_shapes(init_forward, x)
    expect_layers(x, ws)
    hs, zs = [x], []
    for w in ws:
        zs.append(hs[-1] @ w.T)
        hs.append(np.tanh(zs[-1]) if act == "tanh" else np.maximum(zs[-1], 0))
    return hs[-1], (hs, zs, ws, act)
    ### END SOLUTION


@exercise(
    init_forward,
    points=4,
    rows=("S3-22", "S3-23", "S3-24", "S3-25"),
    hints=(
        "One layer at a time, from the last: first through the activation, then the two products of an affine layer.",
        "Every layer has its own z: which one decides what passes through its activation?",
        "The gradient that leaves a layer at its lower end is what arrives at the next one.",
    ),
    arguments={"ws": [Float[ndarray, "H D"], Float[ndarray, "H H"], Float[ndarray, "H H"]]},
    edges={
        "tanh": {"act": "tanh"},
        "one layer": {"ws": [Float[ndarray, "H D"]]},
        "layers of different widths": {"ws": [Float[ndarray, "K D"], Float[ndarray, "H K"], Float[ndarray, "M H"]]},
        "a batch of 1": {"N": 1},
    },
)
def init_backward(dout, cache):
    """Gradients of the whole network: return (dx, dws), dx of shape (N, D) and dws a list like ws, given dout (N, H).

    Lectures S3-23 and S3-25. The lecture's code masks every layer by `Z[i]`, a row of the last layer's Z; read `Zs[i]`.
    A slope of ReLU at 0 may be anything from 0 to 1.
    """
    ### BEGIN SOLUTION
    # With $h_i = \phi(z_i)$, $z_i = h_{i-1}W_i^\top$, from the last layer down:
    # $$\bar z_i = \bar h_i \odot \phi'(z_i),\quad \bar W_i = \bar z_i^\top h_{i-1},\quad \bar h_{i-1} = \bar z_i W_i.$$
    return _through_layers(dout, cache, lambda act, z, h: 1 - h**2 if act == "tanh" else z > 0)
    ### END SOLUTION


def _through_layers(dh, cache, slope):
    """Down the layers, with the slope of the activation by slope(act, z, h)."""
    hs, zs, ws, act = cache
    dws = []
    for h_below, h, z, w in zip(hs[-2::-1], hs[:0:-1], zs[::-1], ws[::-1]):
        dz = dh * slope(act, z, h)
        dws.insert(0, dz.T @ h_below)
        dh = dz @ w
    return dh, dws


def _slope(act, z):
    return 1 - np.tanh(z) ** 2 if act == "tanh" else z > 0


@mistake(init_backward, "Each layer has its own z: `Z[i]` is one example's row of the last layer's, for all examples.")
def masked_by_a_row_of_the_last_layer(dout, cache):
    hs, zs, ws, act = cache
    dh, dws = dout, []
    for i in reversed(range(len(ws))):
        dz = dh * _slope(act, zs[-1][i])
        dws.insert(0, dz.T @ hs[i])
        dh = dz @ ws[i]
    return dh, dws


@mistake(init_backward, "Each layer has its own z, and you mask all of them by the last layer's.")
def masked_by_the_last_layer(dout, cache):
    hs, zs, ws, act = cache
    return _through_layers(dout, cache, lambda act, z, h: _slope(act, zs[-1]))


@mistake(init_backward, "Between h and z there is an activation, in every layer: where is its slope?")
def activations_passed_straight_through(dout, cache):
    return _through_layers(dout, cache, lambda *_: 1.0)


@mistake(init_backward, "The last layer has an activation too: dout is the gradient of its h, and not of its z.")
def last_activation_passed_straight_through(dout, cache):
    last = cache[1][-1]
    return _through_layers(dout, cache, lambda act, z, h: 1.0 if z is last else _slope(act, z))


@mistake(init_backward, "Which slope has tanh? Yours is that of ReLU.")
def relu_slope_under_tanh(dout, cache):
    return _through_layers(dout, cache, lambda act, z, h: z > 0)


@mistake(init_backward, "The derivative of tanh, by its value h, is 1 - h^2: tanh is taken once too often.")
def tanh_of_the_activation(dout, cache):
    return _through_layers(dout, cache, lambda act, z, h: 1 - np.tanh(h) ** 2 if act == "tanh" else z > 0)


@mistake(init_backward, "What arrives at a layer is what left the one above it, and not dout again.")
def upstream_at_every_layer(dout, cache):
    hs, zs, ws, act = cache
    dzs = [dout * _slope(act, z) for z in zs]
    return dzs[0] @ ws[0], [dz.T @ h for dz, h in zip(dzs, hs)]


@mistake(init_backward, "The weights of a layer multiply what comes from below it, and not the h that it gives.")
def weights_from_the_layers_own_output(dout, cache):
    hs, zs, ws, act = cache
    return _through_layers(dout, ([*hs[1:], hs[-1]], zs, ws, act), lambda act, z, h: _slope(act, z))


@mistake(init_backward, "Going backwards, you meet the last layer first: in which order are the weights?")
def gradients_left_in_reverse(dout, cache):
    dx, dws = init_backward(dout, cache)
    return dx, dws[::-1]


@mistake(init_backward, "Is anything in the forward divided by the number of examples?")
def weights_averaged_over_the_batch(dout, cache):
    dx, dws = init_backward(dout, cache)
    return dx, [dw / len(dx) for dw in dws]


@mistake(init_backward, "The activation follows the last layer as well.", half="forward")
def last_layer_left_linear(x, ws, act="relu"):
    _, (hs, zs, ws, act) = init_forward(x, ws, act)
    return zs[-1], (hs, zs, ws, act)


@mistake(init_backward, "There are two activations to choose from: what does act say?", half="forward")
def relu_whatever_act_says(x, ws, act="relu"):
    out, (hs, zs, ws, _) = init_forward(x, ws, "relu")
    return out, (hs, zs, ws, act)


# -- moments ----------------------------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=1,
    rows=("S0-14",),
    hints=(
        "z is a sum of n_in products. What is the variance of one of them, where w and x have mean 0?",
        "The variance of x is 1, and variances of independent terms add up.",
    ),
    draw={"n_in": (2, 50), "sigma": (0.05, 3.0)},
    edges={"one input": {"n_in": (1, 1)}, "small weights": {"sigma": (0.01, 0.01)}},
)
def preact_variance(n_in: int, sigma: float):
    """The variance of z = sum of w_i x_i over n_in inputs: return one number. Lecture S0-14.

    All w_i and x_i are independent with mean 0; x_i has the variance 1, and w_i the standard deviation sigma.
    """
    ### BEGIN SOLUTION
    # Terms with $i\ne j$ vanish, as $E[w_i w_j x_i x_j] = E[w_i]E[w_j]E[x_i x_j] = 0$:
    # $$\mathrm{Var}\,z = \sum_{i,j} E[w_i w_j x_i x_j] = \sum_i E[w_i^2]\,E[x_i^2] = n_{in}\sigma^2.$$
    return n_in * sigma**2
    ### END SOLUTION


@mistake(preact_variance, "sigma is a standard deviation: what is the variance of w?")
def deviation_for_the_variance_of_w(n_in, sigma):
    return n_in * sigma


@mistake(preact_variance, "A variance was asked for, and this is its root.")
def root_of_the_preactivations_variance(n_in, sigma):
    return math.sqrt(n_in) * sigma


@mistake(preact_variance, "How many terms has the sum?")
def variance_of_one_product(n_in, sigma):
    return sigma**2


@mistake(preact_variance, "Which terms of the square of the sum have a mean other than 0?")
def every_pair_of_terms(n_in, sigma):
    return (n_in * sigma) ** 2


@mistake(preact_variance, "The variance of a sum is no mean of variances.")
def divided_by_the_inputs(n_in, sigma):
    return sigma**2 / n_in


@exercise(
    kind="value",
    points=2,
    rows=("S3-26",),
    hints=(
        "One number for a layer: all its examples and all its units go into it.",
        "A standard deviation is the root of the mean squared distance from the mean.",
    ),
    arguments={"hs": [Float[ndarray, "N D"], Float[ndarray, "N H"], Float[ndarray, "N K"]]},
    edges={
        "one layer": {"hs": [Float[ndarray, "N D"]]},
        "a batch of 1": {"N": 1},
        "positive activations": {"hs": (1.0, 4.0)},
    },
)
def activation_stats(hs):
    """Mean and standard deviation of every layer's activations: return (means, stds), both of shape (L,).

    hs is a list of arrays (N, width), from the lowest layer up; a layer's statistics are over all its entries, with the
    plain mean of squares. They should be about the same in every layer: Xavier's constraint. Lecture S3-26.
    """
    ### BEGIN SOLUTION
    # $$m_l = \frac1{N H_l}\sum_{n,j} h_{l,nj},\qquad s_l^2 = \frac1{N H_l}\sum_{n,j}(h_{l,nj} - m_l)^2.$$
    return np.array([h.mean() for h in hs]), np.array([h.std() for h in hs])
    ### END SOLUTION


@mistake(activation_stats, "The root is missing: the second number is to be a standard deviation.")
def variances_of_the_layers(hs):
    return np.array([h.mean() for h in hs]), np.array([h.var() for h in hs])


@mistake(activation_stats, "Divide by the number of entries, and not by one less.")
def unbiased_deviations_of_the_layers(hs):
    return np.array([h.mean() for h in hs]), np.array([h.std() * math.sqrt(h.size / (h.size - 1)) for h in hs])


@mistake(activation_stats, "The mean of the squares is the variance only where the mean is 0.")
def root_mean_squares(hs):
    return np.array([h.mean() for h in hs]), np.array([math.sqrt((h**2).mean()) for h in hs])


@mistake(activation_stats, "Units differ from one another as well: a mean of each unit's deviation leaves that out.")
def deviations_of_the_units(hs):
    return np.array([h.mean() for h in hs]), np.array([h.std(axis=0).mean() for h in hs])


@mistake(activation_stats, "Mean absolute values do not tell whether a layer's activations are around 0.")
def means_of_absolute_values(hs):
    return np.array([np.abs(h).mean() for h in hs]), np.array([h.std() for h in hs])


@mistake(activation_stats, "Every layer has statistics of its own: look at the second entry of each result.")
def one_pair_for_the_network(hs):
    entries = np.concatenate([h.ravel() for h in hs])
    return np.full(len(hs), entries.mean()), np.full(len(hs), entries.std())


@exercise(
    kind="value",
    points=2,
    rows=("S3-27",),
    hints=(
        "The variance of w h is E[(w h)^2] - (E[w h])^2, and both means come apart, as w and h are independent.",
        "E[w^2] is var(w) + (E[w])^2. Multiply out, and see what is left.",
    ),
    draw={"mean_w": (-2.0, 2.0), "var_w": (0.1, 3.0), "mean_h": (-2.0, 2.0), "var_h": (0.1, 3.0)},
    edges={
        "means of 0": {"mean_w": (0, 0), "mean_h": (0, 0)},
        "a constant w": {"var_w": (0, 0)},
        "a mean of 0": {"mean_h": (0, 0)},
    },
)
def product_variance(mean_w: float, var_w: float, mean_h: float, var_h: float):
    """The variance of w h for independent w and h, by their means and variances: return one number. Lecture S3-27.

    The lecture's E^2(w) is the square of the mean, (E[w])^2, and not the mean of the square.
    """
    ### BEGIN SOLUTION
    # $$\mathrm{var}(wh) = E[w^2]E[h^2] - (Ew)^2(Eh)^2
    #   = (Ew)^2\mathrm{var}(h) + (Eh)^2\mathrm{var}(w) + \mathrm{var}(w)\mathrm{var}(h).$$
    return mean_w**2 * var_h + mean_h**2 * var_w + var_w * var_h
    ### END SOLUTION


@mistake(product_variance, "E^2(w) is the square of the mean: what is the mean of the square, in terms of var(w)?")
def means_of_squares(mean_w, var_w, mean_h, var_h):
    return (mean_w**2 + var_w) * var_h + (mean_h**2 + var_h) * var_w + var_w * var_h


@mistake(product_variance, "That holds where both means are 0.")
def product_of_the_variances(mean_w, var_w, mean_h, var_h):
    return var_w * var_h


@mistake(product_variance, "If both means are 0, is there no variance left?")
def product_of_variances_forgotten(mean_w, var_w, mean_h, var_h):
    return mean_w**2 * var_h + mean_h**2 * var_w


@mistake(product_variance, "If w is a constant, what does it do to the variance of h?")
def means_without_their_squares(mean_w, var_w, mean_h, var_h):
    return mean_w * var_h + mean_h * var_w + var_w * var_h


@mistake(product_variance, "If w is a constant, var(w h) is that constant's square times which variance?")
def means_with_their_own_variances(mean_w, var_w, mean_h, var_h):
    return mean_w**2 * var_w + mean_h**2 * var_h + var_w * var_h


@mistake(product_variance, "That is the mean of (w h)^2: what is still to be taken away?")
def second_moment_of_the_product(mean_w, var_w, mean_h, var_h):
    return (mean_w**2 + var_w) * (mean_h**2 + var_h)


@mistake(product_variance, "Variances add up for a sum; this is a product.")
def sum_of_the_variances(mean_w, var_w, mean_h, var_h):
    return var_w + var_h


@exercise(
    kind="value",
    points=3,
    rows=("S3-30",),
    hints=(
        "z and -z are equally likely, so max(z, 0)^2 holds one half of z^2.",
        "E[max(z, 0)] is the integral of z times the density of z over positive z; z exp(-z^2/2v) is a derivative.",
        "The variance is the second moment less the square of the mean, and the mean is not 0.",
    ),
    draw={"variance": (0.2, 4.0)},
    edges={"a variance of 1": {"variance": (1, 1)}},
)
def relu_moments(variance: float):
    """What ReLU does to a normal z of mean 0: return (mean, second_moment, variance) of max(z, 0). Lecture S3-30.

    The argument is the variance of z. Where lecture S3-30 says that the variance halves, read second moment: it is
    E[max(z, 0)^2] that halves, and that the next layer's preactivations depend on.
    """
    ### BEGIN SOLUTION
    # $$E = \int_0^\infty \frac{z\,e^{-z^2/2v}}{\sqrt{2\pi v}}\,dz = \sqrt{\frac v{2\pi}},\qquad
    #   E[\max(z,0)^2] = \frac v2,\qquad \mathrm{Var} = \frac v2 - \frac v{2\pi}.$$
    return math.sqrt(variance / (2 * math.pi)), variance / 2, variance / 2 - variance / (2 * math.pi)
    ### END SOLUTION


@mistake(relu_moments, "A variance is the second moment only where the mean is 0: can the mean of max(z, 0) be?")
def variance_halves(variance):
    return math.sqrt(variance / (2 * math.pi)), variance / 2, variance / 2


@mistake(relu_moments, "Nothing is negative any more: can the mean still be 0?")
def mean_stays_zero(variance):
    return 0.0, variance / 2, variance / 2


@mistake(relu_moments, "Half of the values are 0 and count too: yours are the moments of the positive ones alone.")
def positive_values_alone(variance):
    return math.sqrt(2 * variance / math.pi), variance, variance - 2 * variance / math.pi


@mistake(relu_moments, "Where does the variance of z enter the mean: as it is, or by its root?")
def mean_by_the_variance(variance):
    mean = variance / math.sqrt(2 * math.pi)
    return mean, variance / 2, variance / 2 - mean**2


@mistake(relu_moments, "The argument is a variance: it is squared once too often.")
def variance_taken_for_the_deviation(variance):
    return relu_moments(variance**2)


@mistake(relu_moments, "The last number is to be a variance: the root is one step too far.")
def deviation_of_the_rectified(variance):
    mean, second, var = relu_moments(variance)
    return mean, second, math.sqrt(var)


# -- the scales of Xavier and He --------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=1,
    rows=("S0-15", "S3-28"),
    hints=(
        "Forward, n_in var(w) should be 1, and backward n_out var(w): write the mean of both and set it to 1.",
        "That is a variance. What was asked for is a standard deviation.",
    ),
    draw={"n_in": (20, 50), "n_out": (60, 150)},
    edges={"more inputs than units": {"n_in": (60, 150), "n_out": (20, 50)}, "one input": {"n_in": (1, 1)}},
)
def xavier_std(n_in: int, n_out: int):
    """The standard deviation of Xavier's normal weights from n_in inputs to n_out units: return one number.

    Lectures S0-15 and S3-28.
    """
    ### BEGIN SOLUTION
    # $$\frac{n_{in}\sigma^2 + n_{out}\sigma^2}2 = 1 \;\Rightarrow\; \sigma = \sqrt{\frac2{n_{in}+n_{out}}}.$$
    return math.sqrt(2 / (n_in + n_out))
    ### END SOLUTION


@mistake(xavier_std, "That is the variance.")
def variance_for_xaviers_deviation(n_in, n_out):
    return 2 / (n_in + n_out)


@mistake(xavier_std, "That suits the way forward; and the gradients on their way back?")
def inputs_alone_for_xavier(n_in, n_out):
    return math.sqrt(1 / n_in)


@mistake(xavier_std, "That suits the gradients; and the way forward?")
def outputs_alone_for_xavier(n_in, n_out):
    return math.sqrt(1 / n_out)


@mistake(xavier_std, "The mean of n_in and n_out, and not their sum: set n_in = n_out and compare with 1 / n_in.")
def xavier_without_its_two(n_in, n_out):
    return math.sqrt(1 / (n_in + n_out))


@mistake(xavier_std, "That is how far a uniform law with this deviation reaches.")
def bound_for_the_deviation(n_in, n_out):
    return math.sqrt(6 / (n_in + n_out))


@mistake(xavier_std, "The 2 belongs under the root.")
def two_outside_the_root(n_in, n_out):
    return 2 / math.sqrt(n_in + n_out)


@mistake(xavier_std, "The mean is taken of n_in var(w) and n_out var(w), and not of the two solutions.")
def mean_of_both_variances(n_in, n_out):
    return math.sqrt((1 / n_in + 1 / n_out) / 2)


@exercise(
    kind="value",
    points=1,
    rows=("S3-31",),
    hints=(
        "A uniform law from -b to b has the variance b^2 / 3.",
        "Its variance should be Xavier's, 2 / (n_in + n_out).",
    ),
    draw={"n_in": (20, 50), "n_out": (60, 150)},
    edges={"more inputs than units": {"n_in": (60, 150), "n_out": (20, 50)}, "one input": {"n_in": (1, 1)}},
)
def xavier_uniform_bound(n_in: int, n_out: int):
    """The bound b of Xavier's uniform weights, drawn from -b to b: return one number. Lecture S3-31.

    The lecture's bound should be a quotient of two roots: the sum n_in + n_out is under a root as well.
    """
    ### BEGIN SOLUTION
    # $$\frac{b^2}3 = \frac2{n_{in}+n_{out}} \;\Rightarrow\; b = \frac{\sqrt6}{\sqrt{n_{in}+n_{out}}}.$$
    return math.sqrt(6 / (n_in + n_out))
    ### END SOLUTION


@mistake(xavier_uniform_bound, "Only the 6 is under a root: is the variance b^2 / 3 what it should be?")
def sum_outside_the_root(n_in, n_out):
    return math.sqrt(6) / (n_in + n_out)


@mistake(xavier_uniform_bound, "That is the standard deviation; how far does a uniform law reach?")
def deviation_for_the_bound(n_in, n_out):
    return math.sqrt(2 / (n_in + n_out))


@mistake(xavier_uniform_bound, "That is the square of the bound.")
def root_of_the_bound_left_out(n_in, n_out):
    return 6 / (n_in + n_out)


@mistake(xavier_uniform_bound, "That is how wide the law is, from end to end.")
def width_for_the_bound(n_in, n_out):
    return 2 * math.sqrt(6 / (n_in + n_out))


@mistake(xavier_uniform_bound, "That suits the way forward; and the gradients on their way back?")
def inputs_alone_for_the_bound(n_in, n_out):
    return math.sqrt(3 / n_in)


@exercise(
    kind="value",
    points=1,
    rows=("S3-29",),
    hints=(
        "ReLU halves the second moment of what comes in: by what must the weights make up for it?",
        "n_in var(w) / 2 should be 1.",
    ),
    draw={"n_in": (20, 150)},
    edges={"one input": {"n_in": (1, 1)}},
)
def he_std(n_in: int):
    """The standard deviation of He's normal weights for n_in inputs that come out of ReLU: return one number.

    Lecture S3-29, where a comment in the code of He's weights still calls them Xavier's.
    """
    ### BEGIN SOLUTION
    # $$\tfrac12\,n_{in}\,\sigma^2 = 1 \;\Rightarrow\; \sigma = \sqrt{2/n_{in}}.$$
    return math.sqrt(2 / n_in)
    ### END SOLUTION


@mistake(he_std, "That is the variance.")
def variance_for_hes_deviation(n_in):
    return 2 / n_in


@mistake(he_std, "That suits tanh: what does ReLU do to the second moment?")
def no_two_for_relu(n_in):
    return math.sqrt(1 / n_in)


@mistake(he_std, "The 2 belongs under the root.")
def two_outside_hes_root(n_in):
    return 2 / math.sqrt(n_in)


@mistake(he_std, "ReLU takes something away: must the weights be larger or smaller for it?")
def half_in_place_of_two(n_in):
    return math.sqrt(1 / (2 * n_in))


@mistake(he_std, "With more inputs the sum grows: do the weights have to grow as well?")
def growing_with_the_inputs(n_in):
    return math.sqrt(2 * n_in)


# -- weights to start from --------------------------------------------------------------------------------------------

WIDE = {"n_in": (60, 80), "n_out": (150, 200)}
LAYERS = {
    "more inputs than units": {"n_in": (150, 200), "n_out": (60, 80)},
    "a small layer": {"n_in": (8, 12), "n_out": (18, 24)},
}


@exercise(
    kind="initialiser",
    points=1,
    rows=("S3-22",),
    hints=(
        "rng.standard_normal(shape) draws with standard deviation 1.",
        "The weights of n_in inputs and n_out units are an array of shape (n_out, n_in).",
    ),
    arguments={"rng": None},
    draw=WIDE,
    edges=LAYERS,
)
def small_init(n_in: int, n_out: int, rng):
    """Small weights: return w of shape (n_out, n_in), independent normal draws of mean 0 and standard deviation 0.01.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-22.
    """
    ### BEGIN SOLUTION
    # $w_{ij} \sim \mathcal N(0, 0.01^2)$
    return 0.01 * rng.standard_normal((n_out, n_in))
    ### END SOLUTION


@mistake(small_init, "The weights are (out, in): which comes first?")
def small_weights_turned(n_in, n_out, rng):
    return 0.01 * rng.standard_normal((n_in, n_out))


@mistake(small_init, "Your weights have the variance 0.01.")
def small_variance(n_in, n_out, rng):
    return 0.1 * rng.standard_normal((n_out, n_in))


@mistake(small_init, "All of your weights are positive: units that add up what they get are all alike.")
def small_weights_from_zero_to_one(n_in, n_out, rng):
    return 0.01 * rng.random((n_out, n_in))


@mistake(small_init, "Normal weights were asked for: yours all lie between two bounds.")
def small_uniform_weights(n_in, n_out, rng):
    return rng.uniform(-0.01, 0.01, (n_out, n_in))


@mistake(small_init, "Units that start with the same weights get the same gradients, and stay the same for ever.")
def zeros_to_start_from(n_in, n_out, rng):
    return np.zeros((n_out, n_in))


@mistake(small_init, "Every unit gets the same weights: they will get the same gradients, too.")
def the_same_weights_for_every_unit(n_in, n_out, rng):
    return np.tile(0.01 * rng.standard_normal(n_in), (n_out, 1))


@mistake(small_init, "A generator was handed over: does what you draw depend on it?")
def a_generator_of_its_own(n_in, n_out, rng):
    return 0.01 * np.random.default_rng(0).standard_normal((n_out, n_in))


@exercise(
    kind="initialiser",
    points=1,
    rows=("S3-24",),
    hints=(
        "It is small_init with another scale.",
        "Which function of rng draws normal numbers of standard deviation 1?",
    ),
    arguments={"rng": None},
    draw=WIDE,
    edges=LAYERS,
)
def large_init(n_in: int, n_out: int, rng):
    """Large weights: return w of shape (n_out, n_in), independent normal draws of mean 0 and standard deviation 1.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-24.
    """
    ### BEGIN SOLUTION
    # $w_{ij} \sim \mathcal N(0, 1)$
    return rng.standard_normal((n_out, n_in))
    ### END SOLUTION


@mistake(large_init, "The weights are (out, in): which comes first?")
def large_weights_turned(n_in, n_out, rng):
    return rng.standard_normal((n_in, n_out))


@mistake(large_init, "A draw from 0 to 1 is no normal number: which function of rng draws those?")
def large_weights_from_zero_to_one(n_in, n_out, rng):
    return rng.random((n_out, n_in))


@mistake(large_init, "Normal weights were asked for: yours all lie between two bounds.")
def large_uniform_weights(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in))


@mistake(large_init, "Every input has the same weight to a unit.")
def the_same_weights_for_every_input(n_in, n_out, rng):
    return np.tile(rng.standard_normal((n_out, 1)), (1, n_in))


@mistake(large_init, "That is what was asked for with the small weights.")
def large_weights_still_small(n_in, n_out, rng):
    return 0.01 * rng.standard_normal((n_out, n_in))


@exercise(
    kind="initialiser",
    points=2,
    rows=("S0-15", "S3-28"),
    hints=(
        "You know the standard deviation already: xavier_std.",
        "Numbers of standard deviation 1, times s, have the standard deviation s.",
    ),
    arguments={"rng": None},
    draw=WIDE,
    edges=LAYERS,
)
def xavier_normal(n_in: int, n_out: int, rng):
    """Xavier's normal weights: return w of shape (n_out, n_in), independent, of mean 0 and variance 2/(n_in + n_out).

    Draw from rng, a numpy.random.Generator, and from nothing else. Lectures S0-15 and S3-28.
    """
    ### BEGIN SOLUTION
    # $$w_{ij} \sim \mathcal N\Big(0, \frac2{n_{in}+n_{out}}\Big)$$
    return xavier_std(n_in, n_out) * rng.standard_normal((n_out, n_in))
    ### END SOLUTION


@mistake(xavier_normal, "The weights are (out, in): which comes first?")
def xavier_turned(n_in, n_out, rng):
    return xavier_std(n_in, n_out) * rng.standard_normal((n_in, n_out))


@mistake(xavier_normal, "What multiplies numbers of variance 1: the variance that is wanted, or its root?")
def xavier_variance_for_deviation(n_in, n_out, rng):
    return rng.normal(0, 2 / (n_in + n_out), (n_out, n_in))


@mistake(xavier_normal, "That suits the way forward; and the gradients on their way back?")
def xavier_by_the_inputs(n_in, n_out, rng):
    return rng.standard_normal((n_out, n_in)) / math.sqrt(n_in)


@mistake(xavier_normal, "That suits the gradients; and the way forward?")
def xavier_by_the_outputs(n_in, n_out, rng):
    return rng.standard_normal((n_out, n_in)) / math.sqrt(n_out)


@mistake(xavier_normal, "Those are He's weights, for ReLU.")
def he_for_xavier(n_in, n_out, rng):
    return he_std(n_in) * rng.standard_normal((n_out, n_in))


@mistake(xavier_normal, "The mean of n_in and n_out, and not their sum: where is the 2?")
def xavier_by_the_sum(n_in, n_out, rng):
    return rng.standard_normal((n_out, n_in)) / math.sqrt(n_in + n_out)


@mistake(xavier_normal, "All of your weights are positive: which function of rng draws normal numbers?")
def xavier_from_zero_to_one(n_in, n_out, rng):
    return xavier_std(n_in, n_out) * rng.random((n_out, n_in))


@mistake(xavier_normal, "The variance is right, but normal weights were asked for: yours are uniform.")
def uniform_for_normal(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * xavier_uniform_bound(n_in, n_out)


@mistake(xavier_normal, "With the same seed your weights should be the same again: is rng all that you draw from?")
def drawn_from_the_global_generator(n_in, n_out, rng):
    return xavier_std(n_in, n_out) * np.random.standard_normal((n_out, n_in))


@exercise(
    kind="initialiser",
    points=2,
    rows=("S3-31",),
    hints=(
        "You know the bound already: xavier_uniform_bound.",
        "rng.uniform(low, high, shape) draws between two bounds; where does yours begin?",
    ),
    arguments={"rng": None},
    draw=WIDE,
    edges=LAYERS,
)
def xavier_uniform(n_in: int, n_out: int, rng):
    """Xavier's uniform weights: return w of shape (n_out, n_in), independent, of mean 0 and variance 2/(n_in + n_out).

    They lie between two bounds, -b and b. Draw from rng, a numpy.random.Generator, and from nothing else.
    Lecture S3-31, whose bound should have n_in + n_out under a root as well.
    """
    ### BEGIN SOLUTION
    # $$w_{ij} \sim U(-b, b),\qquad b = \frac{\sqrt6}{\sqrt{n_{in}+n_{out}}}$$
    bound = xavier_uniform_bound(n_in, n_out)
    return rng.uniform(-bound, bound, (n_out, n_in))
    ### END SOLUTION


@mistake(xavier_uniform, "The weights are (out, in): which comes first?")
def xavier_uniform_turned(n_in, n_out, rng):
    return xavier_uniform(n_out, n_in, rng)


@mistake(xavier_uniform, "Only the 6 is under a root in the lecture's bound: is the variance what it should be?")
def printed_bound(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * math.sqrt(6) / (n_in + n_out)


@mistake(xavier_uniform, "Between which two numbers do your weights lie?")
def from_zero_to_the_bound(n_in, n_out, rng):
    return rng.random((n_out, n_in)) * xavier_uniform_bound(n_in, n_out)


@mistake(xavier_uniform, "The variance of a uniform law is a third of its bound's square: how far must it reach?")
def deviation_as_the_bound(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * xavier_std(n_in, n_out)


@mistake(xavier_uniform, "The variance is right, but uniform weights were asked for: yours are normal.")
def normal_for_uniform(n_in, n_out, rng):
    return xavier_normal(n_in, n_out, rng)


@mistake(xavier_uniform, "That suits the way forward; and the gradients on their way back?")
def xavier_uniform_by_the_inputs(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * math.sqrt(3 / n_in)


@mistake(xavier_uniform, "A root is missing: what is the variance of a uniform law, by its bound?")
def squared_bound(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * 6 / (n_in + n_out)


@exercise(
    kind="initialiser",
    points=2,
    rows=("S3-29",),
    hints=(
        "You know the standard deviation already: he_std.",
        "n_in is what a unit adds up: is it the first or the second axis of w?",
    ),
    arguments={"rng": None},
    draw=WIDE,
    edges=LAYERS,
)
def he_normal(n_in: int, n_out: int, rng):
    """He's weights, for ReLU: return w of shape (n_out, n_in), independent normal draws of mean 0 and variance 2/n_in.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-29.
    """
    ### BEGIN SOLUTION
    # $$w_{ij} \sim \mathcal N\Big(0, \frac2{n_{in}}\Big)$$
    return he_std(n_in) * rng.standard_normal((n_out, n_in))
    ### END SOLUTION


@mistake(he_normal, "The weights are (out, in): which comes first?")
def he_turned(n_in, n_out, rng):
    return he_std(n_in) * rng.standard_normal((n_in, n_out))


@mistake(he_normal, "How many terms does a unit add up: n_in or n_out?")
def he_by_the_outputs(n_in, n_out, rng):
    return rng.standard_normal((n_out, n_in)) * math.sqrt(2 / n_out)


@mistake(he_normal, "What multiplies numbers of variance 1: the variance that is wanted, or its root?")
def he_variance_for_deviation(n_in, n_out, rng):
    return rng.normal(0, 2 / n_in, (n_out, n_in))


@mistake(he_normal, "Those are Xavier's weights: what does ReLU take away?")
def xavier_for_he(n_in, n_out, rng):
    return xavier_normal(n_in, n_out, rng)


@mistake(he_normal, "ReLU halves the second moment: which factor makes up for it?")
def he_without_its_two(n_in, n_out, rng):
    return rng.standard_normal((n_out, n_in)) / math.sqrt(n_in)


@mistake(he_normal, "All of your weights are positive: which function of rng draws normal numbers?")
def he_from_zero_to_one(n_in, n_out, rng):
    return he_std(n_in) * rng.random((n_out, n_in))


@mistake(he_normal, "The variance is right, but normal weights were asked for: yours are uniform.")
def he_uniform(n_in, n_out, rng):
    return rng.uniform(-1, 1, (n_out, n_in)) * math.sqrt(6 / n_in)


@mistake(he_normal, "A generator was handed over: does what you draw depend on it?")
def he_with_a_seed_of_its_own(n_in, n_out, rng):
    return he_normal(n_in, n_out, np.random.default_rng(1))
