"""Every reference is right by two oracles, and every known mistake is caught and named."""

import ast
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from hypothesis import given, settings
from hypothesis import strategies as st

import solutions
from checker.exercises import exercises_in
from checker.recognise import doing, same

FILES = sorted(path for path in Path(solutions.__file__).parent.glob("*.py") if path.stem != "__init__")
MODULES = {path.stem: importlib.import_module(f"solutions.{path.stem}") for path in FILES}
EXERCISES = {task.name: task for module in MODULES.values() for task in exercises_in(module)}
MISTAKES = [(task, known) for task in EXERCISES.values() for known in task.mistakes]

every_exercise = pytest.mark.parametrize("task", EXERCISES.values(), ids=EXERCISES)
every_mistake = pytest.mark.parametrize(("task", "known"), MISTAKES, ids=[f"{t.name}-{m.name}" for t, m in MISTAKES])


# -- the same functions in a form that autograd can differentiate -----------------------------------------------------


def sigmoid(z):
    return 0.5 * (anp.tanh(z / 2) + 1)


def bce(p, y):
    return -anp.mean(y * anp.log(p) + (1 - y) * anp.log(1 - p))


def batchnorm(x, gamma, beta, eps):
    mean = anp.mean(x, axis=0)
    return gamma * (x - mean) / anp.sqrt(anp.mean((x - mean) ** 2, axis=0) + eps) + beta


def rnn_step(x, h, wx, wh, b):
    return anp.tanh(anp.dot(x, wx.T) + anp.dot(h, wh.T) + b)


def rnn(x, h, wx, wh, b):
    states = []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, wx, wh, b)
        states.append(h)
    return anp.stack(states, axis=1)


ORACLES = {
    "add_backward": lambda x, y: x + y,
    "mul_backward": lambda x, y: x * y,
    "max_backward": lambda x, y: anp.maximum(x, y),
    "staged_backward": lambda x, y: (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2),
    "affine_backward": lambda x, w, b: anp.dot(x, w.T) + b,
    "relu_backward": lambda x: anp.maximum(x, 0),
    "sigmoid_backward": sigmoid,
    "tanh_backward": anp.tanh,
    "softplus_backward": lambda x: anp.logaddexp(x, 0),
    "bce_backward": bce,
    "bce_with_logits_backward": lambda z, y: anp.mean(anp.logaddexp(z, 0) - y * z),
    "batchnorm_backward": batchnorm,
    "rnn_step_backward": rnn_step,
    "rnn_backward": rnn,
}
#: Where the oracle takes another subgradient than the reference; any is right there.
CONVENTIONS = {("max_backward", "x = y"), ("relu_backward", "zeros among the inputs")}


def agree_with_autograd(task, inputs, seed=0):
    """Outputs and gradients of the reference, each within 1e-10 of autograd's."""
    out, cache = task.forward(*inputs)
    dout = np.random.default_rng(seed).normal(size=np.shape(out))
    gradients = task.backward(dout, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    with np.errstate(over="ignore"):  # autograd's tanh divides by the square of cosh
        compare(task, inputs, out, dout, gradients)


def compare(task, inputs, out, dout, gradients):
    oracle = ORACLES[task.name]
    np.testing.assert_allclose(out, oracle(*inputs), rtol=1e-10, atol=1e-12)
    assert len(gradients) == len(task.wrt)
    for name, gradient in zip(task.wrt, gradients):
        place = task.declaration.names.index(name)
        pull, _ = make_vjp(oracle, place)(*inputs)
        exact = pull(dout if np.ndim(dout) else float(dout))
        scale = np.max(np.abs(exact), initial=0)  # saturated units keep fewer digits: 1 - h^2 is a difference
        np.testing.assert_allclose(gradient, exact, rtol=0, atol=1e-10 * scale + 1e-13, err_msg=name)
        assert np.shape(gradient) == np.shape(inputs[place])


@every_exercise
def test_the_reference_agrees_with_autograd(task):
    for seed in range(5):
        agree_with_autograd(task, task.inputs(seed), seed)


@every_exercise
def test_the_reference_agrees_with_autograd_at_its_edges(task):
    for name, case in task.edges.items():
        if (task.name, name) not in CONVENTIONS:
            agree_with_autograd(task, task.inputs(1, case))


@every_exercise
def test_the_reference_agrees_with_autograd_at_other_points_and_shapes(task):
    for variation in task.declaration.variations(np.random.default_rng(2), 20):
        agree_with_autograd(task, variation.inputs)


@every_exercise
@settings(max_examples=15)
@given(data=st.data())
def test_gradients_are_linear_in_dout_and_shaped_like_their_inputs(task, data):
    inputs = data.draw(task.declaration.strategy(largest=3))
    out, cache = task.forward(*inputs)
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=np.shape(out)), rng.normal(size=np.shape(out))
    pulled = [task.backward(dout, cache) for dout in (one, two, 2 * one - 3 * two)]
    ones, twos, both = (p if isinstance(p, tuple) else (p,) for p in pulled)
    for name, a, b, c in zip(task.wrt, ones, twos, both):
        assert np.shape(a) == np.shape(inputs[task.declaration.names.index(name)])
        scale = np.max(np.abs(a), initial=0) + np.max(np.abs(b), initial=0)
        np.testing.assert_allclose(c, 2 * a - 3 * b, rtol=0, atol=1e-9 * scale + 1e-300)


