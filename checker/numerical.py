"""Numeric derivatives that carry their own error bar.

A central difference at one step is right or wrong by an unknown amount. Here a derivative is estimated on as many steps
as it takes, and what is returned is a value *and* how far it can be trusted. The error has three sources, each measured:

- truncation: the change from one step to the next smaller one (Richardson's extrapolation removes its first term);
- rounding: the outputs' last digits over the step, and what a change in the inputs' last digits does to the outputs;
- a corner within the step: one-sided slopes that stay apart as the step shrinks. A curve's slopes meet, in proportion.

Sources: Nocedal & Wright, Numerical Optimization, 8.1 (steps and rounding); Ridders 1982 (extrapolation with an error);
More & Wild 2011 (measured noise); Clarke 1983 (subgradients at a corner).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

Array = np.ndarray
EPS = float(np.finfo(float).eps)

#: Step relative to an entry's scale at which truncation and rounding of a central difference balance.
STEP = EPS ** (1 / 3)
#: The ladder's ratio between neighbouring steps; its widest step, relative to scale; its narrowest, to the entry itself.
RATIO = 8.0
WIDEST = 0.1
NARROWEST = 2e-10
#: A claim is compared with an estimate at this many times the estimate's error.
SAFETY = 5.0
#: An estimate is conclusive if its error is below this share of the numbers compared.
CONCLUSIVE = 0.1


class Function:
    """A vector-valued function of several float arrays: all outputs as one flat vector, all evaluations counted.

    `evaluate` maps a list of arrays to a flat vector (`out` is its value at x, if known already); exceptions and changes of the output's length away from the
    given point count as "not defined there" (NaN).
    """

    def __init__(self, evaluate: Callable[[Sequence[Array]], Array], x: Sequence[Array], out: Array | None = None):
        self.evaluate = evaluate
        self.x = [np.array(leaf, dtype=float) for leaf in x]
        self._work = [leaf.copy() for leaf in self.x]
        self.calls = 0
        self.out = self._call(self._work) if out is None else np.array(out, dtype=float).ravel()
        finite = np.isfinite(self.out)
        self.defined = finite
        self.out = np.where(finite, self.out, 0.0)
        self.scale = [_scale(leaf) for leaf in self.x]

    def _call(self, leaves: Sequence[Array]) -> Array:
        self.calls += 1
        with np.errstate(all="ignore"):
            return np.array(self.evaluate(leaves), dtype=float).ravel()

    def _defined_or_nan(self, leaves: Sequence[Array]) -> Array:
        try:
            out = self._call(leaves)
        except Exception:
            return np.full(self.out.shape, np.nan)
        if out.shape != self.out.shape:
            return np.full(self.out.shape, np.nan)
        return np.where(self.defined, out, 0.0)

    def moved(self, leaf: int, where: object, to: object) -> Array:
        """The outputs with some entries of one leaf set to other values, which are put back afterwards."""
        work = self._work[leaf]
        work[where] = to  # type: ignore[index]
        try:
            return self._defined_or_nan(self._work)
        finally:
            work[...] = self.x[leaf]

    def along(self, direction: Sequence[Array], step: float) -> Array:
        """The outputs at x + step * direction."""
        return self._defined_or_nan([x + step * v for x, v in zip(self.x, direction)])

    @cached_property
    def noise(self) -> Array:
        """By how much rounding alone moves each output: its last digit, and the inputs' last digits.

        The second part is measured, with the inputs moved by a unit in their last place at random.
        """
        rng = np.random.default_rng(0)
        noise = EPS * np.abs(self.out)
        for _ in range(3):
            jittered = [x * (1 + EPS * rng.choice([-1.0, 1.0], x.shape)) for x in self.x]
            moved = self._defined_or_nan(jittered)
            noise = np.fmax(noise, np.abs(moved - self.out))
        return noise


def _scale(x: Array) -> float:
    """A typical size of the array's entries: their root mean square, or 1 where that says nothing."""
    finite = x[np.isfinite(x)]
    size = float(np.max(np.abs(finite))) if finite.size else 0.0
    if not 0.0 < size < np.inf:
        return 1.0
    return size * float(np.sqrt(np.mean((finite / size) ** 2)))


@dataclass
class Line:
    """The function on a line through x: along one entry of one leaf, or along a direction in all of them.

    Evaluations are kept, so that several claims (the rows of a Jacobian) share them.
    """

    function: Function
    leaf: int = -1
    index: tuple[int, ...] = ()
    direction: Sequence[Array] = ()
    _samples: dict[float, tuple[float, float, Array, Array]] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """The unit of the steps."""
        if self.leaf < 0:
            return 1.0
        return max(abs(float(self.function.x[self.leaf][self.index])), self.function.scale[self.leaf])

    @property
    def smallest(self) -> float:
        """The size that the narrowest step must resolve: the entry's own, which may be far below its array's scale."""
        if self.leaf < 0:
            return 1.0
        x = np.abs(self.function.x[self.leaf])
        own = float(x[self.index])
        if own == 0.0:
            others = x[(x > 0) & np.isfinite(x)]
            own = float(np.min(others)) if others.size else self.scale
        return min(own, self.scale)

    def sample(self, h: float) -> tuple[float, float, Array, Array]:
        """The representable steps up and down that come nearest to h, and the outputs there."""
        if h not in self._samples:
            if self.leaf < 0:
                self._samples[h] = (h, h, self.function.along(self.direction, h), self.function.along(self.direction, -h))
            else:
                x = float(self.function.x[self.leaf][self.index])
                up, down = x + h, x - h
                plus = self.function.moved(self.leaf, self.index, up)
                minus = self.function.moved(self.leaf, self.index, down)
                self._samples[h] = (up - x, x - down, plus, minus)
        return self._samples[h]


