"""What any backward must keep: every breach gets its own sentence, asserted here in full, and before any number."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check_grad, gradcheck
from checker.calling import Pair
from checker.contract import observe, random_upstream

rng = np.random.default_rng(3)
X, W, B = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


def affine(x, w, b):
    return x @ w + b, (x, w)


def scale(x):
    return 3 * x, np.full(x.shape, 3.0)


BREACHES = {}


def breach(message, advice, forward=scale, inputs=(X,), cause="", **options):
    """The decorated backward breaks the contract in this one way; it is called `backward` in sentences."""

    def add(backward):
        BREACHES[backward.__name__] = message, advice, forward, backward, inputs, cause, options
        backward.__name__ = "backward"
        return backward

    return add


COPY_DOUT = "copy dout before you change it: another consumer of the same node would get a damaged gradient"
COPY_INPUT = "work on a copy: whoever uses x next would get changed values"
COPY_CACHE = "copy what you change: a second backward on this cache would start from changed values"
RETURN_COPY = "return a copy: gradients are added to in place, and that would change both"
KEEP_DTYPE = "keep the input's dtype: start from np.zeros_like(x), or convert with astype(x.dtype)"
ONE_EACH = "return one gradient for each differentiable input, in the inputs' order; name others with wrt="
STATE = "look for state that survives a call: a global, a default argument, a counter, random numbers"


# -- how many, and what -----------------------------------------------------------------------------------------------


@breach("backward returned 2 gradients for 3 differentiable inputs (x, w, b)", ONE_EACH, affine, (X, W, B), "count")
def too_few(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


@breach("backward returned 3 gradients for 1 differentiable input (x)", ONE_EACH, cause="count")
def too_many(dout, cache):
    return 3 * dout, 3 * dout, 3 * dout


@breach("backward returned gradients named q, r, and none of them is for x, w, b", ONE_EACH, affine, (X, W, B), "count")
def other_names(dout, cache):
    x, w = cache
    return {"q": dout @ w.T, "r": x.T @ dout}


@breach(
    "backward returned 1 gradient for the 2 arrays in params",
    ONE_EACH,
    lambda x, params: (x @ params[0] + params[1], (x, params)),
    (X, [W, B]),
    "count",
)
def too_few_inside(dout, cache):
    x, params = cache
    return dout @ params[0].T, [x.T @ dout]


@breach("backward returned None", "is its return statement missing?", cause="none")
def nothing(dout, cache):
    dout = dout * cache


@breach("the gradient of w is None", "return an array of shape (3, 2)", affine, (X, W, B), "none")
def none_for_one(dout, cache):
    return dout @ cache[1].T, None, dout.sum(axis=0)


@breach("the gradient of x is a list, not an array", "return a NumPy array", affine, (X, W, B), "type")
def a_list_for_an_array(dout, cache):
    return (dout @ cache[1].T).tolist(), cache[0].T @ dout, dout.sum(axis=0)


@breach("the gradient of x has dtype complex128, but x holds floats", "return real floats", cause="type")
def complex_numbers(dout, cache):
    return 3 * dout + 0j


@breach("the gradient of x has dtype object, but x holds floats", "return real floats", cause="type")
def objects(dout, cache):
    return (3 * dout).astype(object)


@breach("the gradient of x has dtype float32, but x has dtype float64", KEEP_DTYPE, cause="dtype")
def less_precise(dout, cache):
    return (3 * dout).astype(np.float32)


@breach(
    "the gradient of x has dtype float64, but x has dtype float32",
    KEEP_DTYPE,
    inputs=(X.astype(np.float32),),
    cause="dtype",
)
def more_precise(dout, cache):
    return 3 * dout.astype(np.float64)


@breach("the gradient of x has dtype int64, but x has dtype float64", KEEP_DTYPE, lambda x: np.round(x), cause="dtype")
def integers(dout, x):
    return np.zeros(x.shape, dtype=np.int64)


# -- writes -----------------------------------------------------------------------------------------------------------


@breach("backward writes into dout", COPY_DOUT, cause="writes-dout")
def writes_dout(dout, cache):
    dout *= cache
    return dout.copy()


@breach("backward writes into the input x", COPY_INPUT, lambda x: (x * x, x), cause="writes-input")
def writes_input(dout, x):
    gradient = 2 * x * dout
    x[:] = 0
    return gradient


@breach("backward writes into the cache (cache[0])", COPY_CACHE, lambda x: (x * x, [2 * x]), cause="writes-cache")
def writes_cache(dout, cache):
    cache[0] *= dout
    return cache[0].copy()


@breach(
    "backward writes into the cache (cache['steps'][1].slope)",
    COPY_CACHE,
    lambda x: (x * x, {"steps": (None, SimpleNamespace(slope=2 * x))}),
    cause="writes-cache",
)
def writes_deep_in_the_cache(dout, cache):
    step = cache["steps"][1]
    step.slope *= dout
    return step.slope.copy()


# -- shared memory ----------------------------------------------------------------------------------------------------


@breach("the gradient of x is dout itself", RETURN_COPY, lambda x: (x + 1, None), cause="shares-memory")
def dout_itself(dout, cache):
    return dout


@breach("the gradient of x is a view of dout", RETURN_COPY, lambda x: (x.T, None), cause="shares-memory")
def a_view_of_dout(dout, cache):
    return dout.T


@breach("the gradient of x is the input y itself", RETURN_COPY, lambda x, y: np.sum(x * y), (X, X + 1), "shares-memory")
def an_input_itself(dout, x, y):
    return y, dout * x


@breach(
    "the gradient of x is a view of the input y",
    RETURN_COPY,
    lambda x, y: np.sum(x * y.T),
    (X, X.T + 1),
    "shares-memory",
)
def a_view_of_an_input(dout, x, y):
    return y.T, dout * x.T


@breach(
    "the gradient of y is the same memory as the gradient of x",
    RETURN_COPY,
    lambda x, y: (x + y, None),
    (X, X + 1),
    "shares-memory",
)
def one_array_twice(dout, cache):
    gradient = dout.copy()
    return gradient, gradient


# -- another answer ---------------------------------------------------------------------------------------------------


@breach("backward gives another answer the second time", STATE, cause="unrepeatable")
def a_list_that_survives(dout, cache, calls=[]):  # noqa: B006
    calls.append(1)
    return dout * (3 + 1e-8 * len(calls))


@breach(
    "backward gives another answer the second time on the same cache",
    "do not change or use up what the forward saved",
    lambda x: (3 * x, {"uses": count(1)}),
    cause="unrepeatable",
)
def uses_up_the_cache(dout, cache):
    return 3 * dout * next(cache["uses"])


@breach(
    "backward gives another answer the second time on the same cache",
    "do not change or use up what the forward saved",
    lambda x: (3 * x, [3]),
    cause="unrepeatable",
)
def uses_up_a_list(dout, cache):
    return dout * cache.pop()


# -- linear in dout ---------------------------------------------------------------------------------------------------


@breach(
    "the gradient of x ignores dout: it stays the same when dout doubles or changes sign",
    "multiply the local derivative by the upstream gradient dout, also where the output is a loss",
    lambda x: (x * x, x),
    cause="ignores-dout",
)
def ignores_dout(dout, cache):
    return 2 * cache


@breach(
    "the gradient of pred ignores dout: it stays the same when dout doubles or changes sign",
    "multiply the local derivative by the upstream gradient dout, also where the output is a loss",
    lambda pred, target: (np.mean((pred - target) ** 2), pred - target),
    (X, X[::-1]),
    "ignores-dout",
)
def a_loss_that_ignores_dout(dout, cache):
    return 2 * cache / cache.size


@breach(
    "the gradient of x uses dout twice: it quadruples when dout doubles",
    "dout enters a gradient once, as a factor",
    cause="dout-twice",
)
def dout_twice(dout, cache):
    return 3 * dout * dout


@breach(
    "the gradient of x is not linear in dout: backward(2 dout) is not 2 backward(dout)",
    "nothing in a backward may depend on dout other than as a factor: no max, abs or added constant",
    cause="nonlinear",
)
def a_constant_added(dout, cache):
    return 3 * dout + 1


@breach(
    "the gradient of x is not linear in dout: backward(2 dout) is not 2 backward(dout)",
    "nothing in a backward may depend on dout other than as a factor: no max, abs or added constant",
    lambda x: (np.maximum(x, 0), x),
    cause="nonlinear",
)
def a_mask_of_dout(dout, cache):
    return dout * (dout > 0)


# -- not finite -------------------------------------------------------------------------------------------------------

FINITE = "look for a division by zero, a log or power of zero, or an overflow of exp at this entry"


@breach("1 of 12 entries of the gradient of x is nan or infinite, the first at x[2, 1]", FINITE, cause="not-finite")
def one_nan(dout, cache):
    gradient = 3 * dout
    gradient[2, 1] = np.nan
    return gradient


@breach("12 of 12 entries of the gradient of x are nan or infinite, the first at x[0, 0]", FINITE, cause="not-finite")
def all_infinite(dout, cache):
    return dout * np.inf


@breach(
    "the gradient of x is nan or infinite",
    FINITE,
    lambda x: np.sin(x),
    (0.5,),
    "not-finite",
)
def a_number_that_is_none(dout, x):
    return float("nan")


# -- the forward ------------------------------------------------------------------------------------------------------


def writes_into_x(x):
    x[x < 0] = 0
    return x, None


@breach(
    "writes_into_x writes into its input x",
    "work on a copy: x belongs to the caller, and its old values are needed again",
    writes_into_x,
    cause="writes-input",
)
def behind_a_forward_that_writes(dout, cache):
    return 1 * dout


CALLS = count()


def drifting(x):
    return x + 0.25 * next(CALLS), None


@breach(
    "drifting is not deterministic: the same inputs gave outputs that differ by up to 0.25",
    "fix the seed inside, or draw the random mask outside and pass it in, so that a gradient is defined",
    drifting,
    cause="random-forward",
)
def behind_a_random_forward(dout, cache):
    return 1 * dout


#: Breaches beside which the numbers are wrong: the upstream gradient is left out.
WRONG_TOO = ("an_input_itself", "a_view_of_an_input")


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_gets_its_sentence_and_nothing_else(name):
    message, advice, forward, backward, inputs, cause, options = BREACHES[name]
    report = gradcheck(forward, backward, inputs, **options)
    assert (report.verdict, report.kind) == ("wrong", "contract"), str(report)
    first, *besides = report.findings
    assert (first.message, first.advice, first.kind, first.cause, first.entries) == (
        message, advice, "contract", cause, ()
    )  # fmt: skip
    assert [f.message for f in besides] == ["besides, 12 of 12 entries of the gradient of x are wrong"] * (
        name in WRONG_TOO
    )


def test_wrong_numbers_are_told_beside_a_breach_of_memory():
    def backward(dout, cache):
        x, w = cache
        dout *= 2
        return dout @ w.T, x.T @ dout / 2, dout.sum(axis=0) / 2

    report = gradcheck(affine, backward, (X, W, B))
    assert (report.verdict, report.kind) == ("wrong", "contract")
    breach, besides = report.findings
    assert breach.message == "backward writes into dout"
    assert (besides.subject, besides.kind, besides.wrong, len(besides.entries)) == ("x", "values", 12, 3)
    assert besides.message == "besides, 12 of 12 entries of the gradient of x are wrong"


def test_beside_a_breach_nothing_is_said_of_numbers_that_cannot_be_compared():
    def narrow(dout, cache):
        dout *= 2
        return dout * np.float32(3)

    x = X.astype(np.float32)
    report = gradcheck(lambda x: (3 * x, None), narrow, (x,))
    assert [f.message for f in report.findings] == ["narrow writes into dout"]


def test_each_of_several_breaches_is_told():
    def backward(dout, cache):
        x, w = cache
        db = dout.sum(axis=0)
        dout *= 2
        return (dout @ w.T / 2).astype(np.float32), x.T @ dout / 2, db

    report = gradcheck(affine, backward, (X, W, B))
    assert [f.message for f in report.findings] == [
        "the gradient of x has dtype float32, but x has dtype float64",
        "backward writes into dout",
    ]


# -- shapes: the numbers are still judged -----------------------------------------------------------------------------

SHAPE = "a gradient has exactly the shape of the thing that it is the gradient of"


@pytest.mark.parametrize(
    ("db", "shape", "right"),
    [
        (lambda dout: dout.sum(axis=0, keepdims=True), "(1, 2)", True),
        (lambda dout: dout.sum(axis=0)[:, None], "(2, 1)", True),
        (lambda dout: dout, "(4, 2)", False),
        (lambda dout: dout.sum(), "()", False),
        (lambda dout: dout.mean(axis=0, keepdims=True), "(1, 2)", False),
    ],
)
def test_a_shape_is_told_with_whether_its_numbers_are_right(db, shape, right):
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, 1 * db(dout)

    report = gradcheck(affine, backward, (X, W, B))
    finding = next(f for f in report.findings if f.subject == "b")
    assert (report.verdict, report.kind, finding.kind, finding.shape) == ("wrong", "shape", "shape", (2,))
    message = f"the gradient of b has shape {shape}, but b has shape (2,)"
    assert finding.message.startswith(message)
    assert ("its numbers are right" in finding.message) == right
    assert (finding.advice == SHAPE) == right
    assert [f.verdict for f in report.findings] == ["right", "right", "wrong"]


def test_right_numbers_in_the_wrong_shape_are_told_once():
    report = gradcheck(lambda x, b: x + b, lambda dout, x, b: (1 * dout, dout.sum(axis=0, keepdims=True)), (X, X[0]))
    assert (
        report.findings[1].message == "the gradient of b has shape (1, 3), but b has shape (3,); its numbers are right"
    )


# -- what is no breach ------------------------------------------------------------------------------------------------


def test_a_gradient_function_may_return_an_input_as_it_is():
    assert check_grad(lambda x, y: np.sum(x * y), lambda x, y: (y, x), (X, X + 1))


def test_a_number_may_be_passed_through():
    assert gradcheck(lambda x, y: x + y, lambda dout, x, y: (dout, dout), (2.0, 3.0))


def test_scratch_space_that_is_written_anew_each_time():
    scratch = np.zeros(X.shape)

    def backward(dout, x):
        np.multiply(dout, np.cos(x), out=scratch)
        return scratch.copy()

    assert gradcheck(np.sin, backward, (X,))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(1, 4),
    columns=st.integers(0, 4),
    seed=st.integers(0, 999),
    exponent=st.integers(-150, 150),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_whatever_is_linear_in_dout_keeps_the_contract(rows, columns, seed, exponent, dtype):
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(rows * columns, rows * columns)) * 10.0 ** (
        exponent if dtype == np.float64 else exponent / 6
    )

    def forward(x):
        return np.tanh(x), None

    def backward(dout, cache):
        return (matrix.astype(dtype) @ dout.ravel()).reshape(rows, columns)

    x = draw.normal(size=(rows, columns)).astype(dtype)
    assert observe(Pair(forward, backward, (x,)), [x], draw).breaches == []


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 999),
    power=st.sampled_from([0.0, 0.5, 0.99, 2.0, 3.0]),
    size=st.floats(1e-3, 1e3),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_whatever_is_not_linear_in_dout_breaks_it(seed, power, size, dtype):
    def backward(dout, cache):
        return (size * np.sign(dout) * np.abs(dout) ** power).astype(dtype)

    x = X.astype(dtype)
    seen = observe(Pair(lambda x: (x * 1, None), backward, (x,)), [x], np.random.default_rng(seed))
    assert [b.cause for b in seen.breaches] == ["dout-twice" if power == 2 else "nonlinear"]


@given(seed=st.integers(0, 999))
def test_upstream_gradients_hide_nothing(seed):
    pair = Pair(lambda x: (x * 1, x.sum()), lambda da, ds, x: da + ds, (X,))
    douts = random_upstream(pair.forward(pair.arguments()), np.random.default_rng(seed))
    drawn = np.concatenate([d.ravel() for d in douts])
    assert [d.shape for d in douts] == [(4, 3), ()]
    assert np.all((np.abs(drawn) >= 0.5) & (np.abs(drawn) != 1))
    assert len(set(drawn)) == drawn.size


def test_an_output_that_is_not_finite_gets_no_upstream_gradient():
    with np.errstate(all="ignore"):
        pair = Pair(lambda x: np.log(x), lambda dout, x: dout / x, (np.array([1.0, 0.0, -1.0]),))
        (dout,) = random_upstream(pair.forward(pair.arguments()), np.random.default_rng(0))
    assert dout[0] != 0
    assert list(dout[1:]) == [0, 0]
