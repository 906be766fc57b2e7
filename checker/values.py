"""How the numbers of an array are drawn: families of values, and which one a sample array evidently belongs to.

A re-drawn point proves something only inside the function's domain, so whatever structure a sample shows (labels,
masks, probabilities, positive numbers, a symmetric matrix, ...) is kept.
"""

# ruff: noqa: D102 - the methods of every family are those of `Values`, described there

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray
Rng = np.random.Generator
Lengths = tuple[int, ...]
Sizes = Mapping[str, int]
Relatives = Iterator[tuple[str, "Values"]]


class Values:
    """A family of values. `draw` returns a new array of the given shape."""

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        """A new array of this shape; `sizes` tells how long the axes are that labels count."""
        raise NotImplementedError

    def others(self) -> Relatives:
        """Telling relatives of the family, each with its description; all inside the domain."""
        yield from ()

    def outside(self) -> Relatives:
        """Relatives that may leave the function's domain: what differs there proves nothing unless declared."""
        yield from ()

    def plain(self) -> tuple[float, float] | None:
        """The range within which any number will do; None where the entries depend on one another."""
        return None


@dataclass(frozen=True)
class Normal(Values):
    """Normally distributed around `centre`; `tenfold` stretches each number by a factor of its own, 1/10 to 10."""

    centre: float = 0.0
    spread: float = 1.0
    tenfold: bool = False

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        spread = self.spread * (10 ** rng.uniform(-1, 1, shape) if self.tenfold else 1.0)
        return self.centre + spread * rng.standard_normal(shape)

    def others(self) -> Relatives:
        yield "numbers of many sizes", replace(self, tenfold=True)
        yield "numbers three times as wide", replace(self, spread=3 * self.spread)

    def plain(self) -> tuple[float, float] | None:
        reach = 4 * self.spread
        return (self.centre - reach, self.centre + reach)


@dataclass(frozen=True)
class Between(Values):
    """Uniform between two numbers."""

    low: float
    high: float
    mixable: bool = False

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return rng.uniform(self.low, self.high, shape)

    def outside(self) -> Relatives:
        if self.mixable:
            yield "numbers of both signs", Normal(0.0, max(abs(self.low), abs(self.high)))

    def plain(self) -> tuple[float, float] | None:
        return (self.low, self.high)


@dataclass(frozen=True)
class Positive(Values):
    """Positive numbers, uniform in their logarithm."""

    low: float = 0.3
    high: float = 3.0
    mixable: bool = True

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return np.exp(rng.uniform(np.log(self.low), np.log(self.high), shape))

    def outside(self) -> Relatives:
        if self.mixable:
            yield "numbers of both signs", Normal(0.0, self.high)

    def plain(self) -> tuple[float, float] | None:
        return (self.low, self.high)


@dataclass(frozen=True)
class Magnitudes(Values):
    """Numbers of both signs over many orders of magnitude."""

    low: float
    high: float

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return rng.choice([-1.0, 1.0], shape) * np.exp(rng.uniform(np.log(self.low), np.log(self.high), shape))


@dataclass(frozen=True)
class Labels(Values):
    """Whole numbers from 0 up to, not including, the size of an axis (its name) or a fixed number.

    The first and the last label always occur where there is room; `only` draws one of them alone.
    """

    below: str | int
    only: str = ""

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        count = max(1, self.below if isinstance(self.below, int) else sizes[self.below])
        if self.only:
            return np.full(shape, 0 if self.only == "first" else count - 1)
        labels = rng.integers(0, count, shape)
        if labels.size > 1:
            labels.flat[rng.permutation(labels.size)[:2]] = 0, count - 1
        return labels

    def others(self) -> Relatives:
        yield "label 0 only", replace(self, only="first")
        yield "the last label only", replace(self, only="last")


@dataclass(frozen=True)
class Whole(Values):
    """Whole numbers from `low` up to, not including, `high`."""

    low: int
    high: int

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return rng.integers(self.low, self.high, shape)


@dataclass(frozen=True)
class Custom(Values):
    """Drawn by a function of (rng, sizes), or of (rng, sizes, shape), that returns an array."""

    function: Callable[..., Any]

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return np.asarray(self.function(rng, sizes))


@dataclass(frozen=True, eq=False)
class Resampled(Values):
    """Rows of a sample in another order; the rows and columns repeat where more are wanted."""

    sample: Array
    again: bool = True

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        if self.sample.ndim == 0 or self.sample.size == 0:
            return _fit(self.sample, shape)
        have, wanted = self.sample.shape[0], shape[0]
        rows = rng.integers(0, have, wanted) if self.again else rng.permutation(have)[np.arange(wanted) % have]
        return _fit(self.sample[rows], shape)


