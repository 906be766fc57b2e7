"""The matrix: every exercise by every property. Right by two oracles; every known mistake caught and named."""

import ast
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, hessian, jacobian
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import solutions
from checker import tree
from checker.answers import known_mistakes
from checker.calling import Pair
from checker.contract import random_upstream
from checker.course.selfcheck.exercises import unlike_known, unlike_right
from checker.exercises import exercises_in
from checker.inputs import Array
from checker.kinds import Answer, kind
from checker.kinds.value import named
from checker.nodes import opened
from checker.recognise import same
from checker.values import Labels
from solutions.lectures import NOTHING_TO_DERIVE, ROWS

FILES = sorted(path for path in Path(solutions.__file__).parent.glob("*.py") if path.stem != "__init__")
MODULES = {path.stem: importlib.import_module(f"solutions.{path.stem}") for path in FILES}
EXERCISES = {task.name: task for module in MODULES.values() for task in exercises_in(module)}
MISTAKES = [(task, known) for task in EXERCISES.values() for known in task.mistakes]

ORACLES = {}
CONVENTIONS = set()
for stem in MODULES:
    if (Path(__file__).parent / "oracles" / f"{stem}.py").exists():
        oracle_module = importlib.import_module(f"tests.oracles.{stem}")
        ORACLES |= getattr(oracle_module, "AUTOGRAD", {}) | getattr(oracle_module, "VALUES", {})
        CONVENTIONS |= getattr(oracle_module, "CONVENTIONS", set())

#: Kinds that are judged by the derivative of a forward, and kinds whose answers are functions that draw or build.
DERIVATIVES = ("backward", "jacobian", "hessian")
DETERMINISTIC = (*DERIVATIVES, "value")


def of_kinds(*kinds):
    """Parametrize by every exercise of these kinds."""
    chosen = [task for task in EXERCISES.values() if task.kind in kinds]
    return pytest.mark.parametrize("task", chosen, ids=[f"{task.topic}.{task.name}" for task in chosen])


every_exercise = of_kinds(*{task.kind for task in EXERCISES.values()})
every_mistake = pytest.mark.parametrize(
    ("task", "known"), MISTAKES, ids=[f"{t.topic}.{t.name}-{m.name}" for t, m in MISTAKES]
)


def doing(task, answer, inputs):
    return kind(task.kind).doing(task, answer, inputs)


def right(task):
    return Answer(task.answer, task.forward)


# -- an independent oracle --------------------------------------------------------------------------------------------


def pulled(task, inputs, douts=None):
    """The outputs, the upstream gradients and the gradients by path of a backward exercise's own halves."""
    at = opened(task, right(task), inputs)
    pair = Pair(at.forward, at.function, tree.copy(at.inputs), names=at.names, wrt=at.wrt)
    run = pair.forward(pair.arguments())
    douts = random_upstream(run, np.random.default_rng(0)) if douts is None else douts
    return run.outs, douts, pair.assign(pair.pull(run, pair.upstream(run, tree.copy(douts))))


def exact_gradients(task, inputs, douts):
    """The outputs and the gradients by path, by autograd."""
    oracle, at = ORACLES[task.name], opened(task, right(task), inputs)

    def outputs(chosen):
        values = dict(zip(at.names, at.inputs)) | dict(zip(at.wrt, chosen))
        ordinary = [values[name] for name in task.declaration.names]
        more = {"node": lambda name, value: value + values[name]} if task.nodes else {}
        return oracle(*ordinary, **more)

    def weighted(chosen):
        out = outputs(chosen)
        parts = out if isinstance(out, (tuple, list)) else [out]
        return sum(anp.sum(part * dout) for part, dout in zip(parts, douts))

    chosen = [dict(zip(at.names, at.inputs))[name] for name in at.wrt]
    found = grad(weighted)(chosen)
    gradients = {path: g for name, value in zip(at.wrt, found) for path, g in tree.flatten(value, name)}
    return tree.leaves(outputs(chosen)), gradients


def agree_with_the_oracle(task, inputs):
    """Everything that the reference computes, within 1e-10 of what an independent oracle gives."""
    with np.errstate(over="ignore"):  # autograd's tanh divides by the square of cosh
        if task.kind == "backward":
            outs, douts, gradients = pulled(task, inputs)
            exact_outs, exact = exact_gradients(task, inputs, douts)
            for out, wanted in zip(outs, exact_outs, strict=True):
                np.testing.assert_allclose(out, wanted, rtol=1e-10, atol=1e-12)
            assert gradients.keys() == exact.keys()
            for path, gradient in gradients.items():
                agree(gradient, exact[path], path)
        elif task.kind == "value":
            mine, wanted = named("output", task.answer(*inputs)), named("output", ORACLES[task.name](*inputs))
            assert mine.keys() == wanted.keys()
            for path in mine:
                if mine[path].dtype.kind == "U":
                    assert np.array_equal(mine[path], wanted[path]), path
                else:
                    agree(mine[path], wanted[path], path)
        else:
            claimed = task.answer(*inputs)
            for name, part in zip(task.wrt, claimed if len(task.wrt) > 1 else [claimed]):
                agree(part, exact_derivative(task, inputs, name), name)


