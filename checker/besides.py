"""What the numbers say where a breach of the contract has already made the verdict: wrong ones are told as well."""

from dataclasses import replace

import numpy as np

from .compare import compare_entries
from .findings import gradient_findings
from .point import Point, settle_doubts, weights
from .report import WRONG, Finding

#: Breaches that leave the gradients as they were returned, to be compared.
OF_MEMORY = ("writes-dout", "writes-input", "writes-cache", "shares-memory")
#: With more numbers than this nothing is compared: the breach is to be mended first.
MANY = 600


def wrong_besides(point: Point, rng: np.random.Generator, rtol: float) -> list[Finding]:
    """A finding for each gradient whose numbers are wrong too; empty where a breach leaves nothing to compare."""
    pair, function, returned = point.pair, point.function, point.seen.gradients
    if any(getattr(leaf, "dtype", np.dtype(float)) != np.float64 for leaf in pair.leaves(point.values)):
        return []
    if not all(breach.cause in OF_MEMORY for breach in point.seen.breaches) or not np.all(function.defined):
        return []
    claims = [np.asarray(returned[path], dtype=float) for path in pair.paths if path in returned]
    alike = [claim.shape for claim in claims] == [x.shape for x in function.x]
    if not alike or sum(x.size for x in function.x) > MANY or not all(np.all(np.isfinite(claim)) for claim in claims):
        return []
    shapes = [out.shape for out in point.seen.run.outs]
    comparison = compare_entries(function, weights(point), claims, shapes, rtol)
    judged = replace(point, claims=claims, comparison=comparison)
    settle_doubts(judged, rng, rtol)
    found = [finding for finding in gradient_findings(judged) if finding.verdict == WRONG]
    return [replace(finding, message=f"besides, {finding.message}") for finding in found]
