"""The exceptions that a caller can meet."""

from typing import Any


class UsageError(ValueError):
    """The check cannot be set up as it was called; the message says what to change."""


class UserCodeError(Exception):
    """The code under test raised: which of its functions, and the original exception as `__cause__`."""

    def __init__(self, function: Any, during: str):
        super().__init__(f"{getattr(function, '__name__', function)} raised while {during}")
        self.function = function
        self.during = during


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a check. `report` holds what was known by then."""

    def __init__(self, report: Any):
        super().__init__("the check was interrupted")
        self.report = report
