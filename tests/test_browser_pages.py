"""The pages in a real browser: nothing of a submission runs or asks for anything, and they fit a phone and the dark."""

import copy
import importlib.util
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PHONE, WIDE = 390, 1600
#: What a page is asked once it has been shown, pointed at and clicked in: whatever ran, asked or is able to.
ASKED = """
for (const link of document.querySelectorAll('a')) {
  const leads = link.getAttribute('href') || link.getAttribute('xlink:href') || '#';
  if (!/^(#|https?:)/.test(leads)) link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
}
for (const each of document.querySelectorAll('*')) {
  for (const kind of ['mouseover', 'focus', 'toggle', 'begin']) each.dispatchEvent(new Event(kind));
}
const found = [];
if (window.pwned || document.title == 'pwned') found.push('a script ran');
const banned = 'script, iframe, frame, object, embed, form, input, button, link, base, template, noscript, use, image, '
  + 'foreignObject, animate, set, main style, main meta, main title:not(svg title)';
for (const each of document.querySelectorAll(banned)) found.push('there is a ' + each.tagName);
for (const each of document.querySelectorAll('*')) {
  for (const {name, value} of each.attributes) {
    if (name.startsWith('on')) found.push(each.tagName + ' has ' + name);
    if (/^[\\s\\x00-\\x20]*(javascript|vbscript|data:(?!image))/i.test(value)) found.push(name + ' is ' + value);
  }
  if (['fixed', 'absolute', 'sticky'].includes(getComputedStyle(each).position)) found.push(each.tagName + ' floats');
}
for (const each of performance.getEntriesByType('resource')) {
  if (!each.name.startsWith('data:')) found.push('asked for ' + each.name);
}
return found;
"""


@pytest.fixture(scope="module")
def browser():
    for module in ("selenium", "nbgrader"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    from tests import browser

    if not (browser.CHROMIUM and browser.DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    return browser


@pytest.fixture(scope="module")
def window(browser, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
def show(window, tmp_path):
    """Opens a page in a window of this width, light or dark."""

    def show(html, width=1180, scheme="light"):
        path = tmp_path / "page.html"
        path.write_text(html)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
        window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        window.get(path.as_uri())
        return window

    yield show
    window.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


KNOWN = {"notebook": "work", "score": 1.0, "max_score": 2.0, "late_penalty": 0}


def unguarded(html):
    """A page without its policy: whatever is left must be harmless by itself."""
    assert html.count("Content-Security-Policy") >= 1
    return re.sub(r"<meta http-equiv=.?Content-Security-Policy[^>]*>", "", html, count=1)


def stock(cells, **config):
    """A page as nbgrader makes it with its own template."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions import formgrader
    from traitlets.config import Config

    from tests import xss

    root = Path(formgrader.__file__).parent
    own = {
        "template_name": "feedback",
        "extra_template_basedirs": [str(root / "templates")],
        "extra_template_paths": [str(root / "static/node_modules/bootstrap/dist/css")],
    }
    exporter = HTMLExporter(config=Config(HTMLExporter={**own, **config}))
    return exporter.from_notebook_node(xss.notebook(*cells), {"nbgrader": dict(KNOWN)})[0]


def test_nothing_of_a_submission_runs(show):
    from checker.course import pages
    from tests import xss

    bad = {}
    for name, cell in xss.CELLS.items():
        html = pages.page(xss.notebook(copy.deepcopy(cell)), KNOWN)
        if found := show(unguarded(html)).execute_script(ASKED):
            bad[name] = found
    assert bad == {}
    together = pages.page(xss.notebook(*copy.deepcopy(list(xss.CELLS.values()))), KNOWN)
    assert show(together).execute_script(ASKED) == []


@pytest.mark.filterwarnings("ignore:No lexer found", "ignore:Your element with mimetype")
def test_what_is_tried_would_run_on_a_page_that_is_not_cleaned(show):
    """Otherwise the test above might pass for want of trying."""
    from tests import xss

    def runs(cell, **config):
        return "a script ran" in show(stock([copy.deepcopy(cell)], **config)).execute_script(ASKED)

    tried = {
        name: cell for name, cell in xss.CELLS.items() if name.startswith(("html:", "displayed:", "code", "a name"))
    }
    ran = [name for name, cell in tried.items() if runs(cell)]
    assert len(ran) > 20
    # Where nbconvert cleans, one still runs: it writes a picture's width without quotes.
    assert runs(xss.CELLS["a picture's size"], sanitize_html=True)


def test_nothing_runs_on_nbgraders_own_pages_of_what_was_made_harmless(show):
    """The formgrader's pages are such: an instructor looks at them, with rights that a student would like to have."""
    from checker.course import pages
    from tests import xss

    filters = {"markdown2html": pages.markdown2html, "clean_html": pages.clean, "highlight_code": pages.code}
    safe = {"sanitize_html": True, "preprocessors": [pages.Harmless], "filters": filters}
    own = show(stock([], **safe)).execute_script(ASKED)  # nbconvert's scripts and styles
    names, bad = list(xss.CELLS), {}
    for start in range(0, len(names), 8):
        together = names[start : start + 8]
        cells = [copy.deepcopy(xss.CELLS[name]) for name in together]
        found = show(stock(cells, **safe)).execute_script(ASKED)
        if found != own:
            bad[tuple(together)] = [each for each in found if each not in own] or found
    assert bad == {}


def student():
    """A graded notebook with a little of everything."""
    from nbformat import v4

    known = {"grade_id": "mul_backward_test", "grade": True, "solution": False, "points": 2.0, "score": 1.0}
    said = "mul_backward: wrong, 1 of 2 points\n  " + "word " * 60 + "\n    -> think of the other factor\n"
    table = "<table class='dataframe'><tr>" + "<td>1234567890</td>" * 30 + "</tr></table>"
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Gates\n\nLet $o = xy$, then $$\\frac{\\partial o}{\\partial x} = y .$$"),
            v4.new_markdown_cell(
                "```mermaid\ngraph LR\n" + " --> ".join(f'a{n}["node {n}"]' for n in range(24)) + "\n```"
            ),
            v4.new_code_cell("x = " + "1234567890 + " * 40 + "0", outputs=[v4.new_output("stream", text="1" * 500)]),
            v4.new_code_cell("table", outputs=[v4.new_output("display_data", data={"text/html": table})]),
            v4.new_code_cell("check(f)", metadata={"nbgrader": known}, outputs=[v4.new_output("stream", text=said)]),
        ]
    )


def report():
    from checker.course import classreport
    from tests.test_class_report import runs, some

    return classreport.page("a-course-with-rather-a-long-name", some(), runs())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 820, WIDE])
