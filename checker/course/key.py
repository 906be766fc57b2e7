"""The right answers, by name at run time: `solutions.batchnorm` is the key to `coursework.batchnorm`."""

import importlib

from ..exercises import Exercise, as_answered, exercises_in

KEYS = "solutions"


def key(stub: Exercise) -> Exercise | None:
    """The exercise that judges a stub's halves by right ones; None where no solutions are at hand."""
    try:
        module = importlib.import_module(f"{KEYS}.{stub.topic}")
    except ModuleNotFoundError:
        return None
    found = next((each for each in exercises_in(module) if each.name == stub.name), None)
    return None if found is None else as_answered(stub, found)
