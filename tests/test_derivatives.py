"""Claims of other kinds: Jacobians, tensor derivatives, JVPs; right, wrong, misshapen, raising, unwritten."""

import numpy as np
import pytest

from checker import UsageError, check_hessian, check_jacobian, check_jvp
from checker.report import NOT_ATTEMPTED, RIGHT, WRONG

rng = np.random.default_rng(4)
X, A, V, M = rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(2, 3))


def outer_derivative(W, x):
    """z = W x by W: (m, n, p), entry ijk is x_j where k = i."""
    m, n = W.shape
    d = np.zeros((m, n, m))
    d[np.arange(m), :, np.arange(m)] = x
    return d


# name: function, its derivative in denominator layout, inputs, the number of the output's axes
JACOBIANS = {
    "linear": (lambda x: x @ A, lambda x: A.copy(), (X,), 1),
    "softmax": (
        lambda x: np.exp(x) / np.exp(x).sum(),
        lambda x: np.diag(np.exp(x) / np.exp(x).sum()) - np.outer(np.exp(x), np.exp(x)) / np.exp(x).sum() ** 2,
        (X,),
        1,
    ),
    "a tensor by a matrix": (lambda W: W @ X, lambda W: outer_derivative(W, X), (M,), 1),
    "a matrix by a vector": (lambda x: np.outer(x, V), lambda x: np.einsum("ij,k->ijk", np.eye(3), V), (X,), 2),
    "a matrix by a matrix": (
        lambda W: 2 * W.T,
        lambda W: 2 * np.einsum("il,jk->ijkl", np.eye(2), np.eye(3)),
        (M,),
        2,
    ),
    "a scalar output": (lambda x: np.sum(x**3), lambda x: 3 * x**2, (X,), 0),
    "a scalar input": (lambda t: t * V, lambda t: V.copy(), (0.7,), 1),
    "numbers alone": (lambda t: np.sin(t), lambda t: np.cos(t), (0.7,), 0),
    "an output of one entry": (lambda x: np.array([x @ x]), lambda x: 2 * x[:, None], (X,), 1),
    "a constant": (lambda x: np.ones(2), lambda x: np.zeros((3, 2)), (X,), 1),
}


def numerator(derivative, axes):
    """The same derivative with the output's axes first."""
    return lambda *inputs: (
        np.moveaxis(derivative(*inputs), range(-axes, 0), range(axes)) if axes else derivative(*inputs)
    )


@pytest.mark.parametrize("name", JACOBIANS)
@pytest.mark.parametrize("layout", ["denominator", "numerator"])
def test_jacobians(name, layout):
    f, derivative, inputs, axes = JACOBIANS[name]
    claim = derivative if layout == "denominator" else numerator(derivative, axes)
    report = check_jacobian(f, claim, inputs, layout=layout)
    assert report.verdict == RIGHT, str(report)
    assert report.notes[-1] == "its product with a random upstream gradient was judged"

    def wrong(*inputs):
        d = np.array(claim(*inputs))
        d[(-1,) * d.ndim] += 0.25
        return d

    report = check_jacobian(f, wrong, inputs, layout=layout)
    assert (report.verdict, report.kind) == (WRONG, "values"), str(report)
    assert report.findings[0].wrong == 1
    assert "the derivative by " in report.findings[0].message


def test_a_jacobian_in_the_other_layout_is_told():
    def jacobian(x):
        return A.T.copy()

    report = check_jacobian(lambda x: x @ A, jacobian, X)
    finding = report.findings[0]
    assert (report.name, report.verdict, report.kind, report.causes) == ("jacobian", WRONG, "shape", ("layout",))
    assert (finding.subject, finding.shape) == ("x", (3, 2))
    assert finding.message == "the derivative by x has shape (2, 3); in denominator layout it is (3, 2)"
    assert finding.advice == "that is the shape in numerator layout: transpose it, or check it with layout='numerator'"
    finding = check_jacobian(lambda x: x @ A, lambda x: A.copy(), X, layout="numerator").findings[0]
    assert finding.message == "the derivative by x has shape (3, 2); in numerator layout it is (2, 3)"
    assert (
        finding.advice == "that is the shape in denominator layout: transpose it, or check it with layout='denominator'"
    )