@dataclass(frozen=True)
class Rung:
    """What one step says about the slope of <dout, outputs>."""

    h: float
    central: float
    right: float
    left: float
    low: float
    high: float
    noise: float
    moved: bool

    @property
    def gap(self) -> float:
        """By how much the one-sided slopes differ, added up over the outputs, whose corners could cancel in the sum."""
        return self.high - self.low


def rung(line: Line, dout: Array, h: float, noise: Array) -> Rung | None:
    """The slopes at step h. Differences of outputs come first, then the product with dout: both lose fewer digits."""
    up, down, plus, minus = line.sample(h)
    if up <= 0 or down <= 0:
        return None
    out = line.function.out
    with np.errstate(all="ignore"):
        rising, falling = dout * (plus - out), dout * (out - minus)
        changed = (plus != out) | (minus != out)
        moved = bool(np.any(changed & (dout != 0)))
        # Where nothing moves, any of the outputs may have swallowed the change in its last digit.
        felt = np.abs(dout) * np.maximum(noise, EPS * np.maximum(np.abs(plus), np.abs(minus)))
        rounding = float(np.sum(felt[changed] if moved else felt))
        right, left = rising / up, falling / down
        return Rung(
            h,
            float(np.sum(rising + falling)) / (up + down),
            float(np.sum(right)),
            float(np.sum(left)),
            float(np.sum(np.minimum(right, left))),
            float(np.sum(np.maximum(right, left))),
            2 * rounding / h,
            moved,
        )


@dataclass(frozen=True)
class Judgement:
    """A claimed slope against the estimate. `status` is one of

    - "right": they agree within the error bar, and the error bar is small;
    - "kink": x sits on a corner, and the claim lies between the one-sided slopes, as a subgradient does;
    - "corner": x sits on a corner and the claim lies outside (which compositions of corners can do rightly);
    - "unsettled": they agree, or cannot be told apart, but the estimate is too coarse to prove anything;
    - "wrong": they differ by more than the error bar allows.
    """

    status: str
    value: float
    error: float


def judge(line: Line, dout: Array, claim: float, rtol: float, *, size: float = 0.0, negligible: float = 0.0) -> Judgement:
    """Climb the ladder of steps until the claim is proven right, or every step has spoken.

    `rtol` is what may differ beyond the error bar, relative to the larger of claim, estimate and `size`. An estimate is
    fine enough to prove something if its error is small beside these or beside `negligible`.
    """
    noise = line.function.noise
    levels = _levels(line.scale, line.smallest)
    start = int(np.argmin([abs(np.log(level / (STEP * line.scale))) for level in levels]))
    rungs: list[Rung] = []
    for level in sorted(range(len(levels)), key=lambda k: abs(k - start)):
        found = rung(line, dout, levels[level], noise)
        if found is None:
            continue
        rungs.append(found)
        rungs.sort(key=lambda r: -r.h)
        if len(rungs) >= 3:
            value, error = best(rungs)
            slack = rtol * max(abs(value), abs(claim), size)
            if abs(value - claim) <= SAFETY * error + slack and error <= 0.1 * slack:
                return Judgement("right", value, error)
            if len(rungs) >= 7 and error <= slack and abs(value - claim) > 1e3 * error + 10 * slack:
                return Judgement("wrong", value, error)
    return _decide(rungs, claim, rtol, size, negligible)


def _levels(scale: float, smallest: float) -> list[float]:
    levels = [WIDEST * scale]
    while levels[-1] > NARROWEST * smallest and len(levels) < 28:
        levels.append(levels[-1] / RATIO)
    return levels


def best(rungs: Sequence[Rung]) -> tuple[float, float]:
    """The estimate with the smallest error among all steps (widest first), plain and extrapolated; (nan, inf) if none."""
    finite = [r for r in rungs if np.isfinite(r.central)]
    choices: list[tuple[float, float]] = []
    extrapolated: list[tuple[float, float]] = []
    weight = RATIO**2
    for wide, narrow in zip(finite, finite[1:]):
        corner = _corner(wide, narrow)
        change = abs(wide.central - narrow.central)
        choices.append((change + narrow.noise + corner, narrow.central))
        choices.append((change + wide.noise + corner, wide.central))
        if abs(wide.h / narrow.h - RATIO) < 1e-3 * RATIO:
            extrapolated.append(((weight * narrow.central - wide.central) / (weight - 1), 1.1 * narrow.noise + corner))
    for (first, _), (second, error) in zip(extrapolated, extrapolated[1:]):
        choices.append((abs(first - second) + error, second))
    choices = [choice for choice in choices if np.isfinite(choice[0])]
    if not choices:
        return np.nan, np.inf
    error, value = min(choices)
    return value, error


