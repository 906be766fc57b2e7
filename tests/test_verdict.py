"""What `gradcheck` decides: the four verdicts, the kinds of wrong, references, modes, interruptions."""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checker.verdict
from checker import Interrupted, UsageError, check_grad, check_value_and_grad, gradcheck
from checker.report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG

rng = np.random.default_rng(6)
X, W = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
OWN_FORWARD = "judged against its own forward only"


def project(x, w):
    return np.tanh(x @ w), (x, w, np.tanh(x @ w))


def project_backward(dout, cache):
    x, w, y = cache
    dz = dout * (1 - y * y)
    return dz @ w.T, x.T @ dz


# -- right ------------------------------------------------------------------------------------------------------------


def test_right():
    report = gradcheck(project, project_backward, (X, W))
    assert (report.name, report.verdict, report.kind, report.mode) == ("project_backward", RIGHT, "", "full")
    assert [f.message for f in report.findings] == [
        "all 12 entries of the gradient of x agree",
        "all 6 entries of the gradient of w agree",
    ]
    assert report.notes == ("8 other points and shapes were tried (seed 0)", OWN_FORWARD)
    assert (report.forwards > 2 * 18, report.backwards > 3) == (True, True)


@pytest.mark.parametrize(("name", "told"), [("y", True), ("target", True), ("running_mean", False), ("mask", False)])
def test_what_was_not_judged_for_its_name_is_said(name, told):
    """A forgotten gradient of y is no mistake where y are labels; who reads the report can tell."""
    values = np.array([0.0, 1, 1]) if name == "mask" else np.array([0.4, 1.5, -2])
    report = gradcheck(
        lambda x, y: (x @ y, (x, y)), lambda dout, cache: dout * cache[1], (np.ones(3), values), names=["x", name]
    )
    assert report.verdict == RIGHT
    assert (f"no gradient was returned for {name}, so none was judged" in report.notes) == told


def test_one_entry_agrees():
    assert gradcheck(np.sin, lambda dout, x: dout * np.cos(x), 0.5).findings[0].message == "the gradient of x agrees"


@settings(max_examples=25, deadline=None)
@given(
    exponents=st.tuples(*[st.integers(-8, 8)] * 3),
    seed=st.integers(0, 999),
    mode=st.sampled_from(["full", "fast"]),
)
def test_the_verdict_does_not_depend_on_units(exponents, seed, mode):
    a, b, c = (10.0**e for e in exponents)
    draw = np.random.default_rng(seed)

    def forward(x, w):
        return c * np.sin(x / a) @ (w / b), (x, w)

    def backward(dout, cache, k=1.0):
        x, w = cache
        return c * k * (dout @ (w / b).T) * np.cos(x / a) / a, c * np.sin(x / a).T @ dout / b

    x, w = a * draw.normal(size=(4, 3)), b * draw.normal(size=(3, 2))
    assert gradcheck(forward, backward, (x, w), mode=mode, trials=2, seed=seed).verdict == RIGHT
    wrong = gradcheck(forward, lambda dout, cache: backward(dout, cache, 1.001), (x, w), mode=mode, seed=seed)
    assert wrong.verdict == WRONG
    assert {f.subject for f in wrong.findings if f.verdict == WRONG} == {"x"}


def test_the_same_seed_gives_the_same_report():
    one, two = (gradcheck(project, lambda d, c: project_backward(2 * d, c), (X, W), seed=4) for _ in range(2))
    assert one == two
    assert one.seed == 4


def test_a_negligible_difference_is_let_pass_by_rtol():
    def backward(dout, cache):
        dx, dw = project_backward(dout, cache)
        return dx, dw * (1 + 1e-5)

    assert gradcheck(project, backward, (X, W)).verdict == WRONG
    assert gradcheck(project, backward, (X, W), rtol=1e-4).verdict == RIGHT


# -- wrong ------------------------------------------------------------------------------------------------------------