def test_a_square_jacobian_in_the_other_layout_is_a_transpose():
    square = rng.normal(size=(3, 3))
    report = check_jacobian(lambda x: square @ x, lambda x: square.copy(), X)
    assert report.causes == ("jacobian-transposed",)
    assert check_jacobian(lambda x: square @ x, lambda x: square.copy(), X, layout="numerator")


@pytest.mark.parametrize(
    ("layout", "advice"),
    [
        ("denominator", "the input's axes come first, then the output's"),
        ("numerator", "the output's axes come first"),
    ],
)
def test_a_misshapen_jacobian(layout, advice):
    report = check_jacobian(lambda x: x @ A, lambda x: np.ones(5), X, layout=layout)
    finding = report.findings[0]
    wanted = (3, 2) if layout == "denominator" else (2, 3)
    assert (report.verdict, report.kind, report.causes) == (WRONG, "shape", ("shape",))
    assert (finding.subject, finding.shape) == ("x", wanted)
    assert finding.message == f"the derivative by x has shape (5,); in {layout} layout it is {wanted}"
    assert finding.advice == advice


def test_jacobians_by_several_inputs():
    def jacobian(W, x):
        return outer_derivative(W, x), W.T.copy()

    def f(W, x):
        return W @ x

    report = check_jacobian(f, jacobian, (M, X))
    assert report.verdict == RIGHT, str(report)
    assert [f.subject for f in report.findings] == ["W", "x"]
    assert check_jacobian(f, lambda W, x: W.T.copy(), (M, X), wrt="x")
    wrong = check_jacobian(f, lambda W, x: (outer_derivative(W, x), 2 * W.T), (M, X))
    assert [f.subject for f in wrong.findings if f.verdict == WRONG] == ["x"]
    misshapen = check_jacobian(f, lambda W, x: (outer_derivative(W, x), W), (M, X)).findings[0]
    assert (misshapen.subject, misshapen.cause) == ("x", "layout")


@pytest.mark.parametrize("wrapped", [True, False])
def test_too_few_jacobians(wrapped):
    def jacobian(W, x):
        return (W.copy(),) if wrapped else W.copy()  # whose two rows are no two derivatives

    report = check_jacobian(lambda W, x: W @ x, jacobian, (M, X))
    finding = report.findings[0]
    assert (report.name, report.verdict, report.kind, report.causes) == ("jacobian", WRONG, "contract", ("count",))
    assert finding.message == "jacobian returned 1 derivatives for 2 inputs (W, x)"
    assert (finding.subject, finding.advice) == ("", "return one for each input, or name one with wrt=")


def test_a_jacobian_may_be_nested_lists():
    assert check_jacobian(lambda x: x @ A, lambda x: A.tolist(), X)


def product(*arrays):
    return arrays[0] * arrays[1]


def test_the_inputs_may_be_named():
    report = check_jacobian(product, lambda *a: np.diag(a[0]), (X, V), names=("left", "right"), wrt="right")
    assert [f.message for f in report.findings] == ["all 3 entries of the derivative by right agree"]
    report = check_jvp(product, lambda *a: a[0] * a[2], (X, V), names=("left", "right"), wrt="right")
    assert [f.message for f in report.findings] == ["all 3 entries of the derivative along right agree"]


def test_settings_of_a_function_are_passed_on():
    def power(x, n):
        return x**n

    assert check_jacobian(power, lambda x, n: np.diag(n * x ** (n - 1)), (X, 3))
    assert check_jvp(power, lambda x, n, v: n * x ** (n - 1) * v, (X, 3))
    assert check_hessian(lambda x, n: np.sum(x**n), lambda x, n: np.diag(n * (n - 1) * x ** (n - 2)), (X, 3))


# -- JVPs -------------------------------------------------------------------------------------------------------------


def test_jvps():
    def f(x, W):
        return np.tanh(W @ x)

    def jvp(x, W, dx, dW, k=1.0):
        return (1 - np.tanh(W @ x) ** 2) * (W @ dx + k * dW @ x)

    report = check_jvp(f, jvp, (X, M))
    assert report.verdict == RIGHT, str(report)
    assert report.notes[-1] == "the Jacobian spanned by unit tangents was judged"
    report = check_jvp(f, lambda *a: jvp(*a, k=1.5), (X, M))
    assert (report.verdict, report.kind) == (WRONG, "values")
    assert [f.subject for f in report.findings if f.verdict == WRONG] == ["W"]
    assert "of the derivative along W are wrong" in report.findings[1].message


