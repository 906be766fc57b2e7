"""The kinds of exercise other than a plain backward: each is right, not attempted, wrong, and recognised."""

import numpy as np
import pytest
from numpy import ndarray

from checker import Float, Int, UsageError, below, exercise, expect_labels, expect_shapes, keep, mistake


def matvec(x: Float[ndarray, "D"], w: Float[ndarray, "M D"]):
    return w @ x


@pytest.fixture
def jacobian():
    @exercise(matvec, kind="jacobian", wrt=("x",), edges={"one row": {"M": 1}})
    def matvec_jacobian(x, w):
        return w.T

    @mistake(matvec_jacobian, "Whose index comes first?")
    def numerator(x, w):
        return w + 0

    @mistake(matvec_jacobian, "Raise x: what happens?")
    def sign(x, w):
        return -w.T

    return matvec_jacobian.exercise


def test_a_jacobian_is_judged_by_the_functions_derivative(jacobian):
    assert jacobian.check()
    assert jacobian.check(lambda x, w: np.transpose(w) + 0.0)
    assert jacobian.check(lambda x, w: None).verdict == "not attempted"
    report = jacobian.check(lambda x, w: w.T * 1.5)
    assert (report.verdict, report.kind) == ("wrong", "values")
    assert jacobian.check(lambda x, w: w).causes == ("numerator",)
    assert jacobian.check(lambda x, w: 0 - w.T).causes == ("sign",)


def test_of_several_derivatives_one_of_a_wrong_shape_spoils_no_other():
    @exercise(matvec, kind="jacobian", points={"x": 1, "w": 3})
    def both(x, w):
        return w.T, np.einsum("ki,j->ijk", np.eye(len(w)), x)

    def judged(answer):
        report = both.exercise.check(answer)
        assert (report.verdict, report.kind) == ("wrong", "shape")
        return [(finding.subject, finding.verdict, finding.message) for finding in report.findings]

    shape = ("x", "wrong", "the derivative by x has shape (5, 3); in denominator layout it is (3, 5)")
    assert judged(lambda x, w: (w + 0, both(x, w)[1])) == [
        shape,
        ("w", "right", "all 15 entries of the derivative by w agree"),
    ]
    first, second = judged(lambda x, w: (w + 0, 2 * both(x, w)[1]))
    assert first == shape
    assert second[:2] == ("w", "wrong")
    assert second[2].startswith(
        "15 of 15 entries of the derivative by w are wrong: yours is the right gradient times 2"
    )


def form(x: Float[ndarray, "D"], a: Float[ndarray, "D D"]):
    return x @ a @ x


@pytest.fixture
def hessian():
    @exercise(form, kind="hessian", wrt=("x",))
    def form_hessian(x, a):
        return a + a.T

    @mistake(form_hessian, "A need not be symmetric.")
    def twice(x, a):
        return 2 * a

    return form_hessian.exercise


def test_a_hessian_is_judged_by_second_differences(hessian):
    assert hessian.check()
    assert hessian.check(lambda x, a: a * 2).causes == ("twice",)
    assert hessian.check(lambda x, a: a).verdict == "wrong"


@pytest.fixture
def value():
    @exercise(kind="value", draw={"n": (1, 50), "y": below("C")}, edges={"one class": {"C": 1}})
    def counts(n: int, y: Int[ndarray, "N"], p: Float[ndarray, "C"]):
        return {"mean": n * p[y].mean(), "kept": {str(y[0])}, "rows": (p[y], len(p))}

    @mistake(counts, "n counts.")
    def forgotten(n, y, p):
        return {"mean": p[y].mean(), "kept": {str(y[0])}, "rows": (p[y], len(p))}

    @mistake(counts, "Who is kept?")
    def nobody(n, y, p):
        return {"mean": n * p[y].mean(), "kept": set(), "rows": (p[y], len(p))}

    return counts.exercise


