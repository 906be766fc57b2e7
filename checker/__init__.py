"""A gradient checker for hand-written NumPy derivatives: right or wrong, and why."""

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
from .exercise import Exercise, exercise, mistake
from .inputs import Bool, Float, Int, below
from .layer import check_layer
from .report import Entry, Finding, Report
from .verdict import check_grad, check_value_and_grad, gradcheck

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
    "gradcheck",
    "mistake",
    "numerical_gradient",
    "numerical_hessian",
    "numerical_jacobian",
    "numerical_jvp",
    "numerical_vjp",
]