def test_a_jvp_of_numbers():
    assert check_jvp(lambda x, y: x * y, lambda x, y, dx, dy: x * dy + y * dx, (3.0, -2.0))
    assert check_jvp(lambda x: np.sum(x * x), lambda x, v: 2 * x @ v, X)


def test_tangents_are_of_their_inputs_kinds():
    kinds = set()

    def jvp(x, k, dx, dk):
        kinds.add((type(dx), dx.dtype, type(dk)))
        return k * dx + x * dk

    assert check_jvp(lambda x, k: k * x, jvp, (X.astype(np.float32), 2.0), trials=0)
    # The claim is also asked in float64, to tell a wrong formula from low precision.
    assert kinds == {(np.ndarray, np.dtype(precision), float) for precision in (np.float32, np.float64)}


@pytest.mark.parametrize("check", [check_jacobian, check_jvp])
def test_inputs_in_low_precision(check):
    claim = (lambda x: np.diag(np.cos(x))) if check is check_jacobian else (lambda x, v: np.cos(x) * v)
    report = check(np.sin, claim, X.astype(np.float32))
    assert report.verdict == RIGHT, str(report)


def test_a_jvp_that_returns_a_gradient():
    def jvp(x, v):
        return 2 * x * v

    report = check_jvp(lambda x: np.sum(x * x), jvp, X)
    finding = report.findings[0]
    assert (report.name, report.verdict, report.kind, report.causes) == ("jvp", WRONG, "shape", ("shape",))
    assert (finding.subject, finding.shape) == ("out", ())
    assert finding.message == "jvp returns shape (3,); the derivative along a tangent has the output's, ()"
    assert finding.advice == "J . v sums over the input's entries"


def test_a_jvp_of_another_shape_is_told_the_outputs():
    finding = check_jvp(lambda x: x @ A, lambda x, v: 0.0, X).findings[0]
    assert (finding.cause, finding.shape) == ("shape", (2,))


def test_a_jvp_that_is_not_linear():
    def jvp(x, v):
        return np.cos(x) * v + 1

    report = check_jvp(np.sin, jvp, X)
    assert (report.verdict, report.kind, report.causes) == (WRONG, "contract", ("nonlinear",))
    problem = "-2 times these do not give -2 times as much"
    assert report.findings[0].message == f"jvp is not linear in its tangents: {problem}"
    assert (report.findings[0].subject, report.findings[0].advice) == ("", "a tangent enters as a factor, once")


@pytest.mark.parametrize(
    "jvp",
    [
        lambda x, v: 1e-9 * (np.cos(x) * v + 0.1),
        lambda x, v: 1e-9 * np.cos(x) * (v + 1e-7),
        lambda x, v: 1e-9 * np.cos(x) * np.abs(v),
    ],
    ids=["of small numbers", "by little", "without the sign"],
)
def test_what_is_not_linear_is_measured_by_its_own_size(jvp):
    assert check_jvp(lambda x: 1e-9 * np.sin(x), jvp, X).causes == ("nonlinear",)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_jvp_that_is_not_finite_is_no_matter_of_linearity(bad):
    report = check_jvp(np.sin, lambda x, v: np.cos(x) * v * np.array([1.0, bad, 1.0]), X)
    assert report.causes == ("not-finite",)
    assert report.findings[0].message.endswith("of the derivative along x are nan or infinite, the first at x[0]")


def test_a_jvp_at_the_end_of_the_range_is_wrong_without_a_warning():
    assert check_jvp(np.sin, lambda x, v: 1e308 * (v + np.sign(v)), X).verdict == WRONG


# -- what every kind of claim may do ----------------------------------------------------------------------------------

CHECKS = {"jacobian": check_jacobian, "hessian": check_hessian, "jvp": check_jvp}


def kinds():
    """All kinds of claims."""
    return pytest.mark.parametrize("kind", CHECKS)


def squares(x):
    return np.sum(x * x)


@kinds()
@pytest.mark.parametrize("how", ["raises", "returns None"])
def test_what_is_not_written_yet_is_not_attempted(kind, how):
    def claim(*arguments):
        if how == "raises":
            raise NotImplementedError("your code here")

    claim.__name__ = kind
    report = CHECKS[kind](squares, claim, X)
    assert report.verdict == NOT_ATTEMPTED
    assert report.findings[0].message == f"{kind} is not written yet"


