"""A gradient checker for hand-written NumPy derivatives: right or wrong, and why.

Names are imported when they are first used, so that `import checker` costs no more than NumPy does.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .needs import demand

demand()

if TYPE_CHECKING:
    from .derivatives import check_hessian, check_jacobian, check_jvp
    from .errors import Interrupted, UsageError
    from .estimate import (
        Estimate,
        numerical_gradient,
        numerical_hessian,
        numerical_jacobian,
        numerical_jvp,
        numerical_vjp,
    )
    from .exercises import Exercise, exercise, mistake, task
    from .expect import expect_labels, expect_shapes
    from .inputs import below
    from .layer import check_layer
    from .nodes import keep
    from .report import Entry, Finding, Report
    from .shapes import Bool, Float, Int
    from .verdict import check_grad, check_value_and_grad, gradcheck

_HOMES = {
    "derivatives": ("check_hessian", "check_jacobian", "check_jvp"),
    "errors": ("Interrupted", "UsageError"),
    "estimate": (
        "Estimate",
        "numerical_gradient",
        "numerical_hessian",
        "numerical_jacobian",
        "numerical_jvp",
        "numerical_vjp",
    ),
    "exercises": ("Exercise", "exercise", "mistake", "task"),
    "expect": ("expect_labels", "expect_shapes"),
    "inputs": ("below",),
    "layer": ("check_layer",),
    "nodes": ("keep",),
    "report": ("Entry", "Finding", "Report"),
    "shapes": ("Bool", "Float", "Int"),
    "verdict": ("check_grad", "check_value_and_grad", "gradcheck"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Bool",
    "Entry",
    "Estimate",
    "Exercise",
    "Finding",
    "Float",
    "Int",
    "Interrupted",
    "Report",
    "UsageError",
    "below",
    "check_grad",
    "check_hessian",
    "check_jacobian",
    "check_jvp",
    "check_layer",
    "check_value_and_grad",
    "exercise",
    "expect_labels",
    "expect_shapes",
    "gradcheck",
    "keep",
    "mistake",
    "numerical_gradient",
    "numerical_hessian",
    "numerical_jacobian",
    "numerical_jvp",
    "numerical_vjp",
    "task",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'checker' has no attribute {name!r}")
    # `exercise` is the name of a function and of the module that holds it: the function wins here.
    value = getattr(importlib.import_module(f"checker.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
