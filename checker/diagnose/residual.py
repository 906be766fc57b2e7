"""Relations of the difference between the right gradient and a wrong one: the path or the term that is missing."""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from collections.abc import Callable
from itertools import combinations

import numpy as np

from .case import Case, Cause
from .constants import recognise
from .view import FORM, Point, View, known, size_of

Ways = dict[tuple[str, str], np.ndarray]
Basis = Callable[[View, tuple[int, ...]], list[np.ndarray]]


def difference(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(right - yours, right, yours), each of the input's shape and one more axis for the outputs."""
    if not view.shaped:
        return None
    if view.C is None:
        return (view.truth - view.yours)[..., None], view.truth[..., None], view.yours[..., None]
    return view.J - view.C, view.J, view.C


def rest(values: np.ndarray, basis: list[np.ndarray], axes: tuple[int, ...]) -> np.ndarray:
    """What is left of `values` once each group along `axes` is freed of its best multiple of every basis array."""
    freed: list[np.ndarray] = []
    for b in basis:
        vector = np.broadcast_to(b, values.shape[:-1])[..., None]
        for earlier in freed:
            vector = vector - multiple(vector, earlier, axes) * earlier
        freed.append(vector)
        values = values - multiple(values, vector, axes) * vector
    return values


def multiple(values: np.ndarray, vector: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The best multiple of `vector` in every group along the axes."""
    square = (vector * vector).sum(axes, keepdims=True)
    return (values * vector).sum(axes, keepdims=True) / np.where(square > 0, square, 1)


def centred(view: View, axes: tuple[int, ...]) -> np.ndarray:
    """X - mean along the axes."""
    return view.x - view.x.mean(axes, keepdims=True)


def of_out(view: View, change: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """A function of the output, if it stands beside the input entry by entry."""
    if view.out_shape != view.shape:
        return []
    with np.errstate(all="ignore"):
        made = change(view.out)
    return [made] if np.all(np.isfinite(made)) else []


PATHS: tuple[tuple[str, Basis, str, str], ...] = (
    (
        "mean-path",
        lambda v, a: [np.ones(v.shape)],
        "by a number that is the same for all entries along {axes}",
        "The path through a mean or sum over that axis is missing or wrong: each entry also moves the mean, so the sum "
        "of what reaches the mean goes back to every entry.",
    ),
    (
        "variance-path",
        lambda v, a: [centred(v, a)],
        "by a multiple of x - mean along {axes}",
        "The path through the variance (or standard deviation) over that axis is missing or wrong: each entry also "
        "moves the variance, whose derivative is 2 (x - mean)/n.",
    ),
    (
        "norm-path",
        lambda v, a: [v.x],
        "by a multiple of x itself along {axes}",
        "The path through a norm or a sum of squares over that axis (or a regularisation term) is missing or wrong: "
        "each entry also moves the norm.",
    ),
    (
        "softmax-path",
        lambda v, a: of_out(v, lambda out: out),
        "by a multiple of the output along {axes}",
        "The path through a normalising sum, as in softmax, is missing or wrong: each entry also moves the sum that "
        "all are divided by, which takes out * sum(dout * out) from the gradient.",
    ),
    (
        "softmax-path",
        lambda v, a: of_out(v, lambda out: np.exp(out - out.max())),
        "by a multiple of exp(output) along {axes}",
        "The path through log-sum-exp, as in log-softmax, is missing or wrong: it takes softmax * sum(dout) from the "
        "gradient.",
    ),
    (
        "mean-and-variance-paths",
        lambda v, a: [np.ones(v.shape), centred(v, a)],
        "by a number plus a multiple of x - mean along {axes}",
        "The paths through the mean and the variance over that axis are missing or wrong: each entry moves both, and "
        "both come back to every entry.",
    ),
)


def path(view: View) -> Cause | None:
    """The difference lies along 1, x - mean, x, out or exp(out), group by group along some axes."""
    n = len(view.shape)
    sets = [axes for size in range(n, 0, -1) for axes in combinations(range(n), size)]
    for name, basis, words, advice in PATHS:
        for axes in sets:
            if not view.everywhere(lambda v, b=basis, a=axes: len(v.shape) == n and lies(v, b, a) is not None):
                continue
            if sum(lies(v, basis, axes) or 0 for v in view.points) < 6:
                continue
            text = words.format(axes=view.axes(axes)).replace("x ", f"{view.name} ")
            return view.cause(name, f"Yours differs from the right gradient {text}.", advice)
    return None


#: Terms of a loss's derivative that hold nothing of the data but the entry itself: basis, words, where they come from.
TERMS: tuple[tuple[Callable[[View], np.ndarray], str, str], ...] = (
    (lambda v: np.ones(v.shape), "", "linear in this input"),
    (lambda v: v.x, " {name}", "a square of this input, or of a difference with it"),
)


def same_number(view: View) -> Cause | None:
    """Off by one number, or by one number times the entry, wherever it is: a term of the derivative, and no path."""
    for basis, words, origin in TERMS:
        values = known(steady_multiple(v, basis(v)) for v in view.points)
        if values is None:
            continue
        groups: dict[tuple[object, ...], list[float]] = {}
        for v, value in zip(view.points, values, strict=True):
            groups.setdefault(tuple(np.shape(x) for x in v.case.inputs), []).append(value)
        largest = max(map(abs, values))
        if max(map(len, groups.values())) < 2 or any(np.ptp(group) > FORM * largest for group in groups.values()):
            continue
        return view.cause(
            "missing-term",
            f"Right gradient = yours {'+' if values[0] > 0 else '-'} {abs(values[0]):.6g}"
            f"{words.format(name=view.name)} in every entry that is wrong, whatever the inputs are.",
            "A term of the derivative is missing, extra or of the wrong sign or size: one of the forward's terms is "
            f"{origin}.",
        )
    return None


def steady_multiple(view: View, basis: np.ndarray) -> float | None:
    """C with right - yours = c * basis for a loss, in three entries or more, where they differ at all; else None."""
    parts = difference(view)
    if parts is None or view.point.dout.size != 1 or view.point.dout[0] == 0:
        return None
    off = parts[0][..., 0] / (1.0 if view.C is not None else view.point.dout[0])
    wrong = np.abs(off) > 1e-4 * size_of(off)
    if np.sum(wrong) < min(3, view.x.size) or view.x.size < 2 or size_of(off) < 1e3 * view.noise:
        return None
    c = float(np.sum((off * basis)[wrong]) / np.sum((basis * basis)[wrong]))
    return c if size_of((off - c * basis)[wrong]) <= FORM * size_of(off) + view.noise else None


def lies(view: View, basis: Basis, axes: tuple[int, ...]) -> int | None:
    """How many numbers confirm that the difference lies along `basis` and the gradients do not; None if it does not."""
    parts = difference(view)
    vectors = basis(view, axes)
    length = int(np.prod([view.shape[a] for a in axes])) if axes else 1
    if parts is None or not vectors or length <= len(vectors):
        return None
    off, right, yours = parts
    noise = view.noise
    if size_of(off) < 1e3 * noise or size_of(rest(off, vectors, axes)) > FORM * size_of(off) + noise:
        return None
    if min(size_of(rest(g, vectors, axes)) / max(size_of(g), 1e-300) for g in (right, yours)) < 1e-3:
        return None
    groups = np.sum(np.max(np.abs(off), axis=axes) > 1e-3 * size_of(off))
    return int(groups) * (length - len(vectors))


def penalty(view: View) -> Cause | None:
    """Off by a constant multiple of the input: a regularisation term."""
    values = known(penalty_factor(v) for v in view.points)
    if values is None:
        return None
    number = sum(v.x.size for v in view.points)
    if number < ENOUGH:  # few numbers: look at further points
        near = [View(point, view.k) for point in view.point.near]
        values += [c for v in near if (c := penalty_factor(v)) is not None]
        number += sum(v.x.size for v in near)
    if any(c is None for c in values) or number < 4 or (max(v.x.size for v in view.points) == 1 and len(values) < 5):
        return None
    if follows(view):
        return None
    named = recognise(view, [abs(c) for c in values[: len(view.points)]])
    if np.ptp(values) > 1e-5 * abs(values[0]) and named is None:
        return None
    size = named or format(abs(values[0]), ".6g")
    way = "minus" if values[0] > 0 else "plus"
    return view.cause(
        "regularisation",
        f"Yours is the right gradient {way} {view.name} times {size}: the data's part is right, the term proportional "
        f"to {view.name} is not.",
        REGULARISE,
    )


ENOUGH = 12
REGULARISE = (
    "Compare what the forward squares (a regularisation, a difference) with its gradient: r * sum(W^2) gives 2 r W, "
    "(r/2) * sum(W^2) gives r W, inside or outside the 1/N; a parameter that is not in that sum has no such term."
)


def penalty_factor(view: View) -> float | None:
    """C with right - yours = c x for a scalar loss, or None."""
    parts = difference(view)
    if parts is None or view.point.dout.size != 1 or view.point.dout[0] == 0:
        return None
    off = parts[0][..., 0] if view.C is not None else parts[0][..., 0] / view.point.dout[0]
    square = float(np.sum(view.x**2))
    c = float(np.sum(off * view.x) / square) if square else 0.0
    if (
        c == 0
        or not np.isfinite(c)
        or size_of(off - c * view.x) > FORM * size_of(off) + view.noise
        or size_of(off) < 1e3 * view.noise
    ):
        return None
    return c


def follows(view: View) -> bool:
    """Is the right gradient itself a multiple of the input? Then a difference that is one says nothing."""
    ratios = []
    for v in view.points:
        right = v.truth / v.point.dout[0]
        if v.x.size > 1 and size_of(rest(right[..., None], [v.x], tuple(range(v.x.ndim)))) > 1e-3 * size_of(right):
            return False
        ratios.append(float(np.sum(right * v.x) / np.sum(v.x**2)))
    return bool(max(v.x.size for v in view.points) > 1 or np.ptp(ratios) < 1e-3 * max(map(abs, ratios)))


def penalty_and_factor(view: View) -> Cause | None:
    """Yours = a * right + b * x: the data's part has a factor (1/N, say), the regularisation's another."""
    found = known(both_factors(v) for v in view.points)
    if found is None or sum(v.x.size - 2 for v in view.points) < 5:
        return None
    a, b = found[0]
    named = recognise(view, [first for first, _ in found])
    if named is None and (np.ptp([first for first, _ in found]) > 1e-5 * abs(a) or len(found) < 2):
        return None
    return view.cause(
        "regularisation",
        f"Yours is the right gradient times {named or format(a, '.6g')} {'plus' if b > 0 else 'minus'} {view.name} "
        f"times {abs(b):.6g}: the data's part and the regularisation's part have different factors.",
        REGULARISE,
    )


def both_factors(view: View) -> tuple[float, float] | None:
    """A and b with yours = a * right + b * x for a loss, both of them needed; else None."""
    parts = difference(view)
    if parts is None or view.point.dout.size != 1 or view.point.dout[0] == 0 or view.x.size < 3:
        return None
    d = view.point.dout[0] if view.C is None else 1.0
    matrix = np.column_stack([parts[1].ravel() / d, view.x.ravel()])
    yours = parts[2].ravel() / d
    if np.linalg.matrix_rank(matrix, rtol=1e-6 * size_of(matrix)) < 2:
        return None
    (a, b), *_ = np.linalg.lstsq(matrix, yours, rcond=None)
    if size_of(matrix @ np.array([a, b]) - yours) > 2e-6 * size_of(yours) + view.noise:
        return None
    return None if min(abs(a - 1), abs(a)) < 1e-4 or abs(b) < 1e-6 else (float(a), float(b))


def one_number(view: View) -> Cause | None:
    """The difference passes through one number for each group along some axes: what it does to dout has rank 1."""
    n = len(view.shape)
    for axes in (a for size in range(1, n + 1) for a in combinations(range(n), size)):
        if not view.everywhere(lambda v, a=axes: single(v, a)):
            continue
        groups = "" if len(axes) == n else f" for each index of {view.axes([a for a in range(n) if a not in axes])}"
        plain = view.everywhere(lambda v, a=axes: single(v, a, plain=True))
        what = "the sum of dout" if plain else "one sum of dout times something"
        return view.cause(
            "one-number-path",
            f"What is wrong is a term with {what} along {view.axes(axes)}{groups}; all else is right.",
            "Each entry moves one number there that all outputs use (a sum, mean, max, norm): derive that path again.",
        )
    return None


def single(view: View, axes: tuple[int, ...], plain: bool = False) -> bool:
    """Has the difference rank 1 in every group along `axes`, and is it no whole gradient?

    With `plain`: is it the same for every output of the group?
    """
    if view.C is None or view.shape != view.out_shape or not view.shaped:
        return False
    n, length = len(view.shape), int(np.prod([view.shape[a] for a in axes]))
    others = [a for a in range(n) if a not in axes]
    order = [*others, *axes, *(n + a for a in others), *(n + a for a in axes)]
    count = view.x.size // length
    off, right, yours = (
        g.reshape(view.shape * 2).transpose(order).reshape(count, length, count, length)
        for g in (view.J - view.C, view.J, view.C)
    )
    own = np.arange(count)
    inside = off[own, :, own, :]
    if np.mean(np.abs(right[own, :, own, :]) > 1e-6 * size_of(right)) < 0.6:  # no number there that all outputs use
        return False
    apart = off.copy()
    apart[own, :, own, :] = 0
    slack = FORM * size_of(off) + view.noise
    if length < 3 or size_of(off) < 1e3 * view.noise or size_of(apart) > slack:
        return False
    if any(np.linalg.svd(g[own, :, own, :], compute_uv=False)[:, 1].max() <= 1e-2 * size_of(g) for g in (right, yours)):
        return False
    if plain:
        return size_of(inside - inside.mean(2, keepdims=True)) <= slack
    return float(np.linalg.svd(inside, compute_uv=False)[:, 1].max()) <= length * slack


def skip(view: View) -> Cause | None:
    """Off by a multiple of dout itself: the direct path."""
    values = []
    for v in view.points:
        if v.C is None or v.shape != v.out_shape or v.x.size < 3 or not v.shaped:
            return None
        off = (v.J - v.C).reshape(v.x.size, v.x.size)
        c = float(np.mean(np.diag(off)))
        if abs(c) < 1e3 * v.noise or size_of(off - c * np.eye(v.x.size)) > FORM * abs(c) + v.noise:
            return None
        strong = np.abs(v.J.reshape(off.shape)) > 1e-6 * size_of(v.J)
        if not np.any(strong & ~np.eye(v.x.size, dtype=bool)) and np.ptp(np.diag(v.J.reshape(off.shape))) == 0:
            return None
        values.append(c)
    if np.ptp(values) > 1e-5 * abs(values[0]):
        return None
    c = values[0]
    if abs(c - 1) < 1e-5:
        text = "Yours lacks dout itself: right gradient = yours + dout"
        advice = (
            "The input also reaches the output directly (a skip connection): add dout to what the branch sends back."
        )
    elif abs(c + 1) < 1e-5:
        text = "Yours has dout itself once too often: right gradient = yours - dout"
        advice = "The direct path is counted although there is none, or counted twice: remove one dout."
    else:
        text = f"Right gradient = yours {'+' if c > 0 else '-'} {abs(c):.6g} dout: the direct path has the wrong size"
        advice = "The input also reaches the output directly: compare that path's factor with the forward."
    return view.cause("skip-path", text + ".", advice)


def direct_path(view: View) -> Cause | None:
    """Wrong only on the diagonal of a Jacobian that has more than a diagonal: what goes straight to the same index."""

    def straight(v: View) -> bool:
        if v.C is None or v.shape != v.out_shape or v.x.size < 3 or not v.shaped:
            return False
        right, off = (g.reshape(v.x.size, v.x.size) for g in (v.J, v.J - v.C))
        beside = ~np.eye(v.x.size, dtype=bool)
        wrong = np.mean(np.abs(np.diag(off)) > 1e-4 * size_of(right))  # a mask may leave some of them right
        return bool(
            size_of(off[beside]) <= v.pair_slack and wrong > 0.1 and size_of(right[beside]) > 1e-2 * size_of(right)
        )

    if not view.everywhere(straight):
        return None
    return view.cause(
        "direct-path",
        "Yours is wrong only in what each entry does to the output at its own index; the rest is right.",
        "The input also reaches the output directly, entry by entry (a gate, a skip, a carried state): add or check "
        "that path.",
    )


#: What is wrong with a share that two inputs have in common, by how often it must be added to yours.
SHARES = {1.0: "is missing", -1.0: "is counted twice", 2.0: "has the wrong sign"}


def other_gradient(view: View) -> Cause | None:
    """Off by another input's gradient, which is itself right, where the forward uses the two as a sum or difference."""
    for j, name in enumerate(view.case.names):
        if j == view.k or not view.everywhere(lambda v, j=j: v.is_right(j)):
            continue
        values = known(shared(v, j) for v in view.points)
        if values is None or np.ptp(values) > 1e-5 * abs(values[0]) or view.numbers() < 3:
            continue
        if not any(abs(abs(values[0]) - c) < 1e-5 for c in SHARES) or (sign := together(view, j)) is None:
            continue
        what = next((words for c, words in SHARES.items() if abs(values[0] - c * sign) < 1e-5), None)
        if what is None:
            continue
        times = " times 2" if abs(values[0]) > 1.5 else ""
        return view.cause(
            "missing-path",
            f"Right gradient = yours {'+' if values[0] > 0 else '-'} the gradient of {name}{times}: what {view.name} "
            f"and {name} do together {what}.",
            "Where a value is used more than once, the gradients of all its uses are added up, each once.",
        )
    return None


def together(view: View, j: int) -> float | None:
    """1 if the output depends on input j through its sum with this one alone, -1 if through their difference.

    Then what j does stays the same where one moves and the other makes up for it. None if neither is so, or both.
    """
    at, here = view.case.at, slope(view.case, j)
    if at is None or here is None or view.case.inputs[j].shape != view.shape:
        return None
    move = np.random.default_rng(3).uniform(0.1, 0.3, view.shape) * max(size_of(view.x), 1e-3)
    found = []
    for sign in (1.0, -1.0):
        moved = {view.k: view.x + move, j: view.case.inputs[j] - sign * move}
        try:
            there = slope(at(tuple(moved.get(i, x) for i, x in enumerate(view.case.inputs))), j)
        except Exception:  # the function may not be defined there
            continue
        if there is not None and there.shape == here.shape and size_of(there - here) <= 1e-5 * size_of(here):
            found.append(sign)
    return found[0] if len(found) == 1 else None


def slope(case: Case, j: int) -> np.ndarray | None:
    """The right derivative by input j, whatever dout was drawn; None where it is not known."""
    if case.jacobian[j] is not None:
        return case.jacobian[j]
    size = sum(dout.size for dout in case.douts)
    return case.numeric[j] / float(np.ravel(case.douts[0])[0]) if size == 1 else None


def shared(view: View, j: int) -> float | None:
    """C with right - yours = c * (right gradient of input j), or None."""
    parts = difference(view)
    right = view.case.numeric[j]
    if parts is None or right.shape != view.shape or size_of(right) == 0:
        return None
    off = parts[0]
    if view.C is not None:
        if (jacobian := view.case.jacobian[j]) is None:
            return None
        target = jacobian.reshape(off.shape)
    else:
        target = right[..., None]
    c = float(np.sum(off * target) / np.sum(target * target))
    return (
        c
        if c and size_of(off - c * target) <= FORM * size_of(off) + 2 * view.noise and size_of(off) > 1e3 * view.noise
        else None
    )


def through(view: View) -> Cause | None:
    """What is missing comes back through a weight: X^T (right - yours) = dW W^T if X W is the use that was left out.

    With Q = X W, the part of dX through Q is dQ W^T, and dW = X^T dQ; so X^T times that part is dW W^T, in which
    only right gradients appear.
    """
    if (ways := known(v_ways(v) for v in view.points)) is None:
        return None
    names = view.case.names
    right = {name for j, name in enumerate(names) if view.everywhere(lambda v, j=j: v.is_right(j))}
    labels = [label for label in ways[0] if label[0] in right and all(label in w for w in ways)][:5]
    for n in range(1, len(labels) + 1):
        for chosen in combinations(labels, n):
            for c in (1.0, -1.0):
                if all(explains(v, w, chosen, c) for v, w in zip(view.points, ways, strict=True)):
                    weights = " and ".join(name for name, _ in chosen)
                    what = "lacks what comes back" if c > 0 else "counts twice what comes back"
                    return view.cause(
                        "missing-path",
                        f"Yours {what} through {weights}; the rest of it is right.",
                        f"The forward uses {view.name} more than once: add up the gradients of all its uses, each "
                        "once.",
                    )
    return None


def v_ways(view: View) -> Ways | None:
    """The possible uses of this input by another one: what X^T (right - yours) is if that use alone is missing."""
    if not view.shaped or view.x.ndim < 1 or view.shape[-1] < 2:
        return None
    d, found = view.shape[-1], {}
    for j, (name, w) in enumerate(zip(view.case.names, view.case.inputs, strict=True)):
        g = view.case.numeric[j]
        if j == view.k or w.ndim != 2 or size_of(g) == 0:
            continue
        if w.shape[0] == d:
            found[name, "x W"] = g @ w.T
        if w.shape[1] == d:
            found[name, "x W.T"] = g.T @ w
    return found or None


def explains(view: View, ways: Ways, chosen: tuple[tuple[str, str], ...], c: float) -> bool:
    """Is what is missing what these uses would have added?"""
    d = view.shape[-1]
    made = view.x.reshape(-1, d).T @ (view.truth - view.yours).reshape(-1, d)
    target = c * sum(ways[label] for label in chosen)
    noise = 1e3 * size_of(view.error) * max(size_of(view.x), 1) + 1e-9 * view.scale
    whole = view.x.reshape(-1, d).T @ view.truth.reshape(-1, d)
    if size_of(made) < 10 * noise or size_of(whole - target) < 1e-3 * size_of(whole):
        return False
    return size_of(made - target) <= FORM * size_of(made) + noise


def symmetric(view: View) -> Cause | None:
    """Right only if another, square input is symmetric: the claims for A and for A.T average to the right gradient."""
    if view.case.at is None or not view.shaped:
        return None
    for j, matrix in enumerate(view.case.inputs):
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
            continue

        def halves(v: View, j: int = j) -> bool:
            turned = tuple(x.T.copy() if i == j else x for i, x in enumerate(v.case.inputs))
            try:
                there = View(Point(v.case.at(turned)), v.k)
            except Exception:  # not every square matrix may be transposed (a triangular one, say)
                return False
            if j == v.k or v.C is None or there.C is None or there.C.shape != v.C.shape:
                return False
            if size_of(there.C - v.C) <= 1e-6 * size_of(v.J):
                return False
            return size_of((there.C + v.C) / 2 - v.J) <= 1e-6 * size_of(v.J) + v.noise

        if view.everywhere(halves):
            name = view.case.names[j]
            return view.cause(
                "symmetric-only",
                f"Yours is right only if {name} is symmetric: it has 2 {name} (or 2 {name}.T) where {name} + {name}.T "
                "belongs.",
                "d(x.T A x)/dx = (A + A.T) x; it is 2 A x for a symmetric A alone.",
            )
    return None


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "transposed": lambda w: np.swapaxes(w, -1, -2),
    "reversed along its last axis": lambda w: w[..., ::-1],
    "reversed along its last two axes": lambda w: w[..., ::-1, ::-1],
}


def changed_input(view: View) -> Cause | None:
    """Yours is the right gradient for another input transposed or reversed: computed by asking for it there."""
    if view.case.at is None or view.J is None or not view.shaped:
        return None
    for j, other in enumerate(view.case.inputs):
        for words, change in CHANGES.items():
            if j == view.k or other.ndim < 1 or other.size < 2 or ("two" in words and other.ndim < 3):
                continue
            if words == "transposed" and (other.ndim != 2 or other.shape[-1] != other.shape[-2]):
                continue
            if np.array_equal(change(other), other):  # zeros, ones: nothing would be another input
                continue
            if view.everywhere(lambda v, j=j, change=change: right_there(v, j, change)):
                name = view.case.names[j]
                return view.cause(
                    "changed-input",
                    f"Yours would be right if {name} were {words}.",
                    f"The forward uses {name} as it is: check each transpose, flip and sign of {name} in the backward.",
                )
    return None


def right_there(view: View, j: int, change: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Is yours the right gradient at the point with the changed input?"""
    moved = tuple(np.ascontiguousarray(change(x)) if i == j else x for i, x in enumerate(view.case.inputs))
    try:
        jacobian = view.case.at(moved).jacobian[view.k]
    except Exception:  # the function may not be defined there
        return False
    if jacobian is None or jacobian.shape[-1] != view.point.dout.size:
        return False
    return view.is_yours((jacobian @ view.point.dout).reshape(view.shape))
