"""Formulas as MathML, which browsers draw by themselves: a page needs no script, and no network, to show them."""

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree import ElementTree

#: A longer formula stays as it was typed.
LONGEST = 2000
TAGS = {"math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts",
        "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr",
        "munder", "munderover", "none"}  # fmt: skip
#: Attributes that only say how something is drawn: none names an address or holds a style.
ATTRIBUTES = {"accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "display",
              "displaystyle", "fence", "form", "height", "largeop", "linebreak", "linethickness", "lspace",
              "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing", "rspace",
              "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width"}  # fmt: skip
#: Macros can grow without bounds; what names an address has no place in a formula.
_REFUSED = re.compile(r"\\(def|[egx]def|let|newcommand|renewcommand|providecommand|href|url|style|class|id|html)")


@lru_cache(maxsize=4096)  # the formulas of an assignment are the same on every page
def mathml(tex: str, display: bool = False) -> str:
    """A TeX formula as a `<math>` element; as escaped code where it cannot be read, or latex2mathml is missing."""
    kind = "block" if display else "inline"
    try:
        from latex2mathml.converter import convert_to_element  # type: ignore[import-not-found,unused-ignore]

        if len(tex) > LONGEST or _REFUSED.search(tex):
            raise ValueError("not a formula that is drawn")
        made: ElementTree.Element = convert_to_element(_known(tex), display=kind)
        return ElementTree.tostring(_harmless(made), encoding="unicode")
    except Exception:  # latex2mathml raises of every kind at what it does not know
        return f'<code class="tex {kind}">{escape(tex)}</code>'


def _known(tex: str) -> str:
    """The environments that are aligned within a formula, by the names that the converter knows."""
    return re.sub(r"\\(begin|end)\{(aligned|alignedat|gathered|eqnarray|equation)\*?\}", r"\\\1{align*}", tex)


def _harmless(element: ElementTree.Element) -> ElementTree.Element:
    """A copy with what is listed above alone. The converter leaves entities in the text, and looks at no text at all.

    Raises ValueError for an element that is not listed.
    """
    name = element.tag.rpartition("}")[2]
    if name not in TAGS:
        raise ValueError(f"no element of a formula: {name}")
    copy = ElementTree.Element(name, {key: value for key, value in element.attrib.items() if key in ATTRIBUTES})
    copy.text, copy.tail = unescape(element.text or ""), unescape(element.tail or "")
    copy.extend(_harmless(child) for child in element)
    return copy
