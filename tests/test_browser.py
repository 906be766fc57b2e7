"""Both sides of the course in a real browser: a student's notebook in JupyterLab, and the page that goes back."""

import importlib.util
import json
import re

import pytest

from checker.cli import main

pytestmark = pytest.mark.slow

GATES, NORM = "01_gates", "06_normalisation"
#: The mistake in the answer to the multiply gate, and what the report says of it.
RIGHT, SWAPPED = "return dout * y, dout * x", "return dout * x, dout * y"
TOLD = "inputs not swapped"
CONSTANT_VARIANCE = '''

def batchnorm_backward(dout, cache):
    """Wrong: the variance depends on x too."""
    x, gamma, std = cache
    dxhat = dout * gamma
    xhat = (x - x.mean(axis=0)) / std
    return (dxhat - dxhat.mean(axis=0)) / std, (dout * xhat).sum(axis=0), dout.sum(axis=0)
'''
BATCHNORM = (
    '''def batchnorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """The batch, normalised."""
    std = np.sqrt(x.var(axis=0) + eps)
    return gamma * (x - x.mean(axis=0)) / std + beta, (x, gamma, std)
'''
    + CONSTANT_VARIANCE
)
MUL = f"""def mul_forward(x: float, y: float):
    return x * y, (x, y)


def mul_backward(dout, cache):
    x, y = cache
    {RIGHT}"""
ADD = """def add_forward(x: float, y: float):
    return x + y, None


def add_backward(dout, cache):
    return dout, dout"""
MAX = """def max_forward(x: float, y: float):
    return max(x, y), (x, y)


def max_backward(dout, cache):
    x, y = cache
    return dout * (x > y), dout * (x < y)"""
WORDS = "Add distributes, multiply switches, max routes."


