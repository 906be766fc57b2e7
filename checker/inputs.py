"""What a function's inputs are, and other points at which to judge it.

A `Declaration` is read from shape annotations on the forward (`from_signature`), or presumed from sample arrays
(`from_sample`). Either way it draws new inputs, lists telling variations of them, and is a hypothesis strategy.
"""

import inspect
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import shapes, tree
from .errors import UsageError
from .shapes import Bool, Float, Int, Shape
from .values import Between, Custom, Labels, Normal, OneHot, Regions, Resampled, Values, Whole, infer

__all__ = ["Array", "Bool", "Constant", "Declaration", "Float", "Int", "Variation", "below"]

Inputs = tuple[Any, ...]
Accepts = Callable[[Inputs], bool]

#: The sizes that named axes get: all different, so that a transpose or a sum over the wrong axis shows.
SIZES = (3, 5, 4, 2, 6, 7, 8, 9, 10, 11, 12, 13)

#: What hyperparameters are called, and the settings of them that people forget to try.
SETTINGS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"pad|padding|pad_[hw]", (0, 1, 2)),
    (r"stride|strides|stride_[hw]", (1, 2, 3)),
    (r"pool_size|pool_(height|width|h|w)|pool|window|size|kernel(_size)?|ksize|f", (3, 2)),
    (r"mode", ("train", "test")),
    (r"(is_)?train(ing)?|is_?test|deterministic|causal", (True, False)),
    (r"eps(ilon)?", (0.1,)),
    (r"reg|lam(bda)?_?|lambd|l2|weight_decay|reg_strength|beta_l2", (0.5, 0.0)),
    (r"p|keep_prob|keep|dropout|drop(out)?_(rate|prob|p)|p_drop", (0.3, 0.8, 3)),
    (r"alpha|beta|negative_slope|slope|leak|delta|margin|temperature|tau", (0.3, 2.0)),
    (r"reduction", ("mean", "sum")),
    (r"dilation|groups", (1, 2)),
    (r"n|border|crop|trim|shift|offset|lag|left|right|top|bottom", (0, 1, 2)),
    (r"axis|dim", (0, 1, -1)),
    (r"keepdims?", (True, False)),
)
#: Types whose settings may replace one another: a flag is no number, and a float may become a whole one.
_ALIKE: tuple[tuple[type, ...], ...] = ((bool, np.bool_), (str,), (int, np.integer), (float, int, np.floating))
_SCALAR = re.compile(
    r"eps\w*|epsilon|reg\w*|lam\w*|alpha|slope|momentum|p|\w*rate|\w*prob|temperature|tau|\w*decay|lr|threshold|margin|delta"
)


def below(axis: str | int) -> Labels:
    """Labels: whole numbers from 0 to one less than the length of an axis, given by its name ("C"), or than a number.

    It is for integer inputs, in an exercise's `draw`: `draw={"y": below("C")}`.
    """
    return Labels(axis)


@dataclass(frozen=True)
class Array:
    """One array to draw: its axes, how its numbers are drawn, and whether it is handed over as a Python number."""

    shape: Shape
    values: Values
    order: str = "C"
    number: bool = False

    def draw(self, rng: np.random.Generator, sizes: Mapping[str, int], ranks: Mapping[str, int]) -> Any:
        """A new array (or number) for these sizes of the axes."""
        lengths = self.shape.expand(ranks).lengths(sizes)
        drawn = np.asarray(self.values.draw(rng, lengths, sizes))
        if drawn.shape != lengths and not isinstance(self.values, Custom):
            raise UsageError(f"drew an array of shape {drawn.shape} for {self.shape}, which should be {lengths}")
        if self.number:
            return drawn.item()
        return np.array(drawn, dtype=self.shape.dtype, order=self.order)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Constant:
    """A value that is passed on as it is: a hyperparameter, a flag, a string."""

    value: Any


@dataclass(frozen=True)
class Variation:
    """Another point at which to judge a pair.

    `why` says in words what differs; `edge` marks other shapes and hyperparameters; `declared` says that the shapes
    were declared, so that a crash there counts; `outside` marks numbers that may have left the function's domain.
    `declaration` draws more of its kind. `proof` are inputs of shapes that must hold for these to mean anything.
    """

    inputs: Inputs
    why: str
    edge: bool = False
    declared: bool = False
    outside: bool = False
    declaration: "Declaration | None" = None
    proof: Inputs | None = None