def test_wrong_says_which_entries_and_by_how_much():
    def backward(dout, cache):
        dx, dw = project_backward(dout, cache)
        dw[2, 1] *= 1.5
        return dx, dw

    report = gradcheck(project, backward, (X, W))
    finding = report.findings[1]
    assert (report.verdict, report.kind, report.where) == (WRONG, "values", "")
    assert finding.message.startswith("1 of 6 entries of the gradient of w is wrong")
    assert (finding.subject, finding.shape, finding.wrong) == ("w", (3, 2), 1)
    (entry,) = finding.entries
    assert entry.index == (2, 1)
    assert entry.yours == pytest.approx(1.5 * entry.expected, abs=1e-8)
    assert 0 < entry.error < 1e-8
    assert np.array_equal(report.inputs["w"], W)


def test_the_worst_entries_come_first():
    def backward(dout, x):
        return dout * np.array([1.1, 1.6, 1.2, 1.0, 1.5])

    entries = gradcheck(lambda x: 1 * x, backward, (np.ones(5),), trials=0).findings[0].entries
    errors = [abs(e.yours - e.expected) for e in entries]
    assert len(entries) == 3
    assert errors == sorted(errors, reverse=True)


def test_a_forgotten_variance_path_is_named():
    def batchnorm_forward(x, gamma, beta, eps=1e-5):
        mean, var = x.mean(axis=0), x.var(axis=0)
        norm = (x - mean) / np.sqrt(var + eps)
        return gamma * norm + beta, (norm, gamma, var, eps)

    def batchnorm_backward(dout, cache):
        norm, gamma, var, eps = cache
        g = dout * gamma
        return (g - g.mean(axis=0)) / np.sqrt(var + eps), (dout * norm).sum(axis=0), dout.sum(axis=0)

    report = gradcheck(
        batchnorm_forward, batchnorm_backward, (rng.normal(size=(8, 5)), rng.normal(size=5) + 2, np.ones(5))
    )
    assert (report.verdict, report.kind) == (WRONG, "values")
    assert [f.subject for f in report.findings if f.verdict == WRONG] == ["x"]
    assert "variance" in report.findings[0].message + report.findings[0].advice
    text = str(report)
    assert "variance" in text
    assert len(text.splitlines()) <= 12


def test_wrong_only_elsewhere_is_an_edge_and_says_where():
    def pad_forward(x, pad):
        return np.pad(x, pad), pad

    def pad_backward(dout, pad):
        return 1.0 * dout[pad:-pad, pad:-pad]

    report = gradcheck(pad_forward, pad_backward, (X, 2))
    assert (report.verdict, report.kind) == (WRONG, "edge")
    assert report.where.startswith("right at the given inputs, wrong with pad = 0: ")
    assert report.where.endswith(" (seed 0)")
    assert report.inputs["pad"] == 0
    assert gradcheck(pad_forward, pad_backward, (X, 2), trials=0).verdict == RIGHT


def softmax_forward(x):
    y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return y, y


def softmax_backward(dout, y):
    return y * (dout - (dout * y).sum(axis=1, keepdims=True))


LOGITS = np.array([[0.5, 3.0, -1.0], [1.5, 0.7, 0.1]])


@pytest.mark.parametrize("sign", [1, -1])
def test_right_that_would_overflow_is_unstable(sign):
    report = gradcheck(softmax_forward, softmax_backward, (sign * LOGITS,))
    assert (report.verdict, report.kind, report.causes) == (RIGHT, "unstable", ("overflow",))
    assert report.findings[-1].message == "right, but overflows where x reaches 1000"


@pytest.mark.parametrize("rows", [1, 2])
def test_right_that_overflows_is_unstable(rows):
    report = gradcheck(softmax_forward, softmax_backward, (np.array([[800.0, 900.0], [8.0, 9.0]])[:rows],))
    assert (report.verdict, report.kind) == (WRONG, "unstable")
    message = "softmax_forward returns nan or inf at these inputs, though the gradient is right at smaller ones"
    assert report.findings[0].message == message


# -- not attempted, and the author's exceptions -----------------------------------------------------------------------


def raising(problem):
    def function(*arguments):
        raise problem

    return function


