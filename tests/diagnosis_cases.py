"""Cases for the diagnosis, built from plain NumPy pairs and independent of the checker's own numeric engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from checker.diagnose import Case


@dataclass(frozen=True)
class Wrong:
    """A forward, a wrong backward(dout, *inputs) -> gradients, how inputs are drawn, and the names it may be given."""

    name: str
    forward: Callable
    backward: Callable
    draw: Callable[[np.random.Generator], tuple]
    expected: tuple[str, ...]
    constants: dict[str, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def outputs(forward: Callable, inputs: tuple) -> tuple[np.ndarray, ...]:
    out = forward(*[x.copy() for x in inputs])
    return tuple(np.asarray(o, float) for o in (out if isinstance(out, tuple) else (out,)))


def flat(forward: Callable, inputs: tuple) -> np.ndarray:
    return np.concatenate([o.ravel() for o in outputs(forward, inputs)])


def jacobian(forward: Callable, inputs: tuple, k: int) -> np.ndarray:
    """Central differences at two steps, extrapolated: (inputs[k].size, number of outputs)."""
    rows = []
    for i in np.ndindex(inputs[k].shape):
        slopes = []
        for h in (4e-4, 2e-4):
            ends = []
            for step in (h, -h):
                moved = [x.copy() for x in inputs]
                moved[k][i] += step
                ends.append(flat(forward, tuple(moved)))
            slopes.append((ends[0] - ends[1]) / (2 * h))
        rows.append((4 * slopes[1] - slopes[0]) / 3)
    return np.array(rows).reshape(inputs[k].size, -1)


def build(pair: Wrong, seed: int, inputs: tuple | None = None, big: bool = False) -> Case:
    """The case at a random point (or at `inputs`); `big` leaves the Jacobians out."""
    rng = np.random.default_rng(seed)
    drawn = pair.draw(rng) if inputs is None else inputs
    drawn = tuple(np.asarray(x, float) for x in drawn)
    outs = outputs(pair.forward, drawn)
    rng = np.random.default_rng(seed + 999)
    douts = tuple(rng.uniform(0.5, 1.5, o.shape) * rng.choice([-1.0, 1.0], o.shape) for o in outs)

    def vjp(douts: tuple) -> tuple:
        parts = [np.array(d, float) for d in douts]
        made = pair.backward(parts if len(parts) > 1 else parts[0], *[x.copy() for x in drawn])
        return tuple(np.asarray(g, float) for g in (made if isinstance(made, tuple) else (made,)))

    claimed = vjp(douts)
    d = np.concatenate([dout.ravel() for dout in douts])
    jacobians = tuple(jacobian(pair.forward, drawn, k) for k in range(len(drawn)))
    numeric = tuple((J @ d).reshape(x.shape) for J, x in zip(jacobians, drawn, strict=True))
    error = tuple(np.full(n.shape, 1e-10 * (np.max(np.abs(n)) if n.size else 0) + 1e-13) for n in numeric)
    wrong = tuple(
        np.abs(c - n) > 1e-7 * max(np.max(np.abs(n)), 1e-12) + e if c.shape == n.shape else np.ones(n.shape, bool)
        for c, n, e in zip(claimed, numeric, error, strict=True)
    )
    return Case(
        names=pair.names or tuple(pair.backward.__code__.co_varnames[1 : 1 + len(drawn)]),
        inputs=drawn,
        out_names=("out",) if len(outs) == 1 else tuple(f"out{i}" for i in range(len(outs))),
        outs=outs,
        douts=douts,
        claimed=claimed,
        numeric=numeric,
        error=error,
        wrong=wrong,
        jacobian=tuple(None for _ in jacobians) if big else jacobians,
        vjp=vjp,
        at=lambda inputs: build(pair, seed, inputs, big),
        axes={},
        constants=pair.constants,
    )


def cases(pair: Wrong, seed: int = 0, points: int = 3, big: bool = False) -> tuple[Case, tuple[Case, ...]]:
    """A case, and the others at further points: some of other shapes where the draw has them, one of the same."""
    first, *others = (build(pair, 100 * seed + i, big=big) for i in range(points))
    again = (100 * seed + i for i in range(points, points + 40))
    alike = (i for i in again if [np.shape(x) for x in drawn(pair, i)] == [x.shape for x in first.inputs])
    return first, (*others, *(build(pair, i, big=big) for i in islice(alike, 1)))


def drawn(pair: Wrong, seed: int) -> tuple:
    """The inputs that `build` draws from a seed."""
    return pair.draw(np.random.default_rng(seed))
