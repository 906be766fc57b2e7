"""Claims of other kinds: Jacobians, tensor derivatives, Hessians, JVPs; right, wrong, misshapen, raising, unwritten."""

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

    finding = check_jacobian(lambda x: x @ A, jacobian, X).findings[0]
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
    assert (report.verdict, report.kind) == (WRONG, "shape")
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
    short = check_jacobian(f, lambda W, x: (W.T.copy(),), (M, X)).findings[0]
    assert short.message == "<lambda> returned 1 derivatives for 2 inputs (W, x)"
    assert short.advice == "return one for each input, or name one with wrt="


def test_settings_of_a_function_are_passed_on():
    def power(x, n):
        return x**n

    assert check_jacobian(power, lambda x, n: np.diag(n * x ** (n - 1)), (X, 3))
    assert check_jvp(power, lambda x, n, v: n * x ** (n - 1) * v, (X, 3))
    assert check_hessian(lambda x, n: np.sum(x**n), lambda x, n: np.diag(n * (n - 1) * x ** (n - 2)), (X, 3))


# -- Hessians ---------------------------------------------------------------------------------------------------------

Q = rng.normal(size=(3, 3))

HESSIANS = {
    "quadratic": (lambda x: x @ Q @ x, lambda x: Q + Q.T, X),
    "log of a sum of exponentials": (
        lambda x: np.log(np.exp(x).sum()),
        lambda x: np.diag(np.exp(x) / np.exp(x).sum()) - np.outer(np.exp(x), np.exp(x)) / np.exp(x).sum() ** 2,
        X,
    ),
    "by a matrix": (lambda W: np.sum(W**3), lambda W: np.diag(6 * W.ravel()).reshape(2, 3, 2, 3), M),
    "a number": (lambda t: t**4, lambda t: 12 * t**2, 0.7),
    "flat": (lambda x: x @ V, lambda x: np.zeros((3, 3)), X),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name):
    f, hessian, x = HESSIANS[name]
    report = check_hessian(f, hessian, x)
    assert report.verdict == RIGHT, str(report)
    whole, entries = f"the Hessian by {report.findings[0].subject}", np.size(hessian(x))
    all_of_it = f"{whole} agrees" if entries == 1 else f"all {entries} entries of {whole} agree"
    assert report.findings[0].message == all_of_it

    def wrong(x):
        h = np.array(hessian(x), dtype=float)
        h[(0,) * h.ndim] += 0.25
        return h

    report = check_hessian(f, wrong, x)
    assert (report.verdict, report.kind, report.findings[0].wrong) == (WRONG, "values", 1)
    one = "the Hessian by " if entries == 1 else f"1 of {entries} entries of the Hessian by "
    assert report.findings[0].message.startswith(one)


def test_a_hessian_that_is_not_symmetric_is_told_so():
    finding = check_hessian(lambda x: x @ Q @ x, lambda x: 2 * Q, X).findings[0]
    assert (finding.message, finding.cause) == ("6 of 9 entries of the Hessian by x are wrong", "asymmetric")
    assert finding.advice == "second derivatives can be taken in either order: a Hessian is symmetric, and yours is not"


def test_a_factor_in_a_hessian_is_named():
    assert check_hessian(lambda x: x @ Q @ x, lambda x: (Q + Q.T) / 2, X).causes == ("factor",)


def test_a_misshapen_hessian():
    finding = check_hessian(lambda x: x @ x, lambda x: 2 * np.ones(3), X).findings[0]
    assert finding.message == "the Hessian by x has shape (3,), where (3, 3) is expected"
    assert finding.advice == "differentiate every entry of the gradient by every entry of the input"
    assert finding.kind == "shape"


def test_a_hessian_by_one_of_several_inputs():
    def f(x, y):
        return np.sum(x**2 * y)

    assert check_hessian(f, lambda x, y: np.diag(2 * y), (X, V))
    report = check_hessian(f, lambda x, y: np.zeros((3, 3)), (X, V), wrt="y")
    assert report.verdict == RIGHT
    assert report.findings[0].subject == "y"


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


def test_a_jvp_that_returns_a_gradient():
    def jvp(x, v):
        return 2 * x * v

    report = check_jvp(lambda x: np.sum(x * x), jvp, X)
    finding = report.findings[0]
    assert (report.verdict, report.kind) == (WRONG, "shape")
    assert finding.message == "jvp returns shape (3,); the derivative along a tangent has the output's, ()"
    assert finding.advice == "J . v sums over the input's entries"


def test_a_jvp_that_is_not_linear():
    def jvp(x, v):
        return np.cos(x) * v + 1

    report = check_jvp(np.sin, jvp, X)
    assert (report.verdict, report.kind) == (WRONG, "contract")
    assert report.findings[0].message == "jvp is not linear in its tangents: it does not double when they double"
    assert report.findings[0].advice == "a tangent enters as a factor, once"


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
def test_nothing_to_differentiate_is_a_misuse(kind):
    with pytest.raises(UsageError, match=r"^nothing to differentiate: no input holds floats \(x: an array of int64\)"):
        CHECKS[kind](squares, lambda *a: 0.0, (np.arange(3),))


def test_a_hessian_of_a_vector_is_a_misuse():
    with pytest.raises(UsageError, match=r"^a Hessian is of a scalar function"):
        check_hessian(np.sin, lambda x: np.zeros((3, 3)), X)


def test_derivatives_by_several_inputs_may_be_a_list():
    def product(x, w):
        return w @ x

    x, w = np.arange(1.0, 4.0), np.arange(6.0).reshape(2, 3)
    report = check_jacobian(product, lambda x, w: [w.T, np.eye(2)[:, None, :] * x[:, None]], (x, w))
    assert report, str(report)
