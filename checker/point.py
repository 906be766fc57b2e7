"""One pair of functions judged at one point: the contract, then the numbers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import tree
from .calling import Array, MisfitError, Pair
from .compare import (
    CODES,
    CORNER,
    KINK,
    RIGHT,
    UNSETTLED,
    WRONG,
    Comparison,
    Directional,
    Progress,
    climb_direction,
    compare_direction,
    compare_entries,
    glimpse_direction,
    judge_entry,
    random_direction,
    share,
)
from .contract import Observation, flat, observe
from .errors import UserCodeError
from .localize import locate
from .numerical import EPS, SAFETY, STEP, Function
from .report import Finding

#: A full check that would take longer than this, in seconds of forward evaluations, becomes a fast one.
PATIENCE = 2.0
#: A difference along a direction that no entry explains is looked into entry by entry up to this size.
FEW = 600


@dataclass
class Point:
    """A pair's behaviour at one point, and what the numbers say of it. Lists run over `pair.paths`."""

    pair: Pair
    values: list[Any]
    seen: Observation
    function: Function
    claims: list[Array]
    mode: str
    misshapen: set[int] = field(default_factory=set)
    comparison: Comparison | None = None
    diffuse: bool = False  # a fast check saw a difference that no single entry carries
    located: int = 0  # wrong entries that a fast check found
    strays: list[int] = field(default_factory=list)  # leaves whose low-precision run is far from the float64 one

    @property
    def worst(self) -> int:
        """The most severe status of all entries."""
        return self.comparison.worst if self.comparison else RIGHT


def make_function(pair: Pair, values: Sequence[Any], out: Array | None = None) -> Function:
    """All outputs as one flat vector of the differentiable leaves, which `double` has brought to float64."""
    originals = pair.leaves(values)

    def evaluate(leaves: Sequence[Array]) -> Array:
        given = [_of_its_kind(leaf, original) for leaf, original in zip(leaves, originals)]
        outs = pair.outputs(pair.arguments(values, given))
        return outs[0].ravel() if len(outs) == 1 else np.concatenate([out.ravel() for out in outs])

    return Function(evaluate, originals, out)


def _of_its_kind(leaf: Array, original: Any) -> Any:
    """An array for an array, Python's number for Python's number, and NumPy's for NumPy's."""
    if isinstance(original, np.ndarray):
        return leaf
    return leaf[()] if isinstance(original, np.floating) else leaf.item()


def double(values: Sequence[Any]) -> list[Any]:
    """The values with every low-precision float in float64."""

    def widen(leaf: Any) -> Any:
        if isinstance(leaf, (np.ndarray, np.floating)) and leaf.dtype.kind == "f":
            return leaf.astype(np.float64)
        return leaf

    return [tree.map_leaves(widen, value) for value in values]


def gradients_at(pair: Pair, values: Sequence[Any], douts: Sequence[Array]) -> list[Array]:
    """The author's gradients as float64 arrays, in the order of `pair.paths`. Raises MisfitError."""
    run = pair.forward(pair.arguments(values))
    returned = pair.assign(pair.pull(run, pair.upstream(run, douts)))
    return [np.array(returned[path], dtype=float) for path in pair.paths]


def visit(
    pair: Pair,
    values: Sequence[Any],
    rng: np.random.Generator,
    *,
    mode: str,
    rtol: float,
    progress: Progress | None = None,
) -> Point:
    """Judge the pair at these inputs. A breach of the contract other than a shape ends the visit before any number."""
    started = time.perf_counter()
    seen = observe(pair, values, rng)
    cost = (time.perf_counter() - started) / 5  # two forwards and some backwards
    if seen.gradients:
        pair.paths = [path for path in pair.paths if path in seen.gradients]
    narrow = any(np.asarray(leaf).dtype != np.float64 for leaf in pair.leaves(values))
    wide = double(values)
    own_forward = pair.reference is None and not narrow
    function = make_function(pair, wide, flat(seen.run.outs) if own_forward else None)
    size = sum(x.size for x in function.x)
    if mode == "auto":
        mode = "fast" if 2 * size * cost > PATIENCE else "full"
    point = Point(pair, list(values), seen, function, [], mode)
    undefined = function.out.size > 0 and not np.any(function.defined)
    if function.out.size != seen.dout.size:  # the reference's outputs have another shape: the forward is wrong
        return point
    if not seen.attempted or any(b.kind != "shape" for b in seen.breaches) or undefined:
        return point
    douts = [np.asarray(d, dtype=float) for d in seen.douts]
    claims = [np.asarray(seen.gradients[path], dtype=float) for path in pair.paths]
    if narrow:
        try:
            precise = gradients_at(pair, wide, douts)
        except MisfitError:
            precise = claims
        dtypes = [leaf.dtype for leaf in pair.leaves(values) if isinstance(leaf, np.floating | np.ndarray)]
        eps = max(float(np.finfo(dtype).eps) for dtype in dtypes)
        point.strays = [k for k, (a, b) in enumerate(zip(claims, precise)) if _strays(a, b, eps, seen.dout)]
        claims = precise
    for k, (claim, x) in enumerate(zip(claims, function.x)):
        if claim.shape != x.shape:
            point.misshapen.add(k)
            claims[k] = claim.reshape(x.shape) if claim.size == x.size else np.full(x.shape, np.nan)
    point.claims = claims
    endless = _not_finite(point)
    if not any(b.kind == "contract" for b in seen.breaches):
        _compare(point, rng, rtol, progress)
        for leaf, where in endless.items():
            assert point.comparison is not None
            point.comparison.status[leaf][where] = UNSETTLED
    return point


