"""Claims against numeric gradients, entry by entry and along directions: verdicts, counts, and false alarms (none)."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check_grad, gradcheck
from checker.compare import (
    CLIMBS,
    CORNER,
    KINK,
    LEVEL,
    RIGHT,
    SHOWN,
    UNSETTLED,
    WRONG,
    Comparison,
    _central,
    _rms,
    _two_steps,
    agreement,
    climb_direction,
    compare_direction,
    compare_entries,
    judge_entry,
    norm,
    random_direction,
    share,
)
from checker.independence import groups
from checker.numerical import EPS, STEP, Function, Judgement, Line

quick = settings(max_examples=60, deadline=None, derandomize=True)
rng = np.random.default_rng(11)


def compared(f, x, claim, dout=None, rtol=1e-7, **options):
    """The comparison of one input's claimed gradient, with random upstream gradients."""
    function = Function(lambda leaves: f(leaves[0]), [x])
    shape = np.shape(f(np.array(x)))
    dout = np.random.default_rng(5).uniform(0.5, 1.5, function.out.size) if dout is None else dout
    claim = claim(np.array(x), dout.reshape(shape)) if callable(claim) else claim
    return compare_entries(function, dout, [np.asarray(claim)], [shape], rtol, **options), function


def statuses(*arguments, **options):
    return compared(*arguments, **options)[0].status[0].tolist()


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dout, x):
    y = softmax(x)
    return y * (dout - (dout * y).sum(axis=1, keepdims=True))