def _corner(wide: Rung, narrow: Rung) -> float:
    """What a corner between the two steps may add: the slopes' gap, unless it shrinks with the step as a curve's does."""
    noise = 2 * (wide.noise + narrow.noise)
    if narrow.gap <= noise and wide.gap <= noise:
        return 0.0
    shrinks = narrow.gap <= 0.3 * wide.gap + noise
    return 0.0 if shrinks else 0.5 * max(wide.gap, narrow.gap)


def _decide(rungs: Sequence[Rung], claim: float, rtol: float, size: float, negligible: float) -> Judgement:
    """Every step has been taken: weigh them all."""
    value, error = best(rungs)
    if not np.isfinite(value):
        return _one_sided(rungs, claim, rtol)
    larger = max(abs(value), abs(claim), size)
    slack = rtol * larger
    kink = _kink(rungs)
    if kink is not None and error > 1e-3 * kink.gap:
        slack += 2 * kink.noise + 1e-5 * kink.gap
        within = kink.low - slack <= claim <= kink.high + slack
        return Judgement("kink" if within else "corner", 0.5 * (kink.low + kink.high), 0.5 * (kink.high - kink.low))
    coarse = error > CONCLUSIVE * max(larger, negligible) and larger > 0
    if coarse or abs(value - claim) <= SAFETY * error + slack:
        return Judgement("unsettled" if coarse else "right", value, error)
    return Judgement("wrong", value, error)


def _kink(rungs: Sequence[Rung]) -> Rung | None:
    """The narrowest step that sees a corner at x itself: slopes that stay apart on three steps and on no narrower one."""
    finite = [r for r in rungs if np.isfinite(r.gap)]
    for trio in zip(finite, finite[1:], finite[2:]):
        gaps = [r.gap for r in trio]
        apart = min(gaps) > 10 * trio[2].noise and max(gaps) < 1.05 * min(gaps)
        visible = min(gaps) > 1e-7 * max(abs(trio[2].right), abs(trio[2].left))
        meets = any(r.h < trio[2].h and r.gap < 0.1 * min(gaps) and r.noise < 0.05 * min(gaps) for r in finite)
        if apart and visible and not meets:
            return trio[2]
    return None


def _one_sided(rungs: Sequence[Rung], claim: float, rtol: float) -> Judgement:
    """One side leaves the domain at every step: only the other side's slopes are left."""
    choices = []
    for side in ("right", "left"):
        slopes = [(getattr(r, side), r.noise) for r in rungs if np.isfinite(getattr(r, side))]
        better = [((RATIO * n[0] - w[0]) / (RATIO - 1), n[1]) for w, n in zip(slopes, slopes[1:])]
        choices += [(abs(w[0] - n[0]) + (n[1] if np.isfinite(n[1]) else 0.0), n[0]) for w, n in zip(better, better[1:])]
    if not choices:
        return Judgement("unsettled", np.nan, np.inf)
    error, value = min(choices)
    size = max(abs(value), abs(claim))
    if error > 1e-3 * size:
        return Judgement("unsettled", value, error)
    agrees = abs(value - claim) <= 2 * SAFETY * error + 10 * rtol * size
    return Judgement("right" if agrees else "wrong", value, error)


def extrapolate(estimate: Callable[[float], float], noise: Callable[[float], float], widest: float) -> tuple[float, float]:
    """Romberg's table for an estimate whose error is even in the step; returns the entry with the least error, and it."""
    table: list[list[float]] = []
    choices: list[tuple[float, float]] = []
    for level in range(9):
        h = widest / 2**level
        row = [estimate(h)]
        for order in range(1, min(level, 5) + 1):
            power = 4.0**order
            row.append((power * row[order - 1] - table[level - 1][order - 1]) / (power - 1))
            choices.append((abs(row[order] - row[order - 1]) + abs(row[order] - table[level - 1][order - 1]) + noise(h), row[order]))
        table.append(row)
    choices = [choice for choice in choices if np.isfinite(choice[0])]
    if not choices:
        return np.nan, np.inf
    error, value = min(choices)
    return value, error


def complex_step(evaluate: Callable[[Sequence[Array]], Array], x: Sequence[Array], leaf: int, index: tuple[int, ...]) -> Array:
    """Im f(x + ih) / h, free of cancellation, for one entry. Only a second opinion: abs, var and norm drop the imaginary part.

    Source: Squire & Trapp 1998. Raises whatever the function raises on complex input.
    """
    moved = [np.array(array, dtype=complex) for array in x]
    moved[leaf][index] += 1e-30j
    with np.errstate(all="ignore"):
        return np.imag(np.asarray(evaluate(moved))).ravel() / 1e-30
