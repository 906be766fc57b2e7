"""Numeric derivatives that carry their own error bar.

A central difference at one step is right or wrong by an unknown amount. Here a derivative is estimated on as many steps
as it takes, and what is returned is a value *and* how far it can be trusted. The error has three sources, each
measured:

- truncation: the change from one step to the next smaller one (Richardson's extrapolation removes its first term);
- rounding: the outputs' last digits over the step, and what a change in the inputs' last digits does to the outputs;
- a corner within the step: one-sided slopes that stay apart as the step shrinks. A curve's slopes meet, in proportion.

Sources: Nocedal & Wright, Numerical Optimization, 8.1 (steps and rounding); Ridders 1982 (extrapolation with an error);
More & Wild 2011 (measured noise); Clarke 1983 (subgradients at a corner).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray
EPS = float(np.finfo(float).eps)

#: Step relative to an entry's scale at which truncation and rounding of a central difference balance.
STEP = EPS ** (1 / 3)
#: The ladder's ratio between neighbouring steps; its widest step, relative to scale; its narrowest, to the entry
#: itself.
RATIO = 8.0
WIDEST = 0.1
NARROWEST = 3e-14
#: The smallest size of an entry whose narrowest step is an ordinary float.
TINIEST = 1e-290
#: A claim is compared with an estimate at this many times the estimate's error.
SAFETY = 5.0
#: An estimate is conclusive if its error is below this share of the numbers compared.
CONCLUSIVE = 0.1


class Function:
    """A vector-valued function of several float arrays: all outputs as one flat vector, all evaluations counted.

    `evaluate` maps a list of arrays to a flat vector (`out` is its value at x, if known already); exceptions and
    changes of the output's length away from the given point count as "not defined there" (NaN).
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
            out = np.array(self.evaluate(leaves)).ravel()
            if np.iscomplexobj(out):  # as Python's (-1.0) ** 0.5
                out = np.where(out.imag == 0, out.real, np.nan)
            return out.astype(float)

    def _defined_or_nan(self, leaves: Sequence[Array]) -> Array:
        try:
            out = self._call(leaves)
        except Exception:
            return np.full(self.out.shape, np.nan)
        if out.shape != self.out.shape:
            return np.full(self.out.shape, np.nan)
        return np.where(self.defined, out, 0.0)

    def moved(self, leaf: int, where: Any, to: Any) -> Array:
        """The outputs with some entries of one leaf set to other values, which are put back afterwards."""
        work = self._work[leaf]
        work[where] = to
        try:
            return self._defined_or_nan(self._work)
        finally:
            work[...] = self.x[leaf]

    def along(self, direction: Sequence[Array], step: float) -> Array:
        """The outputs at x + step * direction."""
        return self._defined_or_nan([x + step * v for x, v in zip(self.x, direction)])

    @cached_property
    def noise(self) -> Array:
        """By how much rounding alone moves each output: its last digit, the inputs' last digits, a coarser grid.

        The second part is measured, with the inputs moved by a few units in their last place at random.
        """
        rng = np.random.default_rng(0)
        noise = EPS * np.abs(self.out)
        for _ in range(2):
            with np.errstate(over="ignore"):
                jittered = [x * (1 + EPS * rng.choice((-3, -2, -1, 1, 2, 3), x.shape)) for x in self.x]
            moved = self._defined_or_nan(jittered)
            noise = np.fmax(noise, np.abs(moved - self.out))
        ordinary = [x + STEP * s * rng.uniform(0.5, 1.5, x.shape) for x, s in zip(self.x, self.scale)]
        return np.fmax(noise, _grid(self._defined_or_nan(ordinary)))


def _grid(out: Array) -> Array:
    """The spacing of the outputs where all of them lie on a coarse grid: float16, float32, or a few decimals."""
    moving = out[np.isfinite(out) & (out != np.rint(out))]
    if not moving.size:
        return np.zeros(out.shape)
    with np.errstate(all="ignore"):
        for narrow in (np.float16, np.float32):
            if np.array_equal(moving.astype(narrow), moving):
                return float(np.finfo(narrow).eps) * np.abs(out)
        for decimals in range(1, 13):
            if EPS * np.min(np.abs(moving)) > 10.0**-decimals:  # any numbers this large have no more decimals
                break
            if np.array_equal(np.round(moving, decimals), moving):
                return np.full(out.shape, 10.0**-decimals)
    return np.zeros(out.shape)