def layernorm(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


def layernorm_backward(dout, x):
    y, std = layernorm(x), np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return (dout - dout.mean(axis=1, keepdims=True) - y * (dout * y).mean(axis=1, keepdims=True)) / std


def mlp(x, w, v):
    return np.tanh(x @ w) @ v


def mlp_backward(dout, x, w, v):
    h = np.tanh(x @ w)
    dz = dout @ v.T * (1 - h * h)
    return dz @ w.T, x.T @ dz, h.T @ dout


def dense(x):
    """Every output feels every entry."""
    return np.sin(x) * np.sum(x * x) / x.size


def dense_backward(dout, x):
    return (dout * np.cos(x) * np.sum(x * x) + 2 * x * np.sum(dout * np.sin(x))) / x.size


# -- entries ----------------------------------------------------------------------------------------------------------


def test_each_entry_gets_its_own_verdict():
    x = np.array([0.5, -0.3, 0.0, 2.0, 0.0])
    wrong = np.array([1.0, 0.0, 0.5, 1.1, 1.5])
    assert statuses(lambda x: np.maximum(x, 0), x, wrong, np.ones(5)) == [RIGHT, RIGHT, KINK, WRONG, CORNER]


def test_what_rounding_hides_is_left_open():
    x = np.array([0.3, 0.7])
    assert statuses(lambda x: np.abs(np.sin(x)) + 1e15, x, np.cos(x), np.ones(2)) == [UNSETTLED] * 2


@pytest.mark.parametrize("off", [1 + 1e-5, 1 - 1e-5, 1.5, -1.0, 0.0])
@pytest.mark.parametrize("which", [(0, 0), (3, 2), (4, 4)])
def test_a_single_wrong_entry_is_the_only_wrong_one(which, off):
    x = rng.normal(size=(5, 5))

    def claim(x, dout):
        gradient = softmax_backward(dout, x)
        gradient[which] *= off
        return gradient

    found = np.array(statuses(softmax, x, claim))
    assert found[which] == WRONG
    assert (found == RIGHT).sum() == 24


def test_many_wrong_entries_are_all_wrong():
    """Also those that are judged by one difference alone, since enough others have been proven wrong."""
    x = rng.normal(size=60)
    claim = 2 * x
    claim[::2] += 1.0
    found, function = compared(lambda x: x * x, x, claim, np.ones(60))
    assert found.status[0].tolist() == [WRONG, RIGHT] * 30
    np.testing.assert_allclose(found.numeric[0], 2 * x, rtol=1e-6)
    assert function.calls < 400


def climbed(monkeypatch, claim, judgement=None, n=40):
    """The comparison of a claim for a dense function, and the entries that were judged on the ladder, in order."""
    entries = []

    def judged(function, leaf, index, dout, claim, rtol, shapes, typical=0.0):
        entries.append(index[0])
        assert typical == pytest.approx(np.sqrt(np.mean(claims[np.isfinite(claims)] ** 2)))
        told = judgement and judgement(index[0], len(entries))
        return told or judge_entry(function, leaf, index, dout, claim, rtol, shapes, typical)

    monkeypatch.setattr("checker.compare.judge_entry", judged)
    x = np.random.default_rng(8).uniform(0.5, 1.0, size=n)
    function = Function(lambda leaves: dense(leaves[0]), [x])
    dout = np.random.default_rng(5).uniform(0.5, 1.5, n)
    claims = claim(dense_backward(dout, x))
    return compare_entries(function, dout, [claims], [(n,)], 1e-7), entries


def test_after_enough_wrong_entries_the_worst_of_the_others_are_shown(monkeypatch):
    off = np.random.default_rng(1).permutation(np.arange(1.0, 41.0))
    found, entries = climbed(monkeypatch, lambda right: right + off)
    rest = CLIMBS + np.argsort(-off[CLIMBS:])
    assert entries == [*range(CLIMBS), *rest[:SHOWN]]
    assert np.all(found.status[0] == WRONG)


def test_what_is_not_finite_is_shown_first(monkeypatch):
    off = np.where(np.arange(40) == 30, np.nan, 1.0)
    _, entries = climbed(monkeypatch, lambda right: right + off)
    assert entries[CLIMBS] == 30


def test_an_entry_that_is_not_plainly_wrong_climbs_however_many_were(monkeypatch):
    factor = np.where(np.arange(40) == 35, 1 + 1e-6, np.where(np.arange(40) == 36, 1.0, 3.0))
    found, entries = climbed(monkeypatch, lambda right: right * factor)
    assert entries[: CLIMBS + 1] == [*range(CLIMBS), 35]
    assert np.flatnonzero(found.status[0] != WRONG).tolist() == [36]


def test_no_entry_is_taken_as_wrong_if_one_of_them_is_not(monkeypatch):
    def judgement(entry, count):
        return Judgement("right", entry, 0.25) if count > CLIMBS + 1 else None

    found, entries = climbed(monkeypatch, lambda right: right + 1.0, judgement)
    assert sorted(entries) == list(range(40))
    assert (found.status[0] == WRONG).sum() == CLIMBS + 1
    told = found.status[0] == RIGHT
    assert np.array_equal(found.numeric[0][told], np.flatnonzero(told))
    assert np.all(found.error[0][told] == 0.25)


def test_claims_of_whole_numbers():
    found, _ = compared(lambda x: 3.5 * x, np.array([1.0, 2.0]), np.array([3, 4]), np.ones(2))
    assert found.status[0].tolist() == [WRONG, WRONG]
    assert found.numeric[0] == pytest.approx([3.5, 3.5])
    assert np.all(found.error[0] < 1e-6)


@pytest.mark.parametrize("claim", [1e200, -1e200, 1e-200])
def test_claims_whose_squares_leave_the_range(claim):
    assert statuses(lambda x: x.copy(), np.ones(2), np.full(2, claim), np.ones(2)) == [WRONG, WRONG]
    assert statuses(lambda x: claim * x, np.ones(2), np.full(2, claim), np.ones(2)) == [RIGHT, RIGHT]
    backward = lambda dout, x: dout * claim  # noqa: E731
    for mode in ("full", "fast"):
        assert gradcheck(lambda x: x.copy(), backward, (np.ones(2),), mode=mode, trials=0).verdict == "wrong"
        assert gradcheck(lambda x: claim * x, backward, (np.ones(2),), mode=mode, trials=0).verdict == "right"


def test_the_jacobian_is_kept_with_the_inputs_entry_first():
    x, a = rng.normal(size=3), rng.normal(size=(2, 3))
    found, _ = compared(lambda x: a @ x, x, lambda x, dout: a.T @ dout)
    np.testing.assert_allclose(found.jacobian[0], a.T, rtol=1e-8)


def test_a_huge_jacobian_is_not_kept(monkeypatch):
    x, a = rng.normal(size=3), rng.normal(size=(2, 3))
    monkeypatch.setattr("checker.compare.KEEP", 5)
    assert compared(lambda x: a @ x, x, lambda x, dout: a.T @ dout)[0].jacobian == [None]


def test_a_gradient_of_zero_is_proven_only_if_the_upstream_gradient_hides_nothing():
    step = lambda x: np.floor(x)  # noqa: E731
    assert statuses(step, np.array([0.5]), np.zeros(1), np.ones(1)) == [RIGHT]
    assert statuses(lambda x: x * x, np.array([0.5]), np.zeros(1), np.ones(1)) == [WRONG]


def test_an_entry_that_is_not_finite_is_left_alone():
    x = np.array([np.inf, 1.0])
    assert statuses(np.arctan, x, np.array([0.0, 0.5]), np.ones(2)) == [RIGHT, RIGHT]
    assert statuses(np.arctan, x, np.array([1.0, 0.5]), np.ones(2)) == [UNSETTLED, RIGHT]


def test_every_input_is_compared():
    function = Function(lambda leaves: leaves[0] * leaves[1], [np.ones(2), np.full(2, 3.0)])
    found = compare_entries(function, np.ones(2), [np.full(2, 3.0), np.zeros(2)], [(2,)], 1e-7)
    assert [s.tolist() for s in found.status] == [[RIGHT, RIGHT], [WRONG, WRONG]]
    assert found.worst == WRONG


def test_a_sketch_climbs_no_ladder():
    x = rng.normal(size=30)
    claim = lambda x, dout: dense_backward(dout, x) * np.where(np.arange(30) == 4, 1.5, 1.0)  # noqa: E731
    found, function = compared(dense, x, claim, sketch=True)
    assert np.flatnonzero(found.status[0] == WRONG).tolist() == [4]
    assert function.calls <= 2 * 30 + 1 + 10


@pytest.mark.parametrize("unit", [1.0, 1e3])
@pytest.mark.parametrize(("bend", "near", "far"), [(0.0, 0.9e-6, 1.2e-6), (0.01, 0.19, 0.21)])
def test_a_sketch_lets_pass_what_its_errors_allow(bend, near, far, unit):
    bent = lambda leaves: unit * (leaves[0] + leaves[1] + bend * np.abs(leaves[1]))  # noqa: E731
    function = Function(bent, [np.zeros(4), np.zeros(4)])
    claims = np.full(4, unit), unit * (1 + np.array([near, -near, far, -far]))
    found = compare_entries(function, np.ones(4), claims, [(4,)], 1e-9, sketch=True)
    assert [s.tolist() for s in found.status] == [[RIGHT] * 4, [RIGHT, RIGHT, WRONG, WRONG]]


def test_progress_counts_up_to_all_entries():
    seen = []
    compared(dense, rng.normal(size=20), lambda x, dout: dense_backward(dout, x), progress=lambda *at: seen.append(at))
    assert seen == [(done, 20) for done in range(1, 21)]


def test_empty_and_scalar_inputs():
    assert statuses(lambda x: x.copy(), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)) == []
    assert statuses(lambda x: x * x, np.array(3.0), np.array(6.0), np.ones(1)) == RIGHT


