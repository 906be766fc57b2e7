"""What docs/numerics.md claims, measured: pictures are made of it, and tests/test_pictures.py holds the page to it.

A truth is a closed form evaluated in long double, where the system has one that is longer than a float.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.functions import LAYERNORM, SOFTMAX, Function, drawn, sized
from checker import check_grad, numerical_gradient
from checker.numerical import NARROWEST, RATIO, SAFETY, WIDEST, Line, best_of, rung
from checker.numerical import Function as Numeric

Array = np.ndarray
Real = Callable[[Any], Any]


# -- a central difference ---------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """Median relative errors by the step relative to the point."""

    steps: Array
    one_sided: Array
    central: Array
    extrapolated: Array


def steps(points: int = 101) -> Steps:
    """Three ways to differentiate exp, at points between 1 and 2."""
    relative = 10.0 ** np.arange(-16, -0.2, 0.125)
    x = np.linspace(1, 2, points)[:, None]
    h = relative * x
    f, truth = np.exp, np.exp(x.astype(np.longdouble))

    def central(h: Array) -> Any:
        return (f(x + h) - f(x - h)) / ((x + h) - (x - h))

    with np.errstate(invalid="ignore", divide="ignore"):
        ways = (f(x + h) - f(x)) / ((x + h) - x), central(h), (4 * central(h / 2) - central(h)) / 3
    return Steps(relative, *(np.median(np.nan_to_num(np.abs(way / truth - 1), nan=1.0), axis=0) for way in ways))


class Rungs(NamedTuple):
    """The ladder at one point: by the step, and what was taken."""

    steps: Array
    off: Array  # the central difference's true error
    change: Array  # from each step to the next narrower one
    rounding: Array
    taken: tuple[float, float, float]  # step, error bar and true error of the estimate that is returned


def ladder() -> Rungs:
    """Every step at sin(5 x) / (1 + exp(-x)), x = 2, all relative to the derivative."""

    def f(x: Any) -> Any:
        return np.sin(5 * x) / (1 + np.exp(-x))

    x = np.longdouble(2)
    grown = np.exp(-x)
    truth = float(5 * np.cos(5 * x) / (1 + grown) + np.sin(5 * x) * grown / (1 + grown) ** 2)
    function = Numeric(lambda leaves: f(leaves[0]), [np.array(float(x))])
    line = Line(function, 0, ())
    count = int(np.log(WIDEST / NARROWEST) / np.log(RATIO)) + 1
    found = [rung(line, np.ones(1), WIDEST * line.scale / RATIO**k, function.noise) for k in range(count)]
    rungs = [each for each in found if each is not None]
    central = np.array([each.central for each in rungs])
    error, value, step = best_of(rungs)
    return Rungs(
        np.array([each.h for each in rungs]),
        np.abs(central / truth - 1),
        np.abs(np.diff(central) / truth),
        np.array([each.noise for each in rungs]) / abs(truth),
        (step, error / abs(truth), abs(value / truth - 1)),
    )


# -- how often the error bar holds ------------------------------------------------------------------------------------


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _sigmoid_slope(x: Any) -> Any:
    return np.exp(-x) / (1 + np.exp(-x)) ** 2


#: Functions and their derivatives, of which the last seven are there to be difficult: outputs far from 0, numbers that
#: cancel inside, a slope that grows without end, turns that are narrow beside the point's size.
KNOWN: dict[str, tuple[Real, Real]] = {
    "x^2": (lambda x: x**2, lambda x: 2 * x),
    "x^7": (lambda x: x**7, lambda x: 7 * x**6),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "sqrt(1 + x^2)": (lambda x: np.sqrt(1 + x * x), lambda x: x / np.sqrt(1 + x * x)),
    "exp": (np.exp, np.exp),
    "log(1 + x^2)": (lambda x: np.log(1 + x * x), lambda x: 2 * x / (1 + x * x)),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + np.exp(-x))),
    "sin": (np.sin, np.cos),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "exp(-x^2)": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
    "x sin x": (lambda x: x * np.sin(x), lambda x: np.sin(x) + x * np.cos(x)),
    "swish": (lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) + x * _sigmoid_slope(x)),
    "relu^2": (lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0)),
    "log cosh": (lambda x: np.log(np.cosh(x)), np.tanh),
    "1/(1 + 25 x^2)": (lambda x: 1 / (1 + 25 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2),
    "1 - cos": (lambda x: 1 - np.cos(x), np.sin),
    "sin(x) + 1e6": (lambda x: np.sin(x) + 1e6, np.cos),
    "sin(x) + 1e12": (lambda x: np.sin(x) + 1e12, np.cos),
    "(x + 1e4)^2 - x^2": (lambda x: (x + 1e4) ** 2 - x**2, lambda x: 2e4 + 0 * x),
    "cube root": (np.cbrt, lambda x: 1 / (3 * np.cbrt(x * x))),
    "sin(20 x)": (lambda x: np.sin(20 * x), lambda x: 20 * np.cos(20 * x)),
    "tanh(1000 x)": (lambda x: np.tanh(1000 * x), lambda x: 1000 / np.cosh(1000 * x) ** 2),
}
#: How points are drawn: standard normal numbers times these.
SIZES = {"ordinary": 1.0, "small": 1e-6, "large": 30.0, "huge": 1e4}


class Coverage(NamedTuple):
    """Over all functions, at points of one size; each list has an entry for each function and point."""

    functions: list[str]
    ratio: Array  # true error over error bar
    relative: Array  # error bar over the derivative
    right: Array  # the verdict on the derivative
    off: Array  # the verdict on one that is off by a thousandth


def coverage(points: int = 20) -> dict[str, Coverage]:
    """The estimate's error bar against its true error, and what becomes of claims judged by it."""
    rng = np.random.default_rng(0)
    found = {}
    for size, scale in SIZES.items():
        rows = []
        for name, (f, slope) in KNOWN.items():
            for x in map(float, scale * rng.normal(size=points)):
                with np.errstate(all="ignore"):
                    truth = slope(np.longdouble(x))
                    usual = np.isfinite(f(x)) and 1e-290 < abs(truth) < 1e290
                if usual:
                    value, error = map(float, numerical_gradient(f, (x,)))
                    off = float(abs(value - truth))
                    ratio = off / error if error else float(off > 0) * np.inf
                    verdicts = (_verdict(f, x, factor * float(truth)) for factor in (1.0, 1.001))
                    rows.append((name, ratio, error / float(abs(truth)), *verdicts))
        names, *columns = zip(*rows)
        found[size] = Coverage(list(names), *map(np.array, columns))
    return found


