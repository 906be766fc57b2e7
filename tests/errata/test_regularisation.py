"""What the penalties and dropout are for, in numbers; the lecture names them and gives no formulas."""

import numpy as np
import pytest

from solutions import regularisation


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_the_mean_of_inverted_dropout_is_its_input(rng, p):
    """S3-46: over many masks; without rescaling the mean is (1 - p) x."""
    x = rng.normal(size=(1, 20))
    masks = regularisation.dropout_factors(40_000, 20, rng, p)
    np.testing.assert_allclose((masks * x).mean(axis=0), x[0], atol=0.1)
    np.testing.assert_allclose((masks == 0).mean(), p, atol=0.01)
    unscaled = ((masks > 0) * x).mean(axis=0)
    np.testing.assert_allclose(unscaled, (1 - p) * x[0], atol=0.1)


def test_dropout_does_nothing_in_test_mode(rng):
    x, keep = rng.normal(size=(3, 4)), rng.random((3, 4)) < 0.5
    out, cache = regularisation.dropout_forward(x, keep, 0.5, "test")
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(regularisation.dropout_backward(x, cache), x)


@pytest.mark.parametrize("p", [-0.1, 1.0, 3.0])
def test_a_probability_of_dropping_everything_is_refused(p):
    with pytest.raises(ValueError, match=f"p is {p}"):
        regularisation.dropout_factors(2, 3, np.random.default_rng(0), p)
    with pytest.raises(ValueError, match=f"p is {p}"):
        regularisation.dropout_forward(np.ones((2, 3)), np.ones((2, 3), dtype=bool), p)


def test_a_mode_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="mode is 'eval'"):
        regularisation.dropout_forward(np.ones((2, 3)), np.ones((2, 3), dtype=bool), 0.5, "eval")


def test_l2_shrinks_a_weight_in_proportion_and_l1_by_a_constant(rng):
    """S3-46: so steps of l1 reach 0 and those of l2 do not."""
    w = rng.normal(size=(2, 3))
    _, squares = regularisation.l2_forward(w, 0.1)
    _, absolutes = regularisation.l1_forward(w, 0.1)
    np.testing.assert_allclose(regularisation.l2_backward(1.0, squares) / w, 0.2)
    np.testing.assert_allclose(np.abs(regularisation.l1_backward(1.0, absolutes)), 0.1)


def test_the_penalty_adds_its_own_gradient_and_leaves_the_bias_alone(rng):
    x, w, b, y = rng.normal(size=(4, 3)), rng.normal(size=(2, 3)), rng.normal(size=2), np.array([0, 1, 1, 0])
    plain, plain_cache = regularisation.softmax_l2_forward(x, w, b, y, 0.0)
    loss, cache = regularisation.softmax_l2_forward(x, w, b, y, 0.7)
    penalty, penalty_cache = regularisation.l2_forward(w, 0.7)
    assert loss == pytest.approx(plain + penalty)
    plain_dw, plain_db = regularisation.softmax_l2_backward(1.0, plain_cache)
    dw, db = regularisation.softmax_l2_backward(1.0, cache)
    np.testing.assert_allclose(dw, plain_dw + regularisation.l2_backward(1.0, penalty_cache))
    np.testing.assert_array_equal(db, plain_db)


def test_labels_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match=r"y\[1\] is 2, where whole numbers from 0 to 1"):
        regularisation.softmax_l2_forward(np.ones((2, 3)), np.ones((2, 3)), np.ones(2), np.array([0, 2]))
