"""Labelled forward/backward pairs, on which the checker is judged. `python -m tests.bank` prints how it does."""

from . import (
    activations,
    contracts,
    convolution,
    corners,
    elsewhere,
    linear,
    losses,
    matrices,
    normalisation,
    recurrent,
    reductions,
    robust,
    scalars,
    styles,
)
from .case import LABELS, Case

TOPICS = (
    scalars,
    activations,
    linear,
    losses,
    normalisation,
    reductions,
    convolution,
    recurrent,
    matrices,
    corners,
    elsewhere,
    contracts,
    robust,
    styles,
)
CASES: tuple[Case, ...] = tuple(case for topic in TOPICS for case in topic.bank)

__all__ = ["CASES", "LABELS", "Case"]