@kinds()
def test_an_exception_is_the_authors(kind):
    def claim(*arguments):
        return np.zeros(3) @ np.zeros(4)

    claim.__name__ = kind
    report = CHECKS[kind](squares, claim, X)
    assert (report.verdict, report.kind, report.causes) == (WRONG, "error", ("ValueError",))
    assert report.findings[0].message.startswith(f"{kind} raised ValueError at ")


@pytest.mark.parametrize("kind", ["jacobian", "jvp"])
def test_a_claim_that_does_not_repeat_is_named(kind):
    draws = np.random.default_rng(0)

    def jacobian(x):
        return 2 * x * draws.uniform(1, 2)

    def jvp(x, v):
        calls.append(v)
        return 2 * x @ v * (1 if len(calls) < 3 else draws.uniform(1, 2))  # linear, as far as is asked first

    calls = []
    report = CHECKS[kind](squares, {"jacobian": jacobian, "jvp": jvp}[kind], X)
    assert (report.verdict, report.kind) == (WRONG, "contract")
    assert any(f.message.startswith(f"{kind} ") for f in report.findings), str(report)


@kinds()
def test_an_exception_of_the_function_is_its_own(kind):
    def broken(x):
        raise ZeroDivisionError("so it goes")

    report = CHECKS[kind](broken, lambda *a: np.zeros(3), X)
    assert (report.verdict, report.kind) == (WRONG, "error")
    assert report.findings[0].message.startswith("broken raised ZeroDivisionError at ")


@kinds()
def test_a_function_that_is_not_written_yet(kind):
    def unwritten(x):
        raise NotImplementedError

    report = CHECKS[kind](unwritten, lambda *a: np.zeros(3), X)
    assert report.verdict == NOT_ATTEMPTED
    assert report.findings[0].message == "unwritten is not written yet"


@kinds()
def test_inputs_are_left_alone(kind):
    def claim(x, *tangents):
        x *= 0
        return {"jacobian": 2 * x, "hessian": 2 * np.eye(3), "jvp": 0.0}[kind]

    x = X.copy()
    CHECKS[kind](squares, claim, x)
    assert np.array_equal(x, X)


def broken(kind, bad):
    """A claim with one entry that is not finite."""
    right = {"jacobian": 2 * X, "hessian": 2 * np.eye(3), "jvp": np.zeros(())}[kind]

    def claim(x, *tangents):
        claimed = right.copy()
        claimed[(1,) * right.ndim] = bad
        return claimed

    return claim


@kinds()
def test_nan_is_wrong(kind):
    assert CHECKS[kind](squares, broken(kind, np.nan), X).verdict == WRONG


@kinds()
def test_infinity_is_wrong(kind):
    assert CHECKS[kind](squares, broken(kind, np.inf), X).verdict == WRONG


@kinds()
def test_a_name_of_ones_own(kind):
    right = {"jacobian": lambda x: 2 * x, "hessian": lambda x: 2 * np.eye(3), "jvp": lambda x, v: 2 * x @ v}[kind]
    assert CHECKS[kind](squares, right, X, name="mine", seed=3).name == "mine"
    assert CHECKS[kind](squares, lambda *a: None, X, name="mine").name == "mine"


def test_misuses():
    with pytest.raises(UsageError) as raised:
        check_jacobian(np.sin, np.cos, X, layout="transposed")
    assert str(raised.value) == "layout is 'transposed'; it can be 'denominator' (input's axes first) or 'numerator'"
    for check in CHECKS.values():
        with pytest.raises(UsageError, match=r"^squares takes 1 input \(x\), but 2 were given$"):
            check(squares, squares, (X, X))


@kinds()
def test_a_seed_is_no_negative_number(kind):
    with pytest.raises(UsageError, match=r"^seed is -1; it cannot be negative$"):
        CHECKS[kind](squares, lambda *a: 2 * X, X, seed=-1)


@kinds()
def test_nothing_to_differentiate_is_a_misuse(kind):
    with pytest.raises(UsageError, match=r"^nothing to differentiate: no input holds floats \(x: an array of int64\)"):
        CHECKS[kind](squares, lambda *a: 0.0, (np.arange(3),))


def test_derivatives_by_several_inputs_may_be_a_list():
    def product(x, w):
        return w @ x

    x, w = np.arange(1.0, 4.0), np.arange(6.0).reshape(2, 3)
    report = check_jacobian(product, lambda x, w: [w.T, np.eye(2)[:, None, :] * x[:, None]], (x, w))
    assert report, str(report)
