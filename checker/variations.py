"""Other points at which to judge a pair: re-drawn numbers, changed shapes, other hyperparameters.

A gradient that is right at one point can be wrong at the next: at a batch of one, where H and W differ, without
padding, for the last label, for negative numbers. The points here are ordered by how often they tell.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np

from . import tree
from .inputs import Accepts, Array, Constant, Declaration, Inputs, Variation, innermost, other_settings


@dataclass(frozen=True)
class _Guess:
    """A declaration to draw from, with the sizes and the words that make it another one."""

    declaration: Declaration
    why: str
    sizes: Mapping[str, int] | None = None
    edge: bool = False
    declared: bool = False
    outside: bool = False
    proof: "_Guess | None" = None  # holds only if this one does: a length of 1 may merely broadcast, 5 for 3 does not

    def draw(self, rng: np.random.Generator) -> Inputs:
        """Inputs for this guess."""
        return self.declaration.draw(rng, self.sizes)

    def variation(self, rng: np.random.Generator, accepts: Accepts | None) -> Variation | None:
        """The guess as a variation, if it holds."""
        inputs = self.draw(rng)
        proof = None if self.proof is None else self.proof.draw(rng)
        if accepts is not None and not self.declared:
            asked = [inputs] if proof is None else [proof, inputs]
            if not all(accepts(tree.copy(values)) for values in asked):
                return None
        resized = replace(self.declaration, base={**self.declaration.base, **(self.sizes or {})})
        return Variation(inputs, self.why, self.edge, self.declared, self.outside, resized, proof)


Group = list[_Guess]  # guesses of which the first that holds is enough


def variations(
    declaration: Declaration, rng: np.random.Generator, trials: int, accepts: Accepts | None = None
) -> Iterator[Variation]:
    """See `Declaration.variations`."""
    numbers, shapes, settings = _numbers(declaration), _shapes(declaration), _all_settings(declaration)
    turns = cycle((numbers, shapes, settings, shapes, settings, numbers))
    attempts = 20 * trials + 100  # where nothing is accepted, there has to be an end
    while trials > 0 and attempts > 0:
        for group in islice(next(turns), 6):
            attempts -= max(1, len(group))
            found = next(filter(None, (guess.variation(rng, accepts) for guess in group)), None)
            if found is not None:
                yield found
                trials -= 1
            if found is not None or attempts <= 0:
                break


# -- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(declaration: Declaration) -> Iterator[Group]:
    again = _Guess(declaration, "other numbers")
    relatives = [[_Guess(_with_values(declaration, why, "others"), why)] for why in _reasons(declaration, "others")]
    beyond = [
        [_Guess(_with_values(declaration, why, "outside"), why, outside=not declaration.declared)]
        for why in _reasons(declaration, "outside")
    ]
    yield from cycle([[again], *beyond, *relatives])


def _reasons(declaration: Declaration, kind: str) -> list[str]:
    """Every description of a relative, in order of appearance, labels before widths."""
    reasons = dict.fromkeys(why for leaf in declaration.arrays for why, _ in getattr(leaf.values, kind)())
    return sorted(reasons, key=lambda why: "label" not in why)


def _with_values(declaration: Declaration, why: str, kind: str) -> Declaration:
    """Every array that has this relative is drawn from it."""

    def relative(path: str, spec: object) -> object:
        found = dict(getattr(spec.values, kind)()) if isinstance(spec, Array) else {}
        return replace(spec, values=found[why]) if why in found else spec  # type: ignore[type-var]

    return replace(declaration, inputs=declaration.mapped(relative))


# -- shapes -----------------------------------------------------------------------------------------------------------


def _shapes(declaration: Declaration) -> Iterator[Group]:
    axes, base = list(declaration.base), declaration.base
    yield from _declared_shapes(declaration) if declaration.declared else _presumed_shapes(declaration)
    for more in (3, 1):
        for axis in axes:
            yield _resized(declaration, axis, base[axis] + more)
    for axis in axes:
        yield _resized(declaration, axis, 2)


def _declared_shapes(declaration: Declaration) -> Iterator[Group]:
    """Each axis at 1, with the sizes turned round in between; then another number of axes for each "*name"."""
    for place, axis in enumerate(declaration.base):
        yield _resized(declaration, axis, 1)
        if place == 0 and len(declaration.base) > 1:
            yield [_guess(declaration, _turned(declaration))]
    names = dict.fromkeys(name for leaf in declaration.arrays for name in leaf.shape.names)
    for name in [name for name in names if name.startswith("*")]:
        for rank in (0, 2):
            yield [_ranked(declaration, name[1:], rank)]
    for dim in dict.fromkeys(dim for leaf in declaration.arrays for dim in leaf.shape.dims if dim.startswith("#")):
        yield [_broadcast(declaration, dim)]


def _presumed_shapes(declaration: Declaration) -> Iterator[Group]:
    """Axes that may only happen to agree, and each of them at 1."""
    axes, batch = list(declaration.base), _batch(declaration)
    yield from _sides(declaration)
    yield [replace(_split(declaration, part, 2, size=1), proof=_split(declaration, part, 2)) for part in batch]
    yield from (_resized(declaration, axis, 1) for axis in axes[:1])
    longer = {axis: size + 3 + place for place, (axis, size) in enumerate(declaration.base.items())}
    if len(axes) > 1:
        all_longer = replace(_guess(declaration, declaration.large(3)), why="every axis longer")
        yield [all_longer, replace(all_longer, sizes=longer)]
    yield from _single_splits(declaration)
    yield from (_resized(declaration, axis, 1) for axis in axes[1:])
    yield from _single_steps(declaration)
    yield [_split(declaration, part, 2) for part in batch]


def _named(declaration: Declaration, axis: str, size: int) -> str:
    return f"{axis} = {size}" if declaration.declared else f"{axis} of length {size}"


def _guess(declaration: Declaration, sizes: Mapping[str, int]) -> _Guess:
    changed = {axis: size for axis, size in sizes.items() if size != declaration.base[axis]}
    why = ", ".join(_named(declaration, axis, size) for axis, size in changed.items())
    return _Guess(declaration, why, sizes, edge=True, declared=declaration.declared)


def _turned(declaration: Declaration) -> dict[str, int]:
    """The declared axes with one another's sizes."""
    axes, sizes = list(declaration.base), list(declaration.base.values())
    return dict(zip(axes, sizes[1:] + [max(sizes) + 1]))


