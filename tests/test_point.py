"""One visit to a point: what is compared there, what ends it before, and what is taken back afterwards."""

from types import SimpleNamespace

import numpy as np
import pytest

import checker.point
from checker.calling import Pair
from checker.compare import CORNER, KINK, RIGHT, UNSETTLED, WRONG, Comparison
from checker.estimate import plain
from checker.point import double, forgive_triangles, gradients_at, make_function, settle_doubts, visit, weights

rng = np.random.default_rng(12)
X, W = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))


def cube(x):
    return x**3


def cube_backward(dout, x):
    return dout * 3 * x**2


def visited(forward, backward, *inputs, mode="full", rtol=1e-7, progress=None, seed=0, **options):
    pair = Pair(forward, backward, inputs, **options)
    return visit(pair, pair.values, np.random.default_rng(seed), mode=mode, rtol=rtol, progress=progress)


def breaches(point):
    return [(b.kind, b.cause, b.message) for b in point.seen.breaches]


# -- the function that is differentiated ------------------------------------------------------------------------------


def test_a_function_gets_its_arguments_in_their_own_kinds():
    kinds = []

    def forward(array, number, numpys, count):
        kinds.append([type(argument) for argument in (array, number, numpys, count)])
        return array * number * numpys * count

    pair = Pair(forward, lambda *a: None, (X, 2.0, np.float64(3.0), 4))
    function = make_function(pair, pair.values)
    function.moved(1, ..., 5.0)
    assert kinds == [[np.ndarray, float, np.float64, int]] * 2
    assert [leaf.shape for leaf in function.x] == [(2, 3), (), ()]
    np.testing.assert_allclose(function.out, 24 * X.ravel())
    np.testing.assert_allclose(function.evaluate([X + 0j, np.array(2.0), np.array(1j)]), 8j * X.ravel())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_outputs_are_one_flat_vector(count):
    pair = plain(lambda x: [k * x for k in range(1, count + 1)], (X,))
    function = make_function(pair, pair.values)
    np.testing.assert_array_equal(function.out, np.concatenate([k * X.ravel() for k in range(1, count + 1)]))


def test_a_function_keeps_the_other_arguments_of_its_point():
    pair = Pair(lambda x, power: x**power, lambda *a: None, (X, 2))
    np.testing.assert_array_equal(make_function(pair, [X, 3]).out, X.ravel() ** 3)


def test_values_in_double_precision():
    given = [{"w": X.astype(np.float32), "n": np.arange(3)}, np.float32(0.5), np.float64(2.0), 1.5, 3, "relu"]
    arrays, half, two, *rest = double(given)
    assert (arrays["w"].dtype, arrays["n"].dtype) == (np.float64, np.arange(3).dtype)
    assert (type(half), type(two), rest) == (np.float64, np.float64, [1.5, 3, "relu"])
    np.testing.assert_array_equal(arrays["w"], X.astype(np.float32))


def test_gradients_come_in_the_inputs_order():
    pair = Pair(lambda x, w: x @ w, lambda dout, x, w: {"dw": x.T @ dout, "dx": dout @ w.T}, (X, W))
    dx, dw = gradients_at(pair, [2 * X, W], [np.ones((2, 2))])
    np.testing.assert_allclose(dx, np.ones((2, 2)) @ W.T)
    np.testing.assert_allclose(dw, 2 * X.T @ np.ones((2, 2)))
    (narrow,) = gradients_at(Pair(cube, lambda dout, x: np.zeros(x.shape, np.float32), X), [X], [X])
    assert (dx.dtype, dw.dtype, narrow.dtype) == (float, float, float)


# -- a visit ----------------------------------------------------------------------------------------------------------


def test_a_right_pair():
    point = visited(cube, cube_backward, X)
    assert (point.worst, point.mode, point.diffuse, point.located, point.strays) == (RIGHT, "full", False, 0, [])
    np.testing.assert_allclose(point.claims[0], point.seen.dout.reshape(X.shape) * 3 * X**2)
    np.testing.assert_allclose(point.comparison.numeric[0], point.claims[0], rtol=1e-7)
    assert point.values[0] is point.pair.values[0]


def test_the_forwards_own_outputs_are_not_computed_again():
    times = []

    def forward(x):
        times.append(np.array_equal(x, X))
        return x**3

    visited(forward, cube_backward, X)
    assert sum(times) == 2  # two, to see that they are the same


