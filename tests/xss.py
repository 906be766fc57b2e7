"""What a submission may try to run in the browser of whoever looks at its page: cells, by what is tried in them."""

import base64

from nbformat import v4

RUN = "window.pwned=1;document.title='pwned'"
IMG = f'<img src=x onerror="{RUN}">'
SCRIPT = f"<script>{RUN}</script>"
#: Nobody answers there; a page that asks is found out nevertheless.
ELSEWHERE = "http://127.0.0.1:9/asked"
_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _encoded(text):
    return base64.b64encode(text.encode()).decode()


_HTML = {
    "a script": SCRIPT,
    "a script in capitals": f"<ScRiPt>{RUN}</sCrIpT >",
    "a script within a script": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "an image's error": IMG,
    "an image's error, unquoted": "<img src=x onerror=window.pwned=1>",
    "an image with slashes": f'<img/src=x/onerror="{RUN}">',
    "an image that does not end": f'<img src=x onerror="{RUN}" ',
    "an image in quotes": f'<img """>{SCRIPT}">',
    "svg onload": f'<svg onload="{RUN}"><path d="M0 0"/></svg>',
    "svg script": f"<svg>{SCRIPT}</svg>",
    "svg animate": f'<svg><animate onbegin="{RUN}" attributeName="x" dur="1s"/></svg>',
    "svg link": f'<svg><a xlink:href="javascript:{RUN}" href="javascript:{RUN}"><text y="20">x</text></a></svg>',
    "svg use": f'<svg><use href="data:image/svg+xml;base64,{_encoded(SCRIPT)}#x"/></svg>',
    "svg foreignObject": f"<svg><foreignObject>{IMG}</foreignObject></svg>",
    "svg title": f"<svg><title><style><!--</style>{IMG}--></title></svg>",
    "svg style": f'<svg></p><style><a id="</style>{IMG}">',
    "svg desc": f"<svg><desc><![CDATA[</desc>{SCRIPT}]]></desc></svg>",
    "math glyph": f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;{IMG}">',
    "math annotation": f'<math><annotation-xml encoding="text/html">{IMG}</annotation-xml></math>',
    "math link": f'<math><mi href="javascript:{RUN}">x</mi></math>',
    "noscript": f'<noscript><p title="</noscript>{IMG}"></noscript>',
    "a comment": f"<!--><img src=x onerror='{RUN}'>-->",
    "a comment that ends early": f"<!--<img src='--!>{IMG}'>",
    "a textarea": f"<textarea></textarea>{IMG}<textarea>",
    "a title": f"<title></title>{IMG}",
    "a template": f"<template>{IMG}</template>",
    "a javascript link": f'<a href="javascript:{RUN}">x</a>',
    "a javascript link with entities": f'<a href="&#106;avascript&colon;{RUN}">x</a>',
    "a javascript link with a tab": f'<a href="java\tscript:{RUN}">x</a>',
    "a javascript link behind a space": f'<a href=" \x01javascript:{RUN}">x</a>',
    "a data link": f'<a href="data:text/html;base64,{_encoded(SCRIPT)}" target="_self">x</a>',
    "a vbscript link": f'<a href="vbscript:{RUN}">x</a>',
    "a frame": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "a frame of data": f'<iframe src="javascript:parent.{RUN}"></iframe>',
    "an object": f'<object data="data:text/html;base64,{_encoded(SCRIPT)}"></object>',
    "an embed": f'<embed src="data:text/html;base64,{_encoded(SCRIPT)}">',
    "a form": f'<form action="javascript:{RUN}"><button autofocus onfocus="{RUN}">x</button></form>',
    "an input": f'<input autofocus onfocus="{RUN}">',
    "meta refresh": f'<meta http-equiv="refresh" content="0;url=data:text/html;base64,{_encoded(SCRIPT)}">',
    "a base": f'<base href="{ELSEWHERE}/">',
    "a style sheet": f'<link rel="stylesheet" href="{ELSEWHERE}">',
    "a style element": f"<style>@import '{ELSEWHERE}'; body {{ display: none }}</style>",
    "a style attribute": f'<p style="background: url({ELSEWHERE})">x</p>',
    "a style attribute with escapes": f'<p style="background: u\\72l({ELSEWHERE})">x</p>',
    "a style attribute with entities": f'<p style="background: &#117;rl({ELSEWHERE})">x</p>',
    "an overlay": '<div class="score" style="position:fixed;top:0;left:0;width:99vw;height:99vh">5 / 5</div>',
    "an image from elsewhere": f'<img src="{ELSEWHERE}"><img srcset="{ELSEWHERE} 1x">',
    "an svg image from elsewhere": f'<svg><image href="{ELSEWHERE}"/><rect fill="url({ELSEWHERE}#x)"/></svg>',
    "details": f'<details open ontoggle="{RUN}">x</details>',
    "a video": f'<video><source onerror="{RUN}"></video>',
    "a marquee": f'<marquee onstart="{RUN}">x</marquee>',
    "pointing at it": f'<b onmouseover="{RUN}" style="display:block;height:900px">x</b>',
    "the page's end": f"</section></main></body></html>{SCRIPT}",
    "the code's end": f"</pre></div>{SCRIPT}",
    "a null": f"<scr\x00ipt>{RUN}</scr\x00ipt>{IMG}",
    "clobbering": '<a id="top"></a><img name="title"><form id="body"></form>',
    "another policy": "<meta http-equiv='Content-Security-Policy' content='script-src *'>" + SCRIPT,
}
#: A flowchart that is drawn, with what would run in every text and under the name of what is beside it.
_CHART = "\n".join(
    ["```mermaid", "graph LR"]
    + [
        f'a{n}["{text}"] -- "{text}" --> b{n}(("{text}")) -. "{text}" .-> onload'
        for n, text in enumerate(
            ("</text></svg><img src=x onerror=pwned=1>", "&lt;/svg&gt;&lt;img src=x onerror=pwned=1&gt;",
             "&quot; onload=&quot;window.pwned=1", "]]><script>window.pwned=1</script>")
        )
    ]
    + ["```"]
)  # fmt: skip
_MARKDOWN = {
    "a link": f"[x](javascript:{RUN.replace(' ', '')})",
    "a link with entities": "[x](&#106;avascript:window.pwned=1)",
    "a link to data": f"[x](data:text/html;base64,{_encoded(SCRIPT)})",
    "a link in brackets": "<javascript:window.pwned=1>",
    "a reference": "[x]\n\n[x]: javascript:window.pwned=1",
    "a link's title": f"[x](http://a.b 'y\" onmouseover=\"{RUN}')",
    "an image's name": f'![" onerror="{RUN}](x)',
    "an image from elsewhere": f"![x]({ELSEWHERE})",
    "a formula": rf"$\text{{{IMG}}}$ and $$\mathrm{{{SCRIPT}}}$$",
    "a formula with entities": rf"$\text{{&lt;img src=x onerror={RUN}&gt;}}$",
    "a formula that links": rf"$\href{{javascript:{RUN}}}{{x}}$",
    "a formula with a style": rf"$\style{{background:url({ELSEWHERE})}}{{x}} \class{{score}}{{x}}$",
    "a formula in an attribute": f"![$\\text{{\" onerror=\"{RUN}}}$](x) <p title='$\\text{{'>{IMG}}}$'>x</p>",
    "a formula that nobody ends": rf"$\frac{{{IMG}$",
    "an environment": rf"\begin{{aligned}}{IMG}\end{{aligned}}",
    "a formula that grows": r"$\def\a{xxxxxxxxxx}\def\b{\a\a\a\a\a}\b\b$" + IMG,
    "a fence's language": f'```"><img src=x onerror={RUN}>\nx\n```',
    "a graph": f"```mermaid\ngraph LR\n</pre>{IMG}\n```",
    "a graph that is drawn": _CHART,
    "a graph within another element": f"<svg><g><title>\n\n{_CHART}\n\n{IMG}</title></g></svg>",
    "a graph in an attribute": f"<p title='\n\n{_CHART}\n\n' {IMG}'>x</p>",
    "a heading": f"# {IMG} {SCRIPT}",
    "a table": f"|a|\n|-|\n|{IMG}|",
    "a footnote of code": f"`{IMG}` and ``</code>{IMG}``",
    "a picture that is not there": f"![x](attachment:nothing.png) {IMG}",
    "a picture of another kind": f"![x](attachment:a) ![x](attachment:b) ![x](attachment:c) {IMG}",
    "deep": ">" * 3000 + IMG,
    "deep in html": "<div><b>" * 2000 + IMG,
}
_ATTACHED = {
    "a": {"text/html": _encoded(SCRIPT)},
    "b": {f'image/png" onerror="{RUN}': _DOT},
    "c": {"image/svg+xml": f'" onerror="{RUN}'},
}
_SHOWN = {
    "javascript": {"application/javascript": RUN},
    "a widget": {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{SCRIPT}"}},
    "another kind": {"application/x-anything": SCRIPT},
    "svg": {"image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}">{SCRIPT}{IMG}</svg>'},
    "svg in quotes": {"image/svg+xml": f'"><img src=x onerror="{RUN}">'},
    "png": {"image/png": f'x" onerror="{RUN}'},
    "jpeg": {"image/jpeg": f'x"><script>{RUN}</script>'},
    "latex": {"text/latex": f"${IMG}$"},
    "text": {"text/plain": f"</pre>{SCRIPT}"},
    "a graph": {"text/vnd.mermaid": f"</pre>{SCRIPT}"},
    "a list": {"text/plain": ["</pre>", SCRIPT]},
}


def _cell(*outputs, source="", **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def _display(data, **metadata):
    return v4.new_output("display_data", data=data, metadata=metadata)


def _cells():
    for name, text in _HTML.items():
        yield f"markdown: {name}", v4.new_markdown_cell(text)
        yield f"html: {name}", _cell(_display({"text/html": text}))
    for name, text in _MARKDOWN.items():
        yield f"markdown: {name}", v4.new_markdown_cell(text, attachments=_ATTACHED)
        yield f"displayed markdown: {name}", _cell(_display({"text/markdown": text}))
    for name, data in _SHOWN.items():
        yield f"displayed: {name}", _cell(_display(data))
    isolated = {"text/html": {"isolated": True}}
    yield "isolated html", _cell(_display({"text/html": SCRIPT + IMG}, **isolated))
    # nbconvert writes a picture's width and height without quotes.
    sized = {"image/png": {"width": "1 onload=window.pwned=1", "height": "1 onload=window.pwned=1", "alt": f'"{IMG}'}}
    yield "a picture's size", _cell(_display({"image/png": _DOT}, **sized))
    yield "a picture's file", _cell(_display({"image/png": _DOT}, filenames={"image/png": ELSEWHERE}))
    for stream in ("stdout", "stderr"):
        yield stream, _cell(v4.new_output("stream", name=stream, text=f"\x1b[31m</pre>{SCRIPT}\x1b[0m{IMG}"))
    traceback = [f"\x1b[31m{SCRIPT}", f"</pre>{IMG}"]
    yield "an error", _cell(v4.new_output("error", ename=SCRIPT, evalue=IMG, traceback=traceback))
    yield "an error without lines", _cell(v4.new_output("error", ename=SCRIPT, evalue=IMG, traceback=[]))
    yield "code", _cell(source=f"</pre></div>{SCRIPT}\n'{IMG}'")
    yield "a magic", _cell(source=f"%%html\n{SCRIPT}", magics_language=f'"{IMG}')
    yield "tags", _cell(source="1", tags=[f'"{IMG}', SCRIPT])
    known = {"grade_id": f'"></a>{SCRIPT}', "grade": True, "solution": True, "points": 1, "score": 0, "comment": SCRIPT}
    yield "a name", _cell(source="1", nbgrader=known)
    yield "a written answer's name", v4.new_markdown_cell("x", metadata={"nbgrader": dict(known)})
    yield "raw", v4.new_raw_cell(SCRIPT + IMG, metadata={"raw_mimetype": "text/html"})


CELLS = dict(_cells())


def notebook(*cells):
    """A notebook whose own metadata tries its luck too."""
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}, "x": f"</script>{SCRIPT}"}}
    language = {"name": f'"{IMG}', "pygments_lexer": SCRIPT}
    return v4.new_notebook(cells=list(cells), metadata={"title": SCRIPT, "language_info": language, "widgets": widgets})
