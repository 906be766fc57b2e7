"""A network of two layers for pictures: its gradients, its training, and what it makes of pictures it has not seen."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, exercise, expect_labels, expect_shapes, mistake

from .affine import affine_backward, affine_forward, affine_relu_backward, affine_relu_forward
from .losses import softmax_ce_backward, softmax_ce_forward

# -- the network and its loss -----------------------------------------------------------------------------------------


def network_forward(
    x: Float[ndarray, "N D"],
    w1: Float[ndarray, "H D"],
    b1: Float[ndarray, "H"],
    w2: Float[ndarray, "C H"],
    b2: Float[ndarray, "C"],
    y: Int[ndarray, "N"],
):
    """The loss of a two-layer classifier: return (loss, cache), with labels y from 0 to C - 1.

    h = ReLU(x w1^T + b1), the scores are h w2^T + b2, and the loss is the mean over n of -log p[n, y_n], p being the
    softmax of each row of scores. Source: Rumelhart, Hinton and Williams 1986, with ReLU and softmax.
    """
    ### BEGIN SOLUTION
    expect_shapes(network_forward, x, w1, b1, w2, b2, y)
    expect_labels("y", y, len(w2))
    h, first = affine_relu_forward(x, w1, b1)
    scores, second = affine_forward(h, w2, b2)
    loss, last = softmax_ce_forward(scores, y)
    return loss, (first, second, last)
    ### END SOLUTION


@exercise(
    network_forward,
    wrt=("w1", "b1", "w2", "b2"),
    points=3,
    hints=(
        "Three layers forward, so three backwards in reverse: each is handed what the one above returns.",
        "What one layer calls dx is what the layer below calls dout.",
        "The gradient of the pictures is computed on the way, and nobody asks for it.",
    ),
    draw={"y": below("C")},
    edges={
        "one picture": {"N": 1},
        "one hidden unit": {"H": 1},
        "two classes": {"C": 2},
        "as many hidden units as pixels": {"H": 5},
        "every hidden unit off": {"b1": (-80, -60)},
    },
    overflow={"scores of 1000": {"b2": (999, 1001)}},
)
def network_backward(dout, cache):
    """Gradients of the network's loss: return (dw1, db1, dw2, db2), each of its parameter's shape, given a scalar dout.

    Source: Rumelhart, Hinton and Williams 1986.
    """
    ### BEGIN SOLUTION
    # $$\bar s = \tfrac{\bar L}N(p - \mathbf 1_y),\quad \bar W_2 = \bar s^\top h,\quad
    #   \bar a = (\bar s\,W_2)\odot 1\{a>0\},\quad \bar W_1 = \bar a^\top x,$$ and the biases' are sums over the rows.
    first, second, last = cache
    dh, dw2, db2 = affine_backward(softmax_ce_backward(dout, last), second)
    _, dw1, db1 = affine_relu_backward(dh, first)
    return dw1, db1, dw2, db2
    ### END SOLUTION


def _network(dout, cache, of_scores=lambda ds: ds, of_hidden=affine_relu_backward, back=None):
    """The way back with another gradient of the scores, another hidden layer, or other weights to go back through."""
    first, second, last = cache
    h, w2 = second
    ds = of_scores(softmax_ce_backward(dout, last))
    dh, dw2, db2 = affine_backward(ds, second)
    _, dw1, db1 = of_hidden(dh if back is None else ds @ back(w2), first)
    return dw1, db1, dw2, db2


@mistake(network_backward, "Between the two layers there is a ReLU: where is it on the way back?")
def hidden_relu_passed_over(dout, cache):
    return _network(dout, cache, of_hidden=lambda dh, first: affine_backward(dh, first[:2]))


@mistake(network_backward, "The gradient of the scores: what is taken from p at the true class?")
def network_without_its_labels(dout, cache):
    p, y = cache[2]
    return _network(dout, cache, of_scores=lambda ds: p * (dout / len(y)))


@mistake(network_backward, "The loss is a mean over the pictures: by how much does one of them move it?")
def network_mean_forgotten(dout, cache):
    return _network(dout, cache, of_scores=lambda ds: ds * len(ds))


@mistake(network_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def network_loss_taken_as_the_end(dout, cache):
    return network_backward(1.0, cache)


@mistake(network_backward, "Raise the score of the true class: does the loss rise or fall?")
def network_sign_turned(dout, cache):
    return network_backward(-dout, cache)


@mistake(network_backward, "A hidden unit is heard through the weights of the second layer: where are they?")
def second_weights_left_out_on_the_way_down(dout, cache):
    return _network(dout, cache, back=np.ones_like)


@mistake(network_backward, "The second layer multiplies what comes out of the ReLU: what does dw2 multiply?")
def scores_gradient_of_unhidden_inputs(dout, cache):
    (x, w1, out), second, last = cache
    dw1, db1, _, db2 = network_backward(dout, cache)
    return dw1, db1, softmax_ce_backward(dout, last).T @ (out > 0), db2


@mistake(network_backward, "A bias serves every picture: over which axis do its gradients come together, and how?")
def network_biases_averaged(dout, cache):
    dw1, db1, dw2, db2 = network_backward(dout, cache)
    pictures = len(cache[0][0])
    return dw1, db1 / pictures, dw2, db2 / pictures


@mistake(network_backward, "In which order are the four asked for?")
def network_gradients_from_the_top(dout, cache):
    dw1, db1, dw2, db2 = network_backward(dout, cache)
    return dw2, db2, dw1, db1


@mistake(network_backward, "Without a ReLU two layers are no more than one: where is yours?", half="forward")
def network_left_linear(x, w1, b1, w2, b2, y):
    h, first = affine_forward(x, w1, b1)
    scores, second = affine_forward(h, w2, b2)
    return softmax_ce_forward(scores, y)[0], network_forward(x, w1, b1, w2, b2, y)[1]


@mistake(network_backward, "A mean over the pictures was asked for, and not their sum.", half="forward")
def network_losses_added_up(x, w1, b1, w2, b2, y):
    loss, cache = network_forward(x, w1, b1, w2, b2, y)
    return len(y) * loss, cache


# -- training ---------------------------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=2,
    hints=(
        "One step: forward, backward, and every parameter goes against its gradient, by rate times it.",
        "All four gradients of a step are taken at the same place: compute them before you change anything.",
        "The parameters that come in belong to the caller: w1 -= ... would change them, w1 = w1 - ... does not.",
    ),
    draw={"y": below("C"), "rate": (0.1, 0.5), "steps": (3, 6)},
    edges={
        "no steps": {"steps": (0, 0)},
        "one step": {"steps": (1, 1)},
        "twenty steps": {"steps": (20, 20)},
        "one picture": {"N": 1},
        "two classes": {"C": 2},
    },
)
def train(
    x: Float[ndarray, "N D"],
    y: Int[ndarray, "N"],
    w1: Float[ndarray, "H D"],
    b1: Float[ndarray, "H"],
    w2: Float[ndarray, "C H"],
    b2: Float[ndarray, "C"],
    rate: float,
    steps: int,
):
    """Gradient descent on the network's loss: return (w1, b1, w2, b2) after `steps` steps, each of the shape it had.

    A step takes from every parameter rate times its gradient; all pictures are used in every step, and the arrays that
    come in stay as they are. Source: Rumelhart, Hinton and Williams 1986.
    """
    ### BEGIN SOLUTION
    # $\theta \leftarrow \theta - \epsilon\,\partial L/\partial\theta$ for all four at once.
    expect_shapes(train, x, y, w1, b1, w2, b2)
    expect_labels("y", y, len(w2))
    parameters = w1, b1, w2, b2
    for _ in range(steps):
        _, cache = network_forward(x, *parameters, y)
        gradients = network_backward(1.0, cache)
        parameters = tuple(value - rate * slope for value, slope in zip(parameters, gradients))
    return tuple(np.array(value) for value in parameters)
    ### END SOLUTION


def _trained(x, y, parameters, rate, steps, gradient=lambda *_, cache: network_backward(1.0, cache)):
    """The loop with other gradients: gradient(place of the step, parameters, cache=...)."""
    for place in range(steps):
        slopes = gradient(place, parameters, cache=network_forward(x, *parameters, y)[1])
        parameters = tuple(value - rate * slope for value, slope in zip(parameters, slopes))
    return tuple(np.array(value) for value in parameters)


@mistake(train, "The gradient points to where the loss rises: which way should a step go?")
def trained_uphill(x, y, w1, b1, w2, b2, rate, steps):
    return train(x, y, w1, b1, w2, b2, -rate, steps)


@mistake(train, "How many steps are taken if `steps` is 5?")
def trained_for_one_step(x, y, w1, b1, w2, b2, rate, steps):
    return train(x, y, w1, b1, w2, b2, rate, min(steps, 1))


@mistake(train, "The gradient changes with the parameters: does it belong before the loop, or inside it?")
def trained_with_the_first_gradient(x, y, w1, b1, w2, b2, rate, steps):
    return train(x, y, w1, b1, w2, b2, rate * steps, 1)


@mistake(train, "How far does a step go: where is the rate?")
def trained_without_the_rate(x, y, w1, b1, w2, b2, rate, steps):
    return train(x, y, w1, b1, w2, b2, 1.0, steps)


@mistake(train, "Two of the four parameters never move: which?")
def trained_without_the_biases(x, y, w1, b1, w2, b2, rate, steps):
    def gradient(*_, cache):
        dw1, _, dw2, _ = network_backward(1.0, cache)
        return dw1, 0.0, dw2, 0.0

    return _trained(x, y, (w1, b1, w2, b2), rate, steps, gradient)


@mistake(train, "Both layers learn: does the first one move in yours?")
def trained_in_the_second_layer_alone(x, y, w1, b1, w2, b2, rate, steps):
    def gradient(*_, cache):
        return 0.0, 0.0, *network_backward(1.0, cache)[2:]

    return _trained(x, y, (w1, b1, w2, b2), rate, steps, gradient)


@mistake(train, "The loss is a mean already: is its gradient divided by the number of pictures once more?")
def trained_with_the_mean_of_the_mean(x, y, w1, b1, w2, b2, rate, steps):
    return train(x, y, w1, b1, w2, b2, rate / len(y), steps)


@mistake(train, "The four gradients of a step belong to one place: has a layer moved before the other's are taken?")
def trained_one_layer_after_the_other(x, y, w1, b1, w2, b2, rate, steps):
    for _ in range(steps):
        _, _, dw2, db2 = network_backward(1.0, network_forward(x, w1, b1, w2, b2, y)[1])
        w2, b2 = w2 - rate * dw2, b2 - rate * db2
        dw1, db1, _, _ = network_backward(1.0, network_forward(x, w1, b1, w2, b2, y)[1])
        w1, b1 = w1 - rate * dw1, b1 - rate * db1
    return w1.copy(), b1.copy(), w2.copy(), b2.copy()


# -- pictures that were not seen before -------------------------------------------------------------------------------

#: How many classes of pictures are made up.
CLASSES = 3
#: How much a picture differs from its class's pattern, whose pixels have a mean square of 1.
NOISE = 0.15


def _patterns(rng, sizes):
    """The patterns of the classes, at right angles to one another: the same for all pictures that rng draws."""
    seeds = np.ravel(rng.bit_generator.seed_seq.entropy)
    drawn = np.random.default_rng([*map(int, seeds), 1]).normal(size=(sizes["D"] + 8, CLASSES))
    return np.sqrt(sizes["D"] + 8) * np.linalg.qr(drawn)[0].T


def _labels(rng, sizes):
    return np.arange(sizes["N"] + 30) % CLASSES


def _seen(rng, sizes, forms=1):
    """Pictures to learn from, in the order of their labels; if in two forms, every other one is a negative."""
    place = np.arange(sizes["N"] + 30)
    shown = (1 - 2 * (place // CLASSES % forms))[:, None] * _patterns(rng, sizes)[place % CLASSES]
    return shown + NOISE * rng.normal(size=shown.shape)


def _unseen(rng, sizes, forms=1):
    """Pictures of classes in any order."""
    shape = sizes["M"] + 20, sizes["D"] + 8
    sign = 1 - 2 * rng.integers(0, forms, shape[0])
    chosen = _patterns(rng, sizes)[rng.integers(0, CLASSES, shape[0])]
    return sign[:, None] * chosen + NOISE * rng.normal(size=shape)


def _seen_in_two_forms(rng, sizes):
    return _seen(rng, sizes, 2)


def _unseen_in_two_forms(rng, sizes):
    return _unseen(rng, sizes, 2)


@exercise(
    kind="value",
    points=4,
    arguments={
        "x": Float[ndarray, "N+30 D+8"],
        "y": Int[ndarray, "N+30"],
        "x_new": Float[ndarray, "M+20 D+8"],
    },
    draw={"x": _seen, "y": _labels, "x_new": _unseen},
    hints=(
        "Choose a number of hidden units, small random weights from a generator with a seed of its own, biases of 0.",
        "Then train, and print the loss while you look for a rate and a number of steps: it should come close to 0.",
        "The network's answer to a picture is the class with the highest score; no label of x_new is needed for that.",
    ),
    edges={
        "classes that come in two forms": {"x": _seen_in_two_forms, "x_new": _unseen_in_two_forms},
        "one new picture": {"x_new": lambda rng, sizes: _unseen(rng, sizes)[:1]},
        "more pictures": {"N": 60},
    },
)
def classify(x: Float[ndarray, "N D"], y: Int[ndarray, "N"], x_new: Float[ndarray, "M D"]):
    """Train a network on the pictures x with their labels y, and return the labels that it gives to x_new: M integers.

    The labels run from 0 to C - 1, and each of them occurs in y. The pictures of a class resemble each other closely;
    the weights to start from, the number of hidden units, the rate and the number of steps are yours to choose. All of
    the new pictures should be recognised. Source: Rumelhart, Hinton and Williams 1986.
    """
    ### BEGIN SOLUTION
    # $\hat y_i = \arg\max_c o_{ic}$, of the scores $o_i$ of the new picture $i$: training has raised that of its class.
    expect_shapes(classify, x, y, x_new)
    rng, hidden, classes = np.random.default_rng(0), 32, int(np.max(y)) + 1
    w1 = rng.normal(size=(hidden, x.shape[1])) * np.sqrt(2 / x.shape[1])
    w2 = rng.normal(size=(classes, hidden)) * np.sqrt(1 / hidden)
    w1, b1, w2, b2 = train(x, y, w1, np.zeros(hidden), w2, np.zeros(classes), rate=0.2, steps=200)
    return affine_forward(affine_relu_forward(x_new, w1, b1)[0], w2, b2)[0].argmax(axis=1)
    ### END SOLUTION


def _scores(x, y, x_new, scale=1.0, steps=200):
    """The scores of the new pictures, with other weights to start from or another number of steps."""
    rng, hidden, classes = np.random.default_rng(0), 32, int(np.max(y)) + 1
    w1 = scale * rng.normal(size=(hidden, x.shape[1])) * np.sqrt(2 / x.shape[1])
    w2 = scale * rng.normal(size=(classes, hidden)) * np.sqrt(1 / hidden)
    w1, b1, w2, b2 = train(x, y, w1, np.zeros(hidden), w2, np.zeros(classes), rate=0.2, steps=steps)
    return affine_forward(affine_relu_forward(x_new, w1, b1)[0], w2, b2)[0]


@mistake(classify, "All your weights start at 0: what would make one hidden unit differ from another?")
def all_weights_zero_at_first(x, y, x_new):
    return _scores(x, y, x_new, scale=0.0).argmax(axis=1)


@mistake(classify, "Has the network learnt anything before it is asked?")
def asked_before_training(x, y, x_new):
    return _scores(x, y, x_new, steps=0).argmax(axis=1)


@mistake(classify, "Which class is the network's answer: that of the highest score, or of the lowest?")
def class_of_the_lowest_score(x, y, x_new):
    return _scores(x, y, x_new).argmin(axis=1)


@mistake(classify, "Scores came out; the labels are asked for.")
def scores_for_labels(x, y, x_new):
    return _scores(x, y, x_new)


@mistake(classify, "Each picture has its own answer: along which axis do you look for the highest score?")
def highest_picture_of_each_class(x, y, x_new):
    return _scores(x, y, x_new).argmax(axis=0)


@mistake(classify, "Which pictures are asked about: those that you trained on, or the new ones?")
def labels_of_the_pictures_trained_on(x, y, x_new):
    return np.resize(_scores(x, y, x).argmax(axis=1), len(x_new))


@mistake(classify, "A class of pictures and their negatives: could a single layer tell it from the others?")
def a_single_layer(x, y, x_new):
    w, b = np.zeros((int(np.max(y)) + 1, x.shape[1])), np.zeros(int(np.max(y)) + 1)
    for _ in range(200):
        scores, cache = affine_forward(x, w, b)
        _, dw, db = affine_backward(softmax_ce_backward(1.0, softmax_ce_forward(scores, y)[1]), cache)
        w, b = w - 0.2 * dw, b - 0.2 * db
    return affine_forward(x_new, w, b)[0].argmax(axis=1)
