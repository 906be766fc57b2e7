"""Pages that go back to students hold what was graded, and nothing that runs or that a submission put beside it.

Whatever a submission wrote is made harmless as data, before any template sees it: `Harmless` does so for the pages of
nbgrader's formgrader too, which show the same notebooks to instructors.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbconvert.filters.ansi import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat.notebooknode import NotebookNode

from ..report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG
from . import flowcharts
from .formulas import mathml
from .templating import code_styles, rendered

#: A longer piece of HTML, markdown or code is shown as it was written.
LONGEST = 200_000
#: A verdict's explanation has no more lines.
LONGEST_TOLD = 200
#: HTML that is deeper, or has more attributes in a tag, is too, and so is markdown with more environments: nobody
#: writes such, and reading it takes long.
DEEPEST, MOST = 200, 500
#: So many flowcharts of a piece of markdown are drawn.
CHARTS = 20

_SVG = ("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "defs",
        "marker")  # fmt: skip
_TEXT = ("p", "div", "span", "pre", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr",
         "th", "td", "img", "sub", "sup", "del", "details", "summary", "figure", "figcaption", "small")  # fmt: skip
TAGS = {*bleach.ALLOWED_TAGS, *_TEXT, *_SVG}
_DRAWN = ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "points", "viewBox",
          "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "text-anchor",
          "dominant-baseline", "opacity", "marker-end", "markerWidth", "markerHeight", "refX", "refY", "orient",
          "width", "height", "align", "xmlns", "role", "aria-label")  # fmt: skip
ATTRIBUTES = {
    "*": {*_DRAWN, "class", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_STYLES = CSSSanitizer(
    allowed_css_properties=[
        "background", "background-color", "border", "border-bottom", "border-collapse", "border-left",
        "border-radius", "color", "display", "flex", "flex-wrap", "font-family", "font-size", "font-style",
        "font-weight", "gap", "height", "line-height", "margin", "margin-left", "margin-top", "max-height",
        "max-width", "min-width", "opacity", "overflow", "overflow-x", "padding", "text-align", "vertical-align",
        "white-space", "width",
    ]
)  # fmt: skip
#: The classes of highlighted code, and of colours in a terminal's text: none of a page's own.
_CLASS = re.compile(r"(highlight|dataframe|tex|inline|block|ansi-[a-z-]+|[a-z][a-z0-9]{0,2})( |$)")
#: Names an address, or draws over what stands above.
_REACHES = re.compile(r"\\|/\*|url|image|expression|margin[^;]*:[^;]*-", re.IGNORECASE)
_LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[\w+/=\s]*", re.IGNORECASE)

# -- HTML, markdown and code ------------------------------------------------------------------------------------------


def clean(html: str | bytes) -> str:
    """HTML without anything that runs, asks another machine for anything, or lies over the page."""
    text = html.decode(errors="replace") if isinstance(html, bytes) else str(html)  # nbconvert's filter gets either
    return _or_as_written(_cleaned, text)


def _cleaned(html: str, token: str = "") -> str:
    if html.count("<") > DEEPEST and _depth(html) > DEEPEST:
        raise ValueError("too deep")
    tags = (text.partition(">")[0] for text in html.split("<") if text[:1].isalpha())
    if any(max(tag.count("="), len(tag.split())) > MOST for tag in tags):
        raise ValueError("too many attributes")

    def allowed(tag: str, name: str, value: str) -> bool:
        # A formula within an attribute would end it.
        return not (token and token in value) and _attribute(tag, name, value)

    protocols = {*bleach.ALLOWED_PROTOCOLS, "data"}
    return str(
        bleach.clean(html, tags=TAGS, attributes=allowed, css_sanitizer=_STYLES, protocols=protocols, strip=True)
    )


def _attribute(tag: str, name: str, value: str) -> bool:
    """Whether an attribute may stay. Data goes into pictures alone, and pictures come from nowhere else."""
    if name not in ATTRIBUTES["*"] and name not in ATTRIBUTES.get(tag, ()):
        return False
    if name == "href":
        return bool(_LINK.match(value.strip()))
    if name == "src":
        return bool(_PICTURE.fullmatch(value.strip()))
    if name == "style":
        return not _REACHES.search(value)
    if name == "class":
        return not _CLASS.sub("", value)
    return not _REACHES.search(value) if name in _DRAWN else True


def _depth(html: str) -> int:
    """How deep elements stand within one another, at most: an end that is missing counts as deeper."""
    deepest = depth = 0
    for end, name in re.findall(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)", html):
        if name.lower() not in ("br", "hr", "img", "path", "rect", "line", "circle", "td", "th", "tr", "p", "li"):
            depth += -1 if end else 1
            deepest = max(deepest, depth)
    return deepest


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """Markdown as HTML, with its formulas and pictures and without anything that runs: nbconvert's filter."""
    return markdown(source, context.get("cell", {}).get("attachments", {}))