def exact_derivative(task, inputs, name):
    place = task.declaration.names.index(name)
    if task.kind == "hessian":
        return hessian(ORACLES[task.name], place)(*inputs)
    numerator = jacobian(ORACLES[task.name], place)(*inputs)
    rank = np.ndim(inputs[place])
    if task.layout == "numerator" or not rank:
        return numerator
    return np.moveaxis(numerator, range(numerator.ndim - rank, numerator.ndim), range(rank))


def agree(mine, exact, what):
    assert np.shape(mine) == np.shape(exact), what
    scale = np.max(np.abs(exact), initial=0)  # saturated units keep fewer digits: 1 - h^2 is a difference
    np.testing.assert_allclose(mine, exact, rtol=0, atol=1e-10 * scale + 1e-13, err_msg=what)


@of_kinds(*DETERMINISTIC)
def test_the_reference_agrees_with_the_oracle(task):
    for seed in range(5):
        agree_with_the_oracle(task, task.inputs(seed))


@of_kinds(*DETERMINISTIC)
def test_the_reference_agrees_with_the_oracle_at_its_edges(task):
    for name, case in task.edges.items():
        if (task.name, name) not in CONVENTIONS:
            agree_with_the_oracle(task, task.inputs(1, case))


@of_kinds(*DETERMINISTIC)
def test_the_reference_agrees_with_the_oracle_at_other_points_and_shapes(task):
    for variation in task.declaration.variations(np.random.default_rng(2), 20, runs(task)):
        agree_with_the_oracle(task, variation.inputs)


def runs(task):
    """Whether the forward takes these inputs: a kernel may be larger than an image that was drawn."""

    def accepts(inputs):
        try:
            (task.forward or task.answer)(*inputs)
        except ValueError:
            return False
        return True

    return accepts


# -- what holds of every answer ---------------------------------------------------------------------------------------


@of_kinds("backward")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_gradients_are_linear_in_dout_and_shaped_like_their_inputs(task, data):
    inputs = data.draw(task.declaration.strategy(largest=3).filter(runs(task)))
    outs, one, ones = pulled(task, inputs)
    rng = np.random.default_rng(1)
    two = [rng.normal(size=out.shape) for out in outs]
    _, _, twos = pulled(task, inputs, two)
    _, _, both = pulled(task, inputs, [2 * a - 3 * b for a, b in zip(one, two)])
    at = opened(task, right(task), inputs)
    given_ = dict(leaf for name, value in zip(at.names, at.inputs) for leaf in tree.flatten(value, name))
    # Of all gradients: one may be what is left of large terms that cancel, as behind a batch norm of two rows.
    scale = max(float(np.max(np.abs(g), initial=0)) for g in (*ones.values(), *twos.values()))
    for path, a in ones.items():
        b, c = twos[path], both[path]
        assert np.shape(a) == np.shape(given_[path])
        np.testing.assert_allclose(c, 2 * np.asarray(a) - 3 * np.asarray(b), rtol=0, atol=1e-9 * scale + 1e-300)


@every_exercise
def test_the_reference_is_right_and_finite_where_careless_code_overflows(task):
    assert list(unlike_right(task, seeds=(0, 1))) == []


@of_kinds(*DETERMINISTIC)
def test_the_reference_runs_with_every_axis_at_one(task):
    rng, sizes = np.random.default_rng(0), task.declaration.sizes()
    for axes in ([axis] for axis in sizes) if "pool" in task.topic or "conv" in task.topic else ([*sizes],):
        inputs = task.declaration.draw(rng, dict.fromkeys(axes, 1))
        if not runs(task)(inputs):
            continue
        done = doing(task, right(task), inputs)
        assert "raised" not in done
        numbers = [value for key, value in done.items() if key.startswith(("output", "gradient"))]
        assert all(np.all(np.isfinite(value)) for value in numbers if value.dtype.kind == "f")


def misfits(task):
    """(what is wrong, argument, inputs): a wrong number of axes, an unlike length, an empty axis, a wrong label."""
    names, specs = task.declaration.names, task.declaration.inputs
    used = Counter(dim for leaf in task.declaration.arrays for dim in leaf.shape.names)
    for place, (name, spec) in enumerate(zip(names, specs)):
        if not isinstance(spec, Array) or spec.number or any(dim.startswith("*") for dim in spec.shape.dims):
            continue

        def instead(array, place=place):
            inputs = list(task.inputs())
            inputs[place] = array
            return inputs

        array = task.inputs()[place]
        yield "an axis too many", name, instead(array[None])
        for axis, dim in enumerate(spec.shape.dims):
            if used[dim] > 1:
                yield "one too long", name, instead(np.repeat(array, 2, axis))
        if array.ndim:
            yield "empty", name, instead(array[:0])
        if isinstance(spec.values, Labels) and isinstance(spec.values.below, str):
            yield "a label too large", name, instead(np.full_like(array, 10**6))
            yield "a negative label", name, instead(np.full_like(array, -1))