@dataclass(frozen=True)
class Declaration:
    """The inputs of a function: nested tuples, lists and dicts of `Array` and `Constant`, one for each name."""

    names: tuple[str, ...]
    inputs: Inputs
    base: Mapping[str, int] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    declared: bool = True

    # -- where declarations come from ---------------------------------------------------------------------------------

    @classmethod
    def from_signature(
        cls,
        forward: Callable[..., Any],
        draw: Mapping[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> "Declaration":
        """Read the shape annotations of the forward's parameters.

        `draw` says how an input's numbers are drawn: a range `(low, high)` with both its ends, `below("C")`, or a
        function of (rng, sizes) that returns the array. `arguments` fixes parameters; one with a default keeps it
        unless it is annotated. Raises UsageError, naming the parameter, where there is neither an annotation, nor an
        argument, nor a default.
        """
        draw, arguments = dict(draw or {}), dict(arguments or {})
        title = getattr(forward, "__name__", "the forward")
        names, found = [], []
        for parameter in _parameters(forward):
            names.append(parameter.name)
            found.append(_declare(parameter, draw.pop(parameter.name, None), arguments, title))
        for name in (*draw, *(name for name in arguments if name not in names)):
            raise UsageError(f"{title} has no parameter {name!r}; its parameters are {', '.join(names)}")
        return cls(tuple(names), tuple(found))._with_sizes(seed)

    @classmethod
    def from_sample(
        cls,
        inputs: Sequence[Any],
        names: Sequence[str],
        forward: Callable[..., Any] | None = None,
        axes: Mapping[str, str] | None = None,
    ) -> "Declaration":
        """Presume a declaration from sample inputs of code that nobody annotated.

        Axes of the same length are presumed to be the same axis, except those that `axes` names (`{"x": "N D"}`); axes
        of length 1 stay so. With `forward`, its parameters that were left at a default and are hyperparameters by name
        (eps, pad, mode, ...) join the inputs, so that they can be varied.
        """
        sample = _Sample(axes or {})
        for name, value in zip(names, inputs):
            for path, leaf in tree.flatten(value, name):
                sample.see(path, leaf)
        found = [sample.declare_all(name, value) for name, value in zip(names, inputs)]
        more = [p for p in _parameters(forward) if p.name not in names] if forward is not None else []
        for parameter in more:
            if parameter.default is not parameter.empty and other_settings(parameter.name, parameter.default):
                names, found = [*names, parameter.name], [*found, Constant(parameter.default)]
        return cls(tuple(names), tuple(found), sample.sizes, declared=False)

    def _with_sizes(self, seed: int) -> "Declaration":
        """The same with sizes that all differ, from one another and from the numbers written in the annotations."""
        fixed = {int(dim) for leaf in self.arrays for dim in leaf.shape.dims if dim.isdecimal()}
        free = [size for size in SIZES if size not in fixed]
        names = list(dict.fromkeys(name for leaf in self.arrays for name in leaf.shape.expand(self.ranks).names))
        free += range(14, 14 + len(names))
        pool = free[: max(5, len(names))]
        order = range(len(pool)) if seed == 0 else np.random.default_rng(seed).permutation(len(pool))
        return replace(self, base={name: pool[place] for name, place in zip(names, order)})

    # -- drawing ------------------------------------------------------------------------------------------------------

    @property
    def arrays(self) -> list[Array]:
        """Every array of the declaration, however deep it is nested."""
        return [leaf for leaf in tree.leaves(self.inputs) if isinstance(leaf, Array)]

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The names of the inputs that hold floating point arrays."""
        return self._holding(lambda leaf: isinstance(leaf, Array) and leaf.shape.kind == "float")

    def _holding(self, suits: Callable[[Any], bool]) -> tuple[str, ...]:
        return tuple(name for name, value in zip(self.names, self.inputs) if any(map(suits, tree.leaves(value))))

    @property
    def drawn(self) -> tuple[str, ...]:
        """The names of the inputs that hold an array to draw."""
        return self._holding(lambda leaf: isinstance(leaf, Array))

    def sizes(self) -> dict[str, int]:
        """Each axis' size: all different where the axes were declared."""
        return dict(self.base)

    def draw(self, rng: np.random.Generator, sizes: Mapping[str, int] | None = None, **constants: Any) -> Inputs:
        """New inputs, safe to overwrite. `sizes` replaces the sizes of some axes, `constants` some constants."""
        unknown = [name for name in sizes or () if name not in self.base]
        if unknown:
            raise UsageError(f"no axis is called {unknown[0]!r}; the axes are {', '.join(self.base) or 'none'}")
        known = {**self.base, **(sizes or {})}

        def leaf(spec: Any) -> Any:
            return spec.draw(rng, known, self.ranks) if isinstance(spec, Array) else tree.copy(spec.value)

        return tree.map_leaves(leaf, self.fixing(**constants).inputs if constants else self.inputs)

    def shrunk(self, largest: int, rng: np.random.Generator) -> Inputs:
        """New inputs with axes of about `largest`, all different; presumed multiples of an axis stay multiples."""
        return self.draw(rng, self.small(largest))

    def small(self, largest: int) -> dict[str, int]:
        """Sizes of about `largest`; those of different axes differ where there is room."""
        return self._resized(lambda size, rank: min(size, largest + rank))

    def large(self, more: int) -> dict[str, int]:
        """Sizes that are larger by `more` or a little more than that, all differently."""
        return self._resized(lambda size, rank: size + more + rank)

    def _resized(self, new: Callable[[int, int], int]) -> dict[str, int]:
        """new(size, rank) for each axis, from the shortest; where axes are presumed, multiples stay multiples."""
        sizes: dict[str, int] = {}
        for axis, size in sorted(self.base.items(), key=lambda item: item[1]):
            part = next((a for a in sizes if self.base[a] > 1 and size in [k * self.base[a] for k in (2, 3, 4)]), None)
            if part is None or self.declared:
                sizes[axis] = new(size, sum(self.base[a] != size for a in sizes))
            else:
                sizes[axis] = size // self.base[part] * sizes[part]
        return sizes

    def fixing(self, **constants: Any) -> "Declaration":
        """The same with other constants: `fixing(eps=0.1)`; a name inside a dict of settings will do."""
        found = set()

        def fixed(path: str, spec: Any) -> Any:
            key = innermost(path)
            if not isinstance(spec, Constant) or key not in constants:
                return spec
            found.add(key)
            return Constant(constants[key])

        inputs = self.mapped(fixed)
        for name in constants:
            if name not in found:
                raise UsageError(f"no constant is called {name!r}; the inputs are {', '.join(self.names)}")
        return replace(self, inputs=inputs)

    def shaping(self, **shapes: Any) -> "Declaration":
        """The same with other arrays in the place of some inputs: `shaping(ws=[Float[ndarray, "K D"]])`."""
        for name in shapes:
            if name not in self.names:
                raise UsageError(f"no input is called {name!r}; the inputs are {', '.join(self.names)}")
        if not shapes:
            return self
        inputs = [
            tree.map_leaves(_leaf, shapes[name]) if name in shapes else value
            for name, value in zip(self.names, self.inputs)
        ]
        return replace(self, inputs=tuple(inputs))._with_sizes(0)

    def without(self, name: str) -> "Declaration":
        """The same without an input."""
        kept = [(n, value) for n, value in zip(self.names, self.inputs) if n != name]
        return replace(self, names=tuple(n for n, _ in kept), inputs=tuple(value for _, value in kept))

    def drawing(self, **values: Any) -> "Declaration":
        """The same with other numbers: `drawing(x=(900, 1100))`."""
        for name in values:
            if name not in self.names:
                raise UsageError(f"no input is called {name!r}; the inputs are {', '.join(self.names)}")

        def other(path: str, spec: Any) -> Any:
            name = path.split("[")[0]
            if name not in values or not isinstance(spec, Array):
                return spec
            return replace(spec, values=_values(values[name], name, spec.shape.kind))

        return replace(self, inputs=self.mapped(other))

    def mapped(self, function: Callable[[str, Any], Any]) -> Inputs:
        """The inputs with every leaf replaced by function(path, leaf)."""
        return tuple(_map_paths(function, name, value) for name, value in zip(self.names, self.inputs))

    # -- variations ---------------------------------------------------------------------------------------------------

    def variations(self, rng: np.random.Generator, trials: int, accepts: Accepts | None = None) -> Iterator[Variation]:
        """Up to `trials` other points, the most telling first: numbers, shapes and hyperparameters by turns.

        Shapes that were not declared are guesses. `accepts` (does the forward run there, and give finite numbers?)
        picks the first of several guesses that belong together; without it the likeliest is given. It is asked about
        the inputs of a variation last before these are given.
        """
        from .variations import variations

        return variations(self, rng, trials, accepts)

    # -- hypothesis ---------------------------------------------------------------------------------------------------

    def strategy(self, largest: int = 5) -> Any:
        """A hypothesis strategy of inputs that shrinks to small shapes and plain numbers. Needs hypothesis."""
        from hypothesis import strategies as st

        @st.composite
        def inputs(given: Any) -> Inputs:
            length = st.integers(1, max(largest, 1))
            if self.declared:
                sizes = {name: given(length, label=name) for name in self.base}
            else:  # presumed axes may depend on one another
                sizes = self.small(given(length, label="about as long as"))
            return tree.map_leaves(lambda spec: given(self._leaf_strategy(spec, sizes)), self.inputs)

        return inputs()

    def _leaf_strategy(self, spec: Any, sizes: Mapping[str, int]) -> Any:
        from hypothesis import strategies as st
        from hypothesis.extra import numpy as of_numpy

        if isinstance(spec, Constant):
            return st.builds(tree.copy, st.just(spec.value))
        shape, plain = spec.shape.expand(self.ranks).lengths(sizes), spec.values.plain()
        if plain is None or spec.shape.kind != "float":
            return st.integers(0, 2**16).map(lambda seed: spec.draw(np.random.default_rng(seed), sizes, self.ranks))
        low, high = plain
        elements = st.one_of(*_fractions(low, high), st.floats(low, high))
        if spec.number:
            return elements
        drawn = of_numpy.arrays(np.float64, shape, elements=elements)
        return drawn.map(lambda array: np.array(array, dtype=spec.shape.dtype, order=spec.order))


def _fractions(low: float, high: float) -> Iterator[Any]:
    """Whole numbers, halves and sixteenths between two numbers, as strategies."""
    from hypothesis import strategies as st

    for parts in (1, 2, 16):
        least, most = int(np.ceil(low * parts)), int(np.floor(high * parts))
        if least <= most:
            yield st.builds(operator.truediv, st.integers(least, most), st.just(parts))


# -- reading signatures -----------------------------------------------------------------------------------------------


def _parameters(forward: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        found = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _declare(parameter: inspect.Parameter, draw: Any, arguments: Mapping[str, Any], title: str) -> Any:
    name = parameter.name
    if name in arguments:
        given = tree.map_leaves(_leaf, arguments[name])
        return given if draw is None else tree.map_leaves(lambda leaf: _redrawn(leaf, draw, name), given)
    if parameter.annotation in (int, "int") and parameter.default is parameter.empty:
        values = _DEFAULTS["int"] if draw is None else _values(draw, name, "int")
        return Array(Shape("int", (), "int64"), values, number=True)
    left_out = draw is None and parameter.default is None  # an array that there may be, but need not
    shape = None if left_out or parameter.annotation is parameter.empty else shapes.read(parameter.annotation)
    if shape is not None and (shape.dims or shape.dtype != "float" or parameter.default is parameter.empty):
        dims = tuple(f"_{name}{dim}" if re.fullmatch(r"_\d+", dim) else dim for dim in shape.dims)
        number = shape.dtype == "float"
        shape = Shape(shape.kind, dims, "float64" if number else shape.dtype)
        values = _values(draw, name, shape.kind) if draw is not None else _DEFAULTS[shape.kind]
        return Array(shape, values, number=number)
    if parameter.default is not parameter.empty:
        return tree.map_leaves(Constant, parameter.default)
    raise UsageError(
        f'nothing says what {name} of {title} is: annotate it, {name}: Float[ndarray, "N D"], or give it as an argument'
    )


def _leaf(value: Any) -> Any:
    """A shape as an array to draw, anything else as a constant."""
    return Array(value, _DEFAULTS[value.kind]) if isinstance(value, Shape) else Constant(value)


def _redrawn(leaf: Any, draw: Any, name: str) -> Any:
    return replace(leaf, values=_values(draw, name, leaf.shape.kind)) if isinstance(leaf, Array) else leaf


_DEFAULTS: dict[str, Values] = {"float": Normal(), "int": Whole(0, 10), "bool": Whole(0, 2)}


def _values(draw: Any, name: str, kind: str) -> Values:
    if isinstance(draw, Values):
        return draw
    if callable(draw):
        return Custom(draw)
    if isinstance(draw, (tuple, list)) and len(draw) == 2 and all(isinstance(end, (int, float)) for end in draw):
        if draw[0] > draw[1]:
            raise UsageError(f"the range of {name} is empty: {draw[0]} to {draw[1]}")
        if kind == "int":
            return Whole(int(draw[0]), int(draw[1]) + 1)
        return Between(float(draw[0]), float(draw[1]))
    known = 'a range (low, high), below("C") or a function of (rng, sizes)'
    raise UsageError(f"{name} can be drawn from {known}, not from {draw!r}")


# -- reading samples --------------------------------------------------------------------------------------------------


class _Sample:
    """What a set of sample arrays shows: axes by their length, labels by what they can index."""

    def __init__(self, axes: Mapping[str, str]):
        self.axes = {name: dims.split() for name, dims in axes.items()}
        self.sizes: dict[str, int] = {}
        self.by_length: dict[int, str] = {}
        self.leaves: list[tuple[str, np.ndarray, tuple[str, ...]]] = []

    def see(self, path: str, leaf: Any) -> None:
        """Take note of one leaf, in the inputs' order."""
        if not isinstance(leaf, np.ndarray) or leaf.dtype.kind not in "fiub":
            return
        told = self.axes.get(path)
        if told is not None and len(told) != leaf.ndim:
            axes = "1 axis" if len(told) == 1 else f"{len(told)} axes"
            raise UsageError(f"axes names {axes} of {path}, which has {leaf.ndim}")
        dims = []
        for place, length in enumerate(leaf.shape):
            if length <= 1:
                dims.append(str(length))
                continue
            name = told[place] if told else self.by_length.setdefault(length, f"axis {place} of {path}")
            self.sizes[name] = length
            dims.append(name)
        self.leaves.append((path, leaf, tuple(dims)))

    def declare_all(self, name: str, value: Any) -> Any:
        """The argument with every leaf as something to draw, or as a constant."""
        settings = isinstance(value, dict) and not all(isinstance(leaf, np.ndarray) for leaf in tree.leaves(value))
        return _map_paths(lambda path, leaf: self.declare(path, leaf, settings), name, value)

    def declare(self, path: str, leaf: Any, settings: bool) -> Any:
        """The leaf as something to draw, or as a constant."""
        name = innermost(path)
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub":
            dims = next(dims for other, _, dims in self.leaves if other == path)
            values = self._labels(leaf, dims, name) if leaf.dtype.kind in "iub" else infer(leaf.astype(float), name)
            order = "F" if leaf.flags.f_contiguous and not leaf.flags.c_contiguous else "C"
            kind = {"f": "float", "b": "bool"}.get(leaf.dtype.kind, "int")
            return Array(Shape(kind, dims, str(leaf.dtype)), values, order)
        if isinstance(leaf, (float, np.floating)) and not settings and not _SCALAR.fullmatch(name.lower()):
            return Array(Shape("float", (), "float64"), infer(np.asarray(float(leaf)), name), number=True)
        return Constant(leaf)

    def _labels(self, leaf: np.ndarray, dims: tuple[str, ...], name: str) -> Values:
        """Integers: one-hot rows, a causal mask, labels below a length, or the rows of the sample in another order."""
        flat = leaf.ravel()
        unique = len(np.unique(flat))
        if leaf.ndim > 1 and unique == 2 and isinstance(found := infer(leaf.astype(float), name), OneHot | Regions):
            return found
        binary = unique <= 2 and flat.size >= 4
        if unique == 1 and flat[0] in (0, 1) and leaf.dtype.kind != "b":
            return Labels(2)  # of one class alone there is always another
        if leaf.dtype.kind == "b" or not flat.size or flat.min() < 0 or binary or "len" in name.lower():
            return Resampled(leaf)
        if unique == flat.size >= 3 and flat.max() == unique - 1:
            return Resampled(leaf, again=False)  # an order of 0..n-1
        known = [
            (length, axis)
            for _, other, axes in self.leaves
            if other.dtype.kind == "f"
            for length, axis in zip(other.shape, axes)
            if length > flat.max() and length > 1
        ]
        apart = [pair for pair in known if pair[1] not in dims] or known
        return Labels(min(apart)[1]) if apart else Resampled(leaf)


def _map_paths(function: Callable[[str, Any], Any], name: str, value: Any) -> Any:
    """The same nesting with every leaf replaced by function(path, leaf)."""
    paths = iter([path for path, _ in tree.flatten(value, name)])
    return tree.map_leaves(lambda leaf: function(next(paths), leaf), value)


def innermost(path: str) -> str:
    """The innermost name of a path: W1 of params['W1']."""
    return re.sub(r"^.*\['?(.*?)'?\]$", r"\1", path)


def other_settings(name: str, value: Any) -> tuple[Any, ...]:
    """Other settings of a hyperparameter known by its name, of the type that it has."""
    for pattern, settings in SETTINGS:
        if re.fullmatch(pattern, name.lower()):
            kinds = next((k for k in _ALIKE if isinstance(value, k)), ())
            fitting = tuple(s for s in settings if type(s) in kinds and s != value)
            return fitting if name.lower() != "p" else tuple(s for s in fitting if (s > 1) == (value > 1))
    return ()