@pytest.mark.parametrize("which", ["feedback", "report"])
def test_pages_fit_and_can_be_read(browser, show, which, width, scheme):
    from checker.course import pages

    window = show(pages.page(student(), KNOWN) if which == "feedback" else report(), width, scheme)
    page = browser.Page(window)
    # Lines do not run out of the page, and are not too long on a wide one.
    root = window.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert root == [width, width]
    assert window.execute_script("return document.querySelector('main').clientWidth") <= 1000
    # Letters stand out against what is behind them, as WCAG's AA wants.
    assert window.execute_script(CONTRAST) == []
    assert window.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    background = window.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is (scheme == "light")
    browser.picture(f"{which}-{scheme}-{width}", page)


#: Texts whose colour is too near to the colour that they stand on.
CONTRAST = """
const parsed = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
  .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
  .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const colour = parsed(getComputedStyle(element).backgroundColor);
    if (colour.length == 3 || colour[3] == 1) return colour;
  }
  return [255, 255, 255];
};
const found = [];
const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
  if (!text || element.closest('svg, style')) continue;
  const pair = [parsed(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < 4.5) found.push([text.slice(0, 40), ratio]);
}
return found;
"""


@pytest.mark.parametrize("width", [PHONE, 820])
def test_a_wide_flowchart_scrolls_by_itself(browser, show, width):
    from checker.course import pages

    page = browser.Page(show(pages.page(student(), KNOWN), width))
    drawn = page.see(".prose svg")
    held = page.see(".prose div:has(> svg)")
    inner = page.driver.execute_script("return [arguments[0].clientWidth, arguments[0].scrollWidth]", held)
    assert inner[0] < width < inner[1]
    assert drawn.rect["height"] > 20  # it can be read
    prose = page.see(".prose")
    assert page.driver.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", prose)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_notebook_draws_scrolls_by_itself(browser, show, scheme):
    """As in a notebook that was exported as HTML, on a phone."""
    from checker.notebook import draw

    names = " * ".join(f"sin(x{n})" for n in range(6))
    html = draw(names, **{f"x{n}": n for n in range(6)})._repr_html_()
    head = "<meta name='viewport' content='width=device-width'><style>:root { color-scheme: light dark }</style>"
    page = browser.Page(show(f"<!DOCTYPE html>{head}{html}", PHONE, scheme))
    drawn = page.see("svg")
    assert drawn.rect["width"] > PHONE
    width = page.driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width == [PHONE, PHONE]
    # Names take the page's colour, which is light in the dark.
    colour = page.driver.execute_script("return getComputedStyle(arguments[0]).fill", page.see("text.plain", drawn))
    assert (colour == "rgb(255, 255, 255)") is (scheme == "dark")


def test_formulas_are_drawn_without_the_network(browser, show):
    from checker.course import pages

    page = browser.Page(show(pages.page(student(), KNOWN)))
    assert "$" not in page.see("main").text
    inline, display = page.all("math")
    fraction = page.see("mfrac", display)
    above, below = (page.all(":scope > *", fraction)[place].rect for place in (0, 1))
    assert above["y"] + above["height"] <= below["y"] + 1
    assert inline.rect["height"] < display.rect["height"]


def test_what_is_folded_opens_without_a_script(browser, show):
    page = browser.Page(show(report()))
    assert not page.all("script")
    folded = next(each for each in page.all("details") if each.is_displayed())
    before = folded.size["height"]
    page.click(page.see("summary", folded))
    page.until(lambda page: folded.size["height"] > before, "the names")


def test_a_link_at_the_top_leads_to_the_test(browser, show):
    page = browser.Page(show(pages_with_much_above(), PHONE))
    page.click(page.see("a[href='#mul_backward_test']"))
    page.until(lambda page: page.driver.execute_script("return window.scrollY") > 100, "the test's cell")


def pages_with_much_above():
    from nbformat import v4

    from checker.course import pages

    made = student()
    made.cells[1:1] = [v4.new_markdown_cell("much\n\n" * 100)]
    return pages.page(made, KNOWN)
