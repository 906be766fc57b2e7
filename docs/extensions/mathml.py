"""Formulas are MathML, which browsers draw by themselves: no page needs MathJax, or any other script, to show them."""

from typing import Any

from docutils import nodes
from sphinx.util import logging

from checker.course.formulas import mathml


def setup(app: Any) -> dict[str, bool]:
    """Make `mathml` one of the values of html_math_renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(_formula(node, display=False))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{_formula(node, display=True)}</div>\n')
    raise nodes.SkipNode


def _formula(node: nodes.Node, display: bool) -> str:
    made = mathml(node.astext(), display)
    if not made.startswith("<math"):
        logging.getLogger(__name__).warning("this formula cannot be drawn: %s", node.astext(), location=node)
    return made