def markdown(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Markdown as HTML, with its formulas and pictures and without anything that runs."""
    return _or_as_written(lambda text: _markdown(text, attachments), source) if attachments else _plain(source)


@lru_cache(maxsize=256)  # what an assignment says is the same on every page
def _plain(source: str) -> str:
    return _or_as_written(lambda text: _markdown(text, {}), source)


def _markdown(source: str, attachments: Mapping[str, Any]) -> str:
    if source.count(r"\begin{") > MOST:
        raise ValueError("too many environments")
    renderer = _Renderer(attachments)
    html = _cleaned(MarkdownWithMath(renderer=renderer).render(source), renderer.token)
    return re.sub(rf"{renderer.token}x(\d+)x", lambda found: renderer.drawn[int(found[1])], html)


def code(source: str, language: str | None = None, metadata: Any = None) -> str:
    """Code with its colours: nbconvert's filter `highlight_code`, but for languages that a notebook chooses."""
    return _or_as_written(_highlighted, source)


def _highlighted(source: str) -> str:
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    return str(highlight(source, _lexer(), HtmlFormatter()))


@cache  # IPython's is a plugin: finding it takes longer than using it
def _lexer() -> Any:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    return get_lexer_by_name("ipython3")


def _or_as_written(make: Callable[[str], str], source: str) -> str:
    """What is made of a source, or the source itself where that cannot be done: no answer is lost from its page."""
    try:
        if len(source) > LONGEST:
            raise ValueError("too long")
        return make(source)
    except Exception:  # parsers raise of every kind, RecursionError too, at what was never meant to be read
        shown = source if len(source) <= LONGEST else f"{source[:LONGEST]}\n... (the rest was left out)"
        return f"<pre>{escape(shown)}</pre>"


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    """Markdown's renderer; what it draws waits behind a mark that nobody can guess until all other HTML is clean."""

    def __init__(self, attachments: Mapping[str, Any]) -> None:
        super().__init__(escape=False, attachments=dict(attachments), exclude_anchor_links=True)
        self.token, self.drawn, self.charts = f"drawn{secrets.token_hex(12)}", list[str](), 0

    def _later(self, html: str) -> str:
        self.drawn.append(html)
        return f"{self.token}x{len(self.drawn) - 1}x"

    def _formula(self, tex: str, display: bool) -> str:
        return self._later(mathml(tex.strip(), display))

    def inline_math(self, body: str) -> str:
        return self._formula(body, display=False)

    def block_math(self, body: str) -> str:
        return self._formula(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def multiline_math(self, text: str) -> str:
        return self._formula(text.strip().strip("$"), display=True)

    def block_mermaidjs(self, code: str) -> str:
        self.charts += 1
        try:
            if self.charts > CHARTS:
                raise ValueError("too many")
            return self._later(f'<div style="margin:0.7rem 0;overflow-x:auto">{flowcharts.svg(code)}</div>')
        except ValueError:
            return f"<pre>{escape(unescape(code.strip()))}</pre>"

    def _embed_image_or_attachment(self, src: str) -> str:
        name = src.removeprefix("attachment:")
        kinds = self.attachments.get(name, {}) if name != src else {}
        pictures = (f"data:{kind};base64,{kinds[kind]}" for kind in kinds if kind.startswith("image/"))
        return src if name == src else next(pictures, "")


# -- a notebook's outputs --------------------------------------------------------------------------------------------


class Harmless(Preprocessor):  # type: ignore[misc]
    """A notebook whose outputs and metadata are of the kinds that templates can be trusted with."""

    enabled = True

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The same notebook, changed in place."""
        return harmless(nb), resources


def harmless(nb: NotebookNode) -> NotebookNode:
    """Change a notebook in place: metadata but nbgrader's is dropped, and outputs that cannot be shown safely."""
    nb.metadata = NotebookNode(
        kernelspec=NotebookNode(name="python3", display_name="Python 3", language="python"),
        language_info=NotebookNode(name="python", pygments_lexer="ipython3"),
    )
    for cell in nb.cells:
        known = cell.metadata.get("nbgrader")
        cell.metadata = NotebookNode(nbgrader=known) if isinstance(known, dict) else NotebookNode()
        if isinstance(known, dict):
            known["grade_id"] = re.sub(r"[^\w-]", "_", str(known.get("grade_id", "")))
        if cell.cell_type == "code":
            number = cell.get("execution_count")
            cell.execution_count = number if isinstance(number, int) else None
            cell.outputs = [each for output in cell.outputs for each in _shown(output)]
    return nb


def _shown(output: NotebookNode) -> Iterator[NotebookNode]:
    if output.output_type == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        yield NotebookNode(output_type="stream", name=name, text=_text(output.get("text")))
    elif output.output_type == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        name, value = _text(output.get("ename")), _text(output.get("evalue"))
        yield NotebookNode(output_type="error", ename=name, evalue=value, traceback=[_text(line) for line in lines])
    else:
        data = {kind: _KINDS[kind](_text(content)) for kind, content in _data(output).items() if kind in _KINDS}
        data = {kind: content for kind, content in data.items() if content}
        if data:
            yield NotebookNode(output_type="display_data", data=NotebookNode(data), metadata=NotebookNode())


def _data(output: NotebookNode) -> Mapping[str, Any]:
    data = output.get("data")
    return data if isinstance(data, dict) else {}


def _text(value: Any) -> str:
    """A text, which notebooks may hold as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "")


def _picture(content: str) -> str:
    """The letters of base64, or nothing."""
    try:
        return base64.b64encode(base64.b64decode("".join(content.split()), validate=True)).decode()
    except (binascii.Error, ValueError):
        return ""


#: What is shown of the kinds that one output may be given in, the first that there is, and what is done to each.
_KINDS: dict[str, Callable[[str], str]] = {
    "text/html": clean,
    "text/markdown": str,
    "image/svg+xml": str,  # shown as a picture, in which nothing runs
    "image/png": _picture,
    "image/jpeg": _picture,
    "text/latex": str,
    "text/plain": str,
}


# -- the page --------------------------------------------------------------------------------------------------------


class Page(Exporter):  # type: ignore[misc]
    """A graded notebook as one HTML page: no script, no request, light and dark, and readable on a phone.

    `c.GenerateFeedback.exporter_class` is this; nbgrader's grades and comments are in the cells' metadata by then.
    """

    output_mimetype = "text/html"

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page and the resources, once nbgrader's steps have been taken."""
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        return page(nb, resources["nbgrader"]), resources


def page(nb: NotebookNode, known: Mapping[str, Any]) -> str:
    """The page of a graded notebook; `known` holds its name as `notebook`, `score`, `max_score`, `late_penalty`.

    What waits for a reader is counted by itself: it is in neither the score that is shown nor the points that it is of.
    """
    cells = [_cell(cell) for cell in harmless(nb).cells]
    graded = [cell for cell in cells if cell["graded"]]
    waiting = [cell for cell in graded if cell["state"] == WAITING]
    score, points = (
        round(float(known.get(whole) or 0) - sum(cell[part] for cell in waiting), 2)
        for whole, part in (("score", "score"), ("max_score", "points"))
    )
    return rendered(
        "feedback.html", name=known["notebook"], score=max(0.0, score), points=points, waiting=len(waiting),
        unread=sum(cell["points"] for cell in waiting), penalty=known.get("late_penalty") or 0, cells=cells,
        graded=graded, code_styles=code_styles(),
    )  # fmt: skip


def _cell(cell: NotebookNode) -> dict[str, Any]:
    """What the template shows of a cell."""
    known = cell.metadata.get("nbgrader", {})
    graded, answer, task = (bool(known.get(key)) for key in ("grade", "solution", "task"))
    runs = cell.cell_type == "code"
    test = runs and graded and not answer
    name = known.get("grade_id", "")
    score, points = (float(known.get(key) or 0) for key in ("score", "points"))
    state, sign, words = _state(cell, score, points) if graded or task else ("", "", "")
    outputs = [_output(output, told=test) for output in cell.get("outputs", [])] if runs else []
    comment = known.get("comment") if answer or task else ""
    return {
        "id": cell.get("id", ""), "name": name, "title": name.removesuffix("_test"), "test": test,
        "graded": graded or task, "state": state, "sign": sign, "words": words, "score": score, "points": points,
        "heading": "Student's answer" if answer else "Task" if task else "Test" if graded else "",
        "code": Markup(code(cell.source)) if runs and cell.source.strip() else "",
        "prose": _prose(cell) if not runs else "",
        "outputs": [output for output in outputs if output["html"]],
        "comment": Markup(markdown(str(comment))) if comment else "",
    }  # fmt: skip


def _state(cell: NotebookNode, score: float, points: float) -> tuple[str, str, str]:
    """A class, a sign and words for how a graded cell did."""
    if cell.metadata.nbgrader.get("waiting"):
        return WAITING, "○", "not graded yet"
    told = "".join(output.text for output in cell.get("outputs", []) if output.output_type == "stream")
    said = re.match(rf"\w+: ({RIGHT}|{WRONG}|{NOT_ATTEMPTED}|{CANNOT_TELL})\b", told)
    if said and said[1] in (NOT_ATTEMPTED, CANNOT_TELL) and not score:
        return "none", "○" if said[1] == NOT_ATTEMPTED else "?", said[1]
    if score >= points:
        return "right", "✓", "right" if said else "full marks"
    return ("partly", "◐", "partly right") if score > 0 else ("wrong", "✗", "wrong" if said else "no points")


#: The state of an answer that waits for somebody to read it, and the comment on it.
WAITING, NOT_YET = "waiting", "This is not graded yet."


def _prose(cell: NotebookNode) -> Markup:
    if cell.cell_type == "markdown":
        return Markup(markdown(cell.source, cell.get("attachments", {})))
    return Markup(f"<pre>{escape(cell.source)}</pre>")


def _output(output: NotebookNode, told: bool) -> dict[str, str | Markup]:
    """An output's class and its HTML; `told` is what a test says, its verdict first."""
    if output.output_type == "stream" and told:
        return {"kind": "told", "html": _told(output.text)}
    if output.output_type == "stream":
        return {"kind": output.name, "html": _terminal(output.text)}
    if output.output_type == "error":
        return {"kind": "error", "html": _terminal("\n".join(output.traceback))}
    kind = next(kind for kind in _KINDS if kind in output.data)
    return {"kind": kind.rpartition("/")[2].partition("+")[0], "html": Markup(_displayed(kind, output.data[kind]))}


def _told(text: str) -> Markup:
    """The explanation of a verdict, whose lines were broken for a terminal: a paragraph for each finding."""
    verdict, *lines = re.sub(r"\n {4,}(?!->)(?=\S)", " ", text.strip()).splitlines()[:LONGEST_TOLD] or [""]
    html = Markup("<p><b>{}</b></p>").format(verdict)
    for line in lines:
        advice, words = line.strip().startswith("-> "), line.strip().removeprefix("-> ")
        html += Markup('<p class="advice">&rarr; {}</p>' if advice else "<p>{}</p>").format(words)
    return html


def _displayed(kind: str, content: str) -> str:
    """The HTML of harmless data."""
    match kind:
        case "text/html":
            return content
        case "text/markdown":
            return markdown(content)
        case "text/latex":
            return mathml(content.strip().strip("$"), display=True)
        case "text/plain":
            return _terminal(content)
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f'<img src="data:{kind};base64,{content}" alt="a picture that the cell drew">'


def _terminal(text: str) -> Markup:
    """A terminal's text with its colours."""
    return Markup(f"<pre>{ansi2html(text)}</pre>") if text.strip() else Markup("")


# -- files -----------------------------------------------------------------------------------------------------------


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