def _scale(x: Array) -> float:
    """A typical size of the array's entries: their root mean square, or 1 where that says nothing."""
    finite = x[np.isfinite(x)]
    size = float(np.max(np.abs(finite))) if finite.size else 0.0
    if size == 0.0:
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
    touched: Array | None = None  # the outputs that moved at any step so far
    _samples: dict[float, tuple[float, float, Array, Array]] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """The unit of the steps."""
        if self.leaf < 0:
            return 1.0
        return max(abs(float(self.function.x[self.leaf][self.index])), self.function.scale[self.leaf], TINIEST)

    @property
    def smallest(self) -> float:
        """The size that the narrowest step must resolve: the entry's own, which may be far below its array's scale."""
        if self.leaf < 0:
            return 1.0
        x = np.abs(self.function.x[self.leaf])
        own = max(float(x[self.index]), TINIEST)
        if float(x[self.index]) == 0.0:  # a zero tells nothing: resolve the other entries' sizes, and 1
            others = x[(x > 0) & np.isfinite(x)]
            own = min(float(np.min(others, initial=self.scale)), 1.0)
        return max(min(own, self.scale), TINIEST)

    def sample(self, h: float) -> tuple[float, float, Array, Array]:
        """The representable steps up and down that come nearest to h, and the outputs there."""
        if h not in self._samples:
            if self.leaf < 0:
                self._samples[h] = (
                    h,
                    h,
                    self.function.along(self.direction, h),
                    self.function.along(self.direction, -h),
                )
            else:
                x = float(self.function.x[self.leaf][self.index])
                up, down = x + h, x - h
                plus = self.function.moved(self.leaf, self.index, up)
                minus = self.function.moved(self.leaf, self.index, down)
                self._samples[h] = (up - x, x - down, plus, minus)
            plus, minus = self._samples[h][2:]
            changed = (plus != self.function.out) | (minus != self.function.out)
            self.touched = changed if self.touched is None else self.touched | changed
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
    spread: float  # the central slopes of the outputs added up without their signs, none of which cancels another

    @property
    def gap(self) -> float:
        """By how much the one-sided slopes differ, added up over the outputs, whose corners could cancel in the sum."""
        return self.high - self.low

    @property
    def steepest(self) -> float:
        """The larger of the one-sided slopes, without its sign."""
        return max(abs(self.right), abs(self.left))


