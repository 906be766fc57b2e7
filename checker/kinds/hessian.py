"""The second derivatives of a scalar function, judged by second differences."""

from collections.abc import Sequence
from typing import Any

from ..hessian import check_hessian
from ..recognise import Doing
from ..report import Report
from . import Answer
from .jacobian import doing as doing


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """The general check of a Hessian, by the one input that the exercise names."""
    options = {key: options[key] for key in ("seed", "rtol") if key in options}
    names = task.declaration.names
    return check_hessian(
        task.forward, answer.function, tuple(inputs), names=names, wrt=task.wrt[0], name=task.name, **options
    )
