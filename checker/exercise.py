"""Kept for the package's own lazy import; the code is in `checker.exercises`."""

from .exercises import Exercise, exercise, mistake

__all__ = ["Exercise", "exercise", "mistake"]
