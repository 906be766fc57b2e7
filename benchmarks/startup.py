"""What the first answer costs: importing the checker over importing NumPy, and the command line from a cold start."""

import os
import re
import statistics
import subprocess
import sys
import time

from .table import show

#: What importing may cost over NumPy alone, and a small check on the command line in seconds.
TARGET_IMPORT, TARGET_COMMAND = 1.15, 1.0

OURS = ("import checker", "from checker import gradcheck")
PEERS = (
    "import autograd.test_util",
    "from scipy.optimize import check_grad",
    "import numdifftools",
    "import jax.test_util",
    "from torch.autograd import gradcheck",
)
COMMAND = [sys.executable, "-m", "checker", "gradcheck"]
#: With bytecode kept, as pip leaves an installed package, whatever this shell says.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
TARGETS = ("solutions.batchnorm", "examples/batchnorm.py::batchnorm_backward")


def main(quick: bool = False) -> None:
    """Print medians of interleaved runs, so that a busy machine slows all alike."""
    statements = ["import numpy", *OURS, *(() if quick else PEERS)]
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(5 if quick else 21):
        for statement in statements:
            seconds = import_seconds(statement)
            if seconds is not None:
                times[statement].append(seconds)
    base = statistics.median(times["import numpy"])
    rows = [
        [statement, 1000 * statistics.median(t), statistics.median(t) / base] for statement, t in times.items() if t
    ]
    note = f"Target for `import checker`: at most {TARGET_IMPORT}."
    show("Imports, medians of interleaved runs", ["statement", "ms", "/ numpy"], rows, note)

    rows = []
    for target in TARGETS:
        taken = [command_seconds([*COMMAND, target]) for _ in range(3 if quick else 9)]
        rows.append([f"python -m checker gradcheck {target}", statistics.median(taken), max(taken)])
    show("Command line, cold", ["command", "median s", "worst s"], rows, f"Target: under {TARGET_COMMAND:.0f} second.")


def import_seconds(statement: str) -> float | None:
    """How long Python says that all imports of a statement took; None if it fails."""
    command = [sys.executable, "-X", "importtime", "-c", f"import sys; sys.stderr.write('begin\\n'); {statement}"]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    if run.returncode:
        return None
    # Lines are "import time: self | cumulative | name", nested imports indented.
    outermost = re.findall(r"\| +(\d+) \| \S+$", run.stderr.partition("begin\n")[2], re.MULTILINE)
    return sum(map(int, outermost)) / 1e6


def command_seconds(command: list[str]) -> float:
    """Wall clock of a command that prints its answer."""
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    seconds = time.perf_counter() - start
    if not run.stdout:
        raise RuntimeError(f"{' '.join(command)} printed nothing but: {run.stderr}")
    return seconds