def test_the_complex_step_settles_what_rounding_hides_if_a_difference_confirms_it():
    x = np.array([0.7])
    assert statuses(lambda x: np.sin(x) + 1e15, x, np.cos(x), np.ones(1)) == [RIGHT]
    assert statuses(lambda x: np.sin(x.real) + 1e15, x, np.cos(x), np.ones(1)) == [UNSETTLED]
    assert statuses(lambda x: np.sin(x) + 1e15, x, 0.9 * np.cos(x), np.ones(1)) != [RIGHT]


def test_one_entry_on_the_whole_ladder():
    function = Function(lambda leaves: np.exp(leaves[0]), [np.array([0.5, 1.0])])
    found = judge_entry(function, 0, (1,), np.ones(2), np.e, 1e-7, [(2,)])
    assert found.status == "right"
    assert abs(found.value - np.e) <= 5 * found.error
    assert judge_entry(function, 0, (1,), np.ones(2), np.e * 1.001, 1e-7, [(2,)]).status == "wrong"


def test_an_infinite_entry_has_slope_zero_or_none_that_can_be_told():
    function = Function(lambda leaves: np.arctan(leaves[0]), [np.array([np.inf])])
    told = [judge_entry(function, 0, (0,), np.ones(1), claim, 1e-7, [(1,)]) for claim in (0.0, 1.0)]
    assert told == [Judgement("right", 0.0, 0.0), Judgement("unsettled", 0.0, 0.0)]


@pytest.mark.parametrize(
    ("slope", "claim", "expected"),
    [(1e-31, 0.0, "right"), (1e-29, 0.0, "wrong"), (1e-31, 5e-31, "wrong"), (1e-31, 1e-31, "right")],
)
@pytest.mark.parametrize("dout", [2.0, 1e6, -1e-6])
def test_a_slope_that_has_vanished_may_be_claimed_to_be_zero(slope, claim, expected, dout):
    function = Function(lambda leaves: slope * leaves[0], [np.ones(1)])
    assert judge_entry(function, 0, (0,), np.full(1, dout), dout * claim, 1e-7, [(1,)]).status == expected


@pytest.mark.parametrize("dout", [1.0, 1e3])
@pytest.mark.parametrize(("off", "said"), [(0.0, "right"), (0.5e-6, "right"), (2e-6, "unsettled")])
def test_the_complex_step_is_believed_to_a_millionth(dout, off, said):
    x, true = np.array([0.2, 0.7]), dout * np.cos(0.7)
    function = Function(lambda leaves: np.sum(np.sin(leaves[0])) + 1e15, [x])
    found = judge_entry(function, 0, (1,), np.full(1, dout), true * (1 + off), 1e-7, [()])
    assert found.status == said
    if said == "right":
        assert (found.value, found.error) == (pytest.approx(true, rel=1e-12), pytest.approx(1e-7 * true))


def test_a_complex_step_that_sees_nothing_confirms_nothing():
    function = Function(lambda leaves: np.sin(leaves[0].real) + 1e15, [np.array([0.7])])
    assert judge_entry(function, 0, (0,), np.ones(1), 0.0, 1e-7, [(1,)]).status == "unsettled"


@pytest.mark.parametrize(("claim", "said"), [(1e-14, "unsettled"), (-1e-12, "unsettled"), (1e-3, "wrong")])
def test_an_output_that_stands_still_may_hide_a_slope_in_its_last_digit(claim, said):
    function = Function(lambda leaves: np.maximum(1 - np.exp(-leaves[0]), 0.5), [np.array([60.0])])
    found = judge_entry(function, 0, (0,), np.ones(1), claim, 1e-7, [(1,)])
    assert (found.status, found.value) == (said, 0.0)
    assert 0.0 <= found.error < 1e-9


def test_an_output_hides_only_slopes_by_entries_that_it_feels():
    function = Function(lambda leaves: 1 - np.exp(-leaves[0]), [np.array([60.0, 0.5, 2.0])])
    dout = np.array([1e12, 1.0, 1.0])
    assert judge_entry(function, 0, (1,), dout, 0.7, 1e-7, [(3,)]).status == "wrong"
    assert judge_entry(function, 0, (0,), dout, 0.7, 1e-7, [(3,)]).status == "unsettled"


def test_without_outputs_every_slope_is_zero():
    function = Function(lambda leaves: np.zeros(0), [np.ones(1)])
    assert judge_entry(function, 0, (0,), np.zeros(0), 0.0, 1e-7, [(0,)]).status == "right"


def test_rounding_in_a_claim_is_measured_by_the_other_entries():
    function = Function(lambda leaves: leaves[0] * 1e-12, [np.ones(1)])
    claims = [judge_entry(function, 0, (0,), np.ones(1), 1e-12 + 1e-15, 1e-7, [(1,)], size) for size in (0.0, 0.1, 1.0)]
    assert [found.status for found in claims] == ["wrong", "wrong", "right"]


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_two_evaluations_an_entry_at_any_scale(scale):
    x = scale * np.linspace(0.5, 1.0, 10)
    found, function = compared(lambda x: np.sin(x / scale), x, lambda x, dout: dout * np.cos(x / scale) / scale)
    assert found.worst == RIGHT
    assert function.calls == 1 + 2 * 10


def test_a_seed_gives_the_same_direction():
    function = Function(lambda leaves: leaves[0], [np.arange(4.0)])
    first, second = (random_direction(function, [np.ones(4)], np.random.default_rng(3))[0] for _ in range(2))
    assert np.array_equal(first, second)


