"""Mistakes that the given point hides are found at others; what the author never meant is no mistake."""

import numpy as np
import pytest

from checker import gradcheck
from checker.calling import Pair
from checker.elsewhere import Fault, Search, glance, ordinary_size, wrong_at
from checker.inputs import Declaration, Variation
from checker.overflow import overflow_finding
from checker.point import Point

rng = np.random.default_rng(8)
X, Q, K = rng.normal(size=(3, 4)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))


def cube(x):
    return x**3


def cube_backward(dout, x):
    return dout * 3 * x**2


def seen(forward, backward, inputs, variation, **options):
    """What a glance at a variation of the inputs shows."""
    pair = Pair(forward, backward, inputs)
    glance_options = {"entries": options.pop("entries", False)}
    return glance(pair, Variation(variation, "other", **options), np.random.default_rng(0), 1e-7, **glance_options)


def searched(forward, backward, *inputs, trials=8, seed=0):
    pair = Pair(forward, backward, inputs)
    search = Search(pair, Declaration.from_sample(tuple(pair.values), list(pair.names), forward), seed, 1e-7)
    return search, search.run(trials)


# -- a glance ---------------------------------------------------------------------------------------------------------


def test_all_well_takes_one_direction_and_no_entries():
    found = seen(cube, cube_backward, (np.ones(3),), (np.array([0.5, -1.0]),))
    assert isinstance(found, Point)
    assert found.comparison is None
    assert found.function.calls <= 6


def test_a_difference_leads_to_the_entries():
    found = seen(cube, lambda dout, x: dout * 3 * x * np.abs(x), (np.ones(3),), (np.array([0.5, -1.0]),))
    assert found.comparison.status[0].tolist() == [0, 4]