def _verdict(f: Real, x: float, claim: float) -> str:
    return check_grad(f, lambda x: claim, (x,), trials=0).verdict


def coverage_table(found: dict[str, Coverage]) -> str:
    """What was measured, as the page has it."""
    head = ("points", "estimates", "within one bar", "within five", "median bar", "the right one: right",
            "off by 1e-3: wrong", "the same where the bar is below 1e-4")  # fmt: skip
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for size, each in found.items():
        shares = (
            each.ratio <= 1,
            each.ratio <= SAFETY,
            each.right == "right",
            each.off == "wrong",
            (each.off == "wrong")[each.relative < 1e-4],
        )
        one, five, right, off, sharp = (f"{100 * np.mean(share):.3g} %" for share in shares)
        bar = f"{np.median(each.relative):.0e}"
        lines.append(" | ".join((size, str(each.ratio.size), one, five, bar, right, off, sharp)))
    return "\n".join(f"| {line} |" for line in lines)


# -- where a fixed tolerance fails ------------------------------------------------------------------------------------


class Saturated(NamedTuple):
    """Relative errors of two numeric derivatives of the sigmoid, and the second's own error bar."""

    x: Array
    loop: Array
    ours: Array
    bar: Array


def saturated() -> Saturated:
    """From the middle of the sigmoid to where float64 sees a constant; the loop's step is 1e-5."""
    x = np.arange(0, 36.5, 0.5)
    truth = _sigmoid_slope(x.astype(np.longdouble))
    loop = (_sigmoid(x + 1e-5) - _sigmoid(x - 1e-5)) / 2e-5
    value, bar = np.array([numerical_gradient(_sigmoid, (float(each),)) for each in x]).T
    apart = np.abs(loop - truth) / np.maximum(np.abs(loop), truth)
    return Saturated(x, apart.astype(float), np.abs(value / truth - 1).astype(float), (bar / truth).astype(float))


