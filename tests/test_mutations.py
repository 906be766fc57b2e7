"""The checker is tested against itself: each of these slips in its own code is noticed by some sentinel.

A sentinel is a question with a known answer. All sentinels hold for the checker as it is; for every mutant, a copy of
the checker with one line changed, one of them, named there, fails.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

# -- sentinels --------------------------------------------------------------------------------------------------------

SENTINELS = {}


def sentinel(ask):
    SENTINELS[ask.__name__] = ask
    return ask


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dout, x):
    y = softmax(x)
    return y * (dout - (dout * y).sum(axis=1, keepdims=True))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(x):
    """Every output feels every entry."""
    return np.tanh(x) * np.mean(x * x)


def dense_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2) * np.mean(x * x) + 2 * x / x.size * np.sum(dout * np.tanh(x))


def verdict(c, forward, backward, *inputs, trials=0, **options):
    return c.gradcheck(forward, backward, inputs, trials=trials, **options).verdict


def elementwise(c, f, slope, x, **options):
    return verdict(c, f, lambda dout, x: dout * slope(x), np.asarray(x, dtype=float), **options)


def slipped(places, change, backward=dense_backward):
    """The backward with some entries changed."""

    def slip(dout, x):
        gradient = backward(dout, x)
        gradient[places] = change(gradient[places])
        return gradient

    return slip


@sentinel
def right_layers_are_right(c):
    def backward(dout, x, w):
        dz = dout * (1 - np.tanh(x @ w) ** 2)
        return dz @ w.T, x.T @ dz

    return (
        verdict(c, lambda x, w: np.tanh(x @ w), backward, normal(4, 3), normal(3, 5)) == "right"
        and verdict(c, softmax, softmax_backward, normal(6, 4)) == "right"
        and verdict(c, dense, dense_backward, normal(30)) == "right"
        and verdict(c, np.exp, lambda dout, x: dout * np.exp(x), normal(5)) == "right"
    )


@sentinel
def right_and_wrong_at_any_size(c):
    def judged(a, b, k):
        return elementwise(c, lambda x: a * np.sin(x / b), lambda x: k * a / b * np.cos(x / b), b * normal(4))

    sizes = ((1e-12, 1e-8), (1e-12, 1e8), (1e12, 1e8))
    return all((judged(*size, 1.0), judged(*size, 1.001)) == ("right", "wrong") for size in sizes)


@sentinel
def small_entries_among_large_ones(c):
    x = np.array([1e-7, 1.0, 3e5])
    return elementwise(c, lambda x: 1 / x, lambda x: -1 / x**2, x) == "right"


@sentinel
def a_factor_of_a_hundred_thousandth_more_is_wrong(c):
    return (
        elementwise(c, np.sin, lambda x: np.cos(x) * (1 + 1e-5), normal(5)) == "wrong"
        and elementwise(c, np.exp, lambda x: np.exp(x) * (1 - 1e-5), [0.3]) == "wrong"
        and verdict(c, softmax, lambda d, x: softmax_backward(d, x) * (1 + 1e-5), normal(6, 4)) == "wrong"
    )


@sentinel
def a_tolerance_is_what_may_differ(c):
    slope = lambda x: np.cos(x) * (1 + 1e-4)  # noqa: E731
    return elementwise(c, np.sin, slope, [0.3, 0.8], rtol=1e-3) == "right"


@sentinel
def exactly_the_wrong_entries_are_named(c):
    for place in (0, 7, 15):
        report = c.gradcheck(dense, slipped(place, lambda g: 1.01 * g), (normal(16),), trials=0)
        finding = report.findings[0]
        if (finding.wrong, [e.index for e in finding.entries]) != (1, [(place,)]):
            return False
        entry = finding.entries[0]
        if not abs(entry.yours / 1.01 - entry.expected) <= 5 * entry.error < 1e-4 * abs(entry.expected):
            return False
    return True


@sentinel
def an_upstream_gradient_of_ones_would_hide_it(c):
    return (
        verdict(c, softmax, lambda dout, x: np.zeros_like(x), normal(3, 4)) == "wrong"
        and verdict(c, np.tanh, lambda dout, x: dout * dout * (1 - np.tanh(x) ** 2), normal(4)) == "wrong"
    )


@sentinel
def corners(c):
    relu = lambda x: np.maximum(x, 0)  # noqa: E731
    x = np.array([0.0, 1.0, -1.0, 0.0])
    accepted = [elementwise(c, relu, lambda x, at=at: np.where(x == 0, at, x > 0), x) for at in (0.0, 0.5, 1.0)]
    refused = [elementwise(c, relu, lambda x, at=at: np.where(x == 0, at, x > 0), x) for at in (-0.1, 1.2)]
    beside = [elementwise(c, relu, lambda x: np.full(x.shape, 0.5), [at, 1.0]) for at in (-1e-5, 1e-5)]
    near = [elementwise(c, relu, lambda x: (x > 0) * 1.0, [at, 1.0]) for at in (-1e-4, 1e-6, -1e-9)]
    return (accepted, refused, beside, near) == (["right"] * 3, ["wrong"] * 2, ["wrong"] * 2, ["right"] * 3)


@sentinel
def corners_within_a_composition(c):
    """At 0 the usual conventions give 0, which is no subgradient of a function with the slopes 1 and 2."""
    total = lambda x: np.sum(2 * np.maximum(x, 0) - np.maximum(-x, 0))  # noqa: E731
    right = lambda dout, x: dout * (2.0 * (x > 0) + 1.0 * (x < 0))  # noqa: E731
    wrong = lambda dout, x: dout * (3.0 * (x > 0) + 1.0 * (x < 0))  # noqa: E731
    x = np.zeros(3)
    return verdict(c, total, right, x) == "right" and verdict(c, total, wrong, x) == "wrong"


@sentinel
def rounding_in_the_outputs_is_no_mistake(c):
    total = lambda x: np.sum(np.sin(x)) + 1e7  # noqa: E731
    return (
        verdict(c, total, lambda dout, x: dout * np.cos(x), normal(40)) in ("right", "cannot tell")
        and elementwise(c, lambda x: (x + 1e8) - 1e8, np.ones_like, normal(6)) in ("right", "cannot tell")
        and elementwise(c, lambda x: np.sin(1e3 * x), lambda x: 1e3 * np.cos(1e3 * x), normal(6)) == "right"
    )


@sentinel
def what_rounding_hides_cannot_be_told(c):
    hidden = lambda x: np.abs(np.sin(x)) + 1e15  # noqa: E731
    return all(elementwise(c, hidden, lambda x, k=k: k * np.cos(x), [0.3, 0.7]) == "cannot tell" for k in (1.0, 3.0))


@sentinel
def the_complex_step_has_its_say(c):
    return elementwise(c, lambda x: np.sin(x) + 1e14, np.cos, [0.3, 0.7]) == "right"


@sentinel
def rounding_within_a_backward_is_no_mistake(c):
    """A mean far from 0 loses digits in the backward, where exact steps of the forward lose none."""
    variance = lambda x: x.var(axis=1)  # noqa: E731
    backward = lambda dout, x: dout[:, None] * 2 / x.shape[1] * (x - x.mean(axis=1, keepdims=True))  # noqa: E731
    x = 1e8 + normal(4, 6)
    return (
        verdict(c, variance, backward, x) == "right"
        and verdict(c, variance, lambda dout, x: 1.001 * backward(dout, x), x) == "wrong"
    )


@sentinel
def the_longest_plateau_is_believed(c):
    """Wider steps than its own see past a bend, narrower ones the stairs of float32."""
    numerical = importlib.import_module("checker.numerical")

    def distance(f, x, slope, widest, steps):
        line = numerical.Line(numerical.Function(lambda leaves: f(leaves[0]), [np.array([x])]), 0, (0,))
        rungs = [numerical.rung(line, np.ones(1), widest / 8.0**k, np.full(1, 1e-16)) for k in range(steps)]
        return abs(numerical.best(rungs)[0] - slope)

    x = 0.019523846022010308  # float32's stairs happen to fall in with the steps here
    bent = distance(lambda x: x + 1e-6 * np.tanh(x / 1e-6), 1e-7, 1 + 1 / np.cosh(0.1) ** 2, 0.1, 12)
    stairs = distance(lambda x: np.sin(x).astype(np.float32).astype(float), x, np.cos(x), 0.1 * x, 8)
    return bent < 1e-6 and stairs < 1e-5


@sentinel
def wide_steps_meet_poles_and_other_periods(c):
    return (
        elementwise(c, lambda x: 1 / x, lambda x: -1 / x**2, [1e-3, 1.0, -0.02]) == "right"
        and elementwise(c, lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), [0.3, 0.7]) == "right"
        and elementwise(c, lambda x: np.sin(1e4 * x), lambda x: -1e4 * np.cos(1e4 * x), [0.3, 0.7]) == "wrong"
        and elementwise(c, lambda x: np.sin(x) + 1e12, np.cos, [2e4, -7e3, 1.5e4]) != "wrong"
    )


@sentinel
def the_edge_of_a_domain(c):
    f = lambda x: np.sqrt(x) ** 3 + 2 * x  # noqa: E731
    slope = lambda x: 1.5 * np.sqrt(x) + 2  # noqa: E731
    return (
        elementwise(c, f, slope, [0.0, 1.0]) == "right"
        and elementwise(c, f, lambda x: slope(x) + (x == 0), [0.0, 1.0]) == "wrong"
    )


@sentinel
def fast_checks_see_a_single_entry(c):
    x = normal(3000)
    report = c.gradcheck(dense, slipped(1234, lambda g: g * 1.001), (x,), mode="fast")
    return (
        verdict(c, dense, dense_backward, x, mode="fast") == "right"
        and report.verdict == "wrong"
        and [(f.wrong, [e.index for e in f.entries]) for f in report.findings] == [(1, [(1234,)])]
        and report.forwards <= 60
    )


@sentinel
def fast_checks_find_several_entries(c):
    places = [5, 1200, 1201, 2999]
    report = c.gradcheck(dense, slipped(places, lambda g: -g), (normal(3000),), mode="fast")
    return report.findings[0].wrong == 4


@sentinel
def opposite_errors_do_not_cancel_in_a_fast_check(checker):
    """Steps of equal size would let equal and opposite errors in two entries cancel every other time."""
    c = np.array([10.0, 10, 1, 1, 1, 1])  # the two are the largest, which are never moved further than others
    f = lambda x: np.sum(c * (np.tanh(x) + 2 * x))  # noqa: E731
    opposite = np.array([0.1, -0.1, 0, 0, 0, 0])
    backward = lambda dout, x: dout * (c * (3 - np.tanh(x) ** 2) + opposite)  # noqa: E731
    return all(verdict(checker, f, backward, np.full(6, 0.5), mode="fast", seed=s) == "wrong" for s in range(12))


@sentinel
def fast_checks_take_ten_evaluations(c):
    return all(c.gradcheck(dense, dense_backward, (normal(n),), mode="fast").forwards <= 10 for n in (10, 3000))


@sentinel
def full_checks_take_two_evaluations_an_entry(c):
    def forwards(f, backward, x):
        return c.gradcheck(f, backward, (x,), mode="full", trials=0).forwards

    a = normal(20, 100)
    whole = [forwards(lambda x: a @ x, lambda dout, x: a.T @ dout, scale * normal(100)) for scale in (1e-6, 1, 1e6)]
    curved = forwards(np.exp, lambda dout, x: dout * np.exp(x), normal(12))
    rows = forwards(softmax, softmax_backward, normal(100, 5))
    entries = forwards(np.tanh, lambda dout, x: dout * (1 - np.tanh(x) ** 2), normal(10, 20))
    return 200 <= min(whole) <= max(whole) <= 230 and curved < 40 and rows < 60 and entries < 40


@sentinel
def seeds_draw_and_repeat(c):
    one, two, other = (c.gradcheck(dense, lambda d, x: 2 * d, (normal(6),), seed=seed) for seed in (1, 1, 2))
    return one == two and one.findings != other.findings


@sentinel
def the_callers_arrays_stay_as_they_are(c):
    x, w = normal(3, 2), normal(2, 2)
    before = x.copy(), w.copy()
    for mode in ("full", "fast"):
        c.gradcheck(lambda x, w: x @ w, lambda d, x, w: (d @ w.T, x.T @ d), (x, w), mode=mode)
    return np.array_equal(x, before[0]) and np.array_equal(w, before[1])


def contract(c, forward, backward, *inputs):
    report = c.gradcheck(forward, backward, inputs or (normal(4),), trials=0)
    return report.kind, report.causes


@sentinel
def breaches_of_the_contract(c):
    calls = []

    def forgetful(dout, x):
        calls.append(1)
        return dout * 3.0 * (1 + (len(calls) > 1))

    def saturating(dout, x):
        return 3 * np.where(np.abs(dout) < 1.6, dout, np.sign(dout) * 1.6)

    def loud(dout, x):
        dout *= 3
        return dout.copy()

    def writing(dout, x):
        x[0] = 9
        return 3 * dout

    triple = lambda x: 3 * x  # noqa: E731
    random = np.random.default_rng(0)
    found = [
        contract(c, lambda x: x + 0, lambda dout, x: dout),
        contract(c, lambda x: x + 0, lambda dout, x: dout[:]),
        contract(c, triple, saturating),
        contract(c, triple, loud),
        contract(c, triple, writing),
        contract(c, triple, forgetful),
        contract(c, triple, lambda dout, x: (3 * dout)[None]),
        contract(c, triple, lambda dout, x: (3 * dout).astype(np.float32)),
        contract(c, triple, lambda dout, x: dout / 0.0),
        contract(c, lambda x: 3 * x + random.normal(), lambda dout, x: 3 * dout),
    ]
    expected = "shares-memory shares-memory nonlinear writes-dout writes-input unrepeatable shape dtype not-finite"
    return [cause for _, causes in found for cause in causes] == [*expected.split(), "random-forward"]


@sentinel
def mistakes_elsewhere(c):
    f, slope = (lambda x: x * np.abs(x)), (lambda x: 2 * x)  # right for x > 0
    x = np.abs(normal(5)) + 0.1
    report = c.gradcheck(f, lambda dout, x: dout * slope(x), (x,), seed=0)
    batch = lambda x: x.mean(axis=0)  # noqa: E731
    eight = lambda dout, x: np.ones_like(x) * dout / 8  # noqa: E731
    return (
        report.verdict == "wrong"
        and "right at the given inputs" in report.where
        and c.gradcheck(batch, eight, (normal(8, 3),)).kind == "edge"
        and c.gradcheck(f, lambda dout, x: dout * 2 * np.abs(x), (x,)).verdict == "right"
    )


@sentinel
def overflow(c):
    naive = lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)  # noqa: E731
    x = normal(3, 4)
    unstable, stable = (c.gradcheck(f, softmax_backward, (x,), trials=1) for f in (naive, softmax))
    powers = c.gradcheck(np.exp, lambda dout, x: dout * np.exp(x), (x,), trials=1)
    return [(r.verdict, r.kind) for r in (unstable, stable, powers)] == [
        ("right", "unstable"),
        ("right", ""),
        ("right", ""),
    ]


@sentinel
def a_reference_decides(c):
    def wrong_forward(x):
        return np.tanh(x) * 1.001

    own = lambda dout, x: dout * 1.001 * (1 - np.tanh(x) ** 2)  # noqa: E731
    true = lambda dout, x: dout * (1 - np.tanh(x) ** 2)  # noqa: E731
    x = normal(5)
    return (
        c.gradcheck(wrong_forward, own, (x,), reference=np.tanh, trials=0).kind == "forward"
        and c.gradcheck(np.tanh, true, (x,), reference=np.tanh, trials=0).verdict == "right"
        and c.gradcheck(np.tanh, own, (x,), reference=np.tanh, trials=0).kind == "values"
    )


@sentinel
def wide_steps_are_extrapolated(c):
    x = np.array([0.3, 0.7])
    value, error = c.numerical_gradient(lambda x: np.sin(x).sum() + 1e4, (x,))
    return np.all(np.abs(value - np.cos(x)) <= 5 * error) and np.all(error < 3e-8)


@sentinel
def derivatives_in_denominator_layout(c):
    a, x = normal(3, 4), normal(4)
    jacobian = c.numerical_jacobian(lambda x: np.tanh(a @ x), (x,))
    hessian = c.numerical_hessian(lambda x: np.prod(np.sin(x)), (x,))
    s, k = np.prod(np.sin(x)), 1 / np.tan(x)
    curvature = s * (np.outer(k, k) - np.diag(k**2 + 1))
    jvp = c.numerical_jvp(lambda x: np.tanh(a @ x), (x,), (np.arange(4.0),))
    true = (a * (1 - np.tanh(a @ x) ** 2)[:, None]).T
    return all(
        estimate.value.shape == truth.shape
        and np.all(np.abs(estimate.value - truth) <= 5 * estimate.error)
        and np.all((estimate.error > 0) & (estimate.error < small))
        for estimate, truth, small in (
            (jacobian, true, 1e-7),
            (hessian, curvature, 8e-12),
            (jvp, true.T @ np.arange(4.0), 1e-6),
        )
    )


# -- mutants ----------------------------------------------------------------------------------------------------------

#: Which sentinel notices it, in which module it is, the text that is changed (it occurs there once), and to what.
MUTANTS = {
    "x - 2h for x - h": (
        "right_and_wrong_at_any_size",
        "numerical",
        "up, down = x + h, x - h\n                plus",
        "up, down = x + h, x - 2 * h\n                plus",
    ),
    "x - 2h for x - h, two evaluations": (
        "full_checks_take_two_evaluations_an_entry",
        "compare",
        "minus = function.moved(leaf, group.select, down.reshape(shape))",
        "minus = function.moved(leaf, group.select, (down - h).reshape(shape))",
    ),
    "h for 2h": (
        "full_checks_take_two_evaluations_an_entry",
        "compare",
        "wide = up - down",
        "wide = up - x",
    ),
    "h for 2h on the ladder": (
        "small_entries_among_large_ones",
        "numerical",
        "float(np.sum(rising + falling)) / (up + down)",
        "float(np.sum(rising + falling)) / up",
    ),
    "h for 2h along a direction": (
        "opposite_errors_do_not_cancel_in_a_fast_check",
        "numerical",
        "self.function.along(self.direction, -h)",
        "self.function.along(self.direction, 0 * h)",
    ),
    "sign of a difference": (
        "mistakes_elsewhere",
        "compare",
        "change = plus - minus",
        "change = minus - plus",
    ),
    "sign on the ladder": (
        "small_entries_among_large_ones",
        "numerical",
        "dout * (plus - out), dout * (out - minus)",
        "dout * (out - plus), dout * (minus - out)",
    ),
    "a forward difference": (
        "full_checks_take_two_evaluations_an_entry",
        "compare",
        "central = _sums(dout * change, owner, count) / wide",
        "central = rising = _sums(dout * (plus - out), owner, count) / (up - x)",
    ),
    "a moved entry is not put back": (
        "rounding_within_a_backward_is_no_mistake",
        "numerical",
        "            work[...] = self.x[leaf]",
        "            pass",
    ),
    "the step ignores the scale": (
        "full_checks_take_two_evaluations_an_entry",
        "compare",
        "h = STEP * np.maximum(np.abs(x), function.scale[leaf])",
        "h = np.full(x.shape, STEP)",
    ),
    "a step far too wide": (
        "fast_checks_take_ten_evaluations",
        "numerical",
        "STEP = EPS ** (1 / 3)",
        "STEP = 1e-2",
    ),
    "a step far too narrow": (
        "fast_checks_take_ten_evaluations",
        "numerical",
        "STEP = EPS ** (1 / 3)",
        "STEP = 1e-13",
    ),
    "tolerance of a hundredth": (
        "right_and_wrong_at_any_size",
        "compare",
        "<= 0.3 * rtol * size + noise",
        "<= 1e-2 * size + noise",
    ),
    "tolerance of a hundredth on the ladder": (
        "a_factor_of_a_hundred_thousandth_more_is_wrong",
        "numerical",
        "    larger = max(abs(value), abs(claim), size)\n    slack = rtol * larger",
        "    larger = max(abs(value), abs(claim), size)\n    slack = 1e-2 * larger",
    ),
    "an absolute tolerance": (
        "right_and_wrong_at_any_size",
        "compare",
        "<= 0.3 * rtol * size + noise",
        "<= 1e-7 + noise",
    ),
    "error bars taken a million times": (
        "the_edge_of_a_domain",
        "numerical",
        "SAFETY = 5.0",
        "SAFETY = 5e6",
    ),
    "error bars of zero": (
        "the_longest_plateau_is_believed",
        "numerical",
        "SAFETY = 5.0",
        "SAFETY = 0.0",
    ),
    "noise of zero": (
        "derivatives_in_denominator_layout",
        "numerical",
        "        return np.fmax(noise, _grid(self._defined_or_nan(ordinary)))",
        "        return 0 * self.out",
    ),
    "noise far too large": (
        "an_upstream_gradient_of_ones_would_hide_it",
        "numerical",
        "        return np.fmax(noise, _grid(self._defined_or_nan(ordinary)))",
        "        return np.full(self.out.shape, 1e-3)",
    ),
    "rounding along a rung is forgotten": (
        "what_rounding_hides_cannot_be_told",
        "numerical",
        "2 * rounding / h + lopsided",
        "0.0 * rounding + lopsided",
    ),
    "corners are ignored": (
        "corners",
        "numerical",
        "    kink = _kink(rungs)\n",
        "    kink = None\n",
    ),
    "everything at a corner is accepted": (
        "corners_within_a_composition",
        "numerical",
        '"kink" if within else "corner"',
        '"kink"',
    ),
    "a central difference at a corner is believed": (
        "full_checks_take_two_evaluations_an_entry",
        "compare",
        "straight = gap <=",
        "straight = gap >= 0 * ",
    ),
    "a corner adds no error": (
        "corners_within_a_composition",
        "numerical",
        "return 0.0 if shrinks else 0.5 * max(wide.gap, narrow.gap)",
        "return 0.0",
    ),
    "the widest plateau": (
        "the_longest_plateau_is_believed",
        "numerical",
        "longest = max(plateaus, key=lambda p: p[0][2] / p[-1][2])",
        "longest = plateaus[0]",
    ),
    "the narrowest plateau": (
        "the_longest_plateau_is_believed",
        "numerical",
        "longest = max(plateaus, key=lambda p: p[0][2] / p[-1][2])",
        "longest = plateaus[-1]",
    ),
    "narrower steps that disagree are not heard": (
        "wide_steps_meet_poles_and_other_periods",
        "numerical",
        "return max([error, *apart, *_ripples(heard, h)]), value, h",
        "return error, value, h",
    ),
    "Richardson's weight": (
        "wide_steps_are_extrapolated",
        "numerical",
        "richer = (weight * narrow.central - wide.central) / (weight - 1)",
        "richer = (weight * narrow.central - wide.central) / weight",
    ),
    "no ladder narrower than the scale": (
        "the_edge_of_a_domain",
        "numerical",
        "NARROWEST = 3e-14",
        "NARROWEST = 1e-4",
    ),
    "one-sided slopes from the wrong side": (
        "the_edge_of_a_domain",
        "numerical",
        "agrees = abs(value - claim) <= 2 * SAFETY * error + 10 * rtol * size",
        "agrees = True",
    ),
    "directions are compared loosely": (
        "opposite_errors_do_not_cancel_in_a_fast_check",
        "compare",
        "SHARP = 1e-9",
        "SHARP = 1e-2",
    ),
    "a direction of +-1": (
        "opposite_errors_do_not_cancel_in_a_fast_check",
        "compare",
        "unit * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)",
        "unit * rng.choice([-1.0, 1.0], x.shape)",
    ),
    "a direction of ones": (
        "opposite_errors_do_not_cancel_in_a_fast_check",
        "compare",
        "unit * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)",
        "unit * 1.0",
    ),
    "upstream gradients of ones": (
        "seeds_draw_and_repeat",
        "contract",
        "draws = [rng.uniform(0.5, 1.5, out.shape) * rng.choice([-1.0, 1.0], out.shape) for out in run.outs]",
        "draws = [np.ones(out.shape) for out in run.outs]",
    ),
    "half of the entries are skipped": (
        "exactly_the_wrong_entries_are_named",
        "independence",
        "    for index in np.ndindex(*fixed):",
        "    for index in list(np.ndindex(*fixed))[::2]:",
    ),
    "dependent entries are moved together": (
        "full_checks_take_two_evaluations_an_entry",
        "independence",
        "return bool(np.any(np.compress(~chosen, changed, axis=axis)))",
        "return False",
    ),
    "nothing is independent": (
        "full_checks_take_two_evaluations_an_entry",
        "independence",
        "if x.size >= WORTHWHILE else {}",
        "if x.size < 0 else {}",
    ),
    "owners in the wrong order": (
        "full_checks_take_two_evaluations_an_entry",
        "independence",
        "            owner *= length\n",
        "",
    ),
    "half of the suspects are dropped": (
        "fast_checks_find_several_entries",
        "localize",
        "branches = [(left, measured, noise), (right, rest, slack + noise)]",
        "branches = [(left, measured, noise)]",
    ),
    "the rest of a halving has the wrong sign": (
        "fast_checks_find_several_entries",
        "localize",
        "rest = known - measured",
        "rest = known + measured",
    ),
    "linearity is not looked at": (
        "breaches_of_the_contract",
        "contract",
        "    if pair.is_gradient:\n        return\n    backward = name_of(pair.backward_function)\n    doubled",
        "    return\n    backward = name_of(pair.backward_function)\n    doubled",
    ),
    "shared memory is not looked at": (
        "breaches_of_the_contract",
        "contract",
        "        if shared:\n",
        "        if False:\n",
    ),
    "writes into dout are not looked at": (
        "breaches_of_the_contract",
        "contract",
        "if any(not _same(a, b) for a, b in zip(seen.douts, given)):",
        "if False:",
    ),
    "repetition is not looked at": (
        "breaches_of_the_contract",
        "contract",
        "    if not _all_close(fresh, seen.gradients):",
        "    if False:",
    ),
    "randomness is not looked at": (
        "breaches_of_the_contract",
        "contract",
        "if not breaches and not all(_close(a, b) for a, b in zip(outs, again.outs)):",
        "if False:",
    ),
    "rounding in a backward is not forgiven": (
        "rounding_within_a_backward_is_no_mistake",
        "point",
        "        status[(status == WRONG) & (distance <= 10 * most",
        "        status[(status == WRONG) & (distance < 0 * most",
    ),
    "corners are always let pass": (
        "corners_within_a_composition",
        "point",
        "status[status == CORNER] = WRONG if wrong else KINK",
        "status[status == CORNER] = KINK",
    ),
    "corners are never let pass": (
        "corners_within_a_composition",
        "point",
        "status[status == CORNER] = WRONG if wrong else KINK",
        "status[status == CORNER] = WRONG",
    ),
    "no other point is visited": (
        "mistakes_elsewhere",
        "elsewhere",
        "            fault = self._at(variation)",
        "            fault = None",
    ),
    "no second opinion": (
        "the_complex_step_has_its_say",
        "compare",
        "if confirmed and abs(exact - claim) <=",
        "if False and abs(exact - claim) <=",
    ),
    "a second opinion without confirmation": (
        "what_rounding_hides_cannot_be_told",
        "compare",
        "    confirmed = abs(exact - verdict.value) <= SAFETY * verdict.error and exact != 0",
        "    confirmed = True\n    claim = exact",
    ),
    "overflow is never seen": (
        "overflow",
        "overflow",
        "LARGE = 1000.0",
        "LARGE = 10.0",
    ),
    "everything overflows": (
        "overflow",
        "overflow",
        "sizes[2] <= 2**6 * max(sizes[1], 1e-3)",
        "sizes[2] >= 0",
    ),
    "the author's forward is not compared": (
        "a_reference_decides",
        "findings",
        "        if off.any():\n            how_many",
        "        if False:\n            how_many",
    ),
    "a second difference over h": (
        "derivatives_in_denominator_layout",
        "estimate",
        "return (at((i, h * a)) - 2 * out + at((i, -h * a))) / (h * a) ** 2",
        "return (at((i, h * a)) - 2 * out + at((i, -h * a))) / (h * a)",
    ),
    "a mixed difference over 2 h^2": (
        "derivatives_in_denominator_layout",
        "estimate",
        "return (up - down) / (4 * h * a * h * b)",
        "return (up - down) / (2 * h * a * h * b)",
    ),
    "numerator layout": (
        "derivatives_in_denominator_layout",
        "estimate",
        "return Estimate(value.reshape(x.shape + out_shape), error.reshape(x.shape + out_shape))",
        "return Estimate(value.T.reshape(out_shape + x.shape), error.T.reshape(out_shape + x.shape))",
    ),
    "Romberg's powers": (
        "derivatives_in_denominator_layout",
        "numerical",
        "power = 4.0**order",
        "power = 2.0**order",
    ),
    "a seed that draws nothing": (
        "seeds_draw_and_repeat",
        "verdict",
        "self.rng = np.random.default_rng(self.seed)",
        "self.rng = np.random.default_rng()",
    ),
}


class _Mutated(importlib.machinery.SourceFileLoader):
    """Loads a module from its source with one text replaced, whatever bytecode is cached."""

    old = new = ""

    def get_code(self, fullname):
        source = self.get_source(fullname)
        assert source.count(self.old) == 1, f"{fullname} has {source.count(self.old)} times: {self.old}"
        return compile(source.replace(self.old, self.new), self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module, old, new):
        self.name, self.old, self.new = f"checker.{module}", old, new

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        loader = _Mutated(fullname, spec.origin)
        loader.old, loader.new = self.old, self.new
        return importlib.util.spec_from_loader(fullname, loader)


def _ours(name):
    return name == "checker" or name.startswith("checker.")


@contextmanager
def fresh(*mutation):
    """A second copy of the checker, mutated if asked for, which is forgotten afterwards."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    finder = _Finder(*mutation) if mutation else None
    if finder:
        sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module("checker")
    finally:
        if finder:
            sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _ours(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


def holds(ask, copy: ModuleType) -> bool:
    """Whether a sentinel's answer is the known one; an exception is no answer."""
    try:
        return bool(ask(copy))
    except Exception:
        return False


@pytest.mark.parametrize("name", SENTINELS)
def test_every_sentinel_holds_for_the_checker_as_it_is(name):
    with fresh() as copy:
        assert SENTINELS[name](copy)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_noticed(name):
    noticed_by, module, old, new = MUTANTS[name]
    with fresh(module, old, new) as copy:
        importlib.import_module(f"checker.{module}")
        assert not holds(SENTINELS[noticed_by], copy), f"{noticed_by} does not notice this slip"
