"""A gradient checker for hand-written NumPy derivatives: right or wrong, and why."""

from .errors import Interrupted, UsageError
from .report import Entry, Finding, Report
from .verdict import check_grad, check_value_and_grad, gradcheck

__all__ = [
    "Entry",
    "Finding",
    "Interrupted",
    "Report",
    "UsageError",
    "check_grad",
    "check_value_and_grad",
    "gradcheck",
]