def test_a_value_is_compared_leaf_by_leaf(value):
    assert value.check()
    n, y, p = value.inputs()
    assert isinstance(n, int)
    report = value.check(lambda n, y, p: {"mean": p[y].mean(), "kept": {str(y[0])}, "rows": (p[y], len(p))})
    assert report.causes == ("forgotten",)
    assert report.findings[0].message == "the value ['mean'] of counts is wrong"
    report = value.check(lambda n, y, p: {"mean": n * p[y].mean(), "kept": set(), "rows": (p[y], len(p))})
    assert report.causes == ("nobody",)
    assert "the value ['kept'] of counts is {}; expected is {" in str(report)
    report = value.check(lambda n, y, p: 3.0)
    assert (
        "counts returns one value, where 4 values (['mean'], ['kept'], ['rows'][0], ['rows'][1]) are expected"
        in str(report).replace("\n    ", " ")
    )
    assert "counts returns nothing, where 4 values (['mean']" in str(value.check(lambda n, y, p: ()))
    report = value.check(lambda n, y, p: {"mean": n * p[y].mean(), "kept": {str(y[0])}, "rows": (p[y][None], len(p))})
    assert (report.kind, report.verdict) == ("shape", "wrong")
    assert "; its numbers are right" in report.findings[-2].message + report.findings[0].message + str(report)


def test_a_wrong_value_says_what_it_was_called_with():
    @exercise(kind="value", draw={"n": (1, 50)}, arguments={"ws": [Float[ndarray, "D"], Float[ndarray, "N D"]]})
    def scaled(n: int, s: float, ws, x: Float[ndarray, "N D"], m: Float[ndarray, "D"], how="up"):
        return n * s * m.sum()

    n, s, ws, x, m, how = scaled.exercise.inputs()
    few = ", ".join(f"{number:.4g}" for number in m)
    many = [w.shape for w in ws]
    told = f"called with n = {n}, s = {s:.6g}, ws = {many}, x {x.shape}, m [{few}], how = 'up'"
    report = scaled.exercise.check(lambda n, s, ws, x, m, how: 1.0)
    assert report.notes == (told,)
    assert told in " ".join(str(report).split())
    assert scaled.exercise.check(lambda *arguments: 1 / 0).notes == (told,)
    assert "called with" not in str(scaled.exercise.check())
    assert "called with" not in str(scaled.exercise.check(lambda *arguments: None))


def test_a_value_that_overwrites_its_input_is_wrong(value):
    def overwriting(n, y, p):
        p *= 1.0
        p += 1
        return {"mean": n * (p - 1)[y].mean(), "kept": {str(y[0])}, "rows": ((p - 1)[y], len(p))}

    report = value.check(overwriting)
    assert report.kind == "contract"
    assert report.findings[0].message == "counts overwrites its input p"


def test_an_exception_in_a_value_is_its_authors(value):
    report = value.check(lambda n, y, p: 1 / 0)
    assert report.kind == "error"
    assert report.findings[0].cause == "ZeroDivisionError"

    def empty(n, y, p):
        raise NotImplementedError

    assert value.check(empty).verdict == "not attempted"


def centred_forward(x: Float[ndarray, "N D"], gain: Float[ndarray, "D"], node=keep):
    mean = node("mean", x.mean(axis=0))
    centred = node("centred", x - mean)
    square = node("square", centred**2)
    return gain * square, (centred, square, gain)


@pytest.fixture
def graph():
    @exercise(centred_forward, nodes={"square": "N D", "centred": "N D", "mean": "D"}, edges={"one row": {"N": 1}})
    def centred_backward(dout, cache):
        centred, square, gain = cache
        dsquare = gain * dout
        dcentred = 2 * centred * dsquare
        dmean = -dcentred.sum(axis=0)
        dx = dcentred + dmean / len(dout)
        return {
            "dsquare": dsquare,
            "dcentred": dcentred,
            "dmean": dmean,
            "dx": dx,
            "dgain": (square * dout).sum(axis=0),
        }

    @mistake(centred_backward, "The mean is subtracted.")
    def sign_of_the_mean(dout, cache):
        found = centred_backward(dout, cache)
        return found | {"dmean": -found["dmean"], "dx": found["dcentred"] - found["dmean"] / len(dout)}

    return centred_backward.exercise


