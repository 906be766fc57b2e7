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

PEERS = ("autograd", "scipy.optimize", "numdifftools", "jax.test_util", "torch.autograd.gradcheck")
COMMAND = [sys.executable, "-m", "checker", "gradcheck"]
#: With bytecode kept, as pip leaves an installed package, whatever this shell says.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
TARGETS = ("solutions.batchnorm", "examples/batchnorm.py::batchnorm_backward")


def main(quick: bool = False) -> None:
    """Print medians of interleaved runs, so that a busy machine slows all alike."""
    modules = ["numpy", "checker", *(() if quick else PEERS)]
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(5 if quick else 21):
        for module in modules:
            seconds = import_seconds(module)
            if seconds is not None:
                times[module].append(seconds)
    base = statistics.median(times["numpy"])
    rows = [[module, 1000 * statistics.median(t), statistics.median(t) / base] for module, t in times.items() if t]
    show("Import", ["module", "ms", "/ numpy"], rows, f"Target for checker: at most {TARGET_IMPORT}.")

    rows = []
    for target in TARGETS:
        taken = [command_seconds([*COMMAND, target]) for _ in range(3 if quick else 9)]
        rows.append([f"python -m checker gradcheck {target}", statistics.median(taken), max(taken)])
    show("Command line, cold", ["command", "median s", "worst s"], rows, f"Target: under {TARGET_COMMAND:.0f} second.")


def import_seconds(module: str) -> float | None:
    """How long Python says that importing the module took, all that it imports included; None if it is not there."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    if run.returncode:
        return None
    # "import time: self | cumulative | name", nested imports indented; `import a.b` gives a line for a and one for a.b.
    outermost = re.findall(r"\| +(\d+) \| (\S+)$", run.stderr, re.MULTILINE)
    package = module.partition(".")[0]
    return sum(int(microseconds) for microseconds, name in outermost if name.partition(".")[0] == package) / 1e6


def command_seconds(command: list[str]) -> float:
    """Wall clock of a command."""
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - start
