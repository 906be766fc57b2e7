"""Pages that go back to students hold what was graded, and nothing that runs or that a submission put beside it."""

from pathlib import Path
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

_SVG = ("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title",
        "defs", "marker")  # fmt: skip
_TEXT = ("p", "div", "span", "pre", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr",
         "th", "td", "img", "sub", "sup", "del", "details", "summary", "figure", "figcaption", "small")  # fmt: skip
TAGS = {*bleach.ALLOWED_TAGS, *_TEXT, *_SVG}
_DRAWN = ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "points", "viewBox",
          "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "text-anchor",
          "dominant-baseline", "opacity", "marker-end", "markerWidth", "markerHeight", "refX", "refY", "orient",
          "width", "height", "align", "xmlns", "role", "aria-label")  # fmt: skip
ATTRIBUTES = {"*": [*_DRAWN, "class", "id", "title", "style"], "a": ["href", "title"], "img": ["src", "alt", "width"]}
_STYLES = CSSSanitizer(allowed_css_properties=["color", "background-color", "text-align", "width", "height"])


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """Markdown as HTML, with its formulas and pictures and without anything that runs."""
    attachments = context.get("cell", {}).get("attachments", {})
    html = MarkdownWithMath(
        renderer=IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    ).render(source)
    protocols = {*bleach.ALLOWED_PROTOCOLS, "data"}
    cleaned: str = bleach.clean(
        html, tags=TAGS, attributes=_attribute, css_sanitizer=_STYLES, protocols=protocols, strip=True
    )
    return cleaned


def _attribute(tag: str, name: str, value: str) -> bool:
    """Whether an attribute may stay; data goes into pictures alone."""
    allowed = name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, ())
    data = value.strip().lower().startswith("data:")
    return allowed and (not data or (tag == "img" and value.strip().lower().startswith("data:image/")))


def only_pages(**known: Any) -> None:
    """Take from a folder of feedback what is no page: files that a submission wrote come along with the notebooks.

    nbgrader calls this behind each student's feedback; `notebooks` are the graded ones that the pages were made from.
    """
    notebooks = [Path(name) for name in known["notebooks"]]
    # .../autograded/student/assignment/name.ipynb, beside .../feedback/student/assignment/
    student, assignment = notebooks[0].parts[-3:-1]
    folder = notebooks[0].parents[3] / "feedback" / student / assignment
    pages = {folder / f"{notebook.stem}.html" for notebook in notebooks}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path not in pages or path.is_symlink():
            path.unlink()
