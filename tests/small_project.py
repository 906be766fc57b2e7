"""A course of one topic, made up: its answers, its lectures, an assignment, and everything that is built from them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]

SOLUTIONS = '''"""The reference answers."""

#: In the order of learning.
TOPICS = (
    "scaling",
)
'''
LECTURES = '''"""The lectures' derivations."""

LECTURES = {"S0": "scaling"}

ROWS = {
    "S0-01": "a product with a number",
    "S0-02": "a history of scaling",
}

NOTHING_TO_DERIVE = {"S0-02": "a story"}
'''
SCALING = r'''"""Scaling: one number for all, or one for each column."""

from numpy import ndarray

from checker import Float, exercise, mistake


def scale_forward(x: Float[ndarray, "N D"], gain: Float[ndarray, "D"]):
    """Each column of x times its gain: return (out, cache). Lecture S0-01."""
    ### BEGIN SOLUTION
    return x * gain, (x, gain)
    ### END SOLUTION


@exercise(
    scale_forward,
    points=2,
    rows=("S0-01",),
    hints=("Each gain is used in every row.", "What is used in several places gets the sum of their gradients."),
)
def scale_backward(dout, cache):
    """Return (dx, dgain), of shapes (N, D) and (D,). Lecture S0-01."""
    ### BEGIN SOLUTION
    # $\bar g_j = \sum_i \bar o_{ij} x_{ij}$
    x, gain = cache
    return dout * gain, (dout * x).sum(axis=0)
    ### END SOLUTION


@mistake(scale_backward, "Is anything in the forward divided by N?")
def mean_over_the_rows(dout, cache):
    x, gain = cache
    return dout * gain, (dout * x).mean(axis=0)


@mistake(scale_backward, "Raise a gain: does the output rise or fall?")
def gain_with_a_wrong_sign(dout, cache):
    x, gain = cache
    return dout * gain, -(dout * x).sum(axis=0)


@mistake(scale_backward, "Which factor does x have in the forward?")
def gain_forgotten_for_x(dout, cache):
    x, gain = cache
    return dout, (dout * x).sum(axis=0)
'''
README = """# A course

<!-- derivations -->
<!-- end of derivations -->
"""
SOURCE = """# %% [markdown]
# # Scaling

# %%
exercise("scaling.scale_backward")

# %%
question("why_sum", points=3)

# %% [markdown]
# Why a sum?
#
# ### BEGIN SOLUTION
# Every row uses the same gain, so every row moves the loss by it.
# ### END SOLUTION
"""
PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "small-course"
version = "0.1"

[tool.hatch.build.targets.wheel]
only-include = ["coursework"]
"""
FILES = {
    "solutions/__init__.py": SOLUTIONS,
    "solutions/lectures.py": LECTURES,
    "solutions/scaling.py": SCALING,
    "README.md": README,
    "notebooks/sources/01_scaling.py": SOURCE,
    "pyproject.toml": PROJECT,
}


def written(folder):
    """The project in a folder, of which nothing has been built yet."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copyfile(ROOT / "notebooks" / "nbgrader_config.py", folder / "notebooks" / "nbgrader_config.py")
    return folder
