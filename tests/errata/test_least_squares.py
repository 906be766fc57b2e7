"""What the lecture prints of least squares, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.least_squares import lsq_backward, lsq_descend, lsq_forward, lsq_one_example, lsq_solve


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def column(vector):
    return vector[:, None]


def test_without_the_half_the_gradient_is_twice_what_is_printed(rng):
    """S3-14 sets epsilon = z^T z on two pages, half of it on the others; S3-17's gradient needs the half."""
    w, x, y = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    z = y - w @ x
    printed = -np.outer(z, x)
    whole = numerical_jacobian(lambda w: np.sum((y - w @ x) ** 2), (w,)).value
    half = numerical_jacobian(lambda w: np.sum((y - w @ x) ** 2) / 2, (w,)).value
    np.testing.assert_allclose(whole, 2 * printed, atol=1e-6)
    np.testing.assert_allclose(half, printed, atol=1e-6)
    loss, cache = lsq_forward(w, column(x), column(y))
    assert loss == pytest.approx(z @ z / 2)
    np.testing.assert_allclose(lsq_backward(1.0, cache)[0], printed, rtol=1e-12)


def test_the_gradient_of_a_batch_is_the_sum_of_its_columns(rng):
    """S3-14 to S3-17: the lecture omits the index of the example."""
    w, x, y = rng.normal(size=(3, 5)), rng.normal(size=(5, 7)), rng.normal(size=(3, 7))
    columns = sum(-np.outer(y[:, n] - w @ x[:, n], x[:, n]) for n in range(7))
    np.testing.assert_allclose(lsq_backward(1.0, lsq_forward(w, x, y)[1])[0], columns, rtol=1e-12, atol=1e-12)


def test_the_product_of_one_example_with_itself_has_no_inverse(rng):
    """S3-18 inverts x x^T for one example: its rank is 1 of 5."""
    x, y = 2.0 ** np.arange(5), rng.normal(size=3)  # powers of 2, so that nothing is rounded
    assert np.linalg.matrix_rank(np.outer(x, x)) == 1
    assert np.linalg.det(np.outer(x, x)) == 0
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.inv(np.outer(x, x))
    with pytest.raises(ValueError, match=r"x has shape \(5, 1\) and rank 1, where 5 independent columns are wanted"):
        lsq_solve(column(x), column(y))
    w = lsq_one_example(x, y)
    np.testing.assert_allclose(w @ x, y, rtol=1e-12)
    np.testing.assert_allclose(w, np.linalg.lstsq(x[None], y[None], rcond=None)[0].T, rtol=1e-10, atol=1e-14)


def test_dependent_examples_are_refused_however_many(rng):
    """S3-18: it is the rank of X that counts."""
    x = np.repeat(rng.normal(size=(5, 2)), 4, axis=1)
    with pytest.raises(ValueError, match=r"x has shape \(5, 8\) and rank 2"):
        lsq_solve(x, rng.normal(size=(3, 8)))


def test_enough_examples_make_the_gradient_vanish(rng):
    """S3-18, mended: W = Y X^T (X X^T)^{-1} with at least as many examples as features."""
    x, y = rng.normal(size=(5, 9)), rng.normal(size=(3, 9))
    w = lsq_solve(x, y)
    np.testing.assert_allclose(w, y @ x.T @ np.linalg.inv(x @ x.T), rtol=1e-10)
    loss, cache = lsq_forward(w, x, y)
    assert np.max(np.abs(lsq_backward(1.0, cache)[0])) < 1e-13
    assert loss < lsq_forward(w + 1e-3, x, y)[0]


def test_of_all_exact_weights_those_of_the_pseudo_inverse_are_the_smallest(rng):
    x, y = rng.normal(size=5), rng.normal(size=3)
    w = lsq_one_example(x, y)
    aside = rng.normal(size=(3, 5))
    aside -= np.outer(aside @ x, x) / (x @ x)  # what maps x to 0
    np.testing.assert_allclose((w + aside) @ x, y, rtol=1e-10)
    assert np.sum((w + aside) ** 2) > np.sum(w**2)
    assert np.sum((w - aside) ** 2) > np.sum(w**2)


def test_gradient_descent_arrives_at_the_solution(rng):
    """S3-17 and S3-21: both ways give one W, and from 0 a single example gives the smallest."""
    x, y = rng.normal(size=(3, 20)), rng.normal(size=(2, 20))
    rate = 1 / np.linalg.norm(x @ x.T, 2)
    np.testing.assert_allclose(lsq_descend(np.zeros((2, 3)), x, y, rate, 500), lsq_solve(x, y), atol=1e-10)
    one, target = x[:, :1], y[:, :1]
    reached = lsq_descend(np.zeros((2, 3)), one, target, 0.5 / np.sum(one**2), 200)
    np.testing.assert_allclose(reached, lsq_one_example(one[:, 0], target[:, 0]), atol=1e-10)