def _resized(declaration: Declaration, axis: str, size: int) -> Group:
    if size == declaration.base[axis]:
        return []
    alone = {axis: size}
    if declaration.declared:
        return [_guess(declaration, alone)]
    guesses = [following(declaration.base, axis, size), alone]
    if axis == next(iter(declaration.base)):
        guesses.reverse()  # a batch is seldom part of another length
    distinct = [sizes for place, sizes in enumerate(guesses) if sizes not in guesses[:place]]
    return [_guess(declaration, sizes) for sizes in distinct]


def following(base: Mapping[str, int], axis: str, size: int) -> dict[str, int]:
    """The resized axis, with the axes that seem to be computed from it: multiples, squares, products, sums."""
    old, sizes = base[axis], {axis: size}
    others = [length for name, length in base.items() if name != axis and length > 1]
    for name, length in base.items():
        if name == axis or length <= old:
            continue
        if length == old * old:
            sizes[name] = size * size
        elif length % old == 0:
            sizes[name] = length // old * size
        elif length - old in others or length == old + 1:
            sizes[name] = length - old + size
    return sizes


def _ranked(declaration: Declaration, name: str, rank: int) -> _Guess:
    """`rank` axes where one was drawn for "*name"."""
    base = {axis: size for axis, size in declaration.base.items() if axis != name}
    base |= {f"{name}_{k}": 2 + k for k in range(rank)}
    why = f"no axes for *{name}" if rank == 0 else f"{rank} axes for *{name}"
    other = replace(declaration, base=base, ranks={**declaration.ranks, name: rank})
    return _Guess(other, why, edge=True, declared=declaration.declared)


def _broadcast(declaration: Declaration, dim: str) -> _Guess:
    """A length of 1 where the annotation says "#N"."""

    def narrow(path: str, spec: object) -> object:
        if not isinstance(spec, Array):
            return spec
        dims = tuple("1" if own == dim else own for own in spec.shape.dims)
        return replace(spec, shape=replace(spec.shape, dims=dims))

    other = replace(declaration, inputs=declaration.mapped(narrow))
    return _Guess(other, f"1 for {dim}", edge=True, declared=True)


def _sides(declaration: Declaration) -> Iterator[Group]:
    """Two sides of one length, taken apart: H from W."""
    count = Counter(dim for leaf in declaration.arrays for dim in leaf.shape.dims)
    for leaf in declaration.arrays:
        dims = leaf.shape.dims
        if len(dims) >= 2 and dims[-1] == dims[-2] in declaration.base and _free(leaf):
            alike = [other for other, same in enumerate(declaration.arrays) if same.shape.dims == dims]
            if len(dims) >= 3 or count[dims[-1]] == 2 * len(alike):
                yield [_split(declaration, {(k, len(dims) - 1) for k in alike}, more) for more in (2, 1)]


