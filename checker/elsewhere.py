"""The same pair at other points and in other shapes, to find the mistakes that one point hides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import tree
from .calling import Array, MisfitError, Pair, Run
from .compare import UNSETTLED, WRONG, compare_direction, compare_entries, random_direction
from .contract import Observation, flat, random_upstream
from .errors import UserCodeError
from .explore import smallest
from .inputs import Declaration, Variation
from .point import Point, double, make_function, settle_doubts
from .report import WRONG as IS_WRONG
from .report import Finding


@dataclass
class Fault:
    """Where else the pair is wrong: the point (with its comparison), or what was raised or misshapen there.

    `met` is the point before it was shrunk to the plainest one.
    """

    variation: Variation
    point: Point | None = None
    met: Point | None = None
    finding: Finding | None = None
    error: UserCodeError | None = None

    @property
    def inputs(self) -> Sequence[Any]:
        """The arguments at which the fault shows."""
        return self.point.values if self.point is not None else self.variation.inputs


@dataclass
class Search:
    """A walk over variations of the given inputs. `pending` are the gradients that rounding hid at the given inputs."""

    pair: Pair
    declaration: Declaration
    seed: int
    rtol: float
    pending: set[str] = field(default_factory=set)
    visited: int = 0
    run_there: Run | None = None  # the forward's last run, which was at the variation that comes next

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 1])

    def run(self, trials: int) -> Fault | None:
        """The first fault among `trials` variations, at the smallest shape and the plainest numbers that show it."""
        for variation in self._variations(trials):
            fault = self._at(variation)
            if fault is not None and self._proven(variation):
                return self._shrink(fault)
        return None

    def _variations(self, trials: int) -> Iterator[Variation]:
        calm = ordinary_size(self.pair, self.pair.values) if self.pending else None
        if calm is not None:
            yield Variation(tuple(calm), "numbers of ordinary size")
        yield from self.declaration.variations(self.rng, trials, self._defined)

    def _defined(self, inputs: Sequence[Any]) -> bool:
        """Whether the forward gives finite numbers there."""
        try:
            self.run_there = self.pair.forward(list(inputs))
        except Exception:
            return False
        return all(np.all(np.isfinite(out)) for out in self.run_there.outs)

    def _at(self, variation: Variation) -> Fault | None:
        run, self.run_there = self.run_there, None
        found = glance(self.pair, variation, self.rng, self.rtol, entries=bool(self.pending), run=run)
        if found is None:
            return None
        self.visited += 1
        if isinstance(found, Fault):
            return found
        if found.comparison is not None:
            for path, status in zip(found.pair.paths, found.comparison.status):
                if status.size == 0 or np.mean(status >= UNSETTLED) <= 0.1:
                    self.pending.discard(path)
            if found.comparison.worst == WRONG:
                return Fault(variation, found)
        return None

    def _proven(self, variation: Variation) -> bool:
        """Whether the backward, too, can do with the shapes that the variation's rest on."""
        if variation.proof is None:
            return True
        return glance(self.pair, Variation(variation.proof, ""), self.rng, self.rtol) is not None

    def _shrink(self, fault: Fault) -> Fault:
        """The same fault at a smaller and plainer point, if there is one."""
        if fault.point is None:
            return fault

        def fails(inputs: tuple[Any, ...]) -> bool:
            return wrong_at(self.pair, inputs, self.rng, self.rtol) is not None

        declaration = fault.variation.declaration or self.declaration
        smaller = smallest(declaration, fails, self.seed, start=tuple(fault.inputs))
        point = wrong_at(self.pair, smaller, self.rng, self.rtol) if smaller is not None else None
        return Fault(fault.variation, point or fault.point, met=fault.point)


def wrong_at(pair: Pair, inputs: Sequence[Any], rng: np.random.Generator, rtol: float) -> Point | None:
    """The pair at these inputs if some entry is proven wrong there."""
    found = glance(pair, Variation(tuple(inputs), ""), rng, rtol, entries=True)
    if isinstance(found, Point) and found.comparison is not None and found.comparison.worst == WRONG:
        return found
    return None


def ordinary_size(pair: Pair, values: Sequence[Any]) -> list[Any] | None:
    """The same inputs with arrays of extreme numbers scaled to a largest entry of 1; None if there are none."""
    leaves, changed = [], False
    for leaf in pair.leaves(values):
        x = np.asarray(leaf, dtype=float)
        size = float(np.max(np.abs(x[np.isfinite(x)]), initial=0.0))
        if size > 8 or 0 < size < 1e-2:
            x, changed = x / size, True
        leaves.append(x.astype(leaf.dtype) if isinstance(leaf, np.ndarray) else float(x))
    return pair.arguments(values, leaves) if changed else None


