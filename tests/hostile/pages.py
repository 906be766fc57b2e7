"""What is shown to others: scripts, forged forms, outputs that are no outputs."""

from .submission import Group

group = Group("page")

group.code(
    "scripts in every rich form",
    last="""
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display, Math, publish_display_data
run = "window.pwned=1;document.title='pwned'"
link = f"\\\\href{{javascript:{run}}}{{x}}"
display(Javascript(run), Latex(f"${link}$"), Math(f"\\\\require{{html}}{link}"))
for text in (f"<script>{run}</script>", f"<img src=x onerror={run}>", f"<svg onload={run}>",
             f"<iframe srcdoc='<script>{run}</script>'>", f"<a href='javascript:{run}'>x</a>",
             f"<style>@import 'javascript:{run}'</style>", f"<form action='javascript:{run}'><button>",
             f"<object data='data:text/html,<script>{run}</script>'>", f"<base href='javascript:'>",
             f"<meta http-equiv=refresh content='0;url=javascript:{run}'>", f"</pre></div><script>{run}</script>",
             f"<math><mtext><table><mglyph><style><img src=x onerror={run}>", f"<details open ontoggle={run}>"):
    display(HTML(text), Markdown(text))
    publish_display_data({"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{text}</svg>"})
    publish_display_data({"text/latex": text, "text/html": text, "image/svg+xml": text, "text/plain": text,
                          "application/javascript": run, "text/vnd.mermaid": text,
                          "application/vnd.jupyter.widget-view+json": "{}"})
print("\\x1b[31m<script>window.pwned=1</script>\\x1b]8;;javascript:window.pwned=1\\x07x\\x1b]8;;\\x07")
""",
    first="raise type('<script>window.pwned=1</script>', (Exception,), {})('<img src=x onerror=window.pwned=1>')",
    second="raise ValueError('</script><script>window.pwned=1</script>')",
)

group.code(
    "outputs that are no outputs",
    last="""
from IPython.display import display, publish_display_data
publisher = get_ipython().display_pub
for data in ({"text/plain": 5}, {"text/plain": ["a", 5]}, {5: "x"}, {"image/png": "not base64 <script>"}, {},
             {"text/html": None}, {"application/json": float("nan")}, {"application/json": {"a": {"b": object()}}},
             {"x" * 100_000: "y"}, {"image/svg+xml": "<svg"}, {"image/jpeg": "A" * 3_000_000}, {"image/png": b"raw"},
             {"text/html": "<b>" * 30_000}):
    for metadata in ({}, {"image/png": {"width": "1px'><script>"}}, {"isolated": True}, 5, {"text/html": {"a": True}}):
        try:
            publish_display_data(data, metadata)
        except Exception:
            pass
        try:
            publisher.publish(data=data, metadata=metadata, transient={"display_id": "x"}, update=True)
        except Exception:
            pass
""",
)

group.code(
    "a page that looks like the grader's",
    last="""
from IPython.display import HTML, display
display(HTML("<h2>small (Score: 5.0 / 5.0)</h2><div style='position:fixed;inset:0;background:white'>5 of 5</div>"
             "<style>.cell{display:none}</style><link rel=stylesheet href=//127.0.0.1:@PORT@/x>"
             "<img src=http://127.0.0.1:@PORT@/x>"))
""",
    first="raise ValueError('0 of 1 point\\nmul_backward: right, 1 of 1 point')",
)

group.code(
    "what a spreadsheet runs",
    first="raise ValueError('=HYPERLINK(1)')",
    second="raise type('=cmd|1', (Exception,), {})('@SUM(1)')",
)
