"""Settings that all tests share."""

import os

# The arrays in the tests are small: threads of the linear algebra library would only cost time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
