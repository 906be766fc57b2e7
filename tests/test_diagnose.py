"""The diagnosis names what is established and nothing else."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import checker.diagnose as diagnosis
from checker.diagnose import RELATIONS, Cause, diagnose
from checker.diagnose.view import Point, View

from .diagnosis_cases import Wrong, build, cases
from .diagnosis_unrelated import UNRELATED
from .diagnosis_wrong import PAIRS

#: Names that only say where or how far a gradient is wrong: true of an error that has no cause with a name.
PLAIN = {
    "place", "one-entry", "some-outputs", "missing-contributions", "entry-factor", "factor-per-index", "output-factor",
    "varying-factor", "nonlinear", "epsilon", "mixed-axis", "carried-wrongly", "threshold", "elementwise",
}  # fmt: skip

MESSAGES = Path(__file__).with_name("diagnosis_messages.txt")
FOUND: dict[str, tuple[Cause, ...]] = {}


def found(pair: Wrong) -> tuple[Cause, ...]:
    if pair.name not in FOUND:
        FOUND[pair.name] = diagnose(*cases(pair))
    return FOUND[pair.name]


def by_name(name: str) -> Wrong:
    return next(pair for pair in PAIRS if pair.name == name)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_known_mistake_is_named(pair):
    names = [cause.name for cause in found(pair)]
    assert names or "none" in pair.expected
    assert set(names) <= set(pair.expected)


@pytest.mark.parametrize("pair", UNRELATED, ids=lambda pair: pair.name)
def test_an_error_without_a_relation_gets_no_name(pair):
    assert {cause.name for cause in diagnose(*cases(pair))} <= PLAIN | set(pair.expected)


def sentences() -> str:
    blocks = []
    for pair in PAIRS:
        for cause in found(pair):
            subject = cause.subject or "every wrong gradient"
            blocks.append(f"{pair.name} ({subject}): {cause.name}\n    {cause.message}\n    {cause.advice}\n")
    return "\n".join(blocks)


def rounded(text: str) -> str:
    """Without digits that another machine's rounding may change."""
    return re.sub(r"\d\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.3g}", text)


def test_the_sentences_are_the_ones_on_file(request):
    """Every sentence a user can meet, beside a mistake that brings it up. After a change: delete the file, run, "
    "read."""
    if not MESSAGES.exists():
        MESSAGES.write_text(sentences())
    assert rounded(sentences()) == rounded(MESSAGES.read_text())


def test_every_name_that_the_relations_know_is_met_by_a_pair():
    source = "".join(path.read_text() for path in Path(diagnosis.__file__).parent.glob("*.py"))
    known = set(re.findall(r'cause\(\s*"([a-z0-9-]+)"', source))
    met = {cause.name for pair in PAIRS for cause in found(pair)}
    assert known - met == set()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_messages_are_sentences(pair):
    for cause in found(pair):
        assert cause.message.endswith(".")
        assert cause.advice.endswith((".", "?"))
        assert "  " not in cause.message + cause.advice


STEADY = [
    "affine dw transposed", "affine all negated", "affine db over the wrong axis", "batchnorm no mean path",
    "batchnorm no variance path", "softmax diagonal", "softmax without the sum", "tanh derivative of the activated",
    "cumsum identity", "embedding overwrites", "ridge reg half", "rnn step tanh of the activated",
    "attention dx without k", "ce forgets 1/N", "residual block without the skip", "norm forgets projection",
]  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(STEADY), st.integers(1, 10_000))
def test_the_name_does_not_depend_on_the_draw(name, seed):
    pair = by_name(name)
    assert {cause.name for cause in diagnose(*cases(pair, seed))} == {cause.name for cause in found(pair)}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from(UNRELATED), st.integers(1, 10_000))
def test_no_draw_brings_a_wrong_name(pair, seed):
    assert {cause.name for cause in diagnose(*cases(pair, seed))} <= PLAIN | set(pair.expected)


CLEAR = [
    "affine all negated", "affine dw transposed", "affine order", "batchnorm no mean path", "affine db ones",
    "batchnorm no variance path", "ridge reg half", "relu threshold at one", "affine dw one entry", "ce forgets 1/N",
]  # fmt: skip


@pytest.mark.parametrize("name", CLEAR)
def test_a_big_problem_is_diagnosed_without_jacobians(name):
    pair = by_name(name)
    assert {cause.name for cause in diagnose(*cases(pair, big=True))} == {cause.name for cause in found(pair)}