def _batch(declaration: Declaration) -> list[set[tuple[int, int]]]:
    """Which leading axes may be the batch, where its length occurs elsewhere too: the first array's alone, or all."""
    count = Counter(dim for leaf in declaration.arrays for dim in leaf.shape.dims)
    first = next((leaf for leaf in declaration.arrays if leaf.shape.kind == "float" and leaf.shape.dims), None)
    if first is None or first.shape.dims[0] not in declaration.base:
        return []
    leading = [k for k, leaf in enumerate(declaration.arrays) if leaf.shape.dims[:1] == first.shape.dims[:1]]
    alone = [k for k in leading if declaration.arrays[k] is first or declaration.arrays[k].shape.kind != "float"]
    parts = [alone, leading] if alone != leading else [alone]
    return [
        {(k, 0) for k in part}
        for part in parts
        if len(part) < count[first.shape.dims[0]] and all(_free(declaration.arrays[k]) for k in part)
    ]


def _single_splits(declaration: Declaration) -> Iterator[Group]:
    """Every axis but the first (rows belong together) whose length occurs elsewhere too, changed alone."""
    count = Counter(dim for leaf in declaration.arrays for dim in leaf.shape.dims)
    for place, leaf in enumerate(declaration.arrays):
        for axis, dim in list(enumerate(leaf.shape.dims))[1:]:
            if count[dim] > 1 and dim in declaration.base and _free(leaf):
                yield [_split(declaration, {(place, axis)}, 3)]


def _single_steps(declaration: Declaration) -> Iterator[Group]:
    """A sequence of one step, or the like: the only axis of length 1 there is, inside an array of rows, made longer."""
    ones = [
        (k, axis) for k, leaf in enumerate(declaration.arrays) for axis, dim in enumerate(leaf.shape.dims) if dim == "1"
    ]
    if len(ones) == 1 and ones[0][1] == 1 and len(declaration.arrays[ones[0][0]].shape.dims) == 3:
        yield [_split(declaration, {ones[0]}, 0, 4)]


def _free(leaf: Array) -> bool:
    """Whether the array keeps its meaning when it is no longer square."""
    return type(leaf.values).__name__ not in ("Matrices", "Regions")


def _split(declaration: Declaration, places: set[tuple[int, int]], more: int, size: int | None = None) -> _Guess:
    """Give the axes at `places` (array, axis) a name and a size of their own."""
    array, axis = min(places)
    path = _path(declaration, array)
    name = f"axis {axis} of {path} alone"
    old = declaration.arrays[array].shape.dims[axis]
    numbers = iter(range(len(declaration.arrays)))

    def renamed(spec: object) -> object:
        if not isinstance(spec, Array):
            return spec
        number = next(numbers)
        dims = tuple(name if (number, k) in places else dim for k, dim in enumerate(spec.shape.dims))
        return replace(spec, shape=replace(spec.shape, dims=dims))

    length = size if size is not None else declaration.base[old] + more
    others = {
        leaf.shape.dims[k]
        for n, leaf in enumerate(declaration.arrays)
        for k in range(len(leaf.shape.dims))
        if (n, k) not in places
    }
    base = {key: value for key, value in declaration.base.items() if key in others or key != old}
    inputs = tuple(tree.map_leaves(renamed, value) for value in declaration.inputs)
    return _Guess(
        replace(declaration, inputs=inputs, base={**base, name: length}), f"{name} of length {length}", edge=True
    )


def _path(declaration: Declaration, array: int) -> str:
    paths = [
        path
        for name, value in zip(declaration.names, declaration.inputs)
        for path, leaf in tree.flatten(value, name)
        if isinstance(leaf, Array)
    ]
    return paths[array]


# -- hyperparameters --------------------------------------------------------------------------------------------------


def _all_settings(declaration: Declaration) -> Iterator[Group]:
    """Every known hyperparameter's other settings, by turns."""
    known = {}
    for name, value in zip(declaration.names, declaration.inputs):
        for path, leaf in tree.flatten(value, name):
            if isinstance(leaf, Constant):
                known[innermost(path)] = other_settings(innermost(path), leaf.value)
    for turn in range(max(map(len, known.values()), default=0)):
        for name, settings in known.items():
            if turn < len(settings):
                yield list(_set(declaration, name, settings[turn]))


def _set(declaration: Declaration, name: str, value: object) -> Iterator[_Guess]:
    """The setting at the same shapes, then (for strides and windows, which must fit) at longer sides."""
    other, why = declaration.fixing(**{name: value}), f"{name} = {value!r}"
    yield _Guess(other, why, edge=True)
    if declaration.declared or not isinstance(value, int) or isinstance(value, bool):
        return
    image = next((leaf.shape.dims for leaf in declaration.arrays if len(leaf.shape.dims) >= 3), ())
    sides = {dim for dim in image[-2:] if dim in declaration.base}
    for more in range(1, 4):
        yield _Guess(other, why, {side: declaration.base[side] + more for side in sides}, edge=True)
