"""Claimed gradients against numeric ones at one point: entry by entry (full), or along random directions (fast)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .independence import Group, groups, reach
from .numerical import EPS, RATIO, SAFETY, STEP, Array, Function, Judgement, Line, Rung, complex_step, judge, rung

#: What became of each entry. The order is of severity.
RIGHT, KINK, UNSETTLED, CORNER, WRONG = range(5)
CODES = {"right": RIGHT, "kink": KINK, "unsettled": UNSETTLED, "corner": CORNER, "wrong": WRONG}

#: An entry a million times smaller than its gradient is settled by showing that it is small.
NEGLIGIBLE = 1e-6
#: Along a direction, the errors of single entries drown: only this much may differ beyond the error bar.
SHARP = 1e-9
#: How much further an entry with a small gradient is moved, at most.
LEVEL = 20.0
#: What rounding inside a right backward may add to an entry, relative to its gradient.
ROUNDING = 8 * EPS
#: A slope this small beside the upstream gradient may be claimed to be 0: saturated units have slopes of 1e-100.
VANISHED = 1e-30
#: After so many entries of one gradient proven wrong on the ladder, plainly wrong ones are taken as wrong without it.
CLIMBS = 12
#: How many of the worst entries a report shows.
SHOWN = 3
#: The full Jacobian is kept for the diagnosis up to this many numbers.
KEEP = 4_000_000

Progress = Callable[[int, int], None]


@dataclass
class Comparison:
    """Per leaf: the numeric gradient, its error bar, and what became of each entry (RIGHT ... WRONG)."""

    numeric: list[Array]
    error: list[Array]
    status: list[Array]
    jacobian: list[Array | None] = field(default_factory=list)

    @property
    def worst(self) -> int:
        """The most severe status of all entries."""
        return max((int(s.max()) for s in self.status if s.size), default=RIGHT)


def compare_entries(
    function: Function,
    dout: Array,
    claims: Sequence[Array],
    out_shapes: Sequence[tuple[int, ...]],
    rtol: float,
    progress: Progress | None = None,
    sketch: bool = False,
) -> Comparison:
    """Check every entry of the claimed gradients of <dout, outputs>: two evaluations for an ordinary entry.

    An entry that one central difference does not settle climbs the ladder of steps; a `sketch` judges it as it is.
    """
    total = sum(x.size for x in function.x)
    keep = total * max(dout.size, 1) <= KEEP
    result = Comparison(
        [np.array(claim, dtype=float) for claim in claims],
        [np.zeros(x.shape) for x in function.x],
        [np.zeros(x.shape, dtype=np.int8) for x in function.x],
        [np.zeros((x.size, dout.size)) if keep else None for x in function.x],
    )
    done = 0
    for leaf in range(len(function.x)):
        typical = _rms(claims[leaf])

        def climb(position: int, leaf: int = leaf, typical: float = typical) -> bool:
            """Judge one entry on the whole ladder of steps; whether it is wrong."""
            index = tuple(int(i) for i in np.unravel_index(position, function.x[leaf].shape))
            claim = float(claims[leaf][index])
            verdict = judge_entry(function, leaf, index, dout, claim, rtol, out_shapes, typical)
            result.numeric[leaf][index] = verdict.value
            result.error[leaf][index] = verdict.error
            result.status[leaf][index] = CODES[verdict.status]
            return verdict.status == "wrong"

        proven, taken = 0, []
        for group in groups(function, leaf, out_shapes):
            settled, evident = _central(function, leaf, group, dout, claims[leaf], typical, rtol, result)
            for position, plain in zip(group.flat[~settled], evident[~settled]):
                if sketch or (plain and proven >= CLIMBS):
                    taken.append(int(position))
                else:
                    proven += climb(int(position))
            done += group.flat.size
            if progress is not None:
                progress(done, total)
        # The worst of those that were taken as wrong are the ones to show: they get a good estimate. Should one of them
        # turn out not to be wrong, none is taken on trust.
        distance = np.abs(claims[leaf] - result.numeric[leaf]).ravel()
        taken.sort(key=lambda position: -distance[position] if np.isfinite(distance[position]) else -np.inf)
        result.status[leaf].flat[taken] = WRONG
        if sketch:
            close = distance <= 10 * result.error[leaf].ravel() + 1e-6 * typical
            result.status[leaf].flat[close] = RIGHT
            continue
        shown = [climb(position) for position in taken[:SHOWN]]
        for position in taken[SHOWN:] if not all(shown) else ():
            climb(position)
    return result


def _rms(x: Array) -> float:
    """The root mean square of the finite entries."""
    finite = x[np.isfinite(x)]
    return norm([finite]) / float(np.sqrt(max(finite.size, 1)))


def norm(parts: Sequence[Array]) -> float:
    """The root of the sum of squares. These may leave the range: an infinite size would let any claim pass."""
    largest = float(np.max([np.max(np.abs(part), initial=0.0) for part in parts], initial=0.0))
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(sum(float(np.sum((part / largest) ** 2)) for part in parts)))


def _central(
    function: Function,
    leaf: int,
    group: Group,
    dout: Array,
    claim: Array,
    typical: float,
    rtol: float,
    result: Comparison,
) -> tuple[Array, Array]:
    """One central difference for a group of entries: which of them it settles, and which are plainly wrong.

    The rest need more steps. Plainly wrong are those that differ by far more than the two one-sided slopes do.
    """
    x = np.atleast_1d(function.x[leaf][group.select]).ravel()
    claimed = np.atleast_1d(claim[group.select]).ravel()
    x = np.where(np.isfinite(x), x, 0.0)  # infinite entries are judged one by one, and cannot move
    h = STEP * np.maximum(np.abs(x), function.scale[leaf])
    with np.errstate(over="ignore"):
        up, down = x + h, x - h
    shape = np.shape(function.x[leaf][group.select])
    plus = function.moved(leaf, group.select, up.reshape(shape))
    minus = function.moved(leaf, group.select, down.reshape(shape))
    out, owner, count = function.out, group.owner, x.size
    with np.errstate(all="ignore"):
        wide = up - down
        width = wide[owner] if count > 1 else wide[0]
        change = plus - minus
        central = _sums(dout * change, owner, count) / wide
        rising = _sums(dout * (plus - out), owner, count) / (up - x)
        falling = _sums(dout * (out - minus), owner, count) / (x - down)
        felt = EPS * np.abs(dout) * np.maximum(np.abs(plus), np.abs(minus)) * ((plus != out) | (minus != out))
        noise = 4 * _sums(felt, owner, count) / h
        size = np.maximum(np.abs(claimed), np.abs(central))
        agrees = np.abs(central - claimed) <= 0.3 * rtol * size + noise
        quiet = noise <= 1e-5 * np.maximum(size, 1e-3 * typical)
        step = (up - x)[owner] if count > 1 else up - x
        gap = _sums(np.abs(dout * ((plus - out) - (out - minus))) / step, owner, count)
        straight = gap <= 1e-3 * np.maximum(np.abs(rising), np.abs(falling)) + 20 * noise
        jacobian = result.jacobian[leaf]
        if jacobian is not None:
            jacobian[group.flat[owner], np.arange(out.size)] = change / width
        evident = straight & quiet & (np.abs(central - claimed) > 3 * gap + 20 * noise + 1e-5 * size)
        evident |= ~np.isfinite(claimed)  # nothing to compare with, as where the whole gradient has another size
    result.numeric[leaf].flat[group.flat] = central
    result.error[leaf].flat[group.flat] = noise + gap
    return np.isfinite(central) & agrees & quiet & straight, evident


def _sums(values: Array, owner: Array, count: int) -> Array:
    if count == 1:
        return np.atleast_1d(np.sum(values, dtype=float))
    return np.bincount(owner, weights=values, minlength=count)


def judge_entry(
    function: Function,
    leaf: int,
    index: tuple[int, ...],
    dout: Array,
    claim: float,
    rtol: float,
    out_shapes: Sequence[tuple[int, ...]],
    typical: float = 0.0,
) -> Judgement:
    """One entry on the whole ladder of steps. `typical` is the size of its gradient's other entries.

    Where rounding hides the slope, the complex step is heard as a second opinion.
    """
    if not np.isfinite(function.x[leaf][index]):
        return Judgement("right" if claim == 0 else "unsettled", 0.0, 0.0)
    line = Line(function, leaf, index)
    vanished = VANISHED * float(np.max(np.abs(dout), initial=0.0)) if claim == 0 else 0.0
    rounding = max(ROUNDING * typical, vanished)
    verdict = judge(line, dout, claim, rtol, negligible=NEGLIGIBLE * typical, absolute=rounding)
    if verdict.status == "wrong" and _swallowed(line, dout, abs(verdict.value - claim), out_shapes):
        verdict = Judgement("unsettled", verdict.value, verdict.error)
    if verdict.status != "unsettled" or not np.isfinite(verdict.value):
        return verdict
    try:
        exact = float(np.sum(dout * complex_step(function.evaluate, function.x, leaf, index)))
    except Exception:  # most code was not written for complex numbers; then there is no second opinion
        return verdict
    confirmed = abs(exact - verdict.value) <= SAFETY * verdict.error and exact != 0
    if confirmed and abs(exact - claim) <= max(rtol, 1e-6) * abs(exact):
        return Judgement("right", exact, rtol * abs(exact))
    return verdict


def _swallowed(line: Line, dout: Array, distance: float, out_shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether an output that stood still may hide the difference in its last digit: 1 - exp(-60) is 1."""
    function, h = line.function, STEP * line.scale
    _, _, plus, minus = line.sample(h)
    hidden = EPS * np.abs(dout * function.out) * ((plus == function.out) & (minus == function.out))
    if distance > SAFETY * np.sum(hidden) / h:
        return False
    return bool(distance <= SAFETY * np.sum(hidden[reach(function, line.leaf, line.index, out_shapes)]) / h)


