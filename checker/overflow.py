"""Does a right formula overflow at large inputs where its value should be finite?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .calling import Pair
from .report import RIGHT, Finding

#: Largest entries tried: the size that overflows exp, after sizes that tell how fast the outputs grow.
LARGE = 1000.0
GROWTH = (7.5, 15.0, 30.0)


def overflow_finding(pair: Pair) -> Finding | None:
    """A remark if inputs made large give nan or inf, although the outputs grow no faster than a polynomial.

    A loss of logits grows in proportion to them, so inf at 1000 is the code's fault; exp itself may overflow. Each
    input is made large alone, then all of them: the logits of attention are products of two.
    """
    ordinary = [path for path, leaf in zip(pair.paths, pair.leaves()) if _ordinary(leaf)]
    for chosen in [[path] for path in ordinary] + [ordinary] * (len(ordinary) > 1):
        sizes = [_largest(pair, chosen, size) for size in GROWTH]
        polynomial = all(np.isfinite(s) for s in sizes) and sizes[2] <= 2**6 * max(sizes[1], 1e-3)
        if polynomial and not (np.isfinite(_largest(pair, chosen, LARGE)) and _gradients_finite(pair, chosen)):
            message = f"right, but overflows where {' and '.join(chosen)} reach{'es' * (len(chosen) == 1)} {LARGE:g}"
            advice = "subtract the row maximum before exp, or use a form that stays finite"
            return Finding(chosen[0] if len(chosen) == 1 else "", RIGHT, message, "unstable", "overflow", advice)
    return None


def _ordinary(leaf: Any) -> bool:
    """Whether an input has ordinary numbers that may well be large one day: no probabilities, masks or labels."""
    if getattr(leaf, "dtype", None) == np.float16:  # ends at 65504: no form of a product helps
        return False
    x = np.asarray(leaf, dtype=float)
    if not x.size or not 0 < np.max(np.abs(x)) < 20:
        return False
    return not (x.size > 1 and np.all((x >= 0) & (x <= 1)))


def _gradients_finite(pair: Pair, chosen: Sequence[str]) -> bool:
    """Whether the backward, too, stays finite at large inputs."""
    leaves = _scaled(pair, chosen, LARGE)
    try:
        run = pair.forward(pair.arguments(None, leaves))
        found = pair.assign(pair.pull(run, pair.upstream(run, [np.ones(out.shape) for out in run.outs])))
        return all(bool(np.all(np.isfinite(np.asarray(g, dtype=float)))) for g in found.values())
    except Exception:
        return True


def _scaled(pair: Pair, chosen: Sequence[str], size: float) -> list[Any]:
    """The inputs, the chosen ones scaled to a largest entry of this size."""
    leaves: list[Any] = []
    for path, leaf in zip(pair.paths, pair.leaves()):
        x = np.asarray(leaf)
        scaled = x * (size / float(np.max(np.abs(x)))) if path in chosen else x
        leaves.append(scaled.astype(x.dtype) if isinstance(leaf, np.ndarray) else float(scaled))
    return leaves


def _largest(pair: Pair, chosen: Sequence[str], size: float) -> float:
    """The largest output with the chosen inputs scaled to plus and minus this size; 0 if it cannot be computed."""
    found = [0.0]
    for sign in (1.0, -1.0):
        try:
            outs = pair.forward(pair.arguments(None, _scaled(pair, chosen, sign * size))).outs
        except Exception:
            continue
        found += [float(np.max(np.abs(out), initial=0.0)) for out in outs]
    return float(np.max(found))
