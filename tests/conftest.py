"""Settings that all tests share."""

import os

# Two or three of these arrays fit in a cache line: threads of the linear algebra library only cost time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