@dataclass(frozen=True)
class Directional:
    """One random direction: the claimed and the numeric slope along it, and the size of the terms that make it up."""

    direction: list[Array]
    claim: float
    judgement: Judgement
    size: float


def random_direction(
    function: Function, claims: Sequence[Array], rng: np.random.Generator, level: bool = False
) -> list[Array]:
    """Continuous signed weights times each entry's scale; leaves whose gradients are small are moved further.

    Weights of +-1 would cancel equal and opposite errors half of the time. With `level`, entries whose gradient is
    small beside their leaf's are moved further too, so that their mistakes do not drown.
    """
    weights = []
    for which, (x, scale) in enumerate(zip(function.x, function.scale)):
        size = np.where(np.isfinite(x), np.abs(x), 0.0)
        smallest = np.min(size[size > 0], initial=np.inf)
        mixed = size.size and np.max(size) > 1e4 * smallest and smallest < 1e-4 * np.median(size)
        unit = np.where(size > 0, size, scale) if mixed else np.maximum(size, scale)
        unit = np.where(np.isfinite(x), unit, 0.0)
        weight = unit * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)
        if level:
            size, typical = np.abs(claims[which]), _rms(claims[which])
            weight = weight * np.clip(typical / np.maximum(size, 1e-300), 1.0, LEVEL)
        weights.append(weight)
    with np.errstate(all="ignore"):
        sizes = np.array([np.sqrt(np.sum((g * w) ** 2)) for g, w in zip(claims, weights)])
    known = sizes[np.isfinite(sizes) & (sizes > 0)]
    middle = float(np.max(known)) if known.size else 1.0
    balance = [float(np.clip(middle / s, 1.0, 30.0)) if np.isfinite(s) and s > 0 else 1.0 for s in sizes]
    return [b * w for b, w in zip(balance, weights)]