@pytest.mark.parametrize("pair", PAIRS[::3] + UNRELATED[::3], ids=lambda pair: pair.name)
def test_no_relation_raises(pair):
    case, others = cases(pair)
    for k, wrong in enumerate(case.wrong):
        if not wrong.any():
            continue
        view = View(Point(case), k, tuple(View(Point(other), k) for other in others))
        with np.errstate(all="ignore"):
            for relation in RELATIONS:
                relation(view)


def test_one_point_is_enough_for_a_clear_relation():
    case = build(by_name("affine dw transposed"), 0)
    assert [cause.name for cause in diagnose(case)] == ["transpose"]


def test_a_right_gradient_has_no_cause():
    pair = Wrong("right", lambda x: x * x, lambda dout, x: 2 * x * dout, lambda rng: (rng.normal(size=(3, 4)),), ())
    assert diagnose(*cases(pair)) == ()


def test_a_relation_must_hold_at_every_point():
    """Right times 2 here and times 3 there is no factor of 2."""
    two = Wrong("two", lambda x: x**3, lambda dout, x: 6 * x * x * dout, lambda rng: (rng.normal(size=(3, 4)),), ())
    three = Wrong("three", lambda x: x**3, lambda dout, x: 9 * x * x * dout, two.draw, ())
    assert [cause.name for cause in diagnose(build(two, 0), (build(two, 1),))] == ["factor"]
    assert "factor" not in [cause.name for cause in diagnose(build(two, 0), (build(three, 1),))]


def test_a_backward_that_raises_for_another_dout_is_no_obstacle():
    def backward(dout, x, w, b):
        if not np.all(dout):
            raise ValueError("zeros are not expected here")
        return dout @ w, x.T @ dout, dout.sum(0)

    source = by_name("affine dw transposed")
    pair = Wrong("raises", source.forward, backward, source.draw, ())
    assert [cause.name for cause in diagnose(*cases(pair))] == ["transpose"]


def test_not_a_number_is_not_diagnosed():
    pair = Wrong("nan", lambda x: x * x, lambda dout, x: x * np.nan, lambda rng: (rng.normal(size=3),), ())
    case = build(pair, 0)
    assert diagnose(case) == ()


def test_a_factor_names_the_axis_and_follows_it_to_other_shapes():
    (cause,) = found(by_name("affine dw over N"))
    assert "1/n (n = " in cause.message
    assert "the length of axis 0 of x" in cause.message


SAID = {
    "triplet without the negative": "what a and n do together is missing",
    "triplet with the negative twice": "what a and n do together is counted twice",
    "triplet with the negative's sign": "what a and n do together has the wrong sign",
    "gamma without its input": "the gradient of b, which is right",
    "temperature left out": "times tau (1.7 here), in every entry",
    "scale left out": "times 1/s (",
    "a plain term of a loss": "in every entry that is wrong, whatever the inputs are",
    "one side of a difference": " t in every entry that is wrong, whatever",
    "nothing but rounding": "all zeros but for rounding",
    "weights turned inside a product": "if b were transposed",
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_a_cause_says_of_it(name):
    assert any(SAID[name] in cause.message for cause in found(by_name(name)))


@pytest.mark.parametrize("still", [True, False])
def test_a_plain_number_is_called_the_value_of_an_input_only_where_that_moves(still):
    def draw(rng):
        return rng.normal(size=(5, 3)), np.array(0.5 if still else rng.uniform(0.2, 0.8))

    def backward(dout, x, s):
        return (0.5 if still else s) * dout * 2 * x, 0 * s

    pair = Wrong("half", lambda x, s: np.sum(x * x) + 0 * s, backward, draw, ())
    (cause,) = diagnose(*cases(pair))
    assert cause.message.startswith("Yours is the right gradient times 1/2, in" if still else "Yours is the right")
    assert ("times s (" in cause.message) is not still


def test_what_two_inputs_share_is_no_cause_where_both_are_wrong():
    """Then a step that they share is wrong, and no use of one of them is missing."""
    source = by_name("triplet without the negative")

    def backward(dout, a, p, n):
        da, dp, dn = source.backward(dout, a, p, n)
        return da, dp, 3 * dn

    pair = Wrong("both", source.forward, backward, source.draw, ())
    assert "missing-path" not in {cause.name for cause in diagnose(*cases(pair))}


def test_a_factor_that_is_a_hyperparameter_is_named_by_it():
    (cause,) = found(by_name("dropout forgets 1/p"))
    assert "times p (p = 0.6)" in cause.message
