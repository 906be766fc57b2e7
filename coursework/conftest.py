"""`pytest coursework` judges every answer in this folder; `pytest coursework/gates.py` those of one topic."""

from pytest_checker import collect_exercises as pytest_collect_file

__all__ = ["pytest_collect_file"]