def refusal(task, inputs):
    """What the reference says of these inputs; nothing where it takes them."""
    try:
        (task.forward or task.answer)(*inputs)
    except ValueError as refused:
        return str(refused)
    return ""


@of_kinds(*DETERMINISTIC)
def test_inputs_that_do_not_fit_are_refused(task):
    """By a ValueError that names the argument, what came, and what is wanted."""
    for how, name, inputs in misfits(task):
        message = refusal(task, inputs)
        assert "wanted" in message, (how, name, message or "it is taken")
        came = [np.shape(leaf) for leaf in tree.leaves(list(inputs))]
        assert any(str(shape) in message for shape in came) or "label" in how, (how, name, message)
        assert re.search("|".join(task.declaration.names), message), (how, name, message)


# -- known mistakes ---------------------------------------------------------------------------------------------------


@every_mistake
def test_the_mistake_is_caught_and_named(task, known):
    """At one set of inputs; `checker selfcheck`, which CI runs, asks the same at another."""
    assert list(unlike_known(task, known, seeds=(0,))) == []


def rounded(value):
    """The same numbers to within rounding."""
    return tree.map_leaves(lambda leaf: leaf * (1 - 1e-15) if isinstance(leaf, (float, np.ndarray)) else leaf, value)


def rewritten(task, known):
    """The same numbers to within rounding, with another cache: what an answer written differently gives."""
    if task.kind != "backward":
        return (lambda *inputs: rounded(known.answer.function(*inputs))), known.answer.forward

    def forward(*inputs, **more):
        out, cache = known.answer.forward(*inputs, **more)
        return rounded(out), [cache, out]

    def backward(*given):
        *douts, cache = given
        copies = tree.copy(list(douts))
        gradients = known.answer.function(*copies, cache[0])
        for dout, copied in zip(tree.leaves(douts), tree.leaves(copies)):
            if np.ndim(dout):
                dout[...] = copied  # what the mistake leaves behind belongs to it
        return rounded(gradients)

    backward.__signature__ = inspect.signature(known.answer.function)
    return backward, forward


@pytest.mark.parametrize(
    ("task", "known"),
    [(t, m) for t, m in MISTAKES if t.kind in DETERMINISTIC and not t.memory],
    ids=[f"{t.topic}.{t.name}-{m.name}" for t, m in MISTAKES if t.kind in DETERMINISTIC and not t.memory],
)
def test_the_mistake_is_named_where_only_its_numbers_are_the_same(task, known):
    answer = Answer(*rewritten(task, known))
    assert known.name in {found.name for found in known_mistakes(task, answer).values()}


@every_exercise
def test_no_two_mistakes_are_the_same(task):
    cases = [{}, *task.edges.values(), *task.overflow.values()]
    points = [task.inputs(5, case) for case in cases]
    done = {m.name: [doing(task, m.answer, at) for at in points] for m in task.mistakes}
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
    assert all(re.fullmatch(r"S[0-4]-\d\d", row) for row in task.rows)
    assert all(hint.endswith((".", "?")) for hint in task.hints)


def test_every_row_of_the_lectures_has_its_exercise():
    rows = {row for task in EXERCISES.values() for row in task.rows}
    assert rows == ROWS.keys() - NOTHING_TO_DERIVE.keys()


def test_every_topic_is_in_the_order_of_learning():
    assert sorted(solutions.TOPICS) == sorted(stem for stem, module in MODULES.items() if exercises_in(module))


@every_exercise
def test_the_docstrings_state_task_shapes_and_lecture(task):
    for half in filter(None, (task.forward, task.answer)):
        assert "eturn" in half.__doc__ or inspect.isclass(half)
        assert re.search(r"Lectures? S[0-4]-\d\d" if task.rows else r"Source: \w", half.__doc__), half.__name__
    assert not task.rows or any(row in task.answer.__doc__ for row in task.rows)


@every_mistake
def test_advice_is_a_sentence_or_a_question(task, known):
    assert known.advice[0].isupper() or re.match(r"`?[a-z]\w{0,5}`? ", known.advice)  # a variable's name
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
    for half in filter(None, (task.forward, task.answer)):
        source = inspect.getsource(half)
        if inspect.isclass(half):
            assert source.count("### BEGIN SOLUTION") == source.count("### END SOLUTION") > 0
            continue
        if half is task.forward and "### BEGIN SOLUTION" not in source:
            continue  # given
        inside = source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
        assert "return" in inside
        before = source.split("### BEGIN SOLUTION")[0].rstrip()
        assert before.endswith('"""')
        assert source.split("### END SOLUTION")[1].strip() == ""
