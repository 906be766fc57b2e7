"""Initial weights: what their size does to activations and gradients, and the laws of Xavier and He."""

from numpy import ndarray

from checker import Float, task


@task(
    kind="value",
    points=3,
    rows=("S0-13",),
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
    raise NotImplementedError  # your answer goes here


def init_forward(x: Float[ndarray, "N D"], ws, act: str = "relu"):
    """A network of layers h = act(h_below w^T): return (out, cache), with the last layer's h as out.

    The weights w, each (out, in), come as a list from the lowest layer up; x is (N, D); act is "relu" or "tanh", and
    follows the last layer too. Lectures S3-22, S3-24 and S3-25; S3-24 makes the data `x` and then starts from `X`: read
    X in both places.
    """
    raise NotImplementedError  # your answer goes here


@task(
    init_forward,
    points=4,
    rows=("S3-22", "S3-23", "S3-24", "S3-25"),
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
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=1,
    rows=("S0-14",),
    draw={"n_in": (2, 50), "sigma": (0.05, 3.0)},
    edges={"one input": {"n_in": (1, 1)}, "small weights": {"sigma": (0.01, 0.01)}},
)
def preact_variance(n_in: int, sigma: float):
    """The variance of z = sum of w_i x_i over n_in inputs: return one number. Lecture S0-14.

    All w_i and x_i are independent with mean 0; x_i has the variance 1, and w_i the standard deviation sigma.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-26",),
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
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-27",),
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
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S3-30",),
    draw={"variance": (0.2, 4.0)},
    edges={"a variance of 1": {"variance": (1, 1)}},
)
def relu_moments(variance: float):
    """What ReLU does to a normal z of mean 0: return (mean, second_moment, variance) of max(z, 0). Lecture S3-30.

    The argument is the variance of z. Where lecture S3-30 says that the variance halves, read second moment: it is
    E[max(z, 0)^2] that halves, and that the next layer's preactivations depend on.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=1,
    rows=("S0-15", "S3-28"),
    draw={"n_in": (20, 50), "n_out": (60, 150)},
    edges={"more inputs than units": {"n_in": (60, 150), "n_out": (20, 50)}, "one input": {"n_in": (1, 1)}},
)
def xavier_std(n_in: int, n_out: int):
    """The standard deviation of Xavier's normal weights from n_in inputs to n_out units: return one number.

    Lectures S0-15 and S3-28.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=1,
    rows=("S3-31",),
    draw={"n_in": (20, 50), "n_out": (60, 150)},
    edges={"more inputs than units": {"n_in": (60, 150), "n_out": (20, 50)}, "one input": {"n_in": (1, 1)}},
)
def xavier_uniform_bound(n_in: int, n_out: int):
    """The bound b of Xavier's uniform weights, drawn from -b to b: return one number. Lecture S3-31.

    The lecture's bound should be a quotient of two roots: the sum n_in + n_out is under a root as well.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", points=1, rows=("S3-29",), draw={"n_in": (20, 150)}, edges={"one input": {"n_in": (1, 1)}})
def he_std(n_in: int):
    """The standard deviation of He's normal weights for n_in inputs that come out of ReLU: return one number.

    Lecture S3-29, where a comment in the code of He's weights still calls them Xavier's.
    """
    raise NotImplementedError  # your answer goes here


WIDE = {"n_in": (60, 80), "n_out": (150, 200)}
LAYERS = {
    "more inputs than units": {"n_in": (150, 200), "n_out": (60, 80)},
    "a small layer": {"n_in": (8, 12), "n_out": (18, 24)},
}


@task(kind="initialiser", points=1, rows=("S3-22",), arguments={"rng": None}, draw=WIDE, edges=LAYERS)
def small_init(n_in: int, n_out: int, rng):
    """Small weights: return w of shape (n_out, n_in), independent normal draws of mean 0 and standard deviation 0.01.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-22.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="initialiser", points=1, rows=("S3-24",), arguments={"rng": None}, draw=WIDE, edges=LAYERS)
def large_init(n_in: int, n_out: int, rng):
    """Large weights: return w of shape (n_out, n_in), independent normal draws of mean 0 and standard deviation 1.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-24.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="initialiser", points=2, rows=("S0-15", "S3-28"), arguments={"rng": None}, draw=WIDE, edges=LAYERS)
def xavier_normal(n_in: int, n_out: int, rng):
    """Xavier's normal weights: return w of shape (n_out, n_in), independent, of mean 0 and variance 2/(n_in + n_out).

    Draw from rng, a numpy.random.Generator, and from nothing else. Lectures S0-15 and S3-28.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="initialiser", points=2, rows=("S3-31",), arguments={"rng": None}, draw=WIDE, edges=LAYERS)
def xavier_uniform(n_in: int, n_out: int, rng):
    """Xavier's uniform weights: return w of shape (n_out, n_in), independent, of mean 0 and variance 2/(n_in + n_out).

    They lie between two bounds, -b and b. Draw from rng, a numpy.random.Generator, and from nothing else.
    Lecture S3-31, whose bound should have n_in + n_out under a root as well.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="initialiser", points=2, rows=("S3-29",), arguments={"rng": None}, draw=WIDE, edges=LAYERS)
def he_normal(n_in: int, n_out: int, rng):
    """He's weights, for ReLU: return w of shape (n_out, n_in), independent normal draws of mean 0 and variance 2/n_in.

    Draw from rng, a numpy.random.Generator, and from nothing else. Lecture S3-29.
    """
    raise NotImplementedError  # your answer goes here
