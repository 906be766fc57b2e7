"""The lectures' examples of gates in numbers, and where their words or code mislead (S1-01, S4-02 to S4-04, S4-11)."""

import pytest

from solutions.gates import (
    add_backward,
    add_forward,
    addmul_backward,
    addmul_forward,
    chain_backward,
    chain_changes,
    chain_forward,
    max_backward,
    max_forward,
    mul_backward,
    mul_forward,
    split_between_the_inputs,
    square_backward,
    square_forward,
    square_slopes,
)

#: S4-04 as printed: the gradient of q gets one name and is used under another.
PRINTED = """
x = -2; y = 5; z = -4
q = x + y
f = q * z
dfd_z = q
dfd_q = z
dfd_x = 1.0 * dfdq
dfd_y = 1.0 * dfdq
"""


def slope(forward, inputs, place, step=1e-6):
    """Of one input, by differences."""
    up, down = list(inputs), list(inputs)
    up[place] += step
    down[place] -= step
    return (forward(*up)[0] - forward(*down)[0]) / (2 * step)


def test_the_square_at_two_by_hand_and_measured():
    """S1-01: 4, both ways."""
    _, cache = square_forward(2.0)
    assert square_backward(1.0, cache) == 4.0
    assert square_slopes(2.0, 0.01) == pytest.approx((4.01, 4.0))
    assert slope(square_forward, [2.0], 0) == pytest.approx(4.0)


def test_the_sensitivities_of_a_product():
    """S4-02: at x = 4, y = -3 a small step in x moves the product by minus three times as much."""
    out, cache = mul_forward(4.0, -3.0)
    assert out == -12.0
    assert mul_backward(1.0, cache) == (-3.0, 4.0)
    assert (mul_forward(4.01, -3.0)[0] - out) / 0.01 == pytest.approx(-3.0)


def test_the_add_and_multiply_example_of_the_lecture():
    """S4-03: in one exercise, and gate by gate."""
    out, cache = addmul_forward(-2.0, 5.0, -4.0)
    assert (out, *addmul_backward(1.0, cache)) == (-12.0, -4.0, -4.0, 3.0)
    q, saved = add_forward(-2.0, 5.0)
    f, cache = mul_forward(q, -4.0)
    dq, dz = mul_backward(1.0, cache)
    assert (f, *add_backward(dq, saved), dz) == (-12.0, -4.0, -4.0, 3.0)


def test_the_printed_code_uses_a_name_that_it_never_assigned():
    """S4-04: dfd_q is assigned and dfdq used; with one name it gives the lecture's numbers."""
    with pytest.raises(NameError, match="dfdq"):
        exec(PRINTED, {})
    found = {}
    exec(PRINTED.replace("dfdq", "dfd_q"), found)
    _, cache = addmul_forward(-2.0, 5.0, -4.0)
    assert (found["dfd_x"], found["dfd_y"], found["dfd_z"]) == addmul_backward(1.0, cache)


def test_equally_is_no_split():
    """S4-11: an add gate hands its whole gradient to each input."""
    _, cache = add_forward(3.0, 4.0)
    measured = [slope(add_forward, [3.0, 4.0], place) for place in (0, 1)]
    assert add_backward(1.0, cache) == pytest.approx(measured)
    assert split_between_the_inputs(1.0, cache) == pytest.approx([each / 2 for each in measured])


def test_at_a_tie_the_printed_indicators_lose_the_gradient():
    """S3-03: 1{x > y} and 1{y > x} are both 0 there, though the maximum rises when x and y rise together."""
    _, cache = max_forward(1.0, 1.0)
    assert sum(max_backward(1.0, cache)) == 1.0
    assert (max_forward(1.01, 1.01)[0] - 1.0) / 0.01 == pytest.approx(1.0)


def test_small_changes_multiply_to_the_chain_rule():
    """S3-11: the last change is the product of all slopes times the step, and close to the true change."""
    w, step = 0.8, 1e-4
    out, cache = chain_forward(w)
    changes = chain_changes(w, step)
    assert changes[-1] == pytest.approx(chain_backward(1.0, cache) * step)
    assert chain_forward(w + step)[0] - out == pytest.approx(changes[-1], rel=1e-3)