def glance(
    pair: Pair,
    variation: Variation,
    rng: np.random.Generator,
    rtol: float,
    *,
    entries: bool = False,
    sketch: bool = False,
    run: Run | None = None,
) -> Point | Fault | None:
    """The pair at another point; None where it is not defined there, or where the author may never have meant it.

    One random direction is enough to see that all is well. Only a difference there, or `entries`, leads to a comparison
    entry by entry; a `sketch` compares them by one central difference each. A crash or a wrong shape counts only where
    the shapes were declared or surely meant. `run` is a forward that was just run there, if there is one.
    """
    values = double(variation.inputs)
    if run is None or _is_narrow(variation.inputs):
        try:
            run = pair.forward(pair.arguments(values))
        except Exception:
            return None
    if not all(np.all(np.isfinite(out)) and np.isrealobj(out) for out in run.outs):
        return None
    if run.cache is None and pair.saves:  # a mode in which nothing is saved is not meant to be differentiated
        return None
    counts = variation.declared or (variation.edge and _meant(pair, values, run))
    outs = [np.array(out, dtype=float) for out in run.outs]
    douts = [np.ones(out.shape) for out in outs] if pair.is_gradient else random_upstream(run, rng)
    try:
        returned = pair.assign(pair.pull(run, pair.upstream(run, douts)))
        claims = [np.array(returned[path], dtype=float) for path in pair.paths]
    except UserCodeError as problem:
        raised = problem.__cause__
        return Fault(variation, error=problem) if counts and not isinstance(raised, NotImplementedError) else None
    except (MisfitError, TypeError, ValueError, KeyError):
        return None
    for path, claim, leaf in zip(pair.paths, claims, pair.leaves(values)):
        if claim.shape != np.shape(leaf):
            if not counts and claim.size != np.size(leaf):
                return None
            return Fault(variation, finding=_misshapen(path, claim, leaf))
    if not all(np.all(np.isfinite(claim)) for claim in claims):
        return None
    function, dout = make_function(pair, values, flat(outs) if pair.reference is None else None), flat(douts)
    if not np.all(function.defined) or dout.size != function.out.size:
        return None
    point = Point(pair, values, Observation(values, run, list(douts)), function, claims, "full")
    if sketch:
        point.comparison = compare_entries(function, dout, claims, [out.shape for out in outs], rtol, sketch=True)
        return point
    if not entries:
        direction = random_direction(function, claims, rng)
        if compare_direction(function, dout, claims, direction).judgement.status not in ("wrong", "corner"):
            return point
    point.comparison = compare_entries(function, dout, claims, [out.shape for out in outs], rtol)
    settle_doubts(point, rng, rtol)
    return point


def _meant(pair: Pair, values: Sequence[Any], run: Run) -> bool:
    """Whether the author surely meant inputs of these shapes, which nobody declared and the forward accepts.

    Code for vectors and matrices is often written for one size, and broadcasting accepts many a shape that nobody had
    in mind. So only images and sequences count (three axes or more): another height or width, and another size of the
    same axis throughout, with outputs to match.
    """
    old, new = _shapes(pair.values), _shapes(values)
    if [len(shape) for shape in old] != [len(shape) for shape in new]:
        return False
    places = [(len(s), axis - len(s)) for s, t in zip(old, new) for axis in range(len(s)) if s[axis] != t[axis]]
    if any(dims < 3 for dims, _ in places):
        return False
    if all(axis >= -2 for _, axis in places) and all(n > 1 for shape in new for n in shape):
        return True
    changes = {(a, b) for before, after in zip(old, new) for a, b in zip(before, after)}
    lengths = dict(changes)
    if len(lengths) != len(changes):
        return False
    return [out.shape for out in run.outs] == [tuple(lengths.get(n, n) for n in shape) for shape in pair.out_shapes]


def _misshapen(path: str, claim: Array, leaf: Any) -> Finding:
    message = f"the gradient of {path} has shape {claim.shape}, but {path} has shape {np.shape(leaf)}"
    advice = "a gradient has exactly the shape of the thing that it is the gradient of, at every size"
    return Finding(path, IS_WRONG, message, "edge", "shape", advice, np.shape(leaf))


def _is_narrow(values: Sequence[Any]) -> bool:
    dtypes = [getattr(leaf, "dtype", np.dtype(float)) for leaf in tree.leaves(list(values))]
    return any(dtype.kind == "f" and dtype != np.float64 for dtype in dtypes)


def _shapes(values: Sequence[Any]) -> list[tuple[int, ...]]:
    return [np.shape(leaf) for leaf in tree.leaves(list(values)) if isinstance(leaf, np.ndarray)]
