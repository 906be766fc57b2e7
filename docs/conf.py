"""How Sphinx makes the pages: `python -m sphinx -W --keep-going -b html docs build/docs`. Nothing asks the network."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]

project = "checker"
copyright = "The checker authors"  # noqa: A001 Sphinx calls it so
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "docstrings", "columns", "verbs"]

html_theme = "furo"
html_title = "checker"
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["pages.css"]
# Colours that stand out against what is behind them.
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "code"  # what docstrings put between single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures are read; what an argument is stands in the docstring's words
nitpicky = True