# -- what one difference says ----------------------------------------------------------------------------------------


def at_zero(f, claim, typical=0.0, dout=1.0):
    """Whether one central difference at 0 settles the claim, whether it is plainly wrong, and the comparison."""
    function = Function(lambda leaves: f(leaves[0]), [np.zeros(1)])
    result = Comparison([np.zeros(1)], [np.zeros(1)], [np.zeros(1)], [np.zeros((1, 1))])
    (group,) = groups(function, 0, [(1,)])
    claims = np.array([claim])
    settled, evident = _central(function, 0, group, np.array([dout]), claims, typical, 1e-7, result)
    return settled.item(), evident.item(), result


@pytest.mark.parametrize("sign", [1, -1])
def test_one_difference_settles_what_agrees_to_within_a_part_of_rtol(sign):
    line = lambda x: 3 * x  # noqa: E731
    assert [at_zero(line, 3 + sign * off)[0] for off in (0.0, 8.5e-8, 9.5e-8, 1.0)] == [True, True, False, False]
    assert [at_zero(line, 3 + sign * off)[1] for off in (0.0, 2.9e-5, 3.1e-5, 1.0)] == [False, False, True, True]
    assert at_zero(lambda x: sign * 3 * x, sign * 3.0)[:2] == (True, False)


def test_one_difference_is_kept_with_its_error():
    *_, found = at_zero(lambda x: 3 * x + 0.001 * np.abs(x), 0.0, dout=2.0)
    assert found.numeric[0] == pytest.approx(6)
    assert found.error[0] == pytest.approx(0.004)
    assert found.jacobian[0] == pytest.approx(3)
    *_, noisy = at_zero(lambda x: 1000.0 + x, 1.0, dout=2.0)
    assert noisy.error[0] == pytest.approx(4 * 2 * 1000 * EPS / STEP, rel=1e-3)


def test_one_difference_of_many_entries_is_that_of_each():
    x = np.array([1.0, 1e3, 1e-3, -50.0] * 5)
    found, function = compared(lambda y: 3 * y + 0.001 * np.abs(y - x), x, np.full(20, 6.0), np.full(20, 2.0))
    np.testing.assert_allclose(found.jacobian[0], 3 * np.eye(20), rtol=1e-6)
    np.testing.assert_allclose(found.error[0], 0.004, rtol=1e-5)
    assert function.calls < 20
    rows, function = compared(softmax, rng.normal(size=(2, 9)), lambda x, dout: softmax_backward(dout, x))
    assert rows.worst == RIGHT
    assert function.calls < 30


def test_one_difference_beside_zero_is_kept_with_its_error():
    bent, _ = compared(lambda x: 3 * x + 0.001 * np.abs(x - 1), np.ones(1), np.full(1, 3.0), np.ones(1), sketch=True)
    assert bent.error[0] == pytest.approx(0.002)


def test_the_rounding_of_one_difference_is_no_corner():
    assert at_zero(lambda x: 3.4e7 + (x + 2.5e-9), 1.0, typical=1e6)[0] is True


def test_sizes_do_not_leave_the_range():
    for unit in (1e-200, 1.0, 1e200):
        assert norm([unit * np.array([3.0, 0.0]), np.zeros(0), unit * np.array([[-4.0]])]) / unit == pytest.approx(5)
        assert _rms(unit * np.array([3.0, np.inf, 4.0, np.nan])) / unit == pytest.approx(np.sqrt(12.5))
        assert _rms(np.array([-3 * unit])) / unit == pytest.approx(3)
    assert (norm([]), norm([np.zeros(0)]), norm([np.zeros(2)]), _rms(np.zeros(0))) == (0, 0, 0, 0)
    assert norm([np.array([np.inf, 1.0])]) == np.inf
    assert np.isnan(norm([np.array([np.nan, 1.0])]))


def test_a_corner_within_one_difference_settles_nothing():
    bent = lambda k: lambda x: 3 * x + k * np.abs(x)  # noqa: E731
    assert [at_zero(bent(k), 3.0)[0] for k in (0.0014, 0.0016, 1.0)] == [True, False, False]
    assert [at_zero(bent(k), 3.0)[0] for k in (-0.0014, -0.0016)] == [True, False]
    assert [at_zero(bent(0.001), 3 + off)[1] for off in (0.0060, 0.0062)] == [False, True]
    assert at_zero(bent(1.0), 100.0)[1] is False


def test_one_difference_is_heard_only_above_its_noise():
    upon = lambda k: lambda x: k + x  # noqa: E731
    noise = 4 * EPS / STEP
    loud = 1e-5 / noise
    assert [at_zero(upon(0.5 * loud), 1.0)[0], at_zero(upon(2 * loud), 1.0)[0]] == [True, False]
    assert at_zero(upon(2 * loud), 1.0, typical=3e3)[0] is True
    assert at_zero(upon(2 * loud), 1.0, typical=1e3)[0] is False
    assert [at_zero(upon(0.5 * loud), 1.0 + off)[1] for off in (9e-5, 1.3e-4)] == [False, True]


def test_one_difference_says_nothing_of_what_is_not_finite():
    assert at_zero(lambda x: np.where(x == 0, 0.0, np.nan), 0.0)[:2] == (False, False)
    assert at_zero(lambda x: np.where(x == 0, 0.0, np.inf), 0.0)[:2] == (False, False)
    assert at_zero(lambda x: 3 * x, np.nan)[:2] == (False, True)
    assert at_zero(lambda x: 0 * x + 5, 0.0)[:2] == (True, False)