def test_a_staged_graph_is_judged_node_by_node(graph):
    report = graph.check()
    assert report, str(report)
    assert [f.subject for f in report.findings] == ["square", "centred", "mean", "x", "gain"]


def test_the_first_wrong_node_is_named(graph):
    def wrong(dout, cache):
        found = graph.answer(dout, cache)
        found["dcentred"] = found["dcentred"] / 2
        found["dmean"] = -found["dcentred"].sum(axis=0)
        found["dx"] = found["dcentred"] + found["dmean"] / len(dout)
        return found

    report = graph.check(wrong)
    assert report.findings[0].subject == "centred"
    assert report.findings[0].message.startswith("the first wrong node is dcentred: 15 of 15 entries")
    assert report.findings[1].message == "dmean differs too, which may follow from dcentred"
    report = graph.check(graph.mistakes[0].answer.function)
    assert report.causes == ("sign_of_the_mean",)
    assert report.findings[0].subject == "mean"


def test_two_nodes_may_be_one_array():
    """What an add gate hands on is the same for both of its inputs."""

    def sum_forward(x: Float[ndarray, "N D"], node=keep):
        left, right = node("left", 2 * x), node("right", 3 * x)
        return left + right, None

    @exercise(sum_forward, nodes={"left": "N D", "right": "N D"})
    def sum_backward(dout, cache):
        dleft = 1.0 * dout
        return {"dleft": dleft, "dright": dleft, "dx": 2 * dleft + 3 * dleft}

    assert sum_backward.exercise.check(), str(sum_backward.exercise.check())


def test_a_missing_node_is_said(graph):
    def short(dout, cache):
        found = graph.answer(dout, cache)
        del found["dmean"]
        return found

    report = graph.check(short)
    assert (report.verdict, report.kind) == ("wrong", "contract")
    assert report.findings[0].message.startswith("short returned gradients named ")
    assert report.findings[0].message.endswith(", and none of them is for mean")
    assert report.findings[0].advice == "return a dict with the gradient of every node and every input, by name"


def test_a_staged_forward_that_raises_somewhere_is_its_authors(graph):
    def picky(x, *rest, node=keep, **more):
        if len(x) == 1:
            raise ValueError("one row is too few")
        return graph.forward(x, *rest, node=node, **more)

    report = graph.check(graph.answer, picky)
    assert (report.verdict, report.kind) == ("wrong", "edge")
    assert "one row is too few" in str(report)


def test_an_unwritten_graph_is_not_attempted(graph):
    def empty(dout, cache):
        raise NotImplementedError

    assert graph.check(empty).verdict == "not attempted"


def net_forward(x: Float[ndarray, "N D"], ws: list):
    """tanh layers."""
    hs = [x]
    for w in ws:
        hs.append(np.tanh(hs[-1] @ w.T))
    return hs[-1], (hs[1:], ws, x)


@pytest.fixture
def net():
    @exercise(
        net_forward,
        memory=True,
        arguments={"ws": [Float[ndarray, "H D"], Float[ndarray, "K H"]]},
        edges={"one layer": {"ws": [Float[ndarray, "K D"]]}},
    )
    def net_backward(dout, cache):
        hs, ws, x = cache
        hs, dws = [x, *hs], []
        for place in reversed(range(len(ws))):
            dz = dout * (1 - hs[place + 1] ** 2)
            dws.insert(0, dz.T @ hs[place])
            dout = dz @ ws[place]
        return dout, dws

    return net_backward.exercise


def test_lists_of_arrays_are_declared_and_replaced_at_an_edge(net):
    assert [w.shape for w in net.inputs()[1]] == [(4, 5), (2, 4)]
    assert len(net.inputs(case=net.edges["one layer"])[1]) == 1
    assert net.check(), str(net.check())


