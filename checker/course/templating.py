"""The pages' templates: one look for all of them, and every text escaped that is not marked as HTML."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

#: A page asks nobody for anything and runs nothing, whatever has found its way into it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("checker.course"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters["g"] = _short
    made.globals["policy"] = Markup(POLICY)  # constants of ours: quotes need not be escaped within double ones
    return made


def _short(number: float) -> str:
    """Points with two digits behind the point, where they have any."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def rendered(template: str, /, **values: Any) -> str:
    """A page made from one of `templates/`."""
    return _environment().get_template(template).render(**values)


@cache
def code_styles() -> Markup:
    """Colours of Pygments' highlighted code, for light and for dark pages."""
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    light, dark = (
        "\n".join(line for line in HtmlFormatter(style=style).get_style_defs(".highlight").splitlines()
                  if line.startswith(".highlight ."))
        for style in ("default", "github-dark")
    )  # fmt: skip
    return Markup(f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}")
