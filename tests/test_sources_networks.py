"""The pictures of notebooks 2 to 5: drawn from right answers, and patient with answers that are not written yet."""

import re
from pathlib import Path

import pytest

from checker.course import notebooks

FOLDER = Path(__file__).parents[1] / "notebooks" / "sources"
NAMES = "02_derivatives", "03_layers", "04_networks", "05_initialisation"
PICTURES = {"02_derivatives": 4, "03_layers": 3, "04_networks": 3, "05_initialisation": 4}
GRAPHS = {
    "03_layers": {'draw("relu(w*x + b)", x=2, w=3, b=-5)', "draw(softmax_ce_graph_backward)"},
    "04_networks": {"draw(mlp_bce_backward)", "draw(Var)"},
}
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were shown, in their order."""
    pytest.importorskip("IPython")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = []

    def show():
        shown.extend(plt.figure(number) for number in plt.get_fignums())
        for figure in shown:
            figure.canvas.draw()
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    yield shown
    left = plt.get_fignums()
    plt.close("all")
    assert not left, "a figure was begun and never shown"


def run(name, change, capsys):
    """Run a notebook's code, but for its tests; what its own cells printed, cell by cell, and what they drew."""
    defined, printed, graphs = {"__name__": "notebook"}, [], {}
    for cell in notebooks.notebook((FOLDER / f"{name}.py").read_text())["cells"]:
        if cell["cell_type"] == "code" and not cell["id"].endswith("_test"):
            source = change("".join(cell["source"]))
            exec(compile(source, cell["id"], "exec"), defined)
            out, err = capsys.readouterr()
            assert not err
            if source.startswith("draw("):  # which prints a graph where nobody shows pictures
                graphs[source] = out
            elif not cell["metadata"]:
                printed.append(out)
    return defined, printed, graphs


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_are_drawn(name, drawn, capsys):
    defined, printed, graphs = run(name, lambda text: text, capsys)
    assert len(drawn) == PICTURES[name]
    assert "Finish" not in "".join(printed)
    assert graphs.keys() == GRAPHS.get(name, set())
    assert all(re.match(r"(\w+: right|relu\(w\*x \+ b\))\n", graph) for graph in graphs.values())
    if name == "04_networks":
        assert defined["drawing"].data.count("<rect") == 13
        assert defined["x"].grad == pytest.approx(-2 * 2.25 * -1.5 * 0.75)


@pytest.mark.parametrize("name", NAMES)
def test_answers_that_are_missing_are_asked_for(name, drawn, capsys):
    _, printed, graphs = run(name, lambda text: REGION.sub(r"\1raise NotImplementedError", text), capsys)
    assert not drawn
    asking = [text for text in printed if re.fullmatch(r"Finish [\w, ]+, then run this cell again\.\n", text)]
    assert len(asking) >= PICTURES[name]
    assert [text for text in printed if text and text not in asking and "z = " not in text] == []
    assert graphs.keys() == GRAPHS.get(name, set())
    assert all(re.match(r"(\w+: not attempted|relu\(w\*x \+ b\))\n", graph) for graph in graphs.values())


@pytest.mark.parametrize("name", NAMES)
def test_there_are_neither_too_few_exercises_nor_too_many(name):
    source = (FOLDER / f"{name}.py").read_text()
    assert 4 <= len(notebooks.exercises(source)) <= 8
    assert source.count("\nquestion(") == 1
    assert max(map(len, source.splitlines())) <= 120
