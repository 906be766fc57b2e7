"""What a diagnosis starts from, and what it ends with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Case:
    """Everything known about one point at which some gradient is wrong.

    `names`, `inputs`, `claimed`, `numeric`, `error`, `wrong` and `jacobian` run over the differentiable inputs;
    `out_names`, `outs` and `douts` over the outputs. `jacobian[k]` is (inputs[k].size, total number of outputs), the
    outputs concatenated flat, or None where it would be too big. `vjp` is the author's backward at this same point
    for any other upstream gradients; `at` makes the same Case at other inputs.
    """

    names: tuple[str, ...]
    inputs: Arrays
    out_names: tuple[str, ...]
    outs: Arrays
    douts: Arrays
    claimed: Arrays
    numeric: Arrays
    error: Arrays
    wrong: Arrays
    jacobian: tuple[np.ndarray | None, ...]
    vjp: Callable[[Arrays], Arrays] | None = None
    at: "Callable[..., Case] | None" = None
    axes: Mapping[str, int] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cause:
    """Why a gradient is wrong: a short name, whose gradient ("" for all of them), what the numbers show, what to do."""

    name: str
    subject: str
    message: str
    advice: str
