"""The documentation as a site: it is built without a warning, leads nowhere that there is not, and asks nobody."""

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PHONE, WIDE = 390, 1280
#: What a page loads as soon as it is shown, by the attribute that names it. A link is followed only if it is clicked.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "video": "src"}
OUTSIDE = re.compile(r"(?:https?:)?//", re.I)


class Page(HTMLParser):
    """A page's anchors, what it leads to, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded, self.text = set(), [], [], path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if given.get(LOADED.get(tag)) and given.get("rel") not in ("search", "index", "next", "prev", "canonical"):
            self.loaded.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where the pages are, built where no proxy and no index is known."""
    for module in ("sphinx", "myst_parser", "furo", "latex2mathml", "nbgrader"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", folder / "trees"]
    # An address at which nobody listens: whoever wants the network is told so at once.
    environment = {**os.environ, **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")}
    run = subprocess.run(
        [*command, "docs", folder / "html"], cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_link_and_every_anchor_is_there(site, pages):
    assert len(pages) > 15
    astray = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.scheme:
                continue
            anchors = pages[goal].ids | {""} if goal in pages else {parts.fragment}
            if not goal.exists() or unquote(parts.fragment) not in anchors:
                astray.append(f"{path.relative_to(site)}: {link}")
    assert astray == []


def test_nothing_comes_from_elsewhere(site, pages):
    for path, page in pages.items():
        assert page.loaded, path
        for address in page.loaded:
            assert not OUTSIDE.match(address), f"{path.relative_to(site)} loads {address}"
            local = urlsplit(address).path
            assert address.startswith("data:") or (path.parent / unquote(local)).exists(), f"{path} loads {address}"
        for style in re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL):
            assert not re.search(r"url\(|@import", style), path
    for sheet in site.rglob("*.css"):
        outside = re.findall(r"(?:url\(|@import)[\s\"']*((?:https?:)?//[^)\"']*)", sheet.read_text(encoding="utf-8"))
        assert outside == [], sheet


def test_columns_of_numbers_are_set_at_the_right(pages):
    cell = re.compile(r"<td( class=.number.)?><p>(.*?)</p></td>")
    cells = {path.stem: cell.findall(page.text) for path, page in pages.items()}
    assert {text for marked, text in cells["how-it-compares"] if marked} >= {"100", "8 to 10", "not graded"}
    assert "1 of 10,246" in {text for marked, text in cells["how-it-compares"] if not marked}
    assert ("", "130") in cells["command-line"]


def test_formulas_are_mathml(pages):
    drawn = [page for page in pages.values() if "<math" in page.text]
    assert len(drawn) >= 2
    assert not any("MathJax" in page.text or 'class="tex ' in page.text for page in pages.values())


def test_the_command_line_has_a_section_for_every_verb(pages):
    from checker import cli

    page = next(page for path, page in pages.items() if path.stem == "command-line")
    assert {*cli.VERBS, *cli._course_verbs(), "export-gradescope"} <= page.ids
    assert "usage: checker gradcheck" in page.text


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    if importlib.util.find_spec("selenium") is None:
        pytest.skip("selenium is not installed")
    from tests import browser

    if not (browser.CHROMIUM and browser.DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    with browser.chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_pages_fit_and_can_be_read(site, pages, window, width, scheme):
    from tests import browser
    from tests.test_browser_pages import CONTRAST

    window.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    amiss = []
    for path in pages:
        window.get(path.as_uri())
        browser.Page(window).see("article")
        name = str(path.relative_to(site))
        if window.execute_script("return document.documentElement.scrollWidth") > width:
            amiss.append(f"{name} is wider than the window")
        asked = window.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
        amiss += [f"{name} asked for {each}" for each in asked if not each.startswith(("file:", "data:"))]
        amiss += [f"{name}: {entry['message']}" for entry in window.get_log("browser")]
        faint = window.execute_script(CONTRAST.replace("'main'", "'article'"))
        amiss += [f"{name}: {text!r} has a contrast of {ratio:.1f}" for text, ratio in faint]
        browser.picture(f"docs/{name.removesuffix('.html').replace('/', '-')}-{scheme}-{width}", browser.Page(window))
    assert amiss == []
