"""Graphs of derivations: who uses whom, and what comes back along each edge, against closed forms and autograd."""

import importlib

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from checker import Float, UsageError, exercise, keep
from checker.estimate import Estimate
from checker.exercises import exercises_in
from checker.graph.data import LEAST, differs, without_rounding
from checker.graph.formula import FUNCTIONS, formula, of_expression
from checker.graph.staged import operations_of, staged
from checker.graph.tape import tape
from checker.graph.targets import of_exercise
from checker.kinds.expressions import drawn
from checker.report import NOT_ATTEMPTED, RIGHT, WRONG
from coursework.staged import scalar_net_graph_backward as net_stub
from coursework.tape import Var as Unwritten
from solutions import TOPICS
from solutions.batchnorm import batchnorm_graph_backward
from solutions.losses import softmax_ce_graph_backward
from solutions.rnn import rnn_two_steps_backward
from solutions.staged import scalar_net_graph_backward, softplus_graph_backward
from solutions.tape import Var

STAGED = [
    task for topic in TOPICS for task in exercises_in(importlib.import_module(f"solutions.{topic}")) if task.nodes
]
CLOSE = {"rtol": 1e-7, "atol": 1e-9}


@pytest.fixture(scope="module")
def graphs():
    """The graph of each right answer, drawn once."""
    made = {}
    return lambda task: made.setdefault(task.name, staged(task))


def wrong(task, name):
    """The graph of a known mistake."""
    return staged(task, next(each.answer.function for each in task.mistakes if each.name == name))


def node(graph, name):
    return next(each for each in graph.nodes if each.name == name)


def pairs(graph):
    return {(edge.parent, edge.child) for edge in graph.edges}


# -- staged exercises: who uses whom ----------------------------------------------------------------------------------

NET = "x-m_h wh-m_h m_h-z_h bh-z_h z_h-h h-m_o wo-m_o m_o-o bo-o o-e y-e e-L"
BATCHNORM = "x-mu x-sigma2 mu-sigma2 sigma2-e e-c c-b x-a mu-a a-x_hat b-x_hat x_hat-out gamma-out beta-out"
SOFTMAX = "z-s s-e e-total total-log_total s-logp log_total-logp logp-nll y-nll nll-out"
TWO_STEPS = "w-h1 a0-h1 w_in-h1 x-h1 b-h1 h1-a1 w-h2 a1-h2 w_in-h2 x-h2 b-h2 h2-a2 a1-out a2-out y-out"


