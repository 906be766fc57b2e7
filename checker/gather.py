"""The inputs of somebody's function: from the command line, from its module, or from its annotations.

`--input x=8,5` and `--arg mode=train` are read here.
"""

import ast
import contextlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .errors import UsageError
from .inputs import Array, Declaration, below
from .resolve import near, own_parameters
from .shapes import read
from .suggest import MissingInputsError, title

# -- what was typed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """`8,5:-1..1`: an array to draw, of a shape and within a range (standard normal without one)."""

    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    dtype: str = "float64"
    text: str = ""

    def draw(self, rng: np.random.Generator) -> Any:
        """A new array; a Python number where the shape is empty."""
        if self.dtype == "bool":
            drawn = rng.integers(0, 2, self.shape).astype(bool)
        elif self.dtype.startswith("int"):
            low, high = (0, 9) if self.low is None or self.high is None else (int(self.low), int(self.high))
            drawn = np.asarray(rng.integers(low, high + 1, self.shape), dtype=self.dtype)
        elif self.low is None or self.high is None:
            drawn = np.asarray(rng.standard_normal(self.shape), dtype=self.dtype)
        else:
            drawn = np.asarray(rng.uniform(self.low, self.high, self.shape), dtype=self.dtype)
        return drawn if self.shape else drawn.item()


@dataclass
class Given:
    """What the command line says of the inputs: by parameter, dots reaching into dicts (`params.W1`).

    `typed` are the names that were typed, which something must take; an archive may hold more.
    """

    values: dict[str, Any] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, inputs: Sequence[str] = (), arguments: Sequence[str] = ()) -> "Given":
        """Read `--input` and `--arg` texts. Raises UsageError, quoting the text, where one cannot be read."""
        given = cls()
        for text in inputs:
            if "=" not in text:
                given.values.update(_archive(text))
            else:
                name, value = _split(text, "--input x=8,5")
                given.demand_once(name)
                given.values[name] = _input(text, name, value)
                given.typed.add(name.split(".")[0])
        for text in arguments:
            name, value = _split(text, "--arg mode=train")
            given.demand_once(name)
            given.values[name] = _literal(text, value)
            given.typed.add(name.split(".")[0])
        return given

    def demand_once(self, name: str) -> None:
        """Refuse a name that was typed before; what an archive holds can be replaced."""
        if name in self.values and name.partition(".")[0] in self.typed:
            raise UsageError(f"{name} is given twice: leave one out")

    def draw(self, seed: int) -> dict[str, Any]:
        """Values by parameter, the drawn ones drawn anew."""
        rng = np.random.default_rng(seed)
        found: dict[str, Any] = {}
        for name, value in sorted(self.values.items(), key=lambda item: item[0].count(".")):
            *outer, last = name.split(".")
            inside = found
            for key in outer:
                inside = inside.setdefault(key, {})
                if not isinstance(inside, dict):
                    raise UsageError(f"{name} reaches into {key}, which is given as a whole, and is no dict")
            try:
                drawn = value.draw(rng) if isinstance(value, Drawn) else value
            except MemoryError as problem:
                raise UsageError(f"{name} is too large for this machine: {problem}") from None
            except (ValueError, OverflowError) as problem:
                raise UsageError(f"--input {name}={value.text} cannot be drawn: {problem}") from None
            inside[last] = dict(drawn) if isinstance(drawn, dict) else drawn
        return found


def _split(text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not all(part.isidentifier() or part.isdecimal() for part in name.split(".")):
        raise UsageError(f"cannot read {text!r}; write it like {example}")
    if not value.strip():
        raise UsageError(f"{text!r} says nothing behind the =; write it like {example}")
    return name, value.strip()


def _input(text: str, name: str, value: str) -> Any:
    if value.endswith((".npy", ".npz")):
        loaded = _load(value)
        if isinstance(loaded, dict):
            if name not in loaded and len(loaded) != 1:
                raise UsageError(f"{value} holds {', '.join(loaded)}, and none of them is {name}")
            return loaded.get(name, next(iter(loaded.values())))
        return loaded
    shape, *rest = value.split(":")
    if not rest and re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+|\d+(\.\d*)?[eE][-+]?\d+)", shape):
        return float(shape)
    try:
        lengths = tuple(int(length) for length in shape.strip("() ").split(",") if length.strip())
        if any(length < 0 for length in lengths):
            raise ValueError
        low = high = None
        dtype = "float64"
        for part in rest:
            found = re.fullmatch(r"(int|float)?(?:([-+.\deE]+?)\.\.([-+.\deE]+))?", part)
            if part in ("float32", "float64", "int32", "int64", "bool"):
                dtype = part
            elif part and found is not None:
                dtype = "int64" if found[1] == "int" else dtype
                low, high = (None, None) if found[2] is None else (float(found[2]), float(found[3]))
            else:
                raise ValueError
    except ValueError:
        raise UsageError(
            f"cannot read --input {text}: write {name}=8,5 for a shape, {name}=8,5:-1..1 with a range, "
            f"{name}=8:int0..4 for integers, {name}=:0..1 or {name}=2.5 for one number, or {name}=file.npy"
        ) from None
    if low is not None and high is not None and low > high:
        raise UsageError(f"--input {text}: the range is empty")
    return Drawn(lengths, low, high, dtype, value)