def sine(x):
    return np.sin(x), x


def stub(dout, cache):
    pass


def stub_with_a_docstring(dout, cache):
    """The gradient of the sine."""


def stub_of_nones(dout, cache):
    dx, dw = None, None
    return dx, dw


def stub_of_a_dict(dout, cache):
    return {}


@pytest.mark.parametrize(
    "backward", [stub, stub_with_a_docstring, stub_of_nones, stub_of_a_dict, raising(NotImplementedError("TODO"))]
)
def test_an_unwritten_backward_is_not_attempted(backward):
    report = gradcheck(
        project if backward is stub_of_nones else sine, backward, (X, W)[: 1 + (backward is stub_of_nones)]
    )
    assert (report.verdict, report.kind, bool(report)) == (NOT_ATTEMPTED, "", False)
    assert [f.message for f in report.findings] == [f"{backward.__name__} is not written yet"]
    assert report.notes == ()


@pytest.mark.parametrize("forward", [raising(NotImplementedError()), lambda x: None, lambda x: (None, x)])
def test_an_unwritten_forward_is_not_attempted(forward):
    forward.__name__ = "sine_forward"
    report = gradcheck(forward, lambda dout, cache: dout, (X,))
    assert report.verdict == NOT_ATTEMPTED
    assert report.findings[0].message in ("sine_forward is not written yet", "sine_forward returned None")


@pytest.mark.xfail(reason="its sum is differentiated")
def test_a_gradient_of_no_scalar_is_a_misuse():
    with pytest.raises(UsageError, match=r"\(4, 2\)"):
        check_grad(lambda x: x @ W, lambda x: np.ones(x.shape), (X,))


def test_an_unwritten_pair_of_numbers():
    assert check_value_and_grad(lambda x: (None, None), (X,)).verdict == NOT_ATTEMPTED
    assert check_grad(lambda x: np.sum(x), lambda x: None, (X,)).verdict == NOT_ATTEMPTED


def mismatched(dout, cache):
    return dout @ np.zeros((7, 2))


@pytest.mark.parametrize("half", ["forward", "backward"])
def test_an_exception_is_the_authors_at_their_line(half):
    pair = [sine, mismatched] if half == "backward" else [lambda x: mismatched(x, None), lambda dout, cache: dout]
    report = gradcheck(*pair, (X,))
    line = inspect.getsourcelines(mismatched)[1] + 1
    assert (report.verdict, report.kind, report.causes) == (WRONG, "error", ("ValueError",))
    assert report.findings[0].message.startswith(f"{pair[half == 'backward'].__name__} raised ValueError at ")
    assert f"test_verdict.py, line {line}, `return dout @ np.zeros((7, 2))`" in report.findings[0].message
    assert "(4, 3)" in report.findings[0].message


EXIT = SystemExit(1)


@pytest.mark.parametrize(
    "problem", [KeyError("W"), IndexError("i"), RecursionError(), AssertionError("no"), StopIteration(), EXIT]
)
def test_no_exception_gets_out(problem):
    report = gradcheck(sine, raising(problem), (X,))
    assert (report.kind, report.causes) == ("error", (type(problem).__name__,))


def test_the_authors_warnings_are_their_own():
    def loud(x):
        return np.log(x - 10), x

    assert gradcheck(loud, lambda dout, x: dout / (x - 10), (X,)).verdict == CANNOT_TELL


# -- cannot tell ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_can_be_told_where_nothing_is_finite(value):
    def forward(x):
        return np.full(x.shape, value), x

    report = gradcheck(forward, lambda dout, cache: 0 * dout, (X,))
    assert (report.verdict, report.kind, bool(report)) == (CANNOT_TELL, "", False)
    assert report.findings[0].message == "forward returns nan or inf at these inputs: there is nothing to differentiate"


def test_outputs_that_are_not_finite_are_left_out():
    x = np.array([1.0, 0.0, 2.0, 3.0])
    report = gradcheck(lambda x: np.log(x), lambda dout, x: dout / np.where(x > 0, x, 1), (x,), trials=0)
    assert report.verdict == RIGHT
    assert "1 output is not finite here, and left out" in report.notes