def test_how_much_of_a_whole_is_off_and_that_it_agrees():
    assert share(np.array([True, False, True]), "x") == "2 of 3 entries of x are"
    assert share(np.array([False, True]), "x") == "1 of 2 entries of x is"
    assert share(np.array([[True]]), "x") == "x is"
    assert (agreement(1, "x"), agreement(2, "x"), agreement(0, "x")) == (
        "x agrees", "all 2 entries of x agree", "all 0 entries of x agree",
    )  # fmt: skip


# -- how many evaluations ---------------------------------------------------------------------------------------------


ORDINARY = {
    "mlp": (mlp, mlp_backward, (rng.normal(size=(3, 10)), rng.normal(size=(10, 9)), rng.normal(size=(9, 4)))),
    "dense": (dense, dense_backward, (np.random.default_rng(0).normal(size=100),)),
    "dense, small slopes": (dense, dense_backward, (np.random.default_rng(6).normal(size=100),)),
    "loss": (
        lambda x: np.sum(np.tanh(x) ** 2),
        lambda dout, x: dout * 2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
        (rng.normal(size=(15, 10)),),
    ),
    "many sizes": (dense, dense_backward, (rng.normal(size=120) * 10 ** rng.uniform(-2, 2, 120),)),
}
COSTLY = pytest.mark.xfail(reason="entries with a slope far below the typical one climb the whole ladder")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=COSTLY if n in ("dense, small slopes", "many sizes") else ()) for n in ORDINARY]
)
def test_a_full_check_costs_two_evaluations_an_entry(name):
    forward, backward, inputs = ORDINARY[name]
    report = gradcheck(forward, backward, inputs, mode="full", trials=0)
    assert report, str(report)
    assert report.forwards <= 1.15 * 2 * sum(x.size for x in inputs)


@pytest.mark.parametrize(
    ("forward", "backward", "shape"),
    [
        (softmax, softmax_backward, (200, 10)),
        (layernorm, layernorm_backward, (200, 10)),
        (np.tanh, lambda dout, x: dout * (1 - np.tanh(x) ** 2), (1500,)),
        (lambda x: np.maximum(x, 0), lambda dout, x: dout * (x > 0), (40, 50)),
    ],
)
def test_independent_rows_cost_next_to_nothing(forward, backward, shape):
    x = rng.normal(size=shape)
    report = gradcheck(forward, backward, (x,), mode="full", trials=0)
    assert report, str(report)
    assert report.forwards < 0.1 * 2 * x.size


def test_a_wrong_gradient_costs_little_more_than_a_right_one():
    x = rng.normal(size=150)
    found, function = compared(dense, x, lambda x, dout: 2 * dense_backward(dout, x))
    assert np.all(found.status[0] == WRONG)
    assert function.calls <= 2.5 * 2 * 150


@pytest.mark.parametrize("n", [1, 10, 1000, 100_000, 1_000_000])
def test_a_fast_check_costs_ten_evaluations_at_any_size(n):
    report = gradcheck(dense, dense_backward, (rng.normal(size=n),), mode="fast")
    assert report, str(report)
    assert report.mode == "fast"
    assert report.forwards <= 10