@pytest.fixture(scope="module")
def browser():
    """The helpers; they cannot be imported without Selenium."""
    for module in ("selenium", "jupyterlab", "nbgrader"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    from tests import browser

    if not (browser.CHROMIUM and browser.DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    return browser


class Released:
    """A course that has been released, and a student's folder."""

    def __init__(self, root):
        from checker.course import demo

        self.course = demo.prepared(root / "course")
        self.where = ["--course", str(self.course.root)]
        assert main(["release", GATES, NORM, *self.where]) == 0
        self.folder = root / "student"
        self.folder.mkdir()

    def notebook(self, assignment):
        return json.loads((self.course.root / "release" / assignment / f"{assignment}.ipynb").read_text())

    def places(self, assignment):
        """Where the cells stand, by their names."""
        return {cell["id"]: place for place, cell in enumerate(self.notebook(assignment)["cells"])}

    def put(self, name, assignment, answers):
        """A notebook with these answers in the student's folder; its path there."""
        notebook = self.notebook(assignment)
        for cell in notebook["cells"]:
            cell["source"] = answers.get(cell["id"], cell["source"])
        path = self.folder / f"{name}.ipynb"
        path.write_text(json.dumps(notebook))
        return path


@pytest.fixture(scope="module")
def released(browser, tmp_path_factory):
    return Released(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def window(browser, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture(scope="module")
def opened(browser, released, window, tmp_path_factory):
    """Opens a notebook for an assignment, with these answers, in JupyterLab."""
    with browser.jupyterlab(tmp_path_factory.mktemp("jupyter"), released.folder) as address:

        def opened(name, assignment, answers=None):
            path = released.put(name, assignment, answers or {})
            page = browser.Notebook(window, address, path.name, len(released.places(assignment)))
            page.see(".jp-RenderedMermaid img")  # it comes late, and moves what is below it
            return page

        yield opened


def complaints(page):
    """What any cell wrote to standard error, or raised."""
    kinds = ("error", "stderr")
    selector = ", ".join(f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in kinds)
    return [each.text for each in page.all(selector)]


def test_a_released_notebook_in_jupyterlab(browser, released, opened):
    page, place = opened(GATES, GATES), released.places(GATES)
    page.see(".jp-MarkdownOutput mjx-container")
    page.until(lambda page: not re.search(r"\$|\\partial", page.cell(place["cell-2"]).text), "formulas")
    graph = page.see(".jp-RenderedMermaid img")
    page.until(lambda page: graph.get_property("naturalWidth") and graph.size["width"] > 200, "the graph's picture")
    words = page.see(".jp-MarkdownOutput", page.cell(place["cell-2"]))
    browser.picture("graph", page, words)
    page.run(place["setup"])

    page.edit(place["add_backward"], ADD)
    page.run(place["add_backward"])
    right = page.run(place["add_backward_test"])
    assert re.match(r"\[\d+\]:\s+✓ right\s*add_backward", right.text)
    assert [row.text for row in page.all("tbody tr", right)] == ["x ✓ right", "y ✓ right"]
    assert not page.all("details", right)  # no hint is left to give

    page.edit(place["mul_backward"], MUL.replace(RIGHT, SWAPPED))
    page.run(place["mul_backward"])
    wrong = page.run(place["mul_backward_test"])
    assert re.match(r"\[\d+\]:\s+✗ wrong\s*mul_backward", wrong.text)
    assert TOLD in wrong.text
    assert [row.text.split()[:2] for row in page.all("tbody tr", wrong)] == [["x", "✗"], ["y", "✗"]]
    assert all("expected" in each.text for each in page.all("thead", wrong))
    folded = next(each for each in page.all("details", wrong) if each.text.startswith("hint 1 of"))
    before = folded.size["height"]
    page.click(page.see("summary", folded))
    page.until(lambda page: folded.size["height"] > before, "the hint")
    browser.picture("notebook", page)

    page.run(place["max_backward"])
    unfinished = page.run(place["max_backward_test"])
    assert re.match(r"\[\d+\]:\s+○ not attempted\s*max_backward", unfinished.text)

    assert complaints(page) == []


def test_a_wrong_array_is_drawn(browser, released, opened):
    page, place = opened(NORM, NORM, {"batchnorm_backward": BATCHNORM}), released.places(NORM)
    page.run(place["setup"])
    page.run(place["batchnorm_backward"])
    output = page.run(place["batchnorm_backward_test"])
    assert "✗ wrong" in output.text
    assert [row.text.split()[0] for row in page.all("tbody tr", output)] == ["x", "gamma", "beta"]
    drawn = page.see("svg", output)
    assert drawn.get_attribute("aria-label") == "|yours - expected| of x, shape (3, 5): 15 of 15 entries are wrong."
    assert sum(path.get_attribute("d").count("M") for path in page.all("path", drawn)) > 1  # of several strengths
    assert min(drawn.size.values()) > 40
    assert drawn.rect["x"] + drawn.rect["width"] <= output.rect["x"] + output.rect["width"]
    table = page.see("table", output)
    page.keys(
        "b", held=browser.Keys.CONTROL
    )  # without the list of files there is room for words and picture side by side
    page.until(lambda page: drawn.rect["y"] < table.rect["y"] + table.rect["height"], "words and picture side by side")
    assert drawn.rect["x"] >= table.rect["x"] + table.rect["width"]
    assert complaints(page) == []
    browser.picture("report", page, page.see("[data-mime-type='text/html'] > div", output))


def test_a_wide_graph_scrolls_within_its_output(browser, released, opened):
    page, place = opened("graph", NORM), released.places(NORM)
    page.run(place["setup"])
    page.edit(place["batchnorm_backward"], "draw('batchnorm_graph_backward')")
    output = page.run(place["batchnorm_backward"])
    drawn = page.see("svg", output)
    assert drawn.get_attribute("aria-label") == "batchnorm_graph_backward: not attempted"
    assert "first wrong" not in drawn.text
    widths = "const held = arguments[0].parentElement; return [held, arguments[0]].map((each) => each.clientWidth)"
    held, shown = page.driver.execute_script(widths, drawn)
    assert 100 < held <= output.size["width"] < shown
    assert complaints(page) == []


ANSWERS = {"add_backward": ADD, "mul_backward": MUL, "max_backward": MAX, "what_gates_do": WORDS}


def test_validate_button(browser, released, opened):
    wrong = {**ANSWERS, "mul_backward": MUL.replace(RIGHT, SWAPPED)}
    page, place = opened("validated", GATES, wrong), released.places(GATES)
    page.click(page.see(".validate-button"))
    dialog = page.see(".jp-Dialog-content")
    assert "check(mul_backward)" in dialog.text
    assert TOLD in dialog.text
    assert not re.search(r"check\((add|max)_backward\)", dialog.text)
    page.click(page.see(".jp-Dialog-button", dialog))
    page.until(lambda page: not page.all(".jp-Dialog"), "the dialog to close")

    page.edit(place["mul_backward"], MUL)
    page.click(page.see(".validate-button"))  # which saves
    assert "Success! Your notebook passes all the tests." in page.see(".jp-Dialog-content").text


def test_a_notebook_saved_in_jupyterlab_comes_back_as_a_page(browser, released, opened, window):
    page, place = opened("sent", GATES), released.places(GATES)
    page.edit(place["add_backward"], ADD)
    page.edit(place["mul_backward"], MUL.replace(RIGHT, SWAPPED))
    page.answer(place["what_gates_do"], WORDS)
    page.save()
    sent = released.course.root / "submitted" / "ann" / GATES
    sent.mkdir(parents=True)
    (sent / f"{GATES}.ipynb").write_bytes((released.folder / "sent.ipynb").read_bytes())
    assert main(["autograde", GATES, *released.where]) == 0
    assert main(["feedback", GATES, *released.where]) == 0

    page = browser.Page(window)
    page.open((released.course.root / "feedback" / "ann" / GATES / f"{GATES}.html").as_uri())
    text = page.see("body").text
    assert "01_gates (Score: 1 / 3 so far)" in text
    assert "1 answer, worth 2 points, still waits for a reader, and is not in this score." in text
    assert "add_backward: right, 1 of 1 point" in text
    assert "mul_backward: wrong, 0 of 1 point" in text
    assert TOLD in text
    assert "max_backward: not attempted, 0 of 1 point" in text
    assert WORDS in text
    source = page.driver.page_source
    assert not re.search(r"HIDDEN TESTS|checker\.course|grade\(|BEGIN SOLUTION", source)
    # It is laid out: the style sheet counts, and lines do not run out of the page.
    width = page.driver.execute_script("return [document.body.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1]
    page.click(page.see("a[href='#mul_backward_test']"))  # the list at the top leads to it
    page.until(lambda page: page.driver.execute_script("return window.scrollY") > 0, "the test's cell")
    answer, test = (page.see(f"[id='cell-id={name}']") for name in ("mul_backward", "mul_backward_test"))
    browser.picture("feedback", page, answer, test)