@pytest.mark.parametrize("first", [0.0, np.nan])
def test_entries_of_outputs_that_are_not_finite_are_left_out(first):
    assert gradcheck(np.log, lambda dout, x: dout / x, (np.array([first, 1.0, 2.0]),)).verdict == RIGHT


@pytest.mark.parametrize("size", [1e-310, pytest.param(1e300, marks=pytest.mark.xfail(reason="warns in values.py"))])
def test_numbers_at_the_ends_of_the_range(size):
    assert gradcheck(np.negative, lambda dout, x: -dout, (size * X,)).verdict in (RIGHT, CANNOT_TELL)


def test_what_rounding_hides_cannot_be_told():
    report = gradcheck(lambda x: (x + 1e20, None), lambda dout, cache: 3 * dout, (X,), trials=0)
    assert report.verdict == CANNOT_TELL
    message = "12 of 12 entries of the gradient of x are hidden by the rounding of the outputs"
    assert report.findings[0].message == message


def at_a_corner(left, x=X, w=W, **options):
    """relu(z) - left relu(-z) of z = x w, where z is 0 in a row, and its backward with the slope 0 for relu at 0."""

    def forward(x, w):
        z = x @ w
        return np.maximum(z, 0) - left * np.maximum(-z, 0), (x, w, z)

    def backward(dout, cache):
        x, w, z = cache
        dz = dout * (z > 0) + left * dout * (z < 0)
        return dz @ w.T, x.T @ dz

    return gradcheck(forward, backward, (x * [[1], [0], [1], [1]], w), **options)


def test_a_corner_inside_a_composition_is_noted():
    report = at_a_corner(left=2)
    assert report.verdict == RIGHT
    assert report.notes[0] == "3 entries sit on a corner, where conventions differ; just beside it they are right"


def test_of_one_and_of_none_it_is_told_as_of_several():
    def relu(x):
        return np.maximum(x, 0), x

    report = at_a_corner(left=2, x=X[:, :1], w=W[:1], trials=1)
    assert report.verdict == RIGHT
    assert report.notes[:2] == (
        "1 entry sits on a corner, where conventions differ; beside the corner it is right",
        "1 other point or shape was tried (seed 0)",
    )
    left_out = gradcheck(lambda x: (np.log(x), x), lambda dout, x: dout / x, (np.array([1.0, -1.0, -2.0]),), trials=0)
    assert left_out.notes[0] == "2 outputs are not finite here, and left out"
    one, two = np.zeros((0, 3)), np.zeros(0)
    assert gradcheck(relu, lambda dout, x: dout, (one,), trials=0).notes[0] == "x has no entries to compare"
    both = gradcheck(lambda x, y: (x.sum() * y.sum(), None), lambda dout, cache: (one, two), (one, two), trials=0)
    assert both.notes[0] == "x and y have no entries to compare"


@pytest.mark.xfail(reason="no corner is seen")
def test_a_corner_that_cancels():
    assert at_a_corner(left=1).verdict == RIGHT


def test_an_upstream_gradient_that_is_not_taken_is_noted():
    def forward(x):
        h = np.tanh(x)
        return h, h.sum(axis=1), h

    def backward(dh, cache):
        return dh * (1 - cache**2)

    notes = gradcheck(forward, backward, (X,)).notes
    assert notes[0] == "backward takes no upstream gradient of out[1]: taken as 0"


def test_a_gradient_that_is_not_returned_is_noted():
    report = gradcheck(project, lambda d, c: {"x": project_backward(d, c)[0]}, (X, W))
    assert (report.verdict, report.notes[0]) == (RIGHT, "no gradient was returned for w, so none was judged")


def test_settings_left_at_their_defaults_are_varied_too():
    def pad_forward(x, pad=2):
        return np.pad(x, pad), pad

    report = gradcheck(pad_forward, lambda dout, pad: 1.0 * dout[pad:-pad, pad:-pad], (X,))
    assert (report.verdict, report.kind, report.inputs["pad"]) == (WRONG, "edge", 0)


