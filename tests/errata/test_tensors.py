"""What the lectures print of derivatives by matrices, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.tensors import (
    batch_contract,
    dWx_dW,
    dz_dW,
    dz_dW_tensor,
    preactivation,
    product,
    product_backward,
    residual,
    rows_product,
    rows_tensors,
    tensor_contract,
    to_numerator_layout,
)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_the_cases_ask_whether_the_units_agree(rng):
    """S0-04 prints dz_i/dw_ij, which no k can make 0: with dz_k/dw_ij the two cases make sense."""
    w, a, b = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    exact = to_numerator_layout(numerical_jacobian(preactivation, (w, a, b), wrt="w").value)
    printed = np.array([[exact[i, i] for i in range(3)] for k in range(3)])  # the entry dz_i/dw_ij, for every k
    mended = np.array([[a if i == k else 0 * a for i in range(3)] for k in range(3)])
    np.testing.assert_allclose(mended, exact, atol=1e-8)
    np.testing.assert_array_equal(dz_dW_tensor(w, a, b), mended)
    np.testing.assert_allclose(printed, np.tile(a, (3, 3, 1)), atol=1e-8)
    assert np.linalg.norm(printed - exact) > np.linalg.norm(exact)


def test_a_third_of_the_tensors_entries_are_not_0(rng):
    """S3-13: of 3 x 5 x 3 = 45 entries, 15."""
    w, x = rng.normal(size=(3, 5)), rng.normal(size=5)
    tensor = dWx_dW(w, x)
    assert tensor.shape == (3, 5, 3)
    assert np.count_nonzero(tensor) == 15
    np.testing.assert_allclose(tensor, numerical_jacobian(product, (w, x), wrt="w").value, atol=1e-8)


def test_the_row_of_the_residual_has_a_minus_sign(rng):
    """S3-15: the text says that the k-th row is x^T, the matrices beside it show -x^T."""
    w, x, y = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    for k in range(3):
        exact = numerical_jacobian(residual, (w, x, y, k), wrt="w").value
        in_words = np.zeros((3, 5))
        in_words[k] = x
        np.testing.assert_allclose(dz_dW(w, x, y, k), exact, atol=1e-8)
        np.testing.assert_allclose(in_words, -exact, atol=1e-8)


def test_the_chain_begins_with_the_derivative_of_the_residual(rng):
    """S3-16's handwritten line multiplies dE/dz by itself; dz/dW times dE/dz gives -(dE/dz) x^T."""
    w, x, y = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    z = y - w @ x
    exact = numerical_jacobian(lambda w: np.sum((y - w @ x) ** 2) / 2, (w,)).value
    assert (z * z).shape != w.shape
    tensor = np.stack([dz_dW(w, x, y, k) for k in range(3)], axis=-1)
    np.testing.assert_allclose(tensor_contract(tensor, z), exact, atol=1e-7)
    np.testing.assert_allclose(-np.outer(z, x), exact, atol=1e-7)


def test_the_line_with_the_transposed_weights_is_the_gradient_by_the_input(rng):
    """S3-19 labels both lines dL/dW: the one with W^T has x's shape, and x's gradient."""
    w, x, dz = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    dw, dx = product_backward(dz, (w, x))
    printed = w.T @ dz
    assert printed.shape == x.shape != w.shape
    np.testing.assert_allclose(printed, numerical_jacobian(lambda x: dz @ (w @ x), (x,)).value, atol=1e-7)
    np.testing.assert_array_equal(dx, printed)
    np.testing.assert_allclose(dw, numerical_jacobian(lambda w: dz @ (w @ x), (w,)).value, atol=1e-7)


def test_the_outer_product_is_the_contracted_tensor(rng):
    """S3-16 and S3-19, for one column and for a batch."""
    w, x, dz = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    np.testing.assert_allclose(tensor_contract(dWx_dW(w, x), dz), product_backward(dz, (w, x))[0], rtol=1e-14)
    rows, dout = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    by_x, by_w = rows_tensors(rows, w)
    np.testing.assert_allclose(batch_contract(by_w, dout), dout.T @ rows, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(batch_contract(by_x, dout), dout @ w, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_w, numerical_jacobian(rows_product, (rows, w), wrt="w").value, atol=1e-7)