def _archive(text: str) -> dict[str, Any]:
    if not text.endswith(".npz"):
        raise UsageError(f"cannot read --input {text or repr(text)}: write x=8,5, or the name of an .npz file")
    loaded = _load(text)
    assert isinstance(loaded, dict)
    return loaded


def _load(text: str) -> Any:
    """An array, or a dict of them. Files that hold Python objects are refused: loading one could run anything."""
    if not Path(text).is_file():
        raise UsageError(f"there is no file {text}{near(text, [str(p) for p in Path().glob('*.np[yz]')])}")
    try:
        loaded = np.load(text, allow_pickle=False)
        return dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
    except (ValueError, OSError, EOFError) as problem:
        raise UsageError(f"cannot load {text}: {problem}") from None


def _literal(text: str, value: str) -> Any:
    """A Python literal, JSON, or a plain word."""
    for reader in (ast.literal_eval, json.loads):
        try:
            return _arrays(reader(value))
        except (ValueError, SyntaxError):
            continue
    if value[0] in "[{(":
        raise UsageError(f"cannot read --arg {text}: from its {value[0]} on it is neither Python nor JSON")
    return value


def _arrays(value: Any) -> Any:
    """Lists of floats as arrays, also inside dicts: that is what a layer's arguments are."""
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        with contextlib.suppress(ValueError):
            array = np.asarray(value)
            return array if array.dtype.kind == "f" else value
    return value


# -- what the code says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """Arguments by parameter, and their declaration if they were declared."""

    values: dict[str, Any]
    declaration: Declaration | None = None


def gather(
    function: Callable[..., Any],
    given: Given,
    module: ModuleType | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
    command: str = "",
    needed: Sequence[str] = (),
) -> Inputs:
    """The arguments for `function`: what was given, then annotations, then the module's own examples, then defaults.

    `names` are what a module's examples may be called after; `needed` are parameters whose default does not do.
    Raises UsageError that names each parameter of which nothing is known, and shows what to type after `command`.
    """
    parameters = {p.name: p for p in own_parameters(function)}
    typed = {name: value for name, value in given.draw(seed).items() if name in parameters or takes_any(function)}
    typed |= {n: _number(given.values[n].text, p) for n, p in parameters.items() if _is_number(given.values.get(n), p)}
    if not parameters and not typed and takes_any(function):
        raise UsageError(
            f"nothing says how many inputs {title(function)} takes; name them in order: {command} --input x=8,5"
        )
    required = [n for n, p in parameters.items() if p.default is p.empty or n in needed]
    drawn = [n for n in typed if isinstance(given.values.get(n), Drawn) or isinstance(typed[n], np.ndarray)]
    annotated = [n for n, p in parameters.items() if p.annotation is not p.empty and read(p.annotation) is not None]
    if annotated and not drawn and all(n in typed or n in annotated for n in required):
        return _declared(function, typed, seed)
    if all(name in typed for name in required):
        return Inputs(typed)
    example = _example(module, names, list(parameters), required, seed) if module is not None else None
    if example is not None:
        return Inputs({**example, **typed})
    if annotated and all(n in typed or n in annotated for n in required):
        declared = _declared(function, {n: v for n, v in typed.items() if n not in annotated}, seed)
        return Inputs({**declared.values, **typed})
    missing = [name for name in required if name not in typed and name not in annotated]
    raise MissingInputsError(function, missing, command)