@pytest.mark.parametrize("n", [1, 10, 100, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_fast_check_has_full_power_at_any_size(n):
    x = rng.normal(size=n)
    assert gradcheck(dense, lambda dout, x: (1 + 1e-6) * dense_backward(dout, x), (x,), mode="fast").verdict == "wrong"


@pytest.mark.parametrize("name", ORDINARY)
def test_fast_and_full_agree(name):
    forward, backward, inputs = ORDINARY[name]
    assert gradcheck(forward, backward, inputs, mode="fast").forwards <= 10
    assert gradcheck(forward, backward, inputs, mode="fast")


# -- directions -------------------------------------------------------------------------------------------------------


def along(f, x, claim, seed=0):
    function = Function(lambda leaves: f(leaves[0]), [x])
    dout = np.random.default_rng(99).uniform(0.5, 1.5, function.out.size)
    claims = [claim(dout, x)]
    return compare_direction(function, dout, claims, random_direction(function, claims, np.random.default_rng(seed)))


@quick
@given(st.integers(0, 10**6), st.floats(-8, 8).map(lambda power: 10.0**power))
def test_a_direction_never_blames_a_right_gradient(seed, scale):
    x = np.random.default_rng(seed).normal(size=40) * scale
    claim = lambda dout, x: dout * np.cos(x / scale) / scale  # noqa: E731
    found = along(lambda x: np.sin(x / scale), x, claim, seed)
    assert found.judgement.status in ("right", "unsettled")
    assert abs(found.claim - found.judgement.value) <= 1e-6 * found.size


@pytest.mark.parametrize(("relative", "share"), [(1e-2, 1.0), (1e-3, 1.0), (1e-4, 0.9)])
def test_one_wrong_entry_among_ten_thousand_is_noticed_along_one_direction(relative, share):
    x = np.random.default_rng(3).normal(size=10_000)

    def claim(dout, x):
        gradient = dense_backward(dout, x)
        gradient[1234] *= 1 + relative
        return gradient

    assert np.mean([along(dense, x, claim, seed).judgement.status == "wrong" for seed in range(20)]) >= share


def test_equal_and_opposite_errors_do_not_cancel():
    x = np.random.default_rng(3).normal(size=100)

    def claim(dout, x):
        gradient = dense_backward(dout, x)
        gradient[[3, 7]] += [0.1, -0.1]
        return gradient

    assert all(along(dense, x, claim, seed).judgement.status == "wrong" for seed in range(20))


def test_directions_move_every_entry_by_its_own_scale():
    x = np.array([0.1, 1.0, 0.0, -3.0] * 20)
    function = Function(lambda leaves: leaves[0], [x])
    weights = random_direction(function, [np.ones(80)], np.random.default_rng(0))[0]
    scale = np.sqrt(np.mean(x**2))
    size = np.abs(weights) / np.maximum(np.abs(x), scale)
    assert np.all((size >= 0.5) & (size <= 1.5))
    assert {-1.0, 1.0} == set(np.sign(weights))
    small = np.where(x > 0, 1e-3, 1.0)
    level = random_direction(function, [small], np.random.default_rng(0), level=True)[0]
    assert np.all(np.abs(level[x > 0]) > 5 * np.abs(weights[x > 0]))
    assert np.all(np.abs(level[x > 0]) <= LEVEL * np.abs(weights[x > 0]))
    assert np.allclose(level[x <= 0], weights[x <= 0])


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_entries_of_very_different_sizes_move_in_proportion(unit):
    x = unit * np.array([1e-9, 1.0, -2.0, 3.0] * 20)
    function = Function(lambda leaves: leaves[0], [x])
    size = np.abs(random_direction(function, [np.ones(80)], np.random.default_rng(0))[0] / x)
    assert np.all((size >= 0.5) & (size <= 1.5))


def test_an_input_with_a_small_gradient_is_moved_further():
    function = Function(lambda leaves: leaves[0] + leaves[1], [np.ones(50), np.ones(50)])
    large, small = random_direction(function, [np.full(50, 1.0), np.full(50, 1e-1)], np.random.default_rng(0))
    assert np.mean(np.abs(small)) > 5 * np.mean(np.abs(large))


def glimpsed(f, claim, size=1.0, input_rounding=0.0):
    """What two steps at most say of a claimed slope at 0, and how many evaluations it took."""
    function = Function(lambda leaves: f(leaves[0]), [np.zeros(1)])
    found = _two_steps(Line(function, direction=[np.ones(1)]), np.ones(1), claim, size, input_rounding)
    return found and found.status, function.calls - 1


@pytest.mark.parametrize("sign", [1, -1])
def test_two_evaluations_confirm_a_slope_and_four_refute_it(sign):
    line = lambda x: 3 * x  # noqa: E731
    assert glimpsed(line, 3.0) == ("right", 2)
    assert glimpsed(line, 3.0 + sign * 0.9e-9) == ("right", 2)
    assert glimpsed(line, 3.0 + sign * 1.1e-9) == ("wrong", 4)
    assert glimpsed(line, 3.0 + sign * 1.1e-9, size=2.0) == ("right", 2)
    assert glimpsed(line, 3.0 + sign * 3e-7, input_rounding=1e-12) == ("right", 2)
    assert glimpsed(line, 3.0 + sign * 4e-7, input_rounding=1e-12) == ("right", 4)
    assert glimpsed(line, 3.0 + sign * 1e-5, input_rounding=1e-12) == ("wrong", 4)
    assert glimpsed(line, 3.0, input_rounding=1e-11) == (None, 2)
    assert glimpsed(line, 3.0 + sign * 1e-3, input_rounding=1e-11) == (None, 4)


def test_two_steps_tell_the_slope_and_its_error():
    for k, off, error in ((0.0, 0.0, 0.0), (5e-7, 0.0, 5e-7), (5e-7, 2e-5, 5e-7)):
        cubic = Function(lambda leaves: leaves[0] + k / STEP**2 * leaves[0] ** 3, [np.zeros(1)])  # noqa: B023
        found = _two_steps(Line(cubic, direction=[np.ones(1)]), np.ones(1), 1.0 + off, 1.0, 0.0)
        assert found.value == pytest.approx(1 + k, abs=1e-12)
        assert found.error == pytest.approx(error, rel=0.02, abs=1e-12)


def test_a_curve_is_judged_as_far_as_two_steps_tell():
    cubic = lambda k: lambda x: x + k / STEP**2 * x**3  # noqa: E731  (its difference is off by k)
    assert glimpsed(cubic(5e-7), 1.0) == ("right", 4)
    assert glimpsed(cubic(2e-6), 1.0) == (None, 4)
    assert glimpsed(cubic(2e-6), 1.0, size=3.0) == ("right", 4)
    assert glimpsed(cubic(5e-7), 1.0 + 5e-6) == (None, 4)
    assert glimpsed(cubic(5e-7), 1.0 + 2e-5) == ("wrong", 4)


def test_a_corner_along_a_direction_is_left_to_the_ladder():
    bent = lambda k: lambda x: x + k * np.abs(x)  # noqa: E731
    assert glimpsed(bent(0.0049), 1.0) == ("right", 2)
    assert glimpsed(bent(0.0051), 1.0) == (None, 2)
    assert glimpsed(bent(0.001), 1.5) == (None, 4)
    assert glimpsed(lambda x: np.where(x == 0, 0.0, np.nan), 0.0) == (None, 2)


def test_a_bend_that_closes_with_the_step_is_no_corner():
    square = lambda k: lambda x: x + k / STEP * x * x  # noqa: E731  (its one-sided slopes are 2 k apart)
    assert glimpsed(square(0.0049), 1.5) == ("wrong", 4)
    assert glimpsed(square(0.0051), 1.5) == (None, 4)


def test_what_may_differ_along_a_direction_grows_with_the_size_of_its_terms():
    for size, said in ((1.0, "wrong"), (100.0, "right")):
        curve = Line(Function(lambda leaves: np.sin(leaves[0]), [np.full(1, 0.7)]), direction=[np.ones(1)])
        found = climb_direction(np.ones(1), [np.ones(1)], np.cos(0.7) + 5e-8, size, curve)
        assert (found.judgement.status, found.claim, found.size) == (said, np.cos(0.7) + 5e-8, size)


def test_entries_that_are_not_finite_do_not_move():
    x = np.array([np.inf, 1.0, np.nan, -2.0])
    function = Function(lambda leaves: np.zeros(1), [x])
    (weights,) = random_direction(function, [np.ones(4)], np.random.default_rng(0))
    assert (weights != 0).tolist() == [False, True, False, True]


def test_an_input_is_moved_thirty_times_as_far_at_most():
    function = Function(lambda leaves: leaves[0], [np.ones(9), np.ones(9), np.ones(9), np.ones(9)])
    claims = [np.full(9, size) for size in (1.0, 1e-6, 0.0, np.inf)]
    moves = random_direction(function, claims, np.random.default_rng(0))
    for move, further in zip(moves, (1, 30, 1, 1)):
        assert np.all((np.abs(move) >= 0.5 * further) & (np.abs(move) <= 1.5 * further))


# -- what comes before any number: the caller's arrays and NumPy's state ----------------------------------------------


@pytest.mark.parametrize("mode", ["full", "fast"])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_callers_arrays_are_never_changed(mode, factor):
    inputs = [rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=(3, 2))]
    before = [x.copy() for x in inputs]
    gradcheck(mlp, lambda dout, *xs: tuple(factor * g for g in mlp_backward(dout, *xs)), inputs, mode=mode)
    assert all(np.array_equal(x, b) for x, b in zip(inputs, before))
    frozen = [x.copy() for x in inputs]
    for x in frozen:
        x.setflags(write=False)
    gradcheck(mlp, mlp_backward, frozen, mode=mode)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_global_random_numbers_are_neither_used_nor_changed(factor):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    gradcheck(softmax, lambda dout, x: factor * softmax_backward(dout, x), (rng.normal(size=(4, 3)),))
    assert np.array_equal(np.random.get_state()[1], before)


def test_warning_settings_of_numpy_are_restored():
    before = np.geterr()
    gradcheck(lambda x: np.log(x), lambda dout, x: dout / x, (np.array([1e-300, 1.0]),))
    gradcheck(lambda x: np.exp(x), lambda dout, x: dout * np.exp(x), (np.array([1000.0, 1.0]),))
    assert np.geterr() == before


# -- seeds ------------------------------------------------------------------------------------------------------------

PAIRS = {
    "mlp": (
        mlp,
        mlp_backward,
        lambda r: (r.normal(size=(3, 4)), r.normal(size=(4, 5)), r.normal(size=(5, 2))),
        "right",
    ),
    "softmax": (softmax, softmax_backward, lambda r: (r.normal(size=(3, 4)),), "right"),
    "ties": (
        lambda x: x.max(axis=1),
        lambda dout, x: (
            dout[:, None]
            * (x == x.max(axis=1, keepdims=True))
            / (x == x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
        ),
        lambda r: (np.round(r.normal(size=(3, 4))),),
        "right",
    ),
    "saturated": (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda dout, x: dout * (1 / (1 + np.exp(-x))) * (1 - 1 / (1 + np.exp(-x))),
        lambda r: (r.normal(size=6) * 30,),
        "right",
    ),
    "half a softmax": (
        softmax,
        lambda dout, x: dout * softmax(x) * (1 - softmax(x)),
        lambda r: (r.normal(size=(3, 4)),),
        "wrong",
    ),
    "swapped": (
        mlp,
        lambda dout, x, w, v: mlp_backward(dout, x, -w, v),
        lambda r: (r.normal(size=(3, 4)), r.normal(size=(4, 5)), r.normal(size=(5, 2))),
        "wrong",
    ),
    "one percent": (np.sin, lambda dout, x: 1.01 * dout * np.cos(x), lambda r: (r.normal(size=5),), "wrong"),
    "ignores dout": (np.sin, lambda dout, x: np.cos(x), lambda r: (r.normal(size=5),), "wrong"),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("mode", ["full", "fast"])
def test_the_verdict_depends_on_no_seed(name, mode):
    forward, backward, draw, verdict = PAIRS[name]
    inputs = draw(np.random.default_rng(2))
    found = {gradcheck(forward, backward, inputs, mode=mode, seed=seed, trials=0).verdict for seed in range(20)}
    assert found == {verdict}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_seed_gives_the_same_report(name):
    forward, backward, draw, _ = PAIRS[name]
    first, second = (gradcheck(forward, backward, draw(np.random.default_rng(2)), seed=7, trials=4) for _ in range(2))
    assert first == second
    assert str(first) == str(second)
    for a, b in zip(first.inputs.values(), second.inputs.values()):
        np.testing.assert_array_equal(a, b)


# -- right, at nasty points -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[20.0, 22.0], [30.0, 31.0, 32.0]])
def test_cancellation_in_a_saturated_backward_is_no_mistake(x):
    log_sigmoid = lambda x: -np.log1p(np.exp(-x))  # noqa: E731
    backward = lambda dout, x: dout * (1 - 1 / (1 + np.exp(-x)))  # noqa: E731
    assert gradcheck(log_sigmoid, backward, (np.array(x),)).verdict != "wrong"


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6, 1e8])
def test_a_normalisation_far_from_zero(offset):
    x = offset + np.random.default_rng([0, 4, 6]).normal(size=(4, 6))
    assert gradcheck(layernorm, lambda dout, x: layernorm_backward(dout, x), (x,), trials=0).verdict != "wrong"


@pytest.mark.parametrize("at", [1.0, 1e2, 1e4])
def test_waves_on_a_huge_output(at):
    """No two steps agree to within a hundredth, and those over many waves see a slope of about 0."""
    x = at * np.random.default_rng(3).normal(size=6)
    assert gradcheck(lambda x: np.sin(x) + 1e12, lambda dout, x: dout * np.cos(x), (x,)).verdict != "wrong"


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_backward(dout, x):
    u = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return dout * (1 / (1 + np.exp(-2 * u)) + 0.5 * x / np.cosh(u) ** 2 * inner)


@pytest.mark.parametrize("seed", range(4))
def test_the_tails_of_a_gelu_are_known_better_by_its_backward_than_by_any_difference(seed):
    x = 3.5 * np.random.default_rng(seed).normal(size=(4, 8))
    assert gradcheck(gelu, gelu_backward, (x,), trials=0).verdict == "right"
    assert gradcheck(gelu, lambda dout, x: 1.001 * gelu_backward(dout, x), (x,), trials=0).verdict == "wrong"


def test_numbers_near_the_largest_of_all_are_linear_as_far_as_can_be_seen():
    report = gradcheck(np.exp, lambda dout, x: dout * np.exp(x), (np.array([709.0, 1.0]),), trials=0)
    assert report.verdict == "right"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-4, 1e-2, 1.0, 30.0])
