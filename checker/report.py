"""What a check found, as plain data. Rendering is elsewhere (`checker.render`)."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

RIGHT = "right"
WRONG = "wrong"
NOT_ATTEMPTED = "not attempted"
CANNOT_TELL = "cannot tell"

#: What a *wrong* is: values differ; only in an ordinary corner case; right but overflowing; right numbers in the wrong
#: shape; a breach of the layer contract; the forward itself differs from the reference; the code raised an exception.
KINDS = ("values", "edge", "unstable", "shape", "contract", "forward", "error")


@dataclass(frozen=True)
class Entry:
    """One number that was compared: `yours` against `expected`, known to within `error`."""

    index: tuple[int, ...]
    yours: float
    expected: float
    error: float


@dataclass(frozen=True)
class Finding:
    """One thing found about one gradient (`subject` is its input's name) or about the whole pair (`subject` is "").

    `errors`, where it is known, is the array of |yours - expected|, with 0 at every entry that is right. It is for
    pictures: no part of the data that findings are compared by, or that goes into JSON.
    """

    subject: str
    verdict: str
    message: str
    kind: str = ""
    cause: str = ""
    advice: str = ""
    shape: tuple[int, ...] = ()
    wrong: int = 0
    entries: tuple[Entry, ...] = ()
    errors: Any = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int:
        """How many numbers the gradient has."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True)
class Report:
    """The outcome of one check, true only if the verdict is "right". `str()` gives its text; a notebook shows it."""

    name: str
    verdict: str
    findings: tuple[Finding, ...] = ()
    kind: str = ""
    notes: tuple[str, ...] = ()
    where: str = ""
    mode: str = ""
    seed: int = 0
    forwards: int = 0
    backwards: int = 0
    inputs: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def __str__(self) -> str:
        from .render.text import render

        return render(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows below a cell that ends with a report."""
        from .render.html import render

        return {"text/plain": str(self), "text/html": render(self)}

    @property
    def causes(self) -> tuple[str, ...]:
        """The short names of the causes that the numbers established, in the findings' order."""
        return tuple(finding.cause for finding in self.findings if finding.cause)

    def to_dict(self) -> dict[str, Any]:
        """The report as dicts, lists, strings and numbers. Its arrays are left out: inputs and errors."""
        bare = replace(self, inputs={}, findings=tuple(replace(f, errors=None) for f in self.findings))
        data = asdict(bare)
        del data["inputs"]
        for finding in data["findings"]:
            del finding["errors"]
        return data