@every_exercise
@pytest.mark.parametrize("seed", [0, 1])
def test_the_reference_is_right(task, seed):
    report = task.check(seed=seed)
    assert report.verdict == "right", str(report)


@every_exercise
def test_the_reference_stays_finite_where_careless_code_overflows(task):
    for case in task.overflow.values():
        inputs = task.inputs(3, case)
        done = doing(task.forward, task.backward, inputs, task.declaration.names, task.wrt)
        assert "raised" not in done
        assert all(np.all(np.isfinite(value)) for key, value in done.items() if key.startswith(("output", "gradient")))


@every_exercise
def test_the_forward_runs_with_every_axis_at_one(task):
    out, _ = task.forward(*task.declaration.draw(np.random.default_rng(0), dict.fromkeys(task.declaration.sizes(), 1)))
    assert np.all(np.isfinite(out))


# -- known mistakes ---------------------------------------------------------------------------------------------------


@every_mistake
@pytest.mark.parametrize("seed", [0, pytest.param(11, marks=pytest.mark.slow)])
def test_the_mistake_is_caught_and_named(task, known, seed):
    report = task.check(known.backward, known.forward, seed=seed)
    assert report.verdict == "wrong", str(report)
    assert report.causes == (known.name,), str(report)
    assert [f.advice for f in report.findings if f.cause == known.name] == [known.advice]


@every_mistake
def test_the_mistake_is_named_where_only_its_numbers_are_the_same(task, known):
    """The same numbers to within rounding, with another cache: what an answer written differently gives."""

    def forward(*inputs):
        out, cache = known.forward(*inputs)
        return out * (1 + 1e-15), [cache, out]

    def backward(dout, cache):
        given = np.array(dout) if np.ndim(dout) else dout
        gradients = known.backward(given, cache[0])
        if np.ndim(dout):
            dout[...] = given  # what the mistake leaves behind belongs to it
        return tuple(g * (1 - 1e-15) for g in gradients) if isinstance(gradients, tuple) else gradients * (1 - 1e-15)

    assert known.name in task.check(backward, forward).causes


@every_exercise
def test_no_two_mistakes_are_the_same(task):
    inputs = task.inputs(5)
    names = task.declaration.names
    cases = [inputs, *(task.inputs(5, case) for case in (*task.edges.values(), *task.overflow.values()))]
    done = {m.name: [doing(m.forward, m.backward, at, names, task.wrt) for at in cases] for m in task.mistakes}
    for one in done:
        for other in done:
            if one < other:
                pairs = zip(done[one], done[other])
                assert any(not same(a.get(k), b.get(k)) for a, b in pairs for k in {*a, *b}), f"{one} is {other}"


def test_every_name_is_used_once():
    assert [name for name, n in Counter(known.name for _, known in MISTAKES).items() if n > 1] == []


# -- what a student sees ----------------------------------------------------------------------------------------------


@every_exercise
def test_hints_points_rows_and_mistakes_are_there(task):
    assert len(task.hints) >= 2
    assert len(task.mistakes) >= 3
    assert task.points >= 1
    assert task.rows
    assert all(re.fullmatch(r"S[0-4]-\d\d", row) for row in task.rows)
    assert all(hint.endswith((".", "?")) for hint in task.hints)