def total_noise(parts: Array) -> float:
    """The rounding of a sum from that of its terms: at worst they add up, but many independent ones rarely do."""
    return float(min(np.sum(parts), 10 * np.sqrt(np.sum(parts**2))))


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
        felt = np.abs(dout) * np.maximum(noise, EPS * np.maximum(np.abs(plus), np.abs(minus)))
        # An output that stands still may have swallowed the change in its last digit, if it moved at another step.
        # Where nothing moves, a number of size 1 inside the function may have done so.
        rounding = total_noise(felt[line.touched] if moved else np.maximum(felt, EPS * np.abs(dout)))
        h = 0.5 * (up + down)
        right, left = rising / up, falling / down
        low, high = float(np.sum(np.minimum(right, left))), float(np.sum(np.maximum(right, left)))
        lopsided = (high - low) * abs(up - down) / h  # the steps' own rounding lets some curvature in
        return Rung(
            h,
            float(np.sum(rising + falling)) / (up + down),
            float(np.sum(right)),
            float(np.sum(left)),
            low,
            high,
            2 * rounding / h + lopsided,
            moved,
            float(np.sum(np.abs(rising + falling))) / (up + down),
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


def judge(
    line: Line,
    dout: Array,
    claim: float,
    rtol: float,
    *,
    size: float = 0.0,
    negligible: float = 0.0,
    absolute: float = 0.0,
) -> Judgement:
    """Climb the ladder of steps until the claim is proven right, or every step has spoken.

    `rtol` is what may differ beyond the error bar, relative to the larger of claim, estimate and `size`; `absolute` is
    what the claim's own rounding may add. An estimate proves something if its error is small beside these, or beside
    `negligible`.
    """
    rungs: list[Rung] = []
    for rungs in _climb(line, dout):
        if len(rungs) >= 3:
            value, error = best(rungs)
            slack = rtol * max(abs(value), abs(claim), size) + absolute
            if abs(value - claim) <= SAFETY * error + slack and error <= 0.1 * max(slack, 1e5 * rtol * negligible):
                return Judgement("right", value, error)
        if len(rungs) >= 5:  # no need to look at every step if all of these, and the narrow ones alone, leave no doubt
            narrow = [r for r in rungs if r.h <= 3 * STEP * line.scale]
            if all(_excludes(some, claim, rtol, size, absolute) for some in (rungs, narrow)):
                value, error = best(rungs)
                apart = abs(value - claim)
                if apart * rungs[0].h > _rounding_inside(line, dout) and not _stairs(line, dout, apart, rungs):
                    return Judgement("wrong", value, error)
    verdict = _decide(rungs, claim, rtol, size, negligible, absolute)
    if verdict.status == "wrong":
        stairs = _stairs(line, dout, abs(verdict.value - claim), rungs)
        if stairs:
            return _decide(_noisier(rungs, stairs), claim, rtol, size, negligible, absolute)
        lost = verdict.error > CONCLUSIVE * abs(verdict.value) and _chaotic(line, dout, rungs)
        slack = rtol * max(abs(verdict.value), abs(claim), size) + absolute
        if lost or _narrower_agree(rungs, claim, slack, verdict.value, line.scale):
            return replace(verdict, status="unsettled")
    return verdict


def _narrower_agree(rungs: Sequence[Rung], claim: float, slack: float, value: float, scale: float) -> bool:
    """Whether narrower steps say what is claimed, and not the value, as on a line with a fine ripple.

    Or stand still, where nothing is claimed: a quantizer's stairs are as wide as those of no rounding in double
    precision, but no difference tells them from stairs of coarser rounding.
    """
    if claim == 0.0:
        still = [r.h for r in rungs if r.right == 0.0 or r.left == 0.0]
        return len(still) >= 3 and still[0] >= 1e-6 * scale
    return any(
        error <= 0.02 * abs(estimate - value) and abs(estimate - claim) <= SAFETY * error + slack
        for error, estimate, _ in _estimates([r for r in rungs if np.isfinite(r.central)])
    )


def _chaotic(line: Line, dout: Array, rungs: Sequence[Rung]) -> bool:
    """Whether a change in the input's last digits decides the outputs' first ones, so that no step is narrow enough."""
    reach = [max(r.steepest, r.spread) * r.h for r in rungs]
    size = float(np.sum(np.abs(dout * line.function.out)[line.touched]))
    return reach[-1] > 0.01 * max(size, *reach)


def _excludes(rungs: Sequence[Rung], claim: float, rtol: float, size: float, absolute: float) -> bool:
    """Whether these steps rule the claim out by far."""
    value, error = best(rungs)
    slack = rtol * max(abs(value), abs(claim), size) + absolute
    return error <= 0.01 * abs(value) and abs(value - claim) > max(1e3 * error, 100 * slack)


def _stairs(line: Line, dout: Array, distance: float, ladder: Sequence[Rung]) -> float:
    """The rounding of <dout, outputs> as seen in difference tables, whose higher entries lose every smooth curve.

    0 if it is too small to explain `distance` between two slopes. A forward that rounds inside (to float32, or where
    1 - p is left of p) is a staircase, straight or flat on each stair, whatever the rounding of its outputs. Steps that
    are no powers of 2 of each other are tried, for stairs often are; so are odd and even differences.
    Source: Hamming 1962, Numerical Methods for Scientists and Engineers; More & Wild 2011.
    """
    found = _ledge(ladder, _rounding_inside(line, dout))
    if not found and _converges(ladder):
        return 0.0
    for share in (0.37, 0.143):
        near, far = (line.sample(k * share * STEP * line.scale) for k in (1, 2))
        with np.errstate(all="ignore"):
            up1, up2, down1, down2 = (
                float(np.sum(dout * (out - line.function.out))) for out in (near[2], far[2], near[3], far[3])
            )
        even = abs(down2 - 4 * down1 - 4 * up1 + up2) / np.sqrt(70.0)
        odd = abs((up2 - down2) - 2 * (up1 - down1)) / np.sqrt(10.0)
        found = max(found, even, odd)
    narrow = sorted((h for h in line._samples if h <= 3 * STEP * line.scale), reverse=True)
    rungs = [r for h in narrow if (r := rung(line, dout, h, line.function.noise)) is not None and np.isfinite(r.gap)]
    for place, wide in enumerate(rungs):  # steps this narrow see a straight line: their slopes differ by rounding alone
        for other in rungs[place + 1 :]:
            change = abs(wide.central - other.central)
            if wide.gap <= 0.2 * change:
                found = max(found, change * other.h)
    return found if np.isfinite(found) and distance <= 2000 * found / (STEP * line.scale) else 0.0


def _rounding_inside(line: Line, dout: Array) -> float:
    """What numbers inside the function that are as large as the input may lose to rounding, felt in <dout, outputs>."""
    return 64 * EPS * line.scale * float(np.max(np.abs(dout), initial=0.0))


def _ledge(ladder: Sequence[Rung], most: float) -> float:
    """By how much the function leaves, at one step, the curve that all narrower steps see; 0 if by more than `most`.

    x * (1 + tanh(x)) is a straight line between two values of 1 + tanh(x). A corner is left by more than rounding.
    """
    found = 0.0
    finite = [r for r in ladder if np.isfinite(r.gap)]
    for wide, narrow in zip(finite, finite[1:]):
        away = max(abs(slope - narrow.central) for slope in (wide.right, wide.left))
        if away > 64 * (narrow.gap + 2 * narrow.noise) and away * wide.h <= most:  # a curve's bend is 4 times the gap
            found = max(found, away * wide.h)
    return found


def _converges(ladder: Sequence[Rung]) -> bool:
    """Whether the slopes settle towards the best estimate as a smooth curve's do.

    With each step, an eighth as wide, the central slope changes by a 64th of the change before, and the gap between the
    one-sided slopes is an eighth. Stairs do neither.
    """
    finite = [r for r in ladder if np.isfinite(r.gap)]
    h = best_of(finite)[2]
    near = [r for r in finite if 0.5 * h < r.h < 1.5 * RATIO**2 * h]
    if len(near) < 3:
        return False
    first, second = abs(near[0].central - near[1].central), abs(near[1].central - near[2].central)
    bends = all(wide.gap / 16 <= narrow.gap <= wide.gap / 4 for wide, narrow in zip(near, near[1:]))
    return bends and first / 250 <= second <= first / 16


def _climb(line: Line, dout: Array) -> Iterator[list[Rung]]:
    """What is known after each further step, widest first, beginning with the step of a plain central difference."""
    levels = _levels(line.scale, line.smallest)
    start = int(np.argmin([abs(np.log(level / (STEP * line.scale))) for level in levels]))
    rungs: list[Rung] = []
    visited: list[float] = []
    for place in sorted(range(len(levels)), key=lambda k: abs(k - start)):
        before = line.touched
        line.sample(levels[place])
        visited.append(levels[place])
        news = before is not None and bool(np.any(line.touched & ~before))  # then the noise of earlier steps changes
        found = [rung(line, dout, h, line.function.noise) for h in (visited if news else visited[-1:])]
        rungs = sorted([r for r in ([] if news else rungs) + found if r is not None], key=lambda r: -r.h)
        yield rungs


def slope(line: Line, dout: Array, rtol: float = 1e-9) -> tuple[float, float]:
    """The slope of <dout, outputs> along the line and its error, to within rtol of itself if that can be had."""
    rungs: list[Rung] = []
    inside = _rounding_inside(line, dout)
    found: tuple[float, float] | None = None
    for rungs in _climb(line, dout):
        if len(rungs) >= 3 and found is None:
            value, error = best(rungs)
            found = (value, error) if error <= rtol * abs(value) else None
        if found is not None and (abs(found[0]) * line.scale > inside or found[0] == 0.0):
            return found
    stairs = _ledge(rungs, inside)
    return best(_noisier(rungs, stairs)) if stairs or found is None else found


def _noisier(rungs: Sequence[Rung], stairs: float) -> list[Rung]:
    """The steps on a staircase of this height."""
    return [replace(r, noise=r.noise + 4 * stairs / r.h) for r in rungs]


def _levels(scale: float, smallest: float) -> list[float]:
    """Steps from the widest to the narrowest; where those lie too far apart, around both sizes only."""

    def ladder(widest: float, narrowest: float) -> list[float]:
        count = int(np.ceil(np.log(widest / narrowest) / np.log(RATIO))) + 1
        return [widest / RATIO**k for k in range(count)]

    if smallest >= 1e-9 * scale:
        return ladder(WIDEST * scale, NARROWEST * smallest)
    return ladder(WIDEST * scale, NARROWEST * scale) + ladder(WIDEST * smallest, NARROWEST * smallest)


def best(rungs: Sequence[Rung]) -> tuple[float, float]:
    """The most trustworthy estimate from all steps (widest first), and its error; (nan, inf) if there is none.

    See `best_of`.
    """
    error, value, _ = best_of(rungs)
    return value, error


def best_of(rungs: Sequence[Rung]) -> tuple[float, float, float]:
    """Error, value and step of the most trustworthy estimate.

    Steps that agree to within a hundredth make a plateau. The derivative is what the longest plateau says: wider steps
    than its own see a corner, a pole or another period of the function, narrower ones the stairs of its rounding. On
    the plateau, the estimate with the smallest error counts; where there is no plateau, that of all, as far as those of
    narrower steps agree with it: a step over many periods of the function sees a slope of about 0 every time.
    """
    heard = _with_swallowed([r for r in rungs if np.isfinite(r.central)])
    choices = [c for c in _estimates(heard) if np.isfinite(c[0])]
    plateaus: list[list[tuple[float, float, float]]] = []
    for error, value, h in choices:
        if error > 0.01 * abs(value):
            continue
        for plateau in plateaus:
            least, middle, _ = min(plateau)
            if abs(value - middle) <= SAFETY * (error + least):
                plateau.append((error, value, h))
                break
        else:
            plateaus.append([(error, value, h)])
    if plateaus:
        longest = max(plateaus, key=lambda p: p[0][2] / p[-1][2])
        return min(longest)
    error, value, h = min(choices, default=(np.inf, np.nan, 0.0))
    apart = (abs(value - r.central) - SAFETY * r.noise for r in heard if r.h < h)
    return max([error, *apart, *_ripples(heard, h)]), value, h


def _ripples(rungs: Sequence[Rung], h: float) -> Iterator[float]:
    """The slopes at narrower steps than h at which the function moves hardly less than at h, and not by rounding.

    What is smooth at h moves in proportion to the step. What does not has periods that h steps over.
    """
    far = next((r.steepest * r.h for r in rungs if r.h == h), np.inf)
    return (
        r.steepest
        for r in rungs
        if r.h < h and r.steepest * r.h > far * np.cbrt(r.h / h) and r.steepest > 2 * r.noise
    )


def _estimates(rungs: Sequence[Rung]) -> Iterator[tuple[float, float, float]]:
    """(error, value, step) from each pair of neighbouring steps, and from Richardson's extrapolation of three."""
    extrapolated: tuple[float, float] | None = None
    weight = RATIO**2
    for wide, narrow in zip(rungs, rungs[1:]):
        corner = _corner(wide, narrow)
        change = abs(wide.central - narrow.central)
        yield change + wide.noise + corner, wide.central, wide.h
        yield change + narrow.noise + corner, narrow.central, narrow.h
        if abs(wide.h / narrow.h - RATIO) > 1e-3 * RATIO:
            extrapolated = None
            continue
        richer = (weight * narrow.central - wide.central) / (weight - 1)
        if extrapolated is not None:
            yield abs(extrapolated[0] - richer) + 1.1 * narrow.noise + corner + extrapolated[1], richer, narrow.h
        extrapolated = richer, corner


def _with_swallowed(rungs: list[Rung]) -> list[Rung]:
    """Add to the noise what the function was seen to swallow: the smallest change at a step wider than one without any.

    A step without any change says that the function is flat there, unless wider steps show a straight line: then the
    change was lost in rounding, as that of x in (x + 1e8) - 1e8.
    """
    still = [r.h for r in rungs if not r.moved]
    moving = [r for r in rungs if r.moved and still and r.h > min(still)]
    if not moving:
        return rungs
    smallest = min(r.spread * 2 * r.h for r in moving)
    straight = any(r.h > 30 * max(still) and r.gap <= 0.5 * r.spread for r in moving)
    return [replace(r, noise=r.noise + smallest / r.h) if r.moved or straight else r for r in rungs]


def _corner(wide: Rung, narrow: Rung) -> float:
    """What a corner between the two steps may add: the slopes' gap, unless it shrinks as a curve's does."""
    shrinks = narrow.gap <= 0.3 * wide.gap + 2 * (wide.noise + narrow.noise)
    return 0.0 if shrinks else 0.5 * max(wide.gap, narrow.gap)


def _decide(
    rungs: Sequence[Rung], claim: float, rtol: float, size: float, negligible: float, absolute: float
) -> Judgement:
    """Every step has been taken: weigh them all."""
    value, error = best(rungs)
    if not np.isfinite(value):
        return _one_sided(rungs, claim, rtol)
    larger = max(abs(value), abs(claim), size)
    slack = rtol * larger + absolute
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
    """The narrowest step that sees a corner at x itself: slopes apart on three steps, meeting on no narrower one."""
    finite = [r for r in rungs if np.isfinite(r.gap)]
    for trio in reversed(list(zip(finite, finite[1:], finite[2:]))):
        gaps = [r.gap for r in trio]
        apart = min(gaps) > 10 * trio[2].noise and max(gaps) < 1.05 * min(gaps)
        visible = min(gaps) > 1e-7 * max(abs(trio[2].right), abs(trio[2].left))
        meets = any(r.h < trio[2].h and r.gap < 0.1 * min(gaps) and r.noise < 0.05 * min(gaps) for r in finite)
        if apart and visible and not meets:
            return trio[2]
    return None


def _one_sided(rungs: Sequence[Rung], claim: float, rtol: float) -> Judgement:
    """One side leaves the domain at every step: only the other side's slopes are left."""
    choices, grows = [], False
    for side in ("right", "left"):
        slopes = [(getattr(r, side), r.noise) for r in rungs if np.isfinite(getattr(r, side))]
        grows |= bool(slopes) and abs(slopes[-1][0]) >= max(abs(slope) for slope, _ in slopes)  # without end, or nearly
        better = [((RATIO * n[0] - w[0]) / (RATIO - 1), n[1]) for w, n in zip(slopes, slopes[1:])]
        choices += [(abs(w[0] - n[0]) + (n[1] if np.isfinite(n[1]) else 0.0), n[0]) for w, n in zip(better, better[1:])]
    if not choices:
        return Judgement("unsettled", np.nan, np.inf)
    error, value = min(choices)
    size = max(abs(value), abs(claim))
    if error > 1e-3 * size or (grows and claim * value > 0 and error > 1e-3 * abs(value)):
        return Judgement("unsettled", value, error)
    agrees = abs(value - claim) <= 2 * SAFETY * error + 10 * rtol * size
    return Judgement("right" if agrees else "wrong", value, error)


def extrapolate(
    estimate: Callable[[float], float], noise: Callable[[float], float], widest: float
) -> tuple[float, float]:
    """Romberg's table for an estimate whose error is even in the step: its best entry and that one's error."""
    table: list[list[float]] = []
    choices: list[tuple[float, float]] = []
    for level in range(9):
        h = widest / 2**level
        row = [estimate(h)]
        for order in range(1, min(level, 5) + 1):
            power = 4.0**order
            row.append((power * row[order - 1] - table[level - 1][order - 1]) / (power - 1))
            choices.append(
                (
                    abs(row[order] - row[order - 1]) + abs(row[order] - table[level - 1][order - 1]) + noise(h),
                    row[order],
                )
            )
        table.append(row)
    choices = [choice for choice in choices if np.isfinite(choice[0])]
    if not choices:
        return np.nan, np.inf
    error, value = min(choices)
    return value, error


def complex_step(
    evaluate: Callable[[Sequence[Array]], Array], x: Sequence[Array], leaf: int, index: tuple[int, ...]
) -> Array:
    """Im f(x + ih) / h for one entry, free of cancellation.

    Only a second opinion: abs, var and norm silently drop the imaginary part.

    Source: Squire & Trapp 1998. Raises whatever the function raises on complex input.
    """
    moved = [np.array(array, dtype=complex) for array in x]
    moved[leaf][index] += 1e-30j
    with np.errstate(all="ignore"):
        return np.imag(np.asarray(evaluate(moved))).ravel() / 1e-30
