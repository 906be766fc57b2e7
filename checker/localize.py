"""Find the few wrong entries of a large gradient, from few forward evaluations.

The deviation of the claimed slope from the numeric one along a random direction is a sum over the entries moved. It is
measured for one half of the suspects; the other half has the rest. Halving again and again finds a wrong entry among n
in about log2(n) measurements of two evaluations each.
"""

from collections.abc import Sequence

import numpy as np

from .compare import SHARP, Directional, norm
from .numerical import EPS, STEP, Array, Function, Line, rung

#: Enough to show a pattern; each further entry costs about log2(n) measurements more.
MOST = 8


def locate(
    function: Function, dout: Array, claims: Sequence[Array], off: Directional, most: int = MOST
) -> list[tuple[int, tuple[int, ...]]]:
    """Up to `most` wrong entries as (leaf, index), given a direction along which the claims are off.

    Those with the largest effect come first along each branch.
    """
    direction = off.direction
    sizes = [x.size for x in function.x]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weight = np.concatenate([v.ravel() for v in direction])
    claim = np.concatenate([np.ravel(g) for g in claims])
    with np.errstate(all="ignore"):
        terms = claim * weight

    def deviation(suspects: Array) -> tuple[float, float]:
        """Claimed minus numeric slope along the suspects' part of the direction, and how much of it may be noise."""
        chosen = np.zeros(weight.size)
        chosen[suspects] = weight[suspects]
        parts = [chosen[a:b].reshape(x.shape) for a, b, x in zip(starts, starts[1:], function.x)]
        found = rung(Line(function, direction=parts), dout, STEP, EPS * np.abs(function.out))
        if found is None or not np.isfinite(found.central):
            return np.nan, np.inf
        size = norm([terms[suspects]])
        return float(np.sum(terms[suspects])) - found.central, SHARP * size + 2 * found.noise

    wrong: list[tuple[int, tuple[int, ...]]] = []
    everyone = np.arange(weight.size)
    total = off.claim - off.judgement.value
    stack = [(everyone, total, SHARP * off.size + off.judgement.error)] if weight.size and np.isfinite(total) else []
    while stack and len(wrong) < most:
        suspects, known, slack = stack.pop()
        if abs(known) <= slack:
            continue
        if suspects.size == 1:
            leaf = int(np.searchsorted(starts, suspects[0], side="right")) - 1
            index = np.unravel_index(int(suspects[0]) - int(starts[leaf]), function.x[leaf].shape)
            wrong.append((leaf, tuple(int(i) for i in index)))
            continue
        half = suspects.size // 2
        left, right = suspects[:half], suspects[half:]
        measured, noise = deviation(left)
        rest = known - measured
        # What is left over for the other half is known only to within both errors.
        branches = [(left, measured, noise), (right, rest, slack + noise)]
        stack += sorted(branches, key=lambda branch: abs(branch[1]))
    return wrong