@pytest.mark.parametrize(
    ("backward", "edges"),
    [
        (softplus_graph_backward, "x-b b-a a-out"),
        (scalar_net_graph_backward, NET),
        (batchnorm_graph_backward, BATCHNORM),
        (softmax_ce_graph_backward, SOFTMAX),
        (rnn_two_steps_backward, TWO_STEPS),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_edges_are_those_of_the_formula(backward, edges, graphs):
    assert pairs(graphs(backward.exercise)) == {tuple(edge.split("-")) for edge in edges.split()}


def off_forward(x: Float[np.ndarray, "N"], node=keep):
    a = node("a", np.minimum(x, -1.0))
    b = node("b", np.maximum(a, 0.0))
    unused = node("c", a + b)
    return b * x, (x, a, unused)


@exercise(off_forward, nodes={"c": "N", "b": "N", "a": "N"})
def off_backward(dout, cache):
    x, a, _ = cache
    db = dout * x
    return {"dc": 0 * x, "db": db, "da": 0 * db, "dx": 0 * db}


def test_a_unit_that_is_off_is_used_all_the_same_and_sends_nothing_back():
    graph = staged(off_backward.exercise)
    assert pairs(graph) == {("x", "a"), ("a", "b"), ("a", "c"), ("b", "c"), ("b", "out"), ("x", "out")}
    assert not graph.out_of("c")
    (share,) = (edge.gradient.value for edge in graph.out_of("a") if edge.child == "b")
    assert not share.any()
    assert not node(graph, "c").gradient.value.any()


def test_every_node_comes_after_its_parents_and_the_output_last(graphs):
    for task in STAGED:
        graph = graphs(task)
        names = [each.name for each in graph.nodes]
        assert all(names.index(edge.parent) < names.index(edge.child) for edge in graph.edges), task.name
        assert not graph.out_of(names[-1])


# -- staged exercises: what comes back --------------------------------------------------------------------------------


@pytest.mark.parametrize("task", STAGED, ids=lambda task: task.name)
def test_gradients_are_those_of_the_reference(task, graphs):
    graph = graphs(task)
    values = {each.name: each.value for each in graph.nodes}
    inputs = [values.get(name, spec) for name, spec in zip(task.declaration.names, task.inputs())]
    _, cache = task.forward(*(float(each) if np.ndim(each) == 0 else each for each in inputs))
    reference = task.answer(graph.nodes[-1].gradient.value[()], cache)
    for name in (*task.nodes, *task.wrt):
        np.testing.assert_allclose(node(graph, name).gradient.value, reference[f"d{name}"], **CLOSE)
        assert node(graph, name).gradient.value.shape == values[name].shape


@pytest.mark.parametrize("task", STAGED, ids=lambda task: task.name)
def test_what_comes_back_along_the_edges_adds_up_to_the_nodes_gradient(task, graphs):
    graph = graphs(task)
    for name in (*task.nodes, *task.wrt):
        shares = [edge.gradient.value for edge in graph.out_of(name)]
        np.testing.assert_allclose(sum(shares), node(graph, name).gradient.value, **CLOSE)


def test_the_shares_of_batchnorm_are_the_closed_forms(graphs):
    graph = graphs(batchnorm_graph_backward.exercise)
    value, gradient = ({each.name: get(each) for each in graph.nodes} for get in (
        lambda each: each.value, lambda each: each.gradient.value,
    ))  # fmt: skip
    share = {(edge.parent, edge.child): edge.gradient.value for edge in graph.edges}
    m = len(value["x"])
    np.testing.assert_allclose(share["x", "mu"], np.tile(gradient["mu"] / m, (m, 1)), **CLOSE)
    np.testing.assert_allclose(share["x", "sigma2"], 2 / m * (value["x"] - value["mu"]) * gradient["sigma2"], **CLOSE)
    np.testing.assert_allclose(share["x", "a"], gradient["a"], **CLOSE)
    np.testing.assert_allclose(share["mu", "a"], -gradient["a"].sum(axis=0), **CLOSE)
    assert np.array_equal(
        share["mu", "sigma2"], [0, 0]
    )  # deviations from a mean add up to nothing: no rounding is left
    np.testing.assert_allclose(share["b", "x_hat"], value["a"] * gradient["x_hat"], **CLOSE)
    assert m == 3


def test_labels_and_inputs_outside_wrt_have_no_gradient(graphs):
    graph = graphs(softmax_ce_graph_backward.exercise)
    assert node(graph, "y").gradient is None
    assert [edge.gradient for edge in graph.out_of("y")] == [None]
    assert node(graphs(rnn_two_steps_backward.exercise), "x").gradient is None


def test_inputs_are_small_round_and_drawn_by_the_seed(graphs):
    graph, other = graphs(softplus_graph_backward.exercise), staged(softplus_graph_backward.exercise, seed=1)
    x = node(graph, "x").value
    assert x.shape == (3, 2)
    assert np.array_equal(np.round(x, 2), x)
    assert not np.array_equal(x, node(other, "x").value)
    assert graph.notes[0] == "The gradient that arrives at out, dout, is drawn. Inputs are drawn (seed 0)."
    assert other.notes[0].endswith("(seed 1).")
    assert "eps is 1e-05." in graphs(batchnorm_graph_backward.exercise).notes


def test_operations_are_read_from_the_source_and_the_output_has_the_backwards_name_for_it(graphs):
    graph = graphs(scalar_net_graph_backward.exercise)
    operations = {each.name: each.operation for each in graph.nodes}
    assert operations["h"] == "max(z_h, 0.0)"
    assert operations["L"] == "e ** 2"
    assert operations["x"] == ""
    assert operations_of(batchnorm_graph_backward.exercise.forward, "out")["out"] == "gamma * x_hat + beta"
    assert operations_of(softplus_graph_backward.exercise.forward, "out")["b"] == "exp(x)"


def test_without_a_source_there_are_no_operations():
    names = {}
    exec("def forward(x, node):\n    return node('a', 2 * x), x", names)
    assert operations_of(names["forward"], "out") == {}


# -- staged exercises: answers ----------------------------------------------------------------------------------------


def test_what_is_not_written_yet_shows_the_expected_gradients(graphs):
    graph, right = staged(net_stub.exercise), graphs(scalar_net_graph_backward.exercise)
    assert (graph.verdict, graph.first, right.verdict) == (NOT_ATTEMPTED, "", RIGHT)
    for each in graph.nodes:
        assert not each.wrong
        np.testing.assert_allclose(each.gradient.value, node(right, each.name).gradient.value, **CLOSE)


def test_a_wrong_answers_numbers_stand_beside_the_right_ones_where_they_differ():
    graph = wrong(scalar_net_graph_backward.exercise, "output_weight_left_out")
    assert (graph.verdict, graph.first) == (WRONG, "h")
    assert {each.name for each in graph.nodes if each.wrong} == {"h", "z_h", "m_h", "x", "wh", "bh"}
    h, m_o = node(graph, "h"), node(graph, "m_o")
    np.testing.assert_allclose(h.your_gradient, m_o.gradient.value)
    np.testing.assert_allclose(h.gradient.value, node(graph, "wo").value * m_o.gradient.value, **CLOSE)
    assert "what multiplies the gradient on its way to h?" in graph.notes[-1]


def test_a_gradient_of_the_wrong_shape_is_shown_as_it_is():
    graph = wrong(batchnorm_graph_backward.exercise, "b_summed_too_early")
    assert graph.first == "b"
    assert node(graph, "b").value.shape == (3, 2)
    assert node(graph, "b").your_gradient.shape == (2,)


def test_what_is_wrong_in_a_corner_case_only_is_drawn_there():
    graph = wrong(scalar_net_graph_backward.exercise, "hidden_unit_always_on")
    assert graph.first == "z_h"
    assert node(graph, "z_h").value < 0
    assert "right at ordinary inputs, wrong with a unit that is off" in graph.notes[0]


def test_an_answer_that_leaves_dout_out_is_drawn_with_another_than_1():
    graph = wrong(scalar_net_graph_backward.exercise, "loss_taken_as_the_end_of_the_graph")
    assert graph.first == "e"
    assert graph.nodes[-1].gradient.value != 1
    assert "dL, is drawn" in graph.notes[0]


@pytest.mark.parametrize("task", STAGED, ids=lambda task: task.name)
def test_a_known_mistake_is_marked(task):
    mistake = task.mistakes[0]
    graph = staged(task, mistake.answer.function)
    assert graph.verdict == WRONG
    assert node(graph, graph.first).wrong


@pytest.mark.slow
@pytest.mark.parametrize("task", STAGED, ids=lambda task: task.name)
def test_every_known_mistake_is_marked(task):
    unmarked = [each.name for each in task.mistakes if not staged(task, each.answer.function).first]
    assert unmarked == []


def test_an_answer_that_raises_or_gives_no_dict_leaves_the_right_numbers():
    def softplus_graph_backward(dout, cache):
        raise RuntimeError("no idea")

    task = importlib.import_module("solutions.staged").softplus_graph_backward.exercise
    graph = staged(task, softplus_graph_backward)
    assert (graph.verdict, graph.first) == (WRONG, "")
    assert "RuntimeError" in graph.notes[-1]
    assert staged(task, lambda dout, cache: (dout, dout)).first == ""
    assert staged(task, lambda dout, cache: {"da": "x", "db": dout, "dx": dout}).first == "a"


def test_an_answer_that_is_wrong_in_another_way_is_drawn_as_right():
    def softplus_graph_backward(dout, cache):
        da = dout / cache["a"]
        dout *= 1
        return {"da": da, "db": da, "dx": da * cache["b"]}

    task = importlib.import_module("solutions.staged").softplus_graph_backward.exercise
    graph = staged(task, softplus_graph_backward)
    if graph.verdict == WRONG:
        assert graph.notes[-1] == "The gradients here are right."


def test_a_backward_that_calls_its_gradient_something_else_has_an_output_all_the_same():
    def off_backward(upstream, cache):
        x, a, _ = cache
        return {"dc": 0 * x, "db": upstream * x, "da": 0 * x, "dx": 0 * x}

    declared = exercise(off_forward, nodes={"c": "N", "b": "N", "a": "N"})(off_backward)
    assert staged(declared.exercise).nodes[-1].name == "out"


def test_a_forward_that_raises_has_nothing_to_draw():
    def softplus_graph_forward(x, node=keep):
        raise KeyError("gone")

    with pytest.raises(UsageError, match=r"there is nothing to draw: KeyError at tests.test_graph\.py, line \d+"):
        of_exercise(softplus_graph_backward.exercise, None, softplus_graph_forward)


# -- formulas ---------------------------------------------------------------------------------------------------------

FORMULAS = [
    ("tanh(x*w + b)", lambda v: anp.tanh(v["x"] * v["w"] + v["b"]), {"x": 2.0, "w": -0.3, "b": 1.0}),
    ("x*x + x", lambda v: v["x"] * v["x"] + v["x"], {"x": 3.0}),
    ("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)",
     lambda v: (v["x"] + 1 / (1 + anp.exp(-v["y"]))) / (1 / (1 + anp.exp(-v["x"])) + (v["x"] + v["y"]) ** 2),
     {"x": 3.0, "y": -4.0}),
    ("-np.exp(-x) + math.log(y)/2", lambda v: -anp.exp(-v["x"]) + anp.log(v["y"]) / 2, {"x": 0.5, "y": 2.5}),
    ("relu(x - 1) * abs(y)", lambda v: anp.maximum(v["x"] - 1, 0) * anp.abs(v["y"]), {"x": 2.0, "y": -2.0}),
    ("x ** y", lambda v: v["x"] ** v["y"], {"x": 1.5, "y": 2.5}),
    ("softplus(x) + sqrt(x) + sin(x) * cos(x)",
     lambda v: anp.log(1 + anp.exp(v["x"])) + anp.sqrt(v["x"]) + anp.sin(v["x"]) * anp.cos(v["x"]), {"x": 1.3}),
    ("+x - 2*3*y", lambda v: v["x"] - 6 * v["y"], {"x": 1.0, "y": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "function", "at"), FORMULAS, ids=[text for text, _, _ in FORMULAS])
def test_a_formulas_value_and_gradients_are_autograds(text, function, at):
    graph = formula(text, at)
    np.testing.assert_allclose(graph.nodes[-1].value, function(at))
    expected = grad(function)(at)
    for name in at:
        np.testing.assert_allclose(node(graph, name).gradient.value, expected[name], rtol=1e-7)
        shares = [edge.gradient.value for edge in graph.out_of(name)]
        np.testing.assert_allclose(sum(shares), expected[name], rtol=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_in_random_expressions_shares_add_up_to_what_a_tape_finds(seed):
    expression = drawn(np.random.default_rng(seed), 9, "random")
    names = [str(place) for place in range(len(expression.steps))]
    nodes, edges = of_expression(expression, names, names)
    variables = []
    for step in expression.steps:
        variables.append(step.apply(variables, Var))
    variables[-1].backward()
    largest = max(abs(each.grad) for each in variables)
    for each, variable in zip(nodes, variables):
        np.testing.assert_allclose(each.gradient.value, variable.grad, rtol=1e-6, atol=1e-8 * largest)
        shares = [edge.gradient.value for edge in edges if edge.parent == each.name]
        if shares:
            np.testing.assert_allclose(sum(shares), variable.grad, rtol=1e-6, atol=1e-8 * largest)


def test_a_variable_used_twice_gets_a_share_along_each_edge_and_their_sum():
    graph = formula("x*w + x*x", {"x": 2, "w": 5})
    assert [(edge.child, round(float(edge.gradient.value), 6)) for edge in graph.out_of("x")] == [
        ("v1", 5), ("v2", 2), ("v2", 2),
    ]  # fmt: skip
    assert node(graph, "x").gradient.value == pytest.approx(9)
    assert [each.operation for each in graph.nodes] == ["", "", "x * w", "x * x", "v1 + v2"]


def test_names_of_lines_are_none_of_the_variables():
    graph = formula("v1 * out + 2", {"v1": 1, "out": 2})
    assert [each.name for each in graph.nodes] == ["v1", "out", "v2", "v3"]
    assert [each.name for each in formula("x", {"x": 2}).nodes] == ["x"]


def test_at_a_corner_the_slope_is_a_range():
    gradient = node(formula("relu(x)", {"x": 0}), "x").gradient
    assert (float(gradient.value), float(gradient.error)) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("x", [-700.0, -30.0, 0.0, 3.0, 800.0])
def test_far_out_the_sigmoid_and_softplus_keep_their_digits(x):
    sigmoid, softplus = formula("sigmoid(x)", {"x": x}), formula("softplus(x)", {"x": x})
    small = np.exp(-abs(x))
    expected = (1 if x >= 0 else small) / (1 + small)
    assert sigmoid.nodes[-1].value == pytest.approx(expected, rel=1e-12, abs=0)
    assert softplus.nodes[-1].value == pytest.approx(np.logaddexp(0, x), rel=1e-12, abs=0)
    assert node(softplus, "x").gradient.value == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("text", "at", "slope"),
    [
        ("log(x)", 1e-3, 1000),
        ("tanh(x ** 0.5)", 1e-2, 5 / np.cosh(0.1) ** 2),
        ("exp(sqrt(x) / x)", 0.01, -500 * np.exp(10)),
    ],
)
def test_near_the_edge_of_a_domain_the_slope_is_found_all_the_same(text, at, slope):
    assert node(formula(text, {"x": at}), "x").gradient.value == pytest.approx(slope, rel=1e-6)


KNOWN = "a formula has numbers, variables, + - * / ** and functions"


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("tanh(x", {}, "cannot read 'tanh(x': write one formula, such as tanh(x*w + b), with every * in it"),
        ("2x", {}, "cannot read '2x': write one formula"),
        ("x*w + b", {"x": 1}, "nothing says what w and b should be in x*w + b: add --at w=1 --at b=1"),
        ("x", {"x": 1, "xx": 2}, "x has no xx; its variables are x"),
        ("weight*x", {"x": 1, "weight": 1, "wieght": 2}, "has no wieght; did you mean weight?; its variables are"),
        ("sinh(x)", {"x": 1}, "there is no function sinh; did you mean sin?; there are " + ", ".join(FUNCTIONS)),
        ("exp(x, 2)", {"x": 1}, "exp takes one argument: 'exp(x, 2)' gives it another number"),
        ("x ^ 2", {"x": 1}, f"cannot draw 'x ^ 2': {KNOWN}; a power is written **"),
        ("x if x else 2", {"x": 1}, f"cannot draw 'x if x else 2': {KNOWN}"),
        ("x.real", {"x": 1}, f"cannot draw 'x.real': {KNOWN}"),
        ("__import__('os').system('true')", {}, "there is no function __import__('os').system"),
        ("3 * 4", {}, "3 * 4 has no variable: there is nothing to differentiate by"),
        (
            "log(x - 3)",
            {"x": 2},
            "log(v1) has no value with v1 = -1: log takes numbers above 0; give other numbers with",
        ),
        ("log(-1) * x", {"x": 2}, "log(-1) has no value: log takes numbers above 0"),
        ("sqrt(x)", {"x": -1}, "sqrt(x) has no value with x = -1: sqrt takes numbers from 0 on"),
        ("x / y", {"x": 1, "y": 0}, "x / y has no value with x = 1 and y = 0: that divides by 0"),
        ("x ** 0.5", {"x": -1}, "x ** 0.5 has no value with x = -1: 0 takes no negative power, and a negative number"),
        ("exp(x)", {"x": 1000}, "exp(x) has no value with x = 1000: the number is too large"),
        ("x * " + 400 * "9", {"x": 1}, "cannot read 'x * 999"),
        ("x*w", {"x": 1, "w": [1, 2]}, "w is [1, 2]; a variable of a formula is one finite number"),
        ("x*w", {"x": 1, "w": np.nan}, "w is nan; a variable of a formula is one finite number"),
        ("+".join(["x"] * 60), {"x": 1}, "a formula of 59 operations is too large to be drawn: take a part of it"),
        ("+".join(["x"] * 20000), {"x": 1}, "nested too deeply to be drawn: take a part of it"),
    ],
)
def test_what_cannot_be_drawn_is_said(text, at, message):
    with pytest.raises(UsageError) as caught:
        formula(text, at)
    assert message in str(caught.value)


def test_the_advice_is_in_the_callers_own_terms():
    with pytest.raises(UsageError, match=r"add w=1$"):
        formula("x*w", {"x": 1}, option="")
    with pytest.raises(UsageError, match=r"log takes numbers above 0$"):
        formula("log(x)", {"x": -1}, option="")


# -- the tape ---------------------------------------------------------------------------------------------------------


def test_a_right_tape_shows_an_example_with_a_shared_node():
    graph = tape(Var.exercise)
    assert (graph.verdict, graph.first) == (RIGHT, "")
    assert max(len(graph.out_of(each.name)) for each in graph.nodes) == 3
    assert node(graph, "d").operation == "c.tanh()"
    assert tape(Unwritten.exercise).verdict == NOT_ATTEMPTED


@pytest.mark.parametrize("mistake", Var.exercise.mistakes, ids=lambda mistake: mistake.name)
def test_a_wrong_tape_shows_the_expression_on_which_it_goes_wrong(mistake):
    graph = tape(Var.exercise, mistake.answer.function)
    assert graph.verdict == WRONG
    if mistake.name == "recursion_from_node_to_node":
        assert "RecursionError" in graph.notes[-1]
        assert len(graph.nodes) == len(tape(Var.exercise).nodes)
    elif mistake.name == "nothing_for_numbers_on_the_left":
        assert "TypeError" in graph.notes[-1]
        assert "a.__rmul__(2)" in graph.notes[-1]
    else:
        assert node(graph, graph.first).wrong
        assert len(graph.nodes) <= 6
        assert f"the {'value' if node(graph, graph.first).your_value is not None else 'gradient'} of" in graph.notes[-1]


def test_an_earlier_backward_is_told():
    mistake = next(each for each in Var.exercise.mistakes if each.name == "gradients_never_reset")
    assert "Before that comes c.backward()." in tape(Var.exercise, mistake.answer.function).notes


def test_a_random_expression_is_shown_at_its_smallest():
    class Lazy(Var):
        def backward(self):
            super().backward()
            if len({id(parent) for parent in self.parents}) == 2 and any(len(p.parents) == 2 for p in self.parents):
                self.parents[0].grad += 1

    graph = tape(Var.exercise, Lazy)
    assert graph.verdict == WRONG
    assert len(graph.nodes) <= 5


# -- numbers ----------------------------------------------------------------------------------------------------------


def test_rounding_is_nothing_and_a_small_gradient_is_something():
    big, small = Estimate(np.array([1.0, 2.0]), np.zeros(2)), np.array(0.5 * LEAST)
    cleaned = without_rounding([big, None, Estimate(small, small), Estimate(small, 1e-6 * small)])
    assert cleaned[1] is None
    assert np.array_equal(cleaned[0].value, big.value)
    assert [float(each.value) for each in cleaned[2:]] == [0, small]


@pytest.mark.parametrize(
    ("yours", "error", "apart"),
    [
        ([1.0, 2.0], 0.0, False),
        ([1.0, 2.0 + 1e-9], 0.0, False),
        ([1.0, 2.1], 0.0, True),
        ([1.0, 2.1], 1.0, False),
        ([[1.0, 2.0]], 0.0, True),
        ("no number", 0.0, True),
        (None, 0.0, True),
        ([1.0, np.nan], 0.0, True),
    ],
)
def test_what_differs(yours, error, apart):
    assert differs(yours, np.array([1.0, 2.0]), error) is apart
