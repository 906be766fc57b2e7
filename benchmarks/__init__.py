"""The checker and its peers, side by side in one run: `python -m benchmarks` runs all, `... cost fast` some of them."""

import os

# Before NumPy is imported: on arrays this small, threads of the linear algebra library only disturb the measurement.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