#: Parameters that are numbers whatever their function: `--input stride=2` is no array of two entries.
NUMBERS = re.compile(
    r"stride\w*|pad(ding)?\w*|axis|groups?|eps(ilon)?|reg\w*|lam(bda|bd)?_?|alpha|momentum|decay|slope|temperature|lr|"
    r"learning_rate|p|keep_prob|rate|margin|delta|f|k|n_\w+|num_\w+|\w+_(size|dim|height|width|features)"
)
#: Of these, numbers from 0 to 1.
FRACTIONS = re.compile(r"momentum|decay|p|keep_prob|rate")


def _is_number(value: Any, parameter: inspect.Parameter) -> bool:
    """Whether what looks like a shape of one axis, `reg=1`, is that number, going by the default and the name."""
    if not (isinstance(value, Drawn) and value.text.isdecimal()):
        return False
    default = parameter.default
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if FRACTIONS.fullmatch(parameter.name) and int(value.text) > 1:  # p=5 is no probability, but an array of five
        return number
    return number or (default is parameter.empty and NUMBERS.fullmatch(parameter.name) is not None)


def _number(text: str, parameter: inspect.Parameter) -> float:
    return float(text) if isinstance(parameter.default, float) else int(text)


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether a function takes arguments that its signature does not name."""
    try:
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
        return inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds
    except (TypeError, ValueError):
        return True


def _declared(function: Callable[..., Any], typed: Mapping[str, Any], seed: int) -> Inputs:
    """Inputs as annotated. Integers may be labels or indices: the first reading with which the function runs holds."""
    readings = _readings(function, typed)
    declaration = readings[0]
    for reading in readings:
        inputs = reading.draw(np.random.default_rng([seed, 17]))
        declaration = reading
        try:
            with np.errstate(all="ignore"):
                function(**dict(zip(reading.names, inputs)))
            break
        except (IndexError, KeyError):
            continue
        except Exception:  # theirs, and to be reported as theirs in the check itself
            break
    inputs = declaration.draw(np.random.default_rng([seed, 17]))
    return Inputs(dict(zip(declaration.names, inputs)), declaration)


def _readings(function: Callable[..., Any], typed: Mapping[str, Any]) -> list[Declaration]:
    plain = Declaration.from_signature(function, arguments=typed)
    arrays = {name: spec.shape for name, spec in zip(plain.names, plain.inputs) if isinstance(spec, Array)}
    whole = [name for name, shape in arrays.items() if shape.kind == "int"]
    if not whole:
        return [plain]
    own = {dim for name in whole for dim in arrays[name].dims}
    axes = [dim for shape in arrays.values() if shape.kind == "float" for dim in shape.dims]
    apart = sorted({a for a in axes if a not in own and a in plain.base}, key=lambda axis: -plain.base[axis])
    found = [Declaration.from_signature(function, {n: below(axis) for n in whole}, typed) for axis in apart]
    return [*found, plain]


EXAMPLES = ("example_inputs", "inputs", "sample_inputs", "INPUTS")


def _example(
    module: ModuleType, names: Sequence[str], parameters: list[str], required: list[str], seed: int
) -> dict[str, Any] | None:
    """The arguments that the module itself offers: `affine_inputs`, `example_inputs`, `inputs`, values or functions."""
    for own in (*(f"{name}_inputs" for name in names), *(f"{name}_example" for name in names), *EXAMPLES):
        offered = vars(module).get(own)
        if offered is None or isinstance(offered, ModuleType):
            continue
        if callable(offered):
            np.random.seed(seed)  # so that an example drawn with NumPy's global generator comes out the same
            offered = offered()
        if isinstance(offered, dict):
            by_function = next((offered[name] for name in names if name in offered and name not in parameters), None)
            offered = offered if by_function is None else by_function() if callable(by_function) else by_function
        found = _fit(offered, parameters, required)
        if found is not None:
            return found
        if own not in EXAMPLES:
            raise UsageError(f"{own} does not fit the parameters {', '.join(parameters)}")
    return None


def _fit(offered: Any, parameters: list[str], required: list[str]) -> dict[str, Any] | None:
    if isinstance(offered, dict):
        return {n: v for n, v in offered.items() if n in parameters} if set(required) <= set(offered) else None
    offered = offered if isinstance(offered, (tuple, list)) else (offered,)
    fits = len(required) <= len(offered) <= len(parameters)
    return dict(zip(parameters, offered)) if fits else None