def compare_direction(
    function: Function, dout: Array, claims: Sequence[Array], direction: Sequence[Array]
) -> Directional:
    """The slope along a direction: two evaluations where they settle it, four or many more where they do not."""
    found = glimpse_direction(function, dout, claims, direction)
    return found if isinstance(found, Directional) else climb_direction(dout, direction, *found)


def climb_direction(dout: Array, direction: Sequence[Array], claim: float, size: float, line: Line) -> Directional:
    """What the whole ladder of steps says of a direction that a glimpse left open."""
    return Directional(list(direction), claim, judge(line, dout, claim, SHARP, size=size, negligible=1e-4 * size), size)


def glimpse_direction(
    function: Function, dout: Array, claims: Sequence[Array], direction: Sequence[Array]
) -> Directional | tuple[float, float, Line]:
    """What four evaluations at most say of a direction beyond doubt; else the claimed slope, its size and the line."""
    with np.errstate(all="ignore"):
        terms = [g * v for g, v in zip(claims, direction)]
        claim = float(sum(float(np.sum(t)) for t in terms))
        size = norm(terms)
        input_rounding = EPS * norm([(g * x)[np.isfinite(x)] for g, x in zip(claims, function.x)])
    line = Line(function, direction=direction)
    plain = _two_steps(line, dout, claim, size, input_rounding)
    return (claim, size, line) if plain is None else Directional(list(direction), claim, plain, size)


def _two_steps(line: Line, dout: Array, claim: float, size: float, input_rounding: float) -> Judgement | None:
    """What one step, or a second one an eighth as wide, says of a direction beyond doubt; None if nothing."""
    out = line.function.out
    found: list[tuple[Rung, float]] = []
    for h in (STEP, STEP / RATIO):
        step = rung(line, dout, h, EPS * np.abs(out))
        if step is None or not np.isfinite(step.central):
            return None
        found.append((step, 2 * step.noise + 2 * input_rounding / h))
        if len(found) == 1 and abs(step.central - claim) <= SHARP * size + found[0][1]:
            quiet = found[0][1] <= 1e-6 * size and step.gap <= 1e-2 * size + 20 * found[0][1]
            return Judgement("right", step.central, found[0][1]) if quiet else None
    (wide, noise), (narrow, more) = found
    change = abs(wide.central - narrow.central)
    error = noise + max(0.0, change - more)  # what the narrow step's rounding does not explain is truncation
    straight = narrow.gap <= 0.3 * wide.gap + more and wide.gap <= 1e-2 * size + 20 * noise
    away = abs(wide.central - claim)
    if straight and error <= 1e-6 * size:
        if away <= SAFETY * error + SHARP * size:
            return Judgement("right", wide.central, error)
        if away > 20 * error:
            return Judgement("wrong", wide.central, error)
    return None


def share(off: Array, whole: str) -> str:
    """How much of the whole: `2 of 6 entries of the gradient of x are`; of a single number, `the gradient of x is`."""
    count = int(np.sum(off))
    entries = "" if off.size == 1 else f"{count} of {off.size} entries of "
    return f"{entries}{whole} {'is' if count == 1 else 'are'}"


def agreement(size: int, whole: str) -> str:
    """That all of the whole agrees: `all 6 entries of the gradient of x agree`, `the gradient of x agrees`."""
    return f"{whole} agrees" if size == 1 else f"all {size} entries of {whole} agree"