def _not_finite(point: Point) -> dict[int, Array]:
    """Claims that are not finite: a breach, unless the slope there is infinite, which no number can confirm."""
    endless = {}
    for leaf, (path, claim) in enumerate(zip(point.pair.paths, point.claims)):
        bad = ~np.isfinite(claim)
        if not bad.any() or (leaf in point.misshapen and np.isnan(claim).all()):
            continue
        places = [tuple(int(i) for i in place) for place in np.argwhere(bad)]
        if not np.all(point.function.defined):
            aside = [index for index in places if not _feeds_defined(point, leaf, index)]
            for index in aside:
                bad[index] = False
                point.claims[leaf][index] = 0.0
            places = [index for index in places if index not in aside]
            if not places:
                continue
        if not np.isnan(claim).any() and all(infinite_slope(point, leaf, index) for index in places[:20]):
            endless[leaf] = bad
            point.claims[leaf] = np.where(bad, 0.0, claim)
            continue
        first = f", the first at {path}[{', '.join(map(str, places[0]))}]" if places[0] else ""
        point.seen.breaches.append(
            Finding(
                path,
                "wrong",
                f"{share(bad, f'the gradient of {path}')} nan or infinite{first}",
                kind="contract",
                cause="not-finite",
                advice="look for a division by zero, a log or power of zero, or an overflow of exp at this entry",
                shape=claim.shape,
                wrong=len(places),
            )
        )
    return endless


def _feeds_defined(point: Point, leaf: int, index: tuple[int, ...]) -> bool:
    """Whether an entry is felt by an output that is finite at the given inputs."""
    x, function = float(point.function.x[leaf][index]), point.function
    if not np.isfinite(x):
        return False
    moved = function.moved(leaf, index, x + STEP * max(abs(x), function.scale[leaf]))
    return bool(np.any(np.isfinite(moved) & (moved != function.out)))


def _strays(narrow: Array, wide: Array, eps: float, dout: Array) -> bool:
    """Whether a run of the same formula in low precision is further off than its rounding explains.

    A saturated slope, as 1 - y**2, may lose every digit: what is a thousandth of dout counts as small.
    """
    if narrow.shape != wide.shape:
        return False
    size = max(float(np.max(np.abs(wide), initial=0.0)), 1e-3 * float(np.max(np.abs(dout), initial=0.0)))
    return bool(np.max(np.abs(narrow - wide), initial=0.0) > min(3e4 * eps, 0.5) * size)


def weights(point: Point) -> Array:
    """The upstream gradients as one flat vector, 0 where the output is not finite."""
    return np.where(point.function.defined, point.seen.dout, 0.0)