def test_half_precision_is_judged_by_its_own_rounding(size):
    x, w = (size * np.random.default_rng(1).normal(size=shape) for shape in ((4, 5), (5, 3)))
    x, w = x.astype(np.float16), np.sign(w).astype(np.float16)
    tanh = lambda dout, x: (dout * (1 - np.tanh(x) ** 2)).astype(x.dtype)  # noqa: E731
    assert gradcheck(np.tanh, tanh, (x,)).verdict == "right"
    assert gradcheck(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), (x, w)).verdict == "right"
    assert gradcheck(np.tanh, lambda dout, x: 1.5 * tanh(dout, x), (x,)).verdict == "wrong"


def test_extended_precision_is_no_stricter_than_double():
    x = np.random.default_rng(1).normal(size=(4, 5)).astype(np.longdouble)
    assert gradcheck(np.tanh, lambda dout, x: dout * (1 - np.tanh(x) ** 2), (x,)).verdict == "right"


def test_a_saturated_slope_may_lose_its_digits_in_single_precision():
    x, w = np.array([[-1.925, -3.0188]], dtype=np.float32), np.array([[1.1545], [1.5628]], dtype=np.float32)
    forward = lambda x, w: (y := np.tanh(x @ w), (x, w, y))  # noqa: E731

    def backward(dout, cache):
        x, w, y = cache
        dz = dout * (1 - y**2)
        return dz @ w.T, x.T @ dz

    assert gradcheck(forward, backward, (x, w), trials=0).verdict == "right"


