"""`checker explain` as it is typed, and `draw` in a notebook."""

import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from checker import UsageError, cli
from checker.graph.targets import is_formula
from checker.notebook import Drawing, Unchecked, draw

ROOT = Path(__file__).parents[1]

STAGED = """
import numpy as np
from numpy import ndarray

from checker import Float, exercise, keep


def square_forward(x: Float[ndarray, "N"], node=keep):
    print("a line that is not shown")
    a = node("a", x * x)
    return a.sum(), x


@exercise(square_forward, nodes={"a": "N"})
def square_backward(dout, cache):
    da = dout * np.ones_like(cache)
    return {"da": da, "dx": 2 * cache * da}


@exercise(square_forward, nodes={"a": "N"})
def wrong_backward(dout, cache):
    da = dout * np.ones_like(cache)
    return {"da": da, "dx": cache * da}


def helper(x):
    return x
"""


@pytest.fixture
def explain(capsys, monkeypatch):
    """Run `checker explain ...` in the project's folder; the exit code, what it printed, what it complained of."""
    monkeypatch.chdir(ROOT)

    def run(command):
        code = cli.main(["explain", *shlex.split(command)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(STAGED)
    return path


# -- what is drawn ----------------------------------------------------------------------------------------------------


def test_a_formula(explain):
    code, out, err = explain('"tanh(x*w + b)" --at x=2 --at w=-3 --at b=1')
    assert (code, err) == (0, "")
    assert out.startswith("tanh(x*w + b)\n")
    assert "● b  " in out
    code, out, _ = explain("x --at x=2")
    assert (code, out.splitlines()[0]) == (0, "x")
    assert explain("x/y --at x=1 --at y=4")[0] == 0


def test_an_exercise_by_either_half_as_a_module_or_in_a_file(explain, file):
    code, out, _ = explain("solutions.staged.softplus_graph_backward")
    assert (code, out.splitlines()[0]) == (0, "softplus_graph_backward: right")
    code, out, _ = explain("coursework.staged.softplus_graph_forward --seed 3")
    assert (code, out.splitlines()[0]) == (1, "softplus_graph_backward: not attempted")
    assert "(seed 3)" in out
    code, out, _ = explain("coursework/staged.py")
    assert (code, out.count(": not attempted")) == (1, 2)
    code, out, _ = explain(f"{file}::square_backward")
    assert (code, out.splitlines()[0]) == (0, "square_backward: right")
    assert "not shown" not in out


def test_a_wrong_answer_is_shown_beside_the_right_one(explain, file):
    code, out, _ = explain(f"{file}::wrong_backward")
    assert (code, out.splitlines()[0]) == (1, "wrong_backward: wrong")
    assert "your gradient, the first that is wrong" in out


def test_a_tape(explain):
    code, out, _ = explain("solutions.tape.Var")
    assert (code, out.splitlines()[0]) == (0, "Var: right")
    assert "d = c.tanh()" in out


def test_a_picture(explain, tmp_path):
    path = tmp_path / "net.svg"
    code, out, _ = explain(f"solutions.staged.scalar_net_graph_backward --svg {path}")
    assert (code, out) == (0, f"{path}: the graph of scalar_net_graph_backward (right)\n")
    assert ElementTree.parse(path).getroot().get("aria-label") == "scalar_net_graph_backward: right"
    code, out, _ = explain(f'"x*x" --at x=3 --svg {path}')
    assert (code, out) == (0, f"{path}: the graph of x*x\n")


def test_where_a_terminal_has_no_lines_there_are_others():
    command = [sys.executable, "-m", "checker", "explain", "x*x + x", "--at", "x=3"]
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, capture_output=True, env=environment, check=True)
    assert b"*-.   out = v1 + x" in run.stdout
    assert b"?" not in run.stdout


def test_the_help_tells_of_every_option(capsys):
    assert cli.main(["explain", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("--at", "--svg", "--seed", "the first node that is wrong is marked"))


# -- what cannot be drawn ---------------------------------------------------------------------------------------------

OTHERWISE = 'A formula can be drawn too, such as "tanh(x*w + b)"'


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("coursework.staged.scalar_net_backward",
         "scalar_net_backward is not staged: its forward names no nodes to draw; of this topic there are "
         f"softplus_graph_backward, scalar_net_graph_backward. {OTHERWISE}"),
        ("solutions.gates.add_backward", "add_backward is not staged: its forward names no nodes to draw. A formula"),
        ("coursework.gates",
         f"coursework/gates.py has no staged exercise, one whose forward names nodes. {OTHERWISE}"),
        ("coursework", "one whose forward names nodes; name a module in it: activations, affine"),
        ("coursework.gates.add_bakward", "coursework/gates.py has no exercise add_bakward; did you mean add_backward"),
        ("solutions.staged.sigma",
         "sigma is no exercise, so nothing says what its nodes are: declare it with @exercise(its_forward, "
         f"nodes={{...}}), and name each node in the forward. {OTHERWISE}"),
        ("nowhere.at_all", "there is no module nowhere"),
        ("'x*w' --at x=2", "nothing says what w should be in x*w: add --at w=1"),
        ("'log(x)' --at x=-1", "log(x) has no value with x = -1: log takes numbers above 0; give other numbers with"),
        ("'x' --at x=a", "cannot read --at x=a: write a name and a number, like --at x=2"),
        ("'x' --at x", "cannot read --at x: write a name and a number, like --at x=2"),
        ("'x' --at x=nan", "x is nan; a variable of a formula is one finite number"),
        ("'x' --at 2=3", "cannot read --at 2=3: write a name and a number, like --at x=2"),
        ("coursework.tape.Var --at x=2",
         "--at goes with a formula; coursework.tape.Var draws its own inputs, others with --seed"),
        ("coursework.tape.Var --seed -1", "--seed is -1; it cannot be negative"),
        ("'x*x' --at x=1 --seed 2", "--seed draws the inputs of an exercise; a formula has values, as in --at x=2"),
        ("coursework.staged --svg net.svg",
         "coursework.staged has 2 graphs, and a picture is of one: name softplus_graph_backward, scalar_net_"),
        ("'x' --at x=1 --svg nowhere/net.svg", "cannot write nowhere/net.svg: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(explain, command, message):
    code, out, err = explain(command)
    assert (code, out) == (2, "")
    assert err.startswith("checker: ")
    assert message in err


def test_a_file_that_cannot_be_imported_is_said(explain, tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_the_kind\n")
    code, _, err = explain(f"{tmp_path}/broken.py::f")
    assert code == 2
    assert "cannot be imported: it raised ModuleNotFoundError" in err


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("x*w", True), ("tanh(x)", True), ("-x", True), ("x/y", True), ("2x", True), ("tanh(x", True), ("3", True),
        ("x+" * 300 + "x", True),
        ("coursework.staged", False), ("x", False), ("a/b.py", False), ("a/b.py::f", False), ("checker/graph", False),
    ],
)  # fmt: skip
def test_a_formula_is_told_from_a_name(text, formula, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert is_formula(text) is formula


# -- in a notebook ----------------------------------------------------------------------------------------------------


@pytest.fixture
def cells(monkeypatch):
    """A notebook's names, with the functions of an exercise that is installed elsewhere."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    names = {"__name__": "__main__", "np": np, "draw": draw}
    exec(
        "def softplus_graph_backward(dout, cache):\n"
        "    da = dout / cache['a']\n    return {'da': da, 'db': da.copy(), 'dx': da.copy()}\n",
        names,
    )
    return names


def test_a_notebook_shows_the_picture_of_its_own_answer(cells):
    for target in ("softplus_graph_backward", "'softplus_graph_backward'"):
        shown = eval(f"draw({target})", cells)
        assert isinstance(shown, Drawing)
        assert (shown.graph.verdict, shown.graph.first) == ("wrong", "x")
        assert str(shown) == repr(shown)
        assert str(shown).startswith("softplus_graph_backward: wrong\n")
        html = shown._repr_mimebundle_()["text/html"]
        assert html.startswith('<div style="overflow-x:auto"><svg ')
        assert "<style" not in html


def test_a_forward_in_the_notebook_goes_with_it(cells, file):
    file.write_text("def softplus_graph_forward(x, node):\n    raise KeyError('mine')")
    exec(compile(file.read_text(), file, "exec"), cells)
    with pytest.raises(UsageError, match="there is nothing to draw: KeyError"):
        eval("draw(softplus_graph_backward)", cells)


def test_a_notebook_draws_a_formula(cells):
    shown = eval("draw('tanh(x*w + b)', x=2, w=-3, b=1)", cells)
    assert shown.graph.verdict == ""
    assert eval("draw('x', x=2)", cells).graph.name == "x"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("draw('x*w', x=2)", r"add w=1$"),
        (
            "draw(softplus_graph_backward, x=2)",
            "values go with a formula: an exercise draws its own inputs, and takes no x",
        ),
        ("draw('softplus_graph_bakward')", "did you mean softplus_graph_backward"),
        ("draw('add_backward')", "add_backward is not staged: its forward names no nodes to draw"),
        ("draw(3)", "by its name"),
    ],
)
def test_what_a_notebook_cannot_draw_is_said(cells, call, message):
    with pytest.raises(UsageError, match=message) as refused:
        eval(call, cells)
    assert refused.value._render_traceback_() == [str(refused.value)]  # what IPython shows, in a traceback's place
    assert refused.value.__suppress_context__


def test_where_nobody_shows_a_value_it_is_printed(cells, monkeypatch, capsys):
    monkeypatch.delattr(sys, "ps1")
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    shown = draw("x*x", x=3)
    assert capsys.readouterr().out == f"{shown}\n"


def test_while_a_submission_is_graded_nothing_is_drawn(cells, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    shown = eval("draw(softplus_graph_backward)", cells)
    assert isinstance(shown, Unchecked)
    assert str(shown) == "not drawn while answers are graded: run this cell in your own notebook"
    assert isinstance(draw("x*x", x=3), Unchecked)