def _fit(sample: Array, shape: tuple[int, ...]) -> Array:
    """A copy of the sample, cut or repeated along each axis to this shape."""
    if sample.ndim != len(shape):  # an optional array, or axes of unknown number: nothing to go by
        return np.resize(sample, shape)
    fitted = sample.copy()
    for axis, length in enumerate(shape):
        fitted = np.take(fitted, np.arange(length) % max(1, sample.shape[axis]), axis=axis)
    return fitted


@dataclass(frozen=True)
class Choice(Values):
    """Any of a few numbers, the first and the last at least once where there is room."""

    numbers: tuple[float, ...]

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return np.array(self.numbers)[Labels(len(self.numbers)).draw(rng, shape, sizes)]


@dataclass(frozen=True)
class OneHot(Values):
    """A single `value` in each row along `axis`, zeros elsewhere."""

    axis: int = -1
    value: float = 1.0

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        drawn = np.zeros(shape)
        rows = np.moveaxis(drawn, self.axis, -1)
        labels = Labels(max(1, rows.shape[-1])).draw(rng, rows.shape[:-1], sizes)
        if drawn.size:
            np.put_along_axis(rows, np.asarray(labels)[..., None], self.value, axis=-1)
        return drawn


@dataclass(frozen=True)
class Simplex(Values):
    """Non-negative numbers with sums of 1 along `axis` (None: over the whole array)."""

    axis: int | None = -1

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        weights = rng.exponential(size=shape) + 0.05
        return weights / weights.sum(axis=self.axis, keepdims=True)


@dataclass(frozen=True)
class Regions(Values):
    """One number below, one on, and one above the diagonal of the last two axes: causal masks, identities."""

    below: float
    diagonal: float
    above: float

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        row, column = np.indices(shape)[-2:]
        return np.select([column < row, column == row], [self.below, self.diagonal], self.above).astype(float)


@dataclass(frozen=True, eq=False)
class Patterned(Values):
    """Fixed entries (zeros, infinities, NaN) where a sample has them; the rest is drawn."""

    fixed: Array
    pattern: Array
    rest: Values

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        return np.where(_fit(self.fixed, shape), _fit(self.pattern, shape), self.rest.draw(rng, shape, sizes))

    def others(self) -> Relatives:
        for why, rest in self.rest.others():
            yield why, replace(self, rest=rest)


@dataclass(frozen=True)
class Sorted(Values):
    """In rising (or falling) order."""

    rest: Values
    falling: bool = False
    chance: bool = False  # so few that they may be in order by chance

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        drawn = np.sort(self.rest.draw(rng, shape, sizes))
        return drawn[::-1].copy() if self.falling else drawn

    def outside(self) -> Relatives:
        if self.chance:
            yield "numbers in another order", self.rest


@dataclass(frozen=True)
class Matrices(Values):
    """Square matrices in the last two axes: "symmetric", "definite", "lower", "upper" or "orthogonal"."""

    structure: str
    spread: float = 1.0

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        drawn = rng.standard_normal(shape)
        turned, identity = np.swapaxes(drawn, -1, -2), np.eye(shape[-1])
        match self.structure:
            case "symmetric":
                return self.spread * (drawn + turned) / 2
            case "definite":
                return self.spread * (drawn @ turned / shape[-1] + 0.5 * identity)
            case "orthogonal":
                return np.linalg.qr(drawn)[0]
            case _:
                half = np.tril if self.structure == "lower" else np.triu
                return self.spread * (half(drawn, -1 if half is np.tril else 1) + identity * (0.5 + abs(drawn)))


@dataclass(frozen=True)
class UnitNorm(Values):
    """Vectors of length 1 along the last axis."""

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> Array:
        drawn = rng.standard_normal(shape)
        return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


# -- which family a sample belongs to ---------------------------------------------------------------------------------

_TARGETS = {"y", "t", "ys", "y_true", "target", "targets", "label", "labels", "truth", "gt"}
_MASKS = ("mask", "keep", "drop", "valid", "observed")
_ORDERED = re.compile(r"grid|knot|bin|edge|time|xp|breaks|levels|sorted|boundar|^t$")
_POSITIVE = re.compile(r"var|std|sigma|scale|prob|y_?hat|y_pred|eps|prec|rate|length")


def infer(sample: Array, name: str = "") -> Values:
    """The family that a sample array of floats evidently belongs to; a plain normal one where nothing is evident."""
    finite = np.isfinite(sample)
    if sample.size == 0:
        return Normal()
    square = _square(sample)
    if square is not None:
        return square
    if not finite.any():
        return Resampled(sample)
    kept = name.lower() in _TARGETS or any(word in name.lower() for word in _MASKS)
    if not finite.all():
        return Patterned(~finite, sample, infer(sample[finite], name))
    distinct = np.unique(sample.flat[:4096])  # more than a few there are enough to know
    if len(distinct) <= 3:
        distinct = np.unique(sample)
    if len(distinct) == 1:
        return _label(sample) if kept else _constant(float(distinct[0]), name)
    return _rows(sample, distinct, kept) or _numbers(sample, distinct, name)