# -- a reference ------------------------------------------------------------------------------------------------------


def sum_of_squares(x):
    return np.sum(x * x)


def test_a_reference_that_agrees():
    report = gradcheck(sum_of_squares, lambda dout, x: 2 * dout * x, (X,), reference=lambda x: np.linalg.norm(x) ** 2)
    assert report.verdict == RIGHT
    assert OWN_FORWARD not in report.notes


def test_a_constant_forward_with_a_zero_backward_passes_only_without_a_reference():
    pair = (lambda x: 0.0, lambda dout, x: np.zeros(x.shape))
    assert gradcheck(*pair, (X,)).verdict == RIGHT
    report = gradcheck(*pair, (X,), reference=sum_of_squares)
    assert (report.verdict, report.kind) == (WRONG, "forward")
    assert report.findings[0].message == "<lambda> differs from the reference"
    assert report.findings[0].advice == (
        "mend the forward first: the backward is judged against the derivative of the reference"
    )
    assert report.findings[1].verdict == WRONG  # and the backward too


def test_a_wrong_forward_with_its_faithful_backward_is_caught():
    def forward(x):
        return x / x.sum(), (x, x.sum())

    def backward(dout, cache):
        x, total = cache
        return dout / total - np.sum(dout * x) / total**2

    x = rng.uniform(1, 2, size=(4, 3))
    assert gradcheck(forward, backward, (x,)).verdict == RIGHT
    report = gradcheck(forward, backward, (x,), reference=lambda x: x / x.sum(axis=1, keepdims=True))
    assert (report.verdict, report.kind) == (WRONG, "forward")
    assert report.findings[0].message == "forward differs from the reference in 12 of 12 outputs"
    assert len(report.findings[0].entries) == 3


def test_a_wrong_forward_with_a_right_backward():
    report = gradcheck(lambda x: 2 * np.sum(x * x), lambda dout, x: 2 * dout * x, (X,), reference=sum_of_squares)
    assert (report.verdict, report.kind) == (WRONG, "forward")
    assert [f.verdict for f in report.findings] == [WRONG, RIGHT]


def test_a_right_forward_with_a_wrong_backward():
    report = gradcheck(sum_of_squares, lambda dout, x: dout * x, (X,), reference=lambda x: np.sum(x**2))
    assert (report.verdict, report.kind, report.causes) == (WRONG, "values", ("factor",))


@pytest.mark.parametrize(
    ("forward", "reference"),
    [
        (np.sin, lambda x: (np.sin(x), "cache")),
        (lambda x: (np.sin(x), "cache"), np.sin),
        (np.sin, lambda a: np.cos(a - np.pi / 2)),
        (lambda *args: np.sin(*args), lambda x: np.sin(x)),
    ],
)
def test_a_reference_in_a_style_of_its_own(forward, reference):
    def backward(dout, x):
        return dout * np.cos(x)

    assert gradcheck(forward, backward, {"x": X}, reference=reference).verdict == RIGHT


def test_a_forward_with_another_number_of_outputs():
    report = gradcheck(np.sin, lambda dout, x: dout * np.cos(x), (X,), reference=lambda x: (np.sin(x), x * x))
    assert (report.verdict, report.kind) == (WRONG, "forward")


def test_a_forward_of_another_shape():
    pair = (lambda x: x.sum(axis=0), lambda dout, x: dout * np.ones(x.shape))
    report = gradcheck(*pair, (X,), reference=lambda x: x.sum(axis=1))
    assert (report.verdict, report.kind) == (WRONG, "forward")
    assert report.findings[0].message == "<lambda> returns shape (3,), where shape (4,) is expected"


def test_a_forward_of_the_same_size_in_another_shape():
    pair = (lambda x: x.sum(axis=0, keepdims=True), lambda dout, x: dout * np.ones(x.shape))
    report = gradcheck(*pair, (X,), reference=lambda x: x.sum(axis=0))
    assert (report.verdict, report.kind) == (WRONG, "forward")
    assert report.findings[0].message == "<lambda> returns shape (1, 3), where shape (3,) is expected"


