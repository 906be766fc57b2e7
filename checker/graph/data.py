"""A graph as plain data: nodes with values and gradients, and edges with what comes back along them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..calling import Array
from ..estimate import Estimate
from ..numerical import SAFETY

#: Gradients below this, relative to the graph's largest, are rounding: contributions that cancel.
LEAST = 1e-9
#: From this relative difference on two numbers differ to the eye as well.
VISIBLE = 1e-6


@dataclass(frozen=True)
class Node:
    """A value with the operation that made it ("" for an input, and where no source says it), and its gradient.

    The gradient is None where none is asked for, as of labels. `your_value` and `your_gradient` are a student's
    numbers, where they differ; None where they do not, or where there are none.
    """

    name: str
    value: Array
    gradient: Estimate | None = None
    operation: str = ""
    your_value: Array | None = None
    your_gradient: Array | None = None

    @property
    def wrong(self) -> bool:
        """Whether a student's number differs here."""
        return self.your_value is not None or self.your_gradient is not None


@dataclass(frozen=True)
class Edge:
    """The child was computed from the parent; what the child sends back to it is its share of the parent's gradient."""

    parent: str
    child: str
    gradient: Estimate | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes, each after all that it was computed from and the output last, and the edges between them.

    `verdict` is that of a check, "" where there is nothing to judge. `first` names the node at which a student goes
    wrong first, on the way that the gradient takes. `notes` are sentences on the numbers: how they were drawn.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    verdict: str = ""
    first: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name, and the verdict if there is one."""
        return f"{self.name}: {self.verdict}" if self.verdict else self.name

    def into(self, name: str) -> list[Edge]:
        """The edges from a node's parents."""
        return [edge for edge in self.edges if edge.child == name]

    def out_of(self, name: str) -> list[Edge]:
        """The edges to a node's children."""
        return [edge for edge in self.edges if edge.parent == name]


def differs(yours: object, right: Array, error: Array | float = 0.0) -> bool:
    """Whether a student's numbers are others than the right ones, or have another shape, or are no numbers."""
    try:
        mine = np.asarray(yours, dtype=float)
    except (TypeError, ValueError):
        return True
    if mine.shape != right.shape:
        return True
    with np.errstate(all="ignore"):
        close = np.abs(mine - right) <= SAFETY * error + VISIBLE * np.max(np.abs(right), initial=0.0)
    return not bool(np.all(close | (mine == right) | (np.isnan(mine) & np.isnan(right))))


def without_rounding(gradients: Sequence[Estimate | None]) -> list[Estimate | None]:
    """The gradients with 0 in the place of what rounding left of it; a small one that is known stays."""
    sizes = [np.max(np.abs(g.value), initial=0.0, where=np.isfinite(g.value)) for g in gradients if g is not None]
    least = LEAST * max(sizes, default=0.0)
    return [gradient and Estimate(_cleaned(*gradient, least), gradient.error) for gradient in gradients]


def _cleaned(value: Array, error: Array, least: float) -> Array:
    size = np.abs(value)
    return np.where((size < least) & (size <= SAFETY * error), 0.0, value)
