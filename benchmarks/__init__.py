"""The checker and its peers, side by side in one run: `python -m benchmarks` runs all, `... cost fast` some of them.

A benchmark is a module that is named in NAMES and has

- `PEERS`, the distributions that it compares with, none of which may be missing when its figures are kept;
- `measure(quick)`, which yields its tables;
- `readme(result)`, the Markdown that stands in the README between `<!-- benchmarks: NAME -->` and
  `<!-- /benchmarks -->`, made from the tables of a `Result` and nothing else.
"""

import os
from pathlib import Path

# Before NumPy is imported: on arrays this small, threads of the linear algebra library only disturb the measurement.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

ROOT = Path(__file__).parents[1]
#: In the order in which they run.
NAMES = ("startup", "watch", "cost", "fast", "locate", "detection", "grading", "marks")