def test_a_tolerance_is_passed_on():
    def backward(dout, x):
        return 1.001 * dout * 3 * x**2

    for mode in ("full", "fast"):
        assert visited(cube, backward, X, mode=mode).worst == WRONG
    assert visited(cube, backward, X, rtol=1e-2).worst == RIGHT


def test_progress_is_told_of_every_entry():
    told = []
    visited(cube, cube_backward, X, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)


@pytest.mark.parametrize(("seconds", "mode"), [(0.0, "full"), (0.625, "full"), (0.7, "fast")])
def test_the_mode_follows_from_the_time_that_a_full_check_would_take(monkeypatch, seconds, mode):
    """An observation takes about five forwards, and a full check two for each of these eight entries."""
    monkeypatch.setattr(checker.point, "time", SimpleNamespace(perf_counter=iter([10.0, 10.0 + seconds]).__next__))
    assert visited(cube, cube_backward, np.arange(1.0, 9.0), mode="auto").mode == mode


def test_the_mode_may_be_given(monkeypatch):
    monkeypatch.setattr(checker.point, "time", SimpleNamespace(perf_counter=iter([0.0, 1e3, 0.0, 0.0]).__next__))
    assert visited(cube, cube_backward, X, mode="full").mode == "full"
    assert visited(cube, cube_backward, X, mode="fast").mode == "fast"


def test_what_is_not_written_ends_the_visit():
    def backward(dout, x):
        raise NotImplementedError

    point = visited(cube, backward, X)
    assert (point.claims, point.comparison, point.worst) == ([], None, RIGHT)


def test_a_breach_of_the_contract_ends_the_visit():
    def backward(dout, x):
        dout *= 3 * x**2
        return dout

    point = visited(cube, backward, X)
    assert "writes-dout" in [cause for _, cause, _ in breaches(point)]
    assert point.comparison is None


@pytest.mark.parametrize("x", [X, 0.5])
def test_outputs_of_which_none_is_finite_end_the_visit(x):
    assert visited(lambda x: x * np.nan, lambda dout, x: dout * np.nan, x).comparison is None


def test_outputs_of_another_shape_than_the_references_end_the_visit():
    assert visited(cube, cube_backward, X, reference=lambda x: np.sum(x**3)).comparison is None
    same = visited(lambda x: 2 * x**3, cube_backward, X, reference=cube)
    assert (same.worst, same.function.calls > 2 * X.size) == (RIGHT, True)


def test_no_outputs_are_all_right():
    point = visited(lambda x: x[:0] * 1.0, lambda dout, x: np.zeros(x.shape), X)
    assert (point.worst, point.comparison is None) == (RIGHT, False)


# -- shapes -----------------------------------------------------------------------------------------------------------


def test_right_numbers_in_the_wrong_shape_are_compared():
    point = visited(cube, lambda dout, x: (dout * 3 * x**2).reshape(3, 2), X)
    assert (point.misshapen, point.worst) == ({0}, RIGHT)
    assert point.claims[0].shape == X.shape


def test_a_gradient_of_another_size_is_nothing_to_compare_with():
    def backward(dout, x, y):
        return dout[0] * 3, 2 * dout

    point = visited(lambda x, y: 3 * x + 2 * y, backward, X, X)
    assert point.misshapen == {0}
    assert np.isnan(point.claims[0]).all()
    assert (np.max(point.comparison.status[0]), np.max(point.comparison.status[1])) == (WRONG, RIGHT)
    assert [kind for kind, *_ in breaches(point)] == ["shape"]


# -- low precision ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("off", "strays"), [(0.003, []), (0.004, [1])])
def test_a_float32_run_may_be_off_by_its_rounding_only(off, strays):
    """By 30000 units in the last place of the largest entry, which is 0.0036 of it."""

    def backward(dout, x, y):
        factor = 1 + off * (y.dtype == np.float32)
        return np.ones_like(x) * dout, (np.array([1000.0, 1.0]) * dout * factor).astype(y.dtype)

    ones = np.ones(2, dtype=np.float32)
    point = visited(lambda x, y: x + np.array([1000.0, 1.0]).astype(y.dtype) * y, backward, ones, ones)
    assert point.strays == strays
    assert (point.worst, point.claims[1].dtype) == (RIGHT, float)