def test_a_cache_that_keeps_too_much_is_wrong(net):
    def hoarding(x, ws):
        out, cache = net_forward(x, ws)
        return out, (*cache, np.zeros((len(x), 7)))

    def backward(dout, cache):
        return net.answer(dout, cache[:3])

    report = net.check(backward, hoarding)
    assert (report.verdict, report.kind) == ("wrong", "contract")
    assert "the cache keeps 264 bytes alive beside the inputs and the output, where 96 are enough" in str(report)


def test_a_kind_that_there_is_not():
    with pytest.raises(UsageError, match="kind is 'vjp'; it can be backward, jacobian, hessian, value"):
        exercise(matvec, kind="vjp")(matvec)
    with pytest.raises(
        UsageError, match=r"matvec is of the kind 'hessian': name its forward, @exercise\(its_forward\)"
    ):
        exercise(kind="hessian")(matvec)


# -- clear errors -----------------------------------------------------------------------------------------------------


def affine(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"], eps: float = 1.0):
    return None


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (4, 5), (4,)), r"^w has shape \(4, 5\), where \(M, D\) is wanted with D = 3, as x \(2, 3\) has$"),
        (((2, 3), (4, 3), (1, 4)), r"^b has shape \(1, 4\), where \(M,\) is wanted$"),
        (((0, 3), (4, 3), (4,)), r"^x has shape \(0, 3\), where \(N, D\) with N of at least 1 is wanted$"),
        (((2, 3), (4, 3), (5,)), r"^b has shape \(5,\), where \(M,\) is wanted with M = 4, as w \(4, 3\) has$"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, message):
    with pytest.raises(ValueError, match=message):
        expect_shapes(affine, *map(np.zeros, shapes))


def test_shapes_that_fit_pass():
    expect_shapes(affine, np.zeros((2, 3)), np.zeros((4, 3)), np.zeros(4))


def several(x: Float[ndarray, "*batch D"], w: Float[ndarray, "4*D D+1"]):
    return None


def test_products_sums_and_any_number_of_axes():
    expect_shapes(several, np.zeros((2, 3, 5)), np.zeros((20, 6)))
    with pytest.raises(ValueError, match=r"w has shape \(19, 6\), where \(4\*D, D\+1\) is wanted with D = 5"):
        expect_shapes(several, np.zeros(5), np.zeros((19, 6)))


def test_labels_out_of_range_are_named():
    expect_labels("y", np.array([0, 2]), 3)
    with pytest.raises(ValueError, match=r"^y\[1\] is 3, where whole numbers from 0 to 2 are wanted$"):
        expect_labels("y", np.array([0, 3]), 3)
    with pytest.raises(ValueError, match=r"^y\[0\] is 0.5, where whole numbers from 0 to 2 are wanted$"):
        expect_labels("y", np.array([0.5, 1]), 3)


def test_a_zero_that_is_rounded_is_right():
    """0.1 + 0.2 - 0.3 is 5.6e-17."""

    @exercise(kind="value", draw={"x": lambda rng, sizes: np.array([0.1, 0.2, -0.3])})
    def total(x: Float[ndarray, "3"]):
        return 0.0

    assert total.exercise.check(lambda x: float(x[0] + x[1] + x[2]))
    assert not total.exercise.check(lambda x: 1e-12)


def test_a_list_of_numbers_is_the_array_that_is_asked_for():
    @exercise(kind="value")
    def doubled(x: Float[ndarray, "N"]):
        return 2 * x

    @exercise(kind="value")
    def both(x: Float[ndarray, "N"]):
        return x.sum(), x.mean()

    assert doubled.exercise.check(lambda x: [2 * each for each in x])
    assert not doubled.exercise.check(lambda x: [3 * each for each in x])
    assert both.exercise.check(lambda x: np.array([x.sum(), x.mean()]))