# -- a corner ---------------------------------------------------------------------------------------------------------


class Corner(NamedTuple):
    """By the step: central differences, and the gaps between the one-sided slopes."""

    steps: Array
    central: Array  # of relu at 0
    corner: Array  # its gap
    curve: Array  # that of softplus(1000 x) / 1000 at 0, which looks like relu from afar


def corner() -> Corner:
    """One-sided slopes of relu at 0, and of a curve that bends within a thousandth."""
    steps = 10.0 ** np.arange(-8, 0.01, 0.25)

    def gap(f: Real) -> Any:
        return (f(steps) - f(0.0)) / steps - (f(0.0) - f(-steps)) / steps

    def relu(x: Any) -> Any:
        return np.maximum(x, 0.0)

    return Corner(
        steps,
        (relu(steps) - relu(-steps)) / (2 * steps),
        gap(relu),
        gap(lambda x: np.logaddexp(0, 1000 * x) / 1000),
    )


# -- few evaluations --------------------------------------------------------------------------------------------------


class Power(NamedTuple):
    """How often the fast check calls one wrong entry of `size` wrong, by how much it is off."""

    size: int
    trials: int
    off: Array
    caught: Array
    alarms: int  # of right gradients, in as many trials


def power(trials: int = 50) -> Power:
    """One entry of a network with ten thousand, drawn anew for each trial."""
    function = sized(10**4)
    off = 10.0 ** -np.arange(1, 7.1, 0.5)

    def wrong(each: Function, seed: int) -> bool:
        return bool(each.check(mode="fast", seed=seed)[0].verdict == "wrong")

    def spoiled(share: float, seed: int) -> Function:
        entry = int(np.random.default_rng(seed).integers(function.size))
        return function.spoiled({entry: 1 + share})

    caught = [np.mean([wrong(spoiled(share, seed), seed) for seed in range(trials)]) for share in off]
    return Power(function.size, trials, off, np.array(caught), sum(wrong(function, seed) for seed in range(trials)))


class Located(NamedTuple):
    """Forwards, by how many numbers go in: of the fast check of a right gradient, and of one with a wrong entry."""

    sizes: Array
    fast: Array
    located: Array


def located(largest: int = 6, seeds: int = 3) -> Located:
    """One entry of up to 10^largest has the wrong sign: forwards from the first call until it is named."""
    functions = [sized(10**power) for power in range(2, largest + 1)]
    fast, located = [], []
    for function in functions:
        fast.append(max(function.check(mode="fast", seed=seed)[1] for seed in range(seeds)))
        counts = []
        for seed in range(seeds):
            entry = int(np.random.default_rng(seed).integers(function.size))
            report, calls = function.spoiled({entry: -1.0}).check(mode="fast", seed=seed)
            assert sum(finding.wrong for finding in report.findings) == 1
            counts.append(calls)
        located.append(max(counts))
    return Located(np.array([f.size for f in functions]), np.array(fast), np.array(located))


class Rows(NamedTuple):
    """Forwards of a check of every entry, by the rows of a batch, and the numbers that go in."""

    rows: Array
    sizes: Array
    softmax: Array
    layernorm: Array


def rows() -> Rows:
    """Rows that do not feel one another are moved at once."""
    batches = 4 ** np.arange(1, 6)
    softmax = [drawn("", SOFTMAX, (int(n), 10)) for n in batches]
    layernorm = [drawn("", LAYERNORM, (int(n), 10), (10,), (10,)) for n in batches]
    counts = [[each.check(mode="full", trials=0)[1] for each in some] for some in (softmax, layernorm)]
    return Rows(batches, np.array([each.size for each in layernorm]), *map(np.array, counts))
