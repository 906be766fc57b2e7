"""Does a right formula overflow at large inputs where its value should be finite?"""

from typing import Any

import numpy as np

from .calling import Pair
from .report import RIGHT, Finding

#: Largest entries tried: the size that overflows exp, after sizes that tell how fast the outputs grow.
LARGE = 1000.0
GROWTH = (30.0, 90.0, 270.0)


def overflow_finding(pair: Pair) -> Finding | None:
    """A remark if one input, made large, gives nan or inf although the outputs grow no faster than a polynomial.

    A loss of logits grows in proportion to them, so inf at 1000 is the code's fault; exp itself may overflow.
    """
    for path, leaf in zip(pair.paths, pair.leaves()):
        x = np.asarray(leaf, dtype=float)
        size = float(np.max(np.abs(x), initial=0.0))
        if not 0 < size < 20 or (x.size > 1 and np.all((x >= 0) & (x <= 1))):
            continue
        sizes = [_largest(pair, path, scale / size) for scale in GROWTH]
        polynomial = all(np.isfinite(s) for s in sizes) and sizes[2] <= 3**4 * max(sizes[1], 1e-3)
        if polynomial and not np.isfinite(_largest(pair, path, LARGE / size)):
            message = f"right, but overflows where {path} reaches {LARGE:g}"
            advice = "subtract the row maximum before exp, or use a form that stays finite"
            return Finding(path, RIGHT, message, "unstable", "overflow", advice, x.shape)
    return None


def _largest(pair: Pair, path: str, factor: float) -> float:
    """The largest output with one input multiplied; nan if it cannot be computed."""
    leaves: list[Any] = [
        leaf * factor if own == path and isinstance(leaf, (np.ndarray, np.generic)) else float(leaf) * factor if own == path else leaf
        for own, leaf in zip(pair.paths, pair.leaves())
    ]
    typed = [np.asarray(new, dtype=old.dtype) if isinstance(old, np.ndarray) else new for new, old in zip(leaves, pair.leaves())]
    try:
        outs = pair.forward(pair.arguments(None, typed)).outs
    except Exception:
        return 0.0
    return max((float(np.max(np.abs(out), initial=0.0)) for out in outs), default=0.0)
