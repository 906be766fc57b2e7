"""The derivative of an array-valued function, as an array: judged by the numeric derivative of the function."""

from collections.abc import Sequence
from typing import Any

from ..derivatives import check_jacobian
from ..recognise import Doing
from ..report import Report
from . import Answer, value


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """The derivative by each input, and the inputs as they are left."""
    done = value.doing(task, answer, inputs)
    if len(task.wrt) == 1:
        return {key.replace("output ", f"gradient {task.wrt[0]}"): array for key, array in done.items()}
    names = {f"output [{place}]": f"gradient {name}" for place, name in enumerate(task.wrt)}
    return {names.get(key, key): array for key, array in done.items()}


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """The general check of a Jacobian, in the exercise's layout."""
    return check_jacobian(
        task.forward, answer.function, tuple(inputs), names=task.declaration.names, wrt=task.wrt, name=task.name,
        declaration=task.declaration, layout=task.layout, **options,
    )  # fmt: skip