def test_entries_on_request():
    found = seen(cube, cube_backward, (np.ones(3),), (np.array([0.5, -1.0]),), entries=True)
    assert found.comparison.status[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: np.log(x) if np.all(x > 0) else 1 / 0,
        lambda x: np.sqrt(x) * np.where(x < 0, np.nan, 1.0),
        lambda x: x / (x + 1.0) * np.where(x == -1, np.inf, 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_where_the_forward_is_not_defined_nothing_is_seen(forward):
    assert seen(forward, cube_backward, (np.ones(2),), (np.array([0.5, -1.0]),)) is None


def broken(dout, x):
    if x.size != 3:
        raise IndexError("a size that nobody meant")
    return cube_backward(dout, x)


def test_a_crash_counts_only_where_the_shapes_were_declared():
    assert seen(cube, broken, (np.ones(3),), (np.ones(2),)) is None
    found = seen(cube, broken, (np.ones(3),), (np.ones(2),), declared=True)
    assert isinstance(found, Fault)
    assert "a size that nobody meant" in str(found.error.__cause__)


def test_a_wrong_shape_has_its_own_sentence():
    found = seen(cube, lambda dout, x: np.squeeze(cube_backward(dout, x)), (np.ones((2, 3)),), (np.ones((1, 3)),))
    assert found.finding.message == "the gradient of x has shape (3,), but x has shape (1, 3)"
    assert (found.finding.kind, found.finding.cause) == ("edge", "shape")


def test_a_wrong_count_of_numbers_counts_only_where_it_was_meant():
    short = lambda dout, x: cube_backward(dout, x)[:3]  # noqa: E731
    assert seen(cube, short, (np.ones(3),), (np.ones(5),)) is None
    assert seen(cube, short, (np.ones(3),), (np.ones(5),), declared=True).finding.kind == "edge"


def test_images_of_another_size_were_meant_and_matrices_of_another_shape_perhaps_not():
    def square_only(dout, x):
        assert x.shape[-1] == x.shape[-2], "not square"
        return 2 * dout * x

    f = lambda x: x * x  # noqa: E731
    images = seen(f, square_only, (np.ones((2, 3, 4, 4)),), (np.ones((2, 3, 4, 5)),), edge=True)
    assert "not square" in str(images.error.__cause__)
    assert seen(f, square_only, (np.ones((4, 4)),), (np.ones((4, 5)),), edge=True) is None


def test_a_forward_that_never_saves_anything_is_looked_at_elsewhere_too():
    """One that saves nothing there alone is not: so do layers that are told to test."""
    first, never = (lambda dout, _: (dout, np.zeros(dout.shape))), (lambda x, y: (np.maximum(x, y), None))
    assert gradcheck(never, first, (np.array([2.0, 3.0]), np.array([1.0, -1.0]))).verdict == "wrong"

    def at_times(x):
        return x * x, x if np.all(x > 0) else None

    pair = Pair(at_times, lambda dout, x: dout if x is None else 2 * dout * x, (np.ones(2),))
    pair.forward(pair.arguments(pair.values))
    assert glance(pair, Variation((-np.ones(2),), "other"), np.random.default_rng(0), 1e-7) is None


def test_wrong_at_is_a_point_or_none():
    pair = Pair(cube, lambda dout, x: dout * 3 * x * np.abs(x), (np.ones(3),))
    assert wrong_at(pair, (np.array([-1.0]),), np.random.default_rng(0), 1e-7).comparison.worst == 4
    assert wrong_at(pair, (np.array([1.0]),), np.random.default_rng(0), 1e-7) is None


def test_extreme_numbers_are_brought_to_an_ordinary_size():
    pair = Pair(lambda x, y, z: x + y + z, None, (np.array([1e6, -2e6]), np.array([1.0, 3.0]), 1e-5))
    x, y, z = ordinary_size(pair, pair.values)
    assert (x.tolist(), y.tolist(), z) == ([0.5, -1.0], [1.0, 3.0], 1.0)
    assert ordinary_size(Pair(cube, None, (np.array([1.0, 0.0]),)), [np.array([1.0, 0.0])]) is None


# -- a search ---------------------------------------------------------------------------------------------------------


def test_a_right_pair_is_visited_everywhere_and_found_right():
    search, fault = searched(cube, cube_backward, np.abs(K))
    assert fault is None
    assert search.visited == 8


def test_the_fault_is_shrunk_to_the_plainest_point():
    _, fault = searched(cube, lambda dout, x: dout * 3 * x * np.abs(x), np.abs(K) + 0.1)
    (x,) = fault.inputs
    assert x.shape == (1, 1)
    assert x[0, 0] in (-1.0, -2.0)


def test_the_same_seed_finds_the_same_fault():
    wrong = lambda dout, x: dout * 3 * x * np.abs(x)  # noqa: E731
    (_, one), (_, two) = (searched(cube, wrong, np.array([0.5, 2.0]), seed=5) for _ in range(2))
    assert one.variation.why == two.variation.why
    assert np.array_equal(one.inputs[0], two.inputs[0])


def hidden(case):
    """A pair, and inputs at which its mistake does not show."""
    x = np.random.default_rng(4).normal(size=(6, 4))
    return {
        "a batch of six": (lambda x: x.mean(axis=0), lambda dout, x: np.ones_like(x) * dout / 6, x),
        "negative numbers": (np.abs, lambda dout, x: dout * 1.0, np.abs(x) + 0.1),
        "a sum over one": (lambda x, b: x + b, lambda dout, x, b: (dout.copy(), dout[0].copy()), x[:1], x[0]),
        "squeezed": (lambda x: 2 * x, lambda dout, x: 2 * np.squeeze(dout), x),
    }[case]


ONE = pytest.mark.xfail(reason="from a batch of one, no larger batch is tried")


@pytest.mark.parametrize(
    "case", ["a batch of six", "negative numbers", pytest.param("a sum over one", marks=ONE), "squeezed"]
)
def test_hidden_mistakes(case):
    forward, backward, *inputs = hidden(case)
    assert gradcheck(forward, backward, inputs, trials=0)
    report = gradcheck(forward, backward, inputs)
    assert report.verdict == "wrong", str(report)
    assert report.where.startswith("right at the given inputs, wrong with ")
    assert report.where.endswith("(seed 0)")
    assert report.kind == ("values" if case == "negative numbers" else "edge")


def test_the_inputs_that_show_a_fault_reproduce_it():
    forward, backward, *inputs = hidden("a batch of six")
    report = gradcheck(forward, backward, inputs)
    assert gradcheck(forward, backward, report.inputs, trials=0).verdict == "wrong"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("forward", "backward", "inputs"),
    [
        (np.log, lambda dout, x: dout / x, (np.abs(rng.normal(size=5)) + 0.1,)),
        (np.arcsin, lambda dout, x: dout / np.sqrt(1 - x * x), (rng.uniform(-0.9, 0.9, 5),)),
        (
            lambda x, w: x @ w,
            lambda dout, x, w: (dout @ w.T, x.T @ dout),
            (rng.normal(size=(4, 3)), rng.normal(size=(3, 2))),
        ),
        (
            np.linalg.inv,
            lambda d, x: -np.linalg.inv(x).T @ d @ np.linalg.inv(x).T,
            (rng.normal(size=(3, 3)) + 3 * np.eye(3),),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_search_raises_no_false_alarm(forward, backward, inputs, seed):
    assert gradcheck(forward, backward, inputs, seed=seed)


# -- overflow ---------------------------------------------------------------------------------------------------------


def remark(forward, *inputs, backward=None):
    """What is said of large inputs; the backward, if it does not matter, is 0."""
    nothing = [lambda dout, x: 0 * x, lambda dout, q, k: (0 * q, 0 * k)][len(inputs) - 1]
    with np.errstate(all="ignore"):
        return overflow_finding(Pair(forward, backward or nothing, inputs))


def naive_softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def test_a_softmax_without_its_maximum_overflows():
    found = remark(naive_softmax, X)
    assert (found.verdict, found.kind, found.cause, found.subject) == ("right", "unstable", "overflow", "x")
    assert found.message == "right, but overflows where x reaches 1000"
    assert found.advice == "subtract the row maximum before exp, or use a form that stays finite"


def test_a_backward_may_overflow_where_its_forward_does_not():
    stable = lambda x: np.tanh(x)  # noqa: E731
    naive = lambda dout, x: dout * (1 - ((np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))) ** 2)  # noqa: E731
    assert remark(stable, np.array([0.5, -1.0]), backward=naive).cause == "overflow"
    assert remark(stable, np.array([0.5, -1.0]), backward=lambda dout, x: dout * (1 - np.tanh(x) ** 2)) is None


def test_products_of_inputs_overflow_together():
    found = remark(lambda q, k: naive_softmax(q @ k.T / 100), Q, K)
    assert found.message == "right, but overflows where q and k reach 1000"
    assert found.subject == ""


@pytest.mark.parametrize(
    "forward",
    [
        np.exp,
        lambda x: np.exp(x * x),
        np.tanh,
        lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
        lambda x: x**3,
        lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    ],
)
def test_what_grows_so_by_its_nature_does_not_overflow(forward):
    assert remark(forward, X) is None


@pytest.mark.parametrize("x", [rng.uniform(size=(3, 4)), np.zeros(3), np.full(3, 500.0), np.zeros((0, 2))])
def test_probabilities_masks_and_large_numbers_are_not_made_larger(x):
    assert remark(naive_softmax, x) is None


def test_rows_that_belong_together_are_no_batch_where_the_backward_says_so():
    """p - np.eye(len(p)) wants as many rows as columns, and broadcasts where one of the two is 1."""

    def softmax(s):
        e = np.exp(s - s.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def forward(a, b):
        p = softmax(a @ b.T)
        return -np.log(np.diag(p)).mean(), (a, b, p)

    def backward(dout, cache, factor=1.0):
        a, b, p = cache
        ds = dout * (p - np.eye(len(p))) / len(p)
        return factor * (ds @ b), ds.T @ a

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    assert gradcheck(forward, backward, inputs).verdict == "right"
    assert gradcheck(forward, lambda dout, cache: backward(dout, cache, 2.0), inputs).verdict == "wrong"
