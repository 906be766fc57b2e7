"""What the first answer costs: importing the checker over importing NumPy, and the command line from a cold start."""

import importlib.util
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from .results import Result
from .table import Table, markdown

PEERS = ("autograd", "jax", "numdifftools", "scipy", "torch")
#: What importing may cost over NumPy alone, and a small check on the command line in seconds.
TARGET_IMPORT, TARGET_COMMAND = 1.15, 1.0

OURS = ("import checker", "from checker import gradcheck")
THEIRS = (
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


def measure(quick: bool = False) -> Iterator[Table]:
    """Medians of interleaved runs, so that a busy machine slows all alike."""
    there = [statement for statement in THEIRS if importlib.util.find_spec(re.split(r"[ .]", statement)[1])]
    times: dict[str, list[float]] = {statement: [] for statement in ("import numpy", *OURS, *(() if quick else there))}
    for _ in range(5 if quick else 11):
        for statement, taken in times.items():
            taken.append(import_seconds(statement))
    base = statistics.median(times["import numpy"])
    rows = [[statement, 1000 * statistics.median(t), statistics.median(t) / base] for statement, t in times.items()]
    note = f"Target for `import checker`: at most {TARGET_IMPORT}."
    yield Table("imports", "Imports, medians of interleaved runs", ["statement", "ms", "/ numpy"], rows, note)

    rows = []
    for target in TARGETS:
        taken = [command_seconds([*COMMAND, target]) for _ in range(3 if quick else 9)]
        rows.append([f"python -m checker gradcheck {target}", statistics.median(taken), max(taken)])
    note = f"Target: under {TARGET_COMMAND:.0f} second."
    yield Table("commands", "Command line, cold", ["command", "median s", "worst s"], rows, note)


def readme(result: Result) -> str:
    """Imports over NumPy's, and the seconds until a command has answered."""
    imports, commands = result.tables["imports"], result.tables["commands"]
    ratios = [[f"`{statement}`", f"{ratio:.2f}"] for statement, _, ratio in imports.rows if statement != "import numpy"]
    seconds = [[f"`{command}`", f"{median:.2f}"] for command, median, _ in commands.rows]
    tables = (
        markdown(["import, everything that it brings along", "time / that of `import numpy`"], ratios),
        markdown(["command, from a cold start", "seconds"], seconds),
    )
    return "\n\n".join((*tables, result.setting()))


def import_seconds(statement: str) -> float:
    """How long Python says that all imports of a statement took."""
    command = [sys.executable, "-X", "importtime", "-c", f"import sys; sys.stderr.write('begin\\n'); {statement}"]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    if run.returncode:
        raise RuntimeError(f"{statement} ended with {run.returncode}: {run.stderr[-2000:]}")
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