@pytest.mark.parametrize("size", [0.0, 0.01, 1e4])
def test_a_float32_run_is_measured_by_the_size_of_the_gradient(size):
    def backward(off):
        return lambda dout, x: (size * dout * (1 + off * (x.dtype == np.float32))).astype(x.dtype)

    for off, strays in ((0.001, []), (0.01, [0] if size else [])):
        assert visited(lambda x: np.float32(size) * x, backward(off), X.astype(np.float32)).strays == strays


def test_without_entries_nothing_strays():
    point = visited(cube, cube_backward, np.zeros((0, 3), dtype=np.float32))
    assert (point.strays, point.worst) == ([], RIGHT)


def test_a_float32_run_of_another_shape_cannot_be_held_against_it():
    def backward(dout, x, y):
        return (dout * y).reshape(x.shape if x.dtype == np.float32 else (3, 2)), dout * x

    narrow = X.astype(np.float32)
    point = visited(lambda x, y: x * y, backward, narrow, 2 * narrow)
    assert (point.strays, point.misshapen) == ([], {0})


def test_low_precision_is_judged_in_float64():
    x = np.array([0.1, -0.3], dtype=np.float32)
    point = visited(lambda x: x**3, lambda dout, x: dout * (3 + 3e-5) * x**2, x)
    assert point.function.x[0].dtype == np.float64
    np.testing.assert_allclose(point.function.out, x.astype(float) ** 3, rtol=1e-14)
    assert point.comparison.status[0].tolist() == [WRONG, WRONG]


def test_upstream_gradients_are_in_float64_too():
    point = visited(lambda x: x / 10, lambda dout, x: dout / 10, X.astype(np.float32))
    np.testing.assert_allclose(point.claims[0].ravel(), point.seen.dout / 10, rtol=1e-14)


def test_other_values_than_the_pairs_own_may_be_in_low_precision():
    pair = Pair(cube, cube_backward, X)
    point = visit(pair, [X.astype(np.float32)], np.random.default_rng(0), mode="full", rtol=1e-7)
    np.testing.assert_allclose(point.function.out, X.astype(np.float32).astype(float).ravel() ** 3, rtol=1e-14)


def test_a_gradient_of_whole_numbers_is_compared_with_a_fraction():
    point = visited(lambda x: 2.5 * x, lambda dout, x: 0, 0.5, mode="fast")
    assert point.comparison.numeric[0] == pytest.approx(2.5 * point.seen.dout[0])


def test_a_backward_that_does_without_a_gradient_in_float64_is_judged_by_what_it_gave():
    def backward(dout, x, y):
        return (dout * y, dout * x) if x.dtype == np.float32 else (dout * y, dout * x, dout)

    one = np.array([0.5, 0.25], dtype=np.float32)
    assert visited(lambda x, y: x * y, backward, one, 2 * one).worst == RIGHT


# -- what is not finite -----------------------------------------------------------------------------------------------

NOT_FINITE = "look for a division by zero, a log or power of zero, or an overflow of exp at this entry"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_claim_that_is_not_finite_is_a_breach(bad):
    spoilt = np.array([[1.0, 1.0, 1.0], [1.0, bad, bad]])
    point = visited(cube, lambda dout, x: cube_backward(dout, x) * spoilt, X)
    (finding,) = point.seen.breaches
    assert finding.message == "2 of 6 entries of the gradient of x are nan or infinite, the first at x[1, 1]"
    assert (finding.kind, finding.cause, finding.verdict) == ("contract", "not-finite", "wrong")
    assert (finding.subject, finding.advice, finding.shape, finding.wrong) == ("x", NOT_FINITE, (2, 3), 2)
    assert point.comparison is None


def test_a_number_that_is_not_finite_has_no_place():
    (finding,) = visited(lambda x: x**3, lambda dout, x: dout * np.nan, 0.5).seen.breaches
    assert finding.message == "the gradient of x is nan or infinite"


def test_every_input_is_looked_at():
    def backward(dout, x, y):
        return dout * y, dout * np.nan

    assert [b.subject for b in visited(lambda x, y: x * y, backward, X, X + 1).seen.breaches] == ["y"]


@pytest.mark.parametrize("size", [1.0, 1e-12, 1e12])
def test_an_infinite_slope_cannot_be_told(size):
    """The root's slope at 0 is infinite, and so is the claim."""

    def backward(dout, x):
        with np.errstate(divide="ignore"):
            return dout / (2 * np.sqrt(x))

    point = visited(np.sqrt, backward, size * np.array([1.0, 0.0, 4.0]))
    assert point.seen.breaches == []
    assert point.comparison.status[0].tolist() == [RIGHT, UNSETTLED, RIGHT]
    assert point.claims[0][1] == 0.0