def _compare(point: Point, rng: np.random.Generator, rtol: float, progress: Progress | None) -> None:
    shapes = [out.shape for out in point.seen.run.outs]
    unknown = any(not np.all(np.isfinite(claim)) for claim in point.claims)
    if point.mode == "full" or unknown:
        point.comparison = compare_entries(point.function, weights(point), point.claims, shapes, rtol, progress)
        return
    dout = weights(point)
    comparison = Comparison(
        [claim.copy() for claim in point.claims],
        [np.zeros(x.shape) for x in point.function.x],
        [np.zeros(x.shape, dtype=np.int8) for x in point.function.x],
        [None for _ in point.function.x],
    )
    point.comparison = comparison
    unsettled, off, started = False, None, point.function.calls
    for second in (False, True):
        spent = point.function.calls - started
        direction = random_direction(point.function, point.claims, rng, level=second)
        found = glimpse_direction(point.function, dout, point.claims, direction)
        if second and not isinstance(found, Directional):  # long moves along a curve settle nothing
            if spent == 4:  # the first direction had two steps to itself: that is as many as there are to spend
                break
            direction = random_direction(point.function, point.claims, rng)
            found = compare_direction(point.function, dout, point.claims, direction)
        elif not isinstance(found, Directional):
            found = climb_direction(dout, direction, *found)
        if found.judgement.status in ("wrong", "corner"):
            off = found
            break
        unsettled |= found.judgement.status == "unsettled"
    if off is None:
        for status_of in comparison.status if unsettled else ():
            status_of[...] = UNSETTLED
        return
    for leaf, index in locate(point.function, dout, point.claims, off):
        verdict = judge_entry(point.function, leaf, index, dout, float(point.claims[leaf][index]), rtol, shapes)
        comparison.numeric[leaf][index] = verdict.value
        comparison.error[leaf][index] = verdict.error
        comparison.status[leaf][index] = CODES[verdict.status]
        point.located += verdict.status == "wrong"
    if comparison.worst < CORNER and sum(x.size for x in point.function.x) <= FEW:
        point.comparison = compare_entries(point.function, dout, point.claims, shapes, rtol, progress)
        return
    tolerated = abs(off.judgement.value - off.claim) <= rtol * off.size
    point.diffuse = comparison.worst < CORNER and off.judgement.status == "wrong" and not tolerated


def forgive_rounding(point: Point, rng: np.random.Generator) -> None:
    """Take back what rounding inside the backward explains: entries that wander as far when inputs move by an ulp.

    The slope of a saturated unit, y (1 - y), or of a normalisation far from 0 keeps few of its digits in float64. What
    is right beside the given numbers, to the last of its digits, does not wander: it takes a branch of its own at them.
    """
    assert point.comparison is not None
    if point.worst < WRONG:
        return
    dout = weights(point)
    for claim, numeric, status in zip(point.claims, point.comparison.numeric, point.comparison.status):
        if claim.size == dout.size:  # a slope such as 1 - y is known to the last digit of the 1 only
            with np.errstate(all="ignore"):
                digits = claim.ravel() / dout / (EPS / 2)
            counted = (np.abs(digits) >= 0.5) & (np.abs(digits - np.rint(digits)) <= 1e-6 * np.abs(digits))
            near = np.abs((claim - numeric).ravel()) <= EPS * np.abs(dout)
            status[(status == WRONG) & (counted & near).reshape(status.shape)] = UNSETTLED
    if point.worst < WRONG:
        return
    pair, wander = point.pair, [np.zeros(x.shape) for x in point.function.x]

    def jitter(x: Any) -> Any:
        return x * (1 + EPS * rng.choice([-1.0, 0.0, 1.0], np.shape(x)))

    def beyond(factor: float) -> bool:
        """Whether every wrong entry is off by more than this many times its wandering."""
        assert point.comparison is not None
        off = zip(point.claims, point.comparison.numeric, wander, point.comparison.status)
        return all(np.all(np.abs(c - n)[s == WRONG] > factor * w[s == WRONG]) for c, n, w, s in off)

    for draw in range(4):
        if draw > 1 and beyond(1e4):
            return
        leaves = [
            jitter(leaf) if isinstance(leaf, np.ndarray) else float(jitter(leaf))
            for leaf in pair.leaves(double(point.values))
        ]
        douts = [np.asarray(d, dtype=float) for d in point.seen.douts]
        try:
            moved = gradients_at(
                pair,
                pair.arguments(double(point.values), leaves),
                douts if pair.is_gradient else [jitter(d) for d in douts],
            )
        except (UserCodeError, MisfitError):
            return
        for leaf, other in enumerate(moved):
            claim, numeric, error = (
                part[leaf] for part in (point.claims, point.comparison.numeric, point.comparison.error)
            )
            if claim.shape == other.shape:
                right = np.abs(other - numeric) <= SAFETY * error + 1e-6 * np.abs(claim - numeric)
                np.fmax(wander[leaf], np.where(right, 0.0, np.abs(other - claim)), out=wander[leaf])
    for leaf, most in enumerate(wander):
        distance = np.abs(point.claims[leaf] - point.comparison.numeric[leaf])
        status = point.comparison.status[leaf]
        status[(status == WRONG) & (distance <= 10 * most + 10 * point.comparison.error[leaf])] = UNSETTLED