@every_exercise
def test_the_docstrings_state_task_shapes_and_lecture(task):
    for half in (task.forward, task.backward):
        assert "eturn" in half.__doc__
        assert re.search(r"Lectures? S[0-4]-\d\d", half.__doc__), half.__name__
    assert any(row in task.backward.__doc__ for row in task.rows)


@every_mistake
def test_advice_is_a_sentence_or_a_question(task, known):
    assert known.advice[0].isupper() or known.advice.startswith(("gamma", "w ", "dwh", "b ", "h0", "x "))
    assert known.advice.endswith((".", "?", ")"))
    assert len(known.advice) <= 125
    assert "return " not in known.advice


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_solutions_import_numpy_and_the_checker_alone(path):
    tree = ast.parse(path.read_text())
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    assert found <= {"numpy", "math", "checker"}


@every_exercise
def test_the_answer_is_marked_off(task):
    for half in (task.forward, task.backward):
        source = inspect.getsource(half)
        inside = source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
        assert "return" in inside
        before = source.split("### BEGIN SOLUTION")[0].rstrip()
        assert before.endswith('"""')
        assert source.split("### END SOLUTION")[1].strip() == ""


# -- what the lectures say --------------------------------------------------------------------------------------------


def test_the_staged_example_of_the_lecture():
    staged = EXERCISES["staged_backward"]
    out, cache = staged.forward(3.0, -4.0)
    assert out == pytest.approx(1.545645, abs=5e-7)
    assert staged.backward(1.0, cache) == pytest.approx((2.05957, 1.59223), abs=5e-6)
    overwritten = next(known for known in staged.mistakes if known.name == "overwritten_at_the_fan_out")
    assert overwritten.backward(1.0, cache)[1] == pytest.approx(1.59223, abs=5e-6)


def test_the_add_and_multiply_example_of_the_lecture():
    add, mul = EXERCISES["add_backward"], EXERCISES["mul_backward"]
    q, saved = add.forward(-2.0, 5.0)
    f, cache = mul.forward(q, -4.0)
    dq, dz = mul.backward(1.0, cache)
    assert (f, *add.backward(dq, saved), dz) == (-12.0, -4.0, -4.0, 3.0)


def test_a_batch_of_one_learns_nothing_through_batchnorm():
    task = EXERCISES["batchnorm_backward"]
    x, gamma, beta, eps = task.inputs(0, {"N": 1})
    out, cache = task.forward(x, gamma, beta, eps)
    assert np.array_equal(out[0], beta)
    assert not task.backward(np.ones_like(out), cache)[0].any()


def test_the_sign_on_the_lectures_page_is_wrong():
    """S3-39 prints plus where the gradient of the mean has minus."""
    task = EXERCISES["batchnorm_backward"]
    printed = next(known for known in task.mistakes if known.name == "sign_of_the_mean_path")
    out, cache = task.forward(*task.inputs(0))
    dout = np.random.default_rng(0).normal(size=out.shape)
    right, wrong = task.backward(dout, cache)[0], printed.backward(dout, cache)[0]
    assert np.linalg.norm(wrong - right) > 0.1 * np.linalg.norm(right)


def weights(*shapes):
    return tuple(np.ones(shape) for shape in shapes)


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("affine_backward", weights((2, 3), (3, 4), (4,)), r"w \(3, 4\).*should be .*\(M, D\)"),
        ("bce_backward", weights((3,), (4,)), r"p \(3,\) and y \(4,\)"),
        ("bce_with_logits_backward", weights((0,), (0,)), "N at least 1"),
        ("batchnorm_backward", weights((2, 3), (2,), (3,)), r"gamma \(2,\)"),
        ("rnn_step_backward", weights((2, 3), (2, 4), (4, 3), (4, 5), (4,)), r"wh \(4, 5\)"),
        ("rnn_backward", weights((2, 3), (2, 4), (4, 3), (4, 4), (4,)), r"x \(2, 3\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(name, inputs, words):
    with pytest.raises(ValueError, match=words):
        EXERCISES[name].forward(*inputs)
