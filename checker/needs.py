"""What has to be there before anything else: a Python that is new enough, and NumPy. Any Python can read this file."""

import sys

PYTHON = (3, 11)


def demand() -> None:
    """Import NumPy. Raises ModuleNotFoundError that says what is missing, and what to do; under `python -m`, says it
    and ends.
    """  # fmt: skip
    if sys.version_info < PYTHON:
        found, wanted = (".".join(map(str, version)) for version in (sys.version_info[:3], PYTHON))
        _refuse(f"it needs Python {wanted} or later, and {sys.executable} is {found}", "")
    try:
        import numpy  # noqa: F401  its cost shows here, where it belongs
    except ModuleNotFoundError as missing:
        if missing.name != "numpy":
            raise
        advice = f"activate the environment that has it, or: {sys.executable} -m pip install numpy rich"
        _refuse(f"it needs NumPy, which {sys.executable} does not have; {advice}", "numpy")


def _refuse(why: str, name: str) -> None:
    if sys.argv[:1] == ["-m"]:  # what runpy puts there while it imports the package
        print(f"checker: {why}", file=sys.stderr)
        sys.exit(2)
    raise ModuleNotFoundError(f"checker: {why}", name=name or None)