@pytest.mark.parametrize(
    "forward",
    [cube, lambda x: np.tanh(1e8 * x), lambda x: np.sqrt(-(x**2)) if x.any() else 0 * x],
    ids=["cube", "steep", "a point"],
)
def test_an_infinite_claim_of_a_finite_slope_is_a_breach(forward):
    def quiet(x):
        with np.errstate(invalid="ignore"):
            return forward(x)

    assert [b.cause for b in visited(quiet, lambda dout, x: dout * np.inf, np.zeros(2)).seen.breaches] == ["not-finite"]


def test_a_slope_may_be_infinite_to_the_left():
    def forward(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(-x)

    def backward(dout, x):
        with np.errstate(divide="ignore"):
            return -dout / (2 * np.sqrt(-x))

    assert visited(forward, backward, np.array([-1.0, 0.0])).comparison.status[0].tolist() == [RIGHT, UNSETTLED]


def test_nan_is_a_breach_even_where_the_slope_is_infinite():
    def backward(dout, x):
        return np.where(x == 0, np.nan, dout / (2 * np.sqrt(np.maximum(x, 1e-9))))

    assert [b.cause for b in visited(np.sqrt, backward, np.array([1.0, 0.0])).seen.breaches] == ["not-finite"]


def test_what_feeds_no_finite_output_is_left_out():
    def forward(x):
        with np.errstate(all="ignore"):
            return np.log(x)

    def backward(dout, x):
        with np.errstate(all="ignore"):
            return dout / x

    x = np.array([1.0, 0.0, np.nan, np.inf, 2.0])
    point = visited(forward, lambda dout, x: np.where(x > 0, backward(dout, x), np.nan), x)
    assert point.seen.breaches == []
    assert point.claims[0][[1, 2]].tolist() == [0.0, 0.0]
    assert weights(point)[[1, 2]].tolist() == [0.0, 0.0]
    assert np.all(np.abs(weights(point)[[0, 4]]) >= 0.5)
    assert point.comparison.status[0][[0, 1, 4]].tolist() == [RIGHT, RIGHT, RIGHT]


def test_nan_where_all_outputs_are_finite_is_a_breach_even_of_what_feeds_none():
    def backward(dout, x):
        return np.array([dout, np.nan])

    assert [b.cause for b in visited(lambda x: 2 * x[0], backward, X[0, :2]).seen.breaches] == ["not-finite"]


@pytest.mark.parametrize(("x", "y"), [(0.0, 1.0), (1.0, 0.0)])
def test_an_input_after_one_that_is_left_alone_is_looked_at(x, y):
    """The slope of the root of 0 is infinite; what feeds the logarithm of 0 is left out."""

    def backward(douts, x, y, z):
        with np.errstate(all="ignore"):
            return douts[0] / (2 * np.sqrt(x)), douts[1] / y, douts[2] * np.nan

    def forward(x, y, z):
        with np.errstate(all="ignore"):
            return [np.sqrt(x), np.log(y), 2 * z]

    point = visited(forward, backward, np.full(2, x), np.full(2, y), X)
    assert [b.subject for b in point.seen.breaches] == ["z"]


def test_nan_that_feeds_a_finite_output_is_a_breach():
    def forward(x):
        with np.errstate(all="ignore"):
            return np.append(np.log(x), x[1])

    def backward(dout, x):
        with np.errstate(all="ignore"):
            claimed = np.where(x == 0, np.nan, dout[:-1] / x)
        claimed[1] += dout[-1]
        return claimed

    (finding,) = visited(forward, backward, np.array([0.0, 0.0, 2.0])).seen.breaches
    assert finding.message == "1 of 3 entries of the gradient of x is nan or infinite, the first at x[1]"


def test_how_far_an_entry_is_moved_to_see_what_it_feeds_goes_by_its_size():
    def backward(dout, x):
        with np.errstate(all="ignore"):
            return dout / x * np.array([0.0, 1.0, np.nan])

    (finding,) = visited(np.log, backward, np.array([0.0, 1e9, 2e9])).seen.breaches
    assert finding.message == "1 of 3 entries of the gradient of x is nan or infinite, the first at x[2]"


# -- a fast check -----------------------------------------------------------------------------------------------------


def test_a_fast_check_of_a_right_pair():
    point = visited(cube, cube_backward, X, mode="fast")
    assert (point.worst, point.located, point.diffuse, point.mode) == (RIGHT, 0, False, "fast")
    assert point.function.calls <= 10


def test_a_fast_check_locates_what_is_wrong():
    def backward(dout, x):
        claimed = cube_backward(dout, x)
        claimed[[7, 300]] *= 1.5
        return claimed

    x = rng.normal(size=700)
    point = visited(cube, backward, x, mode="fast")
    assert np.flatnonzero(point.comparison.status[0]).tolist() == [7, 300]
    assert (point.comparison.status[0][7], point.located, point.diffuse) == (WRONG, 2, False)
    assert point.comparison.numeric[0][7] == pytest.approx(point.seen.dout[7] * 3 * x[7] ** 2)
    assert 0 < point.comparison.error[0][7] < 1e-6
    assert point.comparison.jacobian == [None]


def test_a_fast_check_with_an_entry_that_is_no_number_looks_at_every_one():
    point = visited(lambda x, y: 3 * x + y, lambda dout, x, y: (3 * dout[0], 1 * dout), X, X, mode="fast")
    assert np.all(point.comparison.status[0] == WRONG)
    assert point.function.calls > 2 * X.size


def test_a_fast_check_of_many_entries_that_are_no_numbers_looks_at_every_one():
    x = rng.normal(size=(2, 350))
    point = visited(lambda x, y: 3 * x + y, lambda dout, x, y: (3 * dout[0], 1 * dout), x, x, mode="fast")
    assert [np.all(status == wanted) for status, wanted in zip(point.comparison.status, (WRONG, RIGHT))] == [True, True]


def test_a_fast_check_looks_for_mistakes_in_small_entries_too():
    factors = np.ones(700)
    factors[7] = 1e-9
    claimed = np.where(factors < 1, 100e-9, 1.0)
    point = visited(lambda x: factors * x, lambda dout, x: claimed * dout, np.ones(700), mode="fast")
    assert np.flatnonzero(point.comparison.status[0]).tolist() == [7]


def test_a_fast_check_sees_a_corner():
    assert visited(two_slopes, two_slopes_backward(1.0), np.zeros((1, 3)), mode="fast").worst == CORNER


def test_a_fast_check_may_see_a_difference_that_no_entry_carries():
    """Each of many entries is off by a little less than is tolerated: along some directions that adds up."""
    factors = rng.uniform(0.5, 1.5, 700)

    def backward(dout, x):
        return factors * dout * (1 + 0.9e-7)

    for rtol, diffuse in ((1e-7, {True, False}), (1e-6, {False})):
        points = [
            visited(lambda x: factors * x, backward, np.ones(700), mode="fast", seed=seed, rtol=rtol)
            for seed in range(8)
        ]
        assert {point.worst for point in points} == {RIGHT}
        assert {point.diffuse for point in points} == diffuse


def test_a_fast_check_of_few_entries_looks_at_each_where_none_explains_a_difference():
    def backward(dout, x):
        return cube_backward(dout, x) * (1 + 0.9e-7)

    told = []
    point = visited(cube, backward, np.ones(600), mode="fast", progress=lambda *both: told.append(both))
    assert (point.worst, point.diffuse, told[-1]) == (RIGHT, False, (600, 600))
    np.testing.assert_allclose(point.comparison.numeric[0], 3 * point.seen.dout, rtol=1e-9)
    point = visited(cube, lambda dout, x: cube_backward(dout, x) * (1 + 3e-7), np.ones(6), mode="fast", rtol=1e-6)
    assert point.worst == RIGHT


def test_a_fast_check_says_when_rounding_hides_everything():
    point = visited(lambda x: x + 1e20, lambda dout, x: 3 * dout, X, mode="fast")
    assert np.all(point.comparison.status[0] == UNSETTLED)


# -- what is taken back -----------------------------------------------------------------------------------------------


def compared(point, numeric, status, error=1e-12):
    """The point as if it had been compared with this outcome."""
    numeric, status = np.asarray(numeric), np.array(status, dtype=np.int8)
    point.comparison = Comparison([numeric], [np.full(numeric.shape, error)], [status], [None])
    return point


def settled(point, rtol=1e-7):
    passed = settle_doubts(point, np.random.default_rng(0), rtol)
    return passed, point.comparison.status[0].tolist()


def saturated(x):
    """A sigmoid, of which a float64 keeps few digits of 1 - y."""
    return 1 / (1 + np.exp(-x))


def test_the_last_digit_of_a_saturated_unit_is_forgiven():
    def backward(dout, x):
        y = saturated(x)
        return dout * y * (1 - y)

    x = np.array([33.0, 34.0, 1.0])
    point = visited(saturated, backward, x)
    right = point.seen.dout * np.exp(-x) / (1 + np.exp(-x)) ** 2
    assert settled(compared(point, right, [WRONG, WRONG, RIGHT])) == (0, [UNSETTLED, UNSETTLED, RIGHT])


DIGIT = float(np.finfo(float).eps) / 2  # how far apart the floats just below 1 are


@pytest.mark.parametrize(
    ("digits", "off", "status"),
    [
        (3, 1.8, UNSETTLED),
        (3, 2.2, WRONG),
        (1, 1.8, UNSETTLED),
        (0, 1.8, WRONG),
        (3.3, 1.8, WRONG),
        (4000.001, 1.8, UNSETTLED),
    ],
)
def test_a_whole_number_of_digits_of_1_may_be_off_by_two(digits, off, status):
    def forward(x):
        with np.errstate(all="ignore"):
            return np.log(x)

    x = np.array([1.0, 0.0])
    point = visited(forward, lambda dout, x: dout / x.clip(1), x)
    point.claims = [digits * DIGIT * weights(point)]
    right = (digits + off) * DIGIT * weights(point)
    point.pair = Pair(forward, lambda dout, x: digits * DIGIT * dout, x)
    assert settled(compared(point, right, [WRONG, RIGHT], error=0.0)) == (0, [status, RIGHT])


def test_a_claim_far_beyond_its_wandering_stays_wrong():
    point = visited(cube, lambda dout, x: 1.5 * dout * 3 * x**2, X)
    assert np.all(point.comparison.status[0] == WRONG)
    assert settled(point)[1] == [[WRONG] * 3] * 2


def unstable_backward(factor):
    """Of np.std, with the variance taken as a difference of two large numbers."""

    def backward(dout, x):
        variance = np.mean(x**2) - np.mean(x) ** 2
        return dout * (x - np.mean(x)) / (x.size * np.sqrt(variance)) * factor

    return backward


def test_what_wanders_when_the_inputs_move_by_their_last_digit_is_forgiven():
    x = 1e5 + np.array([0.3, -0.7, 1.1, 0.9])
    point = visited(np.std, unstable_backward(1.0), x)
    assert np.any(point.comparison.status[0] == WRONG)
    point.comparison.status[0][:] = [RIGHT, WRONG, WRONG, WRONG]
    assert settled(point) == (0, [RIGHT, UNSETTLED, UNSETTLED, UNSETTLED])
    point = visited(np.std, unstable_backward(1.1), x)
    assert settled(point)[1] == [WRONG] * 4


def test_a_number_is_moved_as_a_number():
    kinds = set()

    def backward(dout, x, y):
        kinds.add((type(x), type(y)))
        return dout * y, 2 * dout * x

    point = visited(lambda x, y: x * y, backward, 0.5, X)
    settled(point)
    assert (kinds, point.worst) == ({(float, np.ndarray)}, WRONG)


@pytest.mark.parametrize("x", [X, 2 * X])
def test_what_is_taken_back_is_decided_at_the_values_that_were_visited(x):
    pair = Pair(lambda x, n: x**n, lambda dout, x, n: 1.5 * dout * n * x ** (n - 1), (X, 2))
    point = visit(pair, [x, 3], np.random.default_rng(0), mode="full", rtol=1e-7)
    assert settled(point)[1] == [[WRONG] * 3] * 2


def symmetric(claim, numeric, status):
    """A symmetric 2 x 2 matrix of which the function reads the lower triangle."""
    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    point = visited(lambda x: np.sum(x), lambda dout, x: np.full(x.shape, dout), x)
    point.claims = [np.array(claim)]
    return compared(point, np.array(numeric), status)


LOWER = np.array([[1.0, 0.0], [2.0, 1.0]])
ASIDE = [[RIGHT, WRONG], [WRONG, RIGHT]]


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("numeric", [LOWER, LOWER.T])
def test_a_symmetric_matrix_is_judged_among_symmetric_ones(numeric, size):
    point = symmetric(size * (np.ones((2, 2)) + 1e-7), size * numeric, ASIDE)
    forgive_triangles(point, 1e-7)
    assert point.comparison.status[0].tolist() == [[RIGHT, KINK], [KINK, RIGHT]]


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(
    ("claim", "numeric"),
    [
        ([[1.0, 1.001], [1.001, 1.0]], LOWER),  # the sum is another
        ([[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.5], [1.5, 1.0]]),  # both triangles are read
        ([[1.0, 1.0], [-1.0, 1.0]], np.eye(2)),  # none is
    ],
)
def test_of_a_symmetric_matrix_nothing_else_is_forgiven(claim, numeric, size):
    point = symmetric(size * np.array(claim), size * np.array(numeric), ASIDE)
    forgive_triangles(point, 1e-7)
    assert point.comparison.status[0].tolist() == ASIDE


@pytest.mark.parametrize("x", [np.array([[2.0, 1.0], [1.5, 3.0]]), np.ones((2, 2, 2)), np.ones(2)])
def test_only_a_symmetric_matrix_is_judged_among_symmetric_ones(x):
    point = visited(lambda x: np.sum(x), lambda dout, x: np.full(x.shape, dout), x)
    point.claims = [np.ones(x.shape)]
    compared(point, np.broadcast_to(LOWER, x.shape) if x.ndim > 1 else [0.0, 2.0], np.full(x.shape, WRONG))
    forgive_triangles(point, 1e-7)
    assert np.all(point.comparison.status[0] == WRONG)


def test_a_triangle_is_read_of_any_input():
    factors = np.tril(rng.uniform(0.5, 1.5, (3, 3)))
    x = rng.normal(size=(2, 3))

    def backward(dout, x, s):
        return np.full(x.shape, dout), dout * (factors + factors.T) / 2

    point = visited(lambda x, s: np.sum(x) + np.sum(factors * s), backward, x, x.T @ x)
    assert point.worst == WRONG
    settled(point)
    np.testing.assert_array_equal(point.comparison.status[1], KINK * (1 - np.eye(3)))


# -- corners ----------------------------------------------------------------------------------------------------------

AT_ZERO = np.array([[0.5, 0.0, -0.5]])


def two_slopes(x):
    """Slope 1 to the right of 0 and 3 to the left, and every entry feels the others a little."""
    return np.maximum(x, 0) - 3 * np.maximum(-x, 0) + 0.01 * np.sum(x)


def two_slopes_backward(beside, at=5.0):
    def backward(dout, x):
        slope = np.where(x > 0, 1.0, 3.0) * beside
        return (dout * np.where(x == 0, at, slope) + 0.01 * np.sum(dout)).astype(x.dtype)

    return backward


def test_what_is_off_at_a_corner_and_right_beside_it_is_let_pass():
    point = visited(two_slopes, two_slopes_backward(1.0), AT_ZERO)
    assert point.comparison.status[0].tolist() == [[RIGHT, CORNER, RIGHT]]
    assert settled(point) == (1, [[RIGHT, KINK, RIGHT]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("beside", [2.0, 1 + 1e-5])
def test_what_is_off_at_a_corner_and_beside_it_is_wrong(dtype, beside):
    point = visited(two_slopes, two_slopes_backward(beside), np.zeros((1, 3), dtype=dtype))
    assert settled(point) == (0, [[WRONG] * 3])


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_only_a_little_beside_a_corner_it_must_be_right(size):
    def backward(dout, x):
        far = np.abs(x) / size
        elsewhere = ((far > 0.01) & (far < 0.4)) | (far > 0.6)
        return two_slopes_backward(1.0)(dout, x) * np.where(elsewhere, 2.0, 1.0)

    assert settled(visited(two_slopes, backward, size * AT_ZERO)) == (1, [[RIGHT, KINK, RIGHT]])


def test_beside_zeros_a_little_is_a_thousandth():
    def backward(dout, x):
        return two_slopes_backward(1.0)(dout, x) * np.where(np.abs(x) > 0.01, 2.0, 1.0)

    assert settled(visited(two_slopes, backward, 0 * AT_ZERO)) == (3, [[KINK] * 3])


def test_beside_a_corner_the_other_arguments_are_those_that_were_visited():
    def backward(dout, x, n):
        return n * two_slopes_backward(n - 1.0)(dout, x)

    pair = Pair(lambda x, n: n * two_slopes(x), backward, (np.zeros(3), 2))
    for n, status in ((2, KINK), (3, WRONG)):
        point = visit(pair, [np.zeros(3), n], np.random.default_rng(0), mode="full", rtol=1e-7)
        assert settled(point)[1] == [status] * 3


def test_a_corner_of_a_function_of_each_entry_alone_is_no_composition():
    point = visited(np.abs, lambda dout, x: dout * np.where(x == 0, 5.0, np.sign(x)), AT_ZERO)
    assert point.comparison.status[0].tolist() == [[RIGHT, CORNER, RIGHT]]
    assert settled(point) == (0, [[RIGHT, WRONG, RIGHT]])


def off_at_zero(dout, x):
    """What a backward of |x| may claim at 0, were it a composition: right elsewhere."""
    return dout * np.where(x == 0, 5.0, np.sign(x))


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: np.sum(np.abs(x)), off_at_zero),
        (lambda x: np.abs(x[::2]) + np.abs(x[1::2]), lambda dout, x: off_at_zero(np.repeat(dout, 2), x)),
        (
            lambda x: np.concatenate([np.abs(x), np.maximum(x, 0)]),
            lambda dout, x: off_at_zero(dout[:4], x) + dout[4:] * (x > 0),
        ),
    ],
    ids=["one output", "outputs of two entries", "entries in two outputs"],
)
def test_a_corner_that_others_feel_may_be_a_composition(forward, backward):
    point = visited(forward, backward, np.array([0.5, -0.5, 0.0, 0.3]))
    assert point.worst == CORNER
    assert settled(point)[1] == [RIGHT, RIGHT, KINK, RIGHT]