def test_an_exception_of_the_reference_is_not_the_authors():
    pair = (sum_of_squares, lambda dout, x: 2 * dout * x)
    assert gradcheck(*pair, (X,), reference=raising(ZeroDivisionError())).verdict == CANNOT_TELL


def test_a_forward_that_is_wrong_at_other_points_only():
    def forward(x):
        return np.sum(x * x) if x.shape == X.shape else np.sum(x)

    def backward(dout, x):
        return dout * (2 * x if x.shape == X.shape else np.ones(x.shape))

    assert gradcheck(forward, backward, (X,), reference=sum_of_squares, trials=0).verdict == RIGHT
    report = gradcheck(forward, backward, (X,), reference=sum_of_squares)
    assert (report.verdict, report.where != "") == (WRONG, True)


# -- modes, progress, interruption ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "full", "fast"])
def test_modes(mode):
    report = gradcheck(project, project_backward, (X, W), mode=mode)
    assert (report.verdict, report.mode) == (RIGHT, "full" if mode == "auto" else mode)
    assert report.forwards <= 10 or mode != "fast"


def test_a_check_of_many_entries_is_fast_and_finds_one():
    def backward(dout, x):
        dx = dout * np.cos(x)
        dx[123, 321] *= 1.5
        return dx

    x = rng.normal(size=(300, 400))
    report = gradcheck(np.sin, lambda dout, x: dout * np.cos(x), (x,), mode="fast")
    assert (report.verdict, report.mode, report.forwards <= 10) == (RIGHT, "fast", True)
    report = gradcheck(np.sin, backward, (x,), mode="fast")
    assert [(f.wrong, f.entries[0].index) for f in report.findings] == [(1, (123, 321))]
    assert report.forwards <= 100


def test_a_fast_check_that_stops_looking_says_so():
    x = rng.normal(size=(300, 400))
    report = gradcheck(np.sin, lambda dout, x: 1.01 * dout * np.cos(x), (x,), mode="fast")
    assert report.findings[0].message.startswith("at least 8 of 120000 entries of the gradient of x are wrong")


def test_a_check_that_would_take_long_is_fast_by_itself(monkeypatch):
    monkeypatch.setattr("checker.point.PATIENCE", 0.0)
    assert gradcheck(project, project_backward, (X, W)).mode == "fast"


def test_progress_is_told():
    told = []
    gradcheck(project, project_backward, (X, W), progress=lambda done, total: told.append((done, total)))
    assert told
    assert all(0 <= done <= total for done, total in told)
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("call", [1, 2, 3, 20, 60])
def test_an_interruption_carries_what_is_known(call):
    calls = itertools.count(1)

    def forward(x, w):
        if next(calls) == call:
            raise KeyboardInterrupt
        return project(x, w)

    with pytest.raises(Interrupted) as raised:
        gradcheck(forward, project_backward, (X, W))
    report = raised.value.report
    assert isinstance(raised.value, KeyboardInterrupt)
    assert (report.verdict, bool(report), report.name) == (CANNOT_TELL, False, "project_backward")
    assert report.findings[0].message == "interrupted; nothing wrong had been found by then"
    assert report.forwards == call


def test_advice_comes_before_the_general_diagnosis():
    from checker.diagnose import Cause

    cases = []

    def advise(case):
        cases.append(case)
        return Cause("our-own", "w", "you did it again", "do not")

    report = gradcheck(
        project, lambda d, c: (project_backward(d, c)[0], 2 * project_backward(d, c)[1]), (X, W), advise=advise
    )
    assert report.findings[1].cause == "our-own"
    assert report.findings[1].message == "6 of 6 entries of the gradient of w are wrong: you did it again"
    assert cases[0].names == ("x", "w")


def test_every_option_is_described():
    for name in inspect.signature(gradcheck).parameters:
        assert f"    {name}: " in inspect.getdoc(checker.verdict.gradcheck) or name in ("forward", "backward", "inputs")