def _label(sample: Array) -> Values:
    """Targets or a mask of one number alone: of zeros and ones there are both, of other numbers there is one."""
    value = float(sample.flat[0])
    return Choice((0.0, 1.0)) if value in (0.0, 1.0) else Resampled(sample)


def _constant(value: float, name: str) -> Values:
    """A sample of one number alone: the ones of a new gamma, the zeros of a new bias or of a first state."""
    if value == 0:
        return Normal()
    if _POSITIVE.search(name.lower()):
        return Positive(abs(value) / 2, abs(value) * 2, mixable=False)
    if 0 < value < 1:
        return Between(0.5 * value, 0.5 * (1 + value), mixable=True)
    return Between(value - abs(value) / 2, value + abs(value) / 2, mixable=True)


def _rows(sample: Array, distinct: Array, kept: bool) -> Values | None:
    """Masks, one-hot rows, labels held as floats, probabilities, unit vectors."""
    if sample.ndim > 1 and len(distinct) == 2 and distinct[0] == 0:
        for axis in (-1, 0):
            if sample.shape[axis] > 1 and (np.count_nonzero(sample, axis=axis) == 1).all():
                return OneHot(axis, float(distinct[1]))
    signs = set(distinct) <= {0.0, 1.0} or set(distinct) <= {-1.0, 1.0}
    few = len(distinct) <= 3 and (signs or sample.size > 2 * len(distinct))
    if few or (kept and np.array_equal(sample, np.rint(sample))):
        return Resampled(sample)
    if (sample >= 0).all():
        for axis in (-1, 0)[: sample.ndim]:
            if sample.shape[axis] > 1 and np.allclose(sample.sum(axis=axis), 1, atol=1e-8):
                return Simplex(axis)
        if sample.ndim > 1 and np.isclose(sample.sum(), 1, atol=1e-8):
            return Simplex(None)
    with np.errstate(over="ignore"):
        if sample.ndim > 1 and sample.shape[-1] > 1 and np.allclose(np.square(sample).sum(axis=-1), 1, atol=1e-8):
            return UnitNorm()
    return None


def _numbers(sample: Array, distinct: Array, name: str) -> Values:
    """Plain numbers: their range, sign, order and zeros."""
    if sample.ndim == 1 and sample.size >= 4:
        steps = np.diff(sample)
        if (steps > 0).all() or (steps < 0).all():
            chance = sample.size <= 5 and not _ORDERED.search(name.lower())
            return Sorted(_spread(sample, name), bool(steps[0] < 0), chance)
    zero = sample == 0
    if zero.mean() >= 0.2:
        return Patterned(zero, sample, infer(sample[~zero], name))
    return _spread(sample, name)


def _spread(sample: Array, name: str) -> Values:
    low, high = float(sample.min()), float(sample.max())
    size = np.abs(sample[sample != 0])
    mixable = not _POSITIVE.search(name.lower())
    if low >= 0 and high <= 1:
        inside = (low, high) if sample.size > 3 else (0.05, 0.95)
        return Between(*inside, mixable=mixable)
    if low >= 0:
        return Positive(float(size.min()), high, mixable)
    if high <= 0:
        return Between(low, high, mixable)
    if size.max() > 1e6 * size.min() and np.median(size) < 1e-3 * size.max():
        return Magnitudes(float(size.min()), high)
    return Normal(float(sample.mean()), float(sample.std()))


def _square(sample: Array) -> Values | None:
    """Square matrices with a structure that a fresh draw must keep."""
    if sample.ndim < 2 or sample.shape[-1] != sample.shape[-2] or sample.shape[-1] < 2:
        return None
    row, column = np.indices(sample.shape)[-2:]
    parts = [sample[column < row], sample[column == row], sample[column > row]]
    if all((part == part.flat[0]).all() for part in parts) and len({float(part.flat[0]) for part in parts}) > 1:
        return Regions(*(float(part.flat[0]) for part in parts))
    if not np.isfinite(sample).all() or len(np.unique(sample)) <= 3:
        return None
    turned, spread = np.swapaxes(sample, -1, -2), float(sample.std())
    if np.allclose(sample, turned, rtol=1e-10, atol=0):
        definite = np.linalg.eigvalsh(sample).min() > 1e-10 * spread
        return Matrices("definite" if definite else "symmetric", spread)
    if np.allclose(sample @ turned, np.eye(sample.shape[-1]), atol=1e-10):
        return Matrices("orthogonal")
    for structure, empty in (("lower", parts[2]), ("upper", parts[0])):
        if not empty.any() and (parts[1] > 0).all():
            return Matrices(structure, spread)
    return None