def test_a_corner_of_a_number_or_of_two_inputs_may_be_a_composition():
    assert settled(visited(np.abs, off_at_zero, 0.0)) == (1, KINK)
    point = visited(
        lambda x, y: np.abs(x) + np.abs(y),
        lambda dout, x, y: (off_at_zero(dout, x), off_at_zero(dout, y)),
        np.array([0.0, 1.0]),
        np.array([1.0, 0.0]),
    )
    assert settled(point) == (2, [KINK, RIGHT])


def test_a_corner_of_each_of_two_entries_is_no_composition():
    assert settled(visited(np.abs, off_at_zero, np.zeros(2))) == (0, [WRONG, WRONG])


def test_nothing_is_proven_where_the_backward_fails_beside_a_corner():
    def backward(dout, x):
        if x.any():
            raise ValueError
        return two_slopes_backward(2.0)(dout, x)

    assert settled(visited(two_slopes, backward, np.zeros(3))) == (3, [KINK] * 3)


@pytest.mark.parametrize("seed", range(4))
def test_beside_a_corner_what_is_not_negative_stays_so(seed):
    """Below 0 the power is not defined, and nothing could be told of the rest."""

    def forward(x):
        with np.errstate(invalid="ignore"):
            return np.sum(np.abs(x - 1)) + np.sum(x**1.5)

    def backward(dout, x):
        return dout * (np.where(x == 1, 5.0, 1.01 * np.sign(x - 1)) + 1.5 * np.sqrt(x))

    point = visited(forward, backward, np.array([0.0, 1.0, 1.0, 0.0]))
    point.comparison.status[0][[0, 3]] = RIGHT
    assert point.comparison.status[0].tolist() == [RIGHT, CORNER, CORNER, RIGHT]
    assert settle_doubts(point, np.random.default_rng(seed), 1e-7) == 0
    assert point.worst == WRONG


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_proven_where_the_forward_is_not_defined_beside_a_corner(seed):
    """Some entries lie at the edge of the domain; whether they are moved out of it is left to chance."""

    def forward(x):
        with np.errstate(invalid="ignore"):
            return np.sum(np.abs(x - 1)) + np.sum((x + 2) ** 1.5)

    def backward(dout, x):
        with np.errstate(invalid="ignore"):
            return dout * (np.where(x == 1, 5.0, np.sign(x - 1)) + 1.5 * np.sqrt(x + 2))

    point = visited(forward, backward, np.array([-2.0, 1.0, 1.0, -2.0]))
    point.comparison.status[0][:] = [RIGHT, CORNER, CORNER, RIGHT]
    assert settle_doubts(point, np.random.default_rng(seed), 1e-7) == 2
    assert point.worst == KINK