@pytest.mark.filterwarnings("error")
def test_what_is_complex_beside_the_point_is_not_defined_there():
    assert check_grad(lambda x: x**0.5, lambda x: 0.5 * x**-0.5, (1.0,)).verdict == "right"


@pytest.mark.filterwarnings("error")
def test_the_lowest_number_as_a_mask_makes_no_warning():
    x = np.array([[0.3, -1.2, np.finfo(float).min], [0.5, 0.1, 0.2]])
    assert gradcheck(softmax, softmax_backward, (x,)).verdict == "right"


def test_a_matrix_of_numpys_own_kind_is_an_array():
    square = lambda x: np.multiply(x, x)  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        x = np.matrix(np.ones((3, 4)))
        assert gradcheck(square, lambda dout, x: 2 * np.multiply(dout, x), (x,)).verdict == "right"


# -- wrong, at exactly these numbers ----------------------------------------------------------------------------------

AT_THESE = {
    "where a mask is 1": (
        lambda m: (2 * m) ** 2,
        lambda dout, m: dout * 8 * np.where(m == 1, 3, m),
        np.array([0.0, 1, 1, 0]),
    ),
    "at whole numbers": (
        lambda x: x**3,
        lambda dout, x: 3 * dout * x**2 * np.where(x == np.round(x), 2, 1),
        np.array([1.0, 2, 3]),
    ),
    "at one number": (lambda x: x**2, lambda dout, x: dout * np.where(x == 2, 0, 2 * x), np.array([2.0, 1, -1])),
    "at ties": (
        lambda x: x**2,
        lambda dout, x: 2 * dout * x * np.array([(x == v).sum() for v in x]),
        np.array([1.0, 1, 2, 3]),
    ),
    "where two cancel": (
        lambda x: (x - x[::-1]) ** 2 / 2,
        lambda dout, x: (dout + dout[::-1]) * np.where(x == x[::-1], 7, x - x[::-1]),
        np.array([1.0, 2, 2, 1.5]),
    ),
}


@pytest.mark.parametrize("name", AT_THESE)
def test_a_branch_at_exactly_the_given_numbers_is_no_rounding(name):
    forward, backward, x = AT_THESE[name]
    assert gradcheck(forward, backward, (x,), trials=0).verdict == "wrong"


@pytest.mark.xfail(reason="where the corners cancel, nothing shows that the point is one")
def test_the_usual_conventions_at_corners_that_cancel():
    total = lambda x: np.sum(np.maximum(x, 0) - np.maximum(-x, 0))  # noqa: E731
    backward = lambda dout, x: dout * (1.0 * (x > 0) + 1.0 * (x < 0))  # noqa: E731
    assert gradcheck(total, backward, (np.array([0.0, 1.0, -1.0]),), trials=0).verdict != "wrong"