def still_wrong_nearby(point: Point, rng: np.random.Generator, rtol: float, most: int = 6) -> bool:
    """Whether entries that are off at a corner are also off a little beside it.

    At a corner inside a composition, rules that are right everywhere else may give what no one-sided slope allows: the
    derivative of relu(x) - relu(-x) at 0 by the usual convention is 0, though the function is x.
    """
    assert point.comparison is not None
    pair = point.pair
    leaves = []
    for x in point.function.x:
        scale = 1e-3 * (np.sqrt(np.mean(x[np.isfinite(x)] ** 2)) if np.isfinite(x).any() else 1.0) or 1e-3
        shift = scale * rng.uniform(0.5, 1.0, x.shape) * (1.0 if np.all(x >= 0) else rng.choice([-1.0, 1.0], x.shape))
        leaves.append(np.asarray(x + shift))
    near = [_of_its_kind(leaf, original) for leaf, original in zip(leaves, pair.leaves(point.values))]
    values = pair.arguments(double(point.values), near)
    try:
        douts = [np.asarray(d, dtype=float) for d in point.seen.douts]
        claims = gradients_at(pair, values, douts)
        function = make_function(pair, values)
    except Exception:  # not defined beside the corner: nothing is proven
        return False
    dout, shapes = flat(douts), [out.shape for out in point.seen.run.outs]
    if np.any(dout[~function.defined]):  # nor is there, where an output is not defined that is so at the corner
        return False
    for leaf, status in enumerate(point.comparison.status):
        if claims[leaf].shape != function.x[leaf].shape:
            continue
        for place in np.argwhere(status == CORNER)[:most]:
            index = tuple(int(i) for i in place)
            if judge_entry(function, leaf, index, dout, float(claims[leaf][index]), rtol, shapes).status == "wrong":
                return True
    return False


def forgive_triangles(point: Point, rtol: float) -> None:
    """Judge a symmetric matrix of which only one triangle is read (as LAPACK's Cholesky does) among symmetric ones.

    There the derivative is known only as the sum of the entries (i, j) and (j, i), which is compared.
    """
    assert point.comparison is not None
    for x, claim, numeric, status in zip(
        point.function.x, point.claims, point.comparison.numeric, point.comparison.status
    ):
        if x.ndim != 2 or not np.array_equal(x, x.T):
            continue
        unread = [triangle(numeric, k) for triangle, k in ((np.triu, 1), (np.tril, -1))]
        if any(not part.any() for part in unread) and any(part.any() for part in unread):
            yours, right = claim + claim.T, numeric + numeric.T
            if np.all(np.abs(yours - right) <= 10 * rtol * np.max(np.abs(right))):
                status[status == WRONG] = KINK


def settle_doubts(point: Point, rng: np.random.Generator, rtol: float) -> int:
    """Take back what rounding explains, and decide the entries at corners by what happens beside them.

    Returns how many entries at corners were let pass.
    """
    assert point.comparison is not None
    forgive_rounding(point, rng)
    forgive_triangles(point, rtol)
    corners = sum(int(np.sum(status == CORNER)) for status in point.comparison.status)
    if not corners:
        return 0
    wrong = _elementwise(point) or still_wrong_nearby(point, rng, rtol)
    for status in point.comparison.status:
        status[status == CORNER] = WRONG if wrong else KINK
    return 0 if wrong else corners


def _elementwise(point: Point) -> bool:
    """Whether every output feels one entry and every entry is felt by one output: then no corner is a composition."""
    assert point.comparison is not None
    jacobian = point.comparison.jacobian
    if len(jacobian) != 1 or jacobian[0] is None or jacobian[0].shape[0] < 2:
        return False
    felt = jacobian[0] != 0
    return bool(np.all(felt.sum(axis=0) <= 1) and np.all(felt.sum(axis=1) <= 1))


def infinite_slope(point: Point, leaf: int, index: tuple[int, ...]) -> bool:
    """Whether the derivative really is infinite there: one-sided slopes that grow without end as the step shrinks."""
    slopes = []
    x = float(point.function.x[leaf][index])
    for h in (1e-4, 1e-8, 1e-12):
        h *= point.function.scale[leaf]
        sides = [point.function.moved(leaf, index, x + side * h) for side in (1.0, -1.0)]
        with np.errstate(all="ignore"):
            found = [abs(float(np.sum(weights(point) * (side - point.function.out)))) / h for side in sides]
        slopes.append(max((f for f in found if np.isfinite(f)), default=np.nan))
    return bool(slopes[1] > 10 * slopes[0] and slopes[2] > 10 * slopes[1] and slopes[2] > EPS)
