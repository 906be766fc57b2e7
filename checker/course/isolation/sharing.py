"""How arrays lie in memory, and which of them lies within another's."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["Met", "axes_of", "block", "dense", "part_of", "share", "span"]

#: Arrays that are tried as the owner of another's memory, among those whose memory overlaps.
_OWNERS = 32
#: Pairs of arrays up to which asking NumPy for each is quicker than sorting addresses.
_FEW_PAIRS = 24


def axes_of(array: np.ndarray) -> tuple[int, ...]:
    """The axes from the one with the largest stride to the one with the smallest."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def block(array: np.ndarray) -> np.ndarray:
    """The same memory in C order; a copy, in the order of its axes in memory, where the array has gaps."""
    if array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array.transpose(axes_of(array)))


def dense(array: np.ndarray) -> bool:
    """Whether the array has no gaps, so that `block` is its own memory."""
    return array.flags.c_contiguous or array.transpose(axes_of(array)).flags.c_contiguous


def part_of(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """The dtype of the real and imaginary parts of complex numbers; None of others."""
    return np.empty(0, dtype).real.dtype if dtype.kind == "c" else None


def span(address: int, shape: Sequence[int], strides: Sequence[int], itemsize: int) -> tuple[int, int]:
    """The first address that an array uses whose first element is at `address`, and the first beyond.

    It has at least one element.
    """
    reach = [(n - 1) * stride for n, stride in zip(shape, strides)]
    return address + sum(r for r in reach if r < 0), address + sum(r for r in reach if r > 0) + itemsize


class Met:
    """An array that was met in a value, the places where it stands, and whose memory it lies in."""

    __slots__ = ("address", "array", "given", "offset", "owner", "places", "span")

    def __init__(self, array: np.ndarray, given: bool = False) -> None:
        self.array = array
        self.given = given
        self.places: list[int] = []
        self.owner: Met | None = None
        self.offset = 0  # bytes from the owner's beginning to the first element
        self.address = 0
        self.span = (0, 0)

    def locate(self) -> None:
        """Look up where the array lies."""
        array = self.array
        self.address = address = array.__array_interface__["data"][0]
        if array.flags.c_contiguous:
            self.span = address, address + array.nbytes
        else:
            self.span = span(address, array.shape, array.strides, array.itemsize)

    def twin_of(self, owner: "Met") -> bool:
        """Whether it lies in memory as the owner does, element by element."""
        mine, other = self.array, owner.array
        return (self.address, mine.shape, mine.strides, mine.dtype) == (
            owner.address, other.shape, other.strides, other.dtype,
        )  # fmt: skip

    def within(self, owner: "Met") -> bool:
        """Whether it can be had as a view of the owner's memory, also of a copy of that. Sets `offset`."""
        if self.twin_of(owner):
            return True
        (low, high), (first, beyond) = self.span, owner.span
        dtype, held = self.array.dtype, owner.array.dtype
        self.offset = self.address - first
        return (
            first <= low
            and high <= beyond
            and dtype in (held, part_of(held))
            and not any(step % dtype.alignment for step in (self.offset, *self.array.strides))
            and dense(owner.array)
        )


def share(met: Sequence[Met], given: Sequence[Met]) -> None:
    """Set the owner of each array that lies within another's memory: within a given one's, or else the largest's."""
    everything = [each for each in (*given, *met) if each.array.size]
    if len(met) * len(everything) <= _FEW_PAIRS and not _any_overlap(everything):
        return
    for each in everything:
        each.locate()
    for cluster in _clusters(everything):
        owners = [each for each in cluster if each.given]
        mine = [each for each in cluster if not each.given]
        for each in sorted(mine, key=lambda one: -one.array.nbytes):
            each.owner = next((owner for owner in owners[:_OWNERS] if each.within(owner)), None)
            if each.owner is None:
                owners.append(each)


def _any_overlap(everything: Sequence[Met]) -> bool:
    """Whether the memory of an array that is not given overlaps that of another."""
    for k, each in enumerate(everything):
        if not each.given:
            array = each.array
            for other in everything[:k]:
                if np.may_share_memory(array, other.array):
                    return True
    return False


def _clusters(everything: Sequence[Met]) -> Iterator[list[Met]]:
    """Groups of at least two arrays whose spans of memory overlap, those of each in the order in which they came."""
    cluster: list[int] = []
    end = 0
    for (first, beyond), place in sorted((each.span, place) for place, each in enumerate(everything)):
        if first >= end:
            if len(cluster) > 1:
                yield [everything[k] for k in sorted(cluster)]
            cluster = []
        cluster.append(place)
        end = max(end, beyond)
    if len(cluster) > 1:
        yield [everything[k] for k in sorted(cluster)]
