"""Which entries can be perturbed together, because no output feels two of them.

A layer that treats the rows of a batch alike needs no more perturbations than one row has entries. Whether the layer
does so is measured, not assumed: an input's axis *matches* an output's axis of the same length if moving any subset of
the slices along the one changes nothing outside the same slices along the other. Subsets are chosen by the bits of the
slices' numbers, so that every pair of slices is told apart by 2 log2(length) evaluations.

The idea is that of colouring a sparse Jacobian's columns: Curtis, Powell & Reid 1974.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .numerical import STEP, Array, Function

#: Smaller inputs are not worth the evaluations that the test costs.
WORTHWHILE = 16


@dataclass(frozen=True)
class Group:
    """Entries of one leaf that are perturbed together.

    `select` indexes them; `flat` has their positions in the flattened leaf; `owner` says, for every output, which of
    them it may feel (as a position in `flat`).
    """

    select: tuple[int | slice, ...]
    flat: Array
    owner: Array


def groups(function: Function, leaf: int, out_shapes: Sequence[tuple[int, ...]]) -> Iterator[Group]:
    """Partition a leaf's entries into groups; groups of one entry where nothing is independent."""
    x = function.x[leaf]
    matches = matching_axes(function, leaf, out_shapes) if x.size >= WORTHWHILE else {}
    positions = np.arange(x.size).reshape(x.shape)
    free = [axis for axis in range(x.ndim) if axis in matches]
    owner = _owners([x.shape[axis] for axis in free], [matches[axis] for axis in free], out_shapes)
    fixed = [1 if axis in matches else length for axis, length in enumerate(x.shape)]
    for index in np.ndindex(*fixed):
        select = tuple(slice(None) if axis in matches else place for axis, place in enumerate(index))
        yield Group(select, np.atleast_1d(positions[select]).ravel(), owner)


def reach(function: Function, leaf: int, index: tuple[int, ...], out_shapes: Sequence[tuple[int, ...]]) -> Array:
    """Which outputs may feel one entry: all, less those that are shown to be independent of it."""
    x = function.x[leaf]
    matches = matching_axes(function, leaf, out_shapes)
    free = [axis for axis in range(x.ndim) if axis in matches]
    lengths = [x.shape[axis] for axis in free]
    owner = _owners(lengths, [matches[axis] for axis in free], out_shapes)
    own = np.ravel_multi_index([index[axis] for axis in free], lengths) if free else 0
    untouched = [bool(free) and all(matches[axis][which] < 0 for axis in free) for which in range(len(out_shapes))]
    aside = np.concatenate([np.full(int(np.prod(s)), u) for s, u in zip(out_shapes, untouched)])
    return (owner == own) & ~aside


def matching_axes(function: Function, leaf: int, out_shapes: Sequence[tuple[int, ...]]) -> dict[int, list[int]]:
    """For each axis of the leaf with independent slices, the axis of every output that it matches (-1: no effect)."""
    x = function.x[leaf]
    rng = np.random.default_rng(0)
    step = STEP * np.maximum(np.abs(x), function.scale[leaf]) * rng.uniform(0.5, 1.5, x.shape)
    step *= rng.choice([-1.0, 1.0], x.shape)
    found = {}
    for axis, length in enumerate(x.shape):
        candidates = [{b for b, other in enumerate(shape) if other == length} for shape in out_shapes]
        if length < 2 or not any(candidates):
            continue
        matched = _match(function, leaf, axis, step, out_shapes, candidates)
        if matched is not None:
            found[axis] = matched
    return found


def _match(
    function: Function,
    leaf: int,
    axis: int,
    step: Array,
    out_shapes: Sequence[tuple[int, ...]],
    candidates: list[set[int]],
) -> list[int] | None:
    x = function.x[leaf]
    length = x.shape[axis]
    touched = [False] * len(out_shapes)
    for bit in range((length - 1).bit_length()):
        for value in (1, 0):
            chosen = (np.arange(length) >> bit) & 1 == value
            select = (slice(None),) * axis + (chosen,)
            out = function.moved(leaf, select, (x + step)[select])
            changed = (out != function.out) | np.isnan(out)
            for which, part in enumerate(split(changed, out_shapes)):
                if not part.any():
                    continue
                touched[which] = True
                candidates[which] = {b for b in candidates[which] if not _spills(part, b, chosen)}
                if not candidates[which]:
                    return None
    return [min(c) if t else -1 for c, t in zip(candidates, touched)]


def _spills(changed: Array, axis: int, chosen: Array) -> bool:
    """Whether anything changed outside the chosen slices along the axis."""
    return bool(np.any(np.compress(~chosen, changed, axis=axis)))


def split(flat: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Cut a flat vector of all outputs into the outputs."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, np.cumsum(sizes)[:-1]), shapes)]


def _owners(lengths: list[int], matches: list[list[int]], out_shapes: Sequence[tuple[int, ...]]) -> Array:
    owners = []
    for which, shape in enumerate(out_shapes):
        owner = np.zeros(shape, dtype=int)
        for length, match in zip(lengths, matches):
            owner *= length
            if match[which] >= 0:
                along = [1] * len(shape)
                along[match[which]] = length
                owner += np.arange(length).reshape(along)
        owners.append(owner.ravel())
    return np.concatenate(owners) if owners else np.zeros(0, dtype=int)
