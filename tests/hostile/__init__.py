"""Submissions that try to earn, to see or to change what is not theirs, and the honest ones beside them."""

from . import files, honest, judging, measurements, network, notebooks, pages, pipe, processes, resources, values
from .submission import Submission

_GROUPS = (judging, values, files, processes, resources, network, pipe, notebooks, pages, measurements)

#: All of whose answers are wrong or missing.
HOSTILE: tuple[Submission, ...] = (
    *(each for module in _GROUPS for each in module.group.all),
    *pipe.forged.all,
)
#: All of whose answers are right.
HONEST: tuple[Submission, ...] = tuple(honest.group.all)
