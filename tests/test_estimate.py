"""Numeric derivatives in denominator layout against closed forms and against automatic differentiation."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import (
    Estimate,
    UsageError,
    numerical_gradient,
    numerical_hessian,
    numerical_jacobian,
    numerical_jvp,
    numerical_vjp,
)
from checker.numerical import SAFETY

quick = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
scales = st.floats(-4, 4).map(lambda power: 10.0**power)


def normal(*shape, seed=0):
    return np.random.default_rng([*np.atleast_1d(seed), *shape]).normal(size=shape)


def assert_covers(estimate, truth, small=1e-6):
    """The bar covers the distance to the truth, and is small beside the largest entry."""
    assert isinstance(estimate, Estimate)
    assert estimate.value.shape == estimate.error.shape == np.shape(truth)
    size = np.max(np.abs(truth), initial=1e-300)
    assert np.all(np.abs(estimate.value - truth) <= SAFETY * estimate.error + 1e-13 * size)
    assert np.all(estimate.error <= small * size)


# -- shapes and layout ------------------------------------------------------------------------------------------------


def test_the_derivative_of_a_matrix_product_is_the_transpose_of_the_jacobian():
    a, x = normal(3, 4), normal(4)
    estimate = numerical_jacobian(lambda x: a @ x, (x,))
    assert estimate.value.shape == (4, 3)
    assert_covers(estimate, a.T)


def test_a_matrix_argument_gives_a_tensor_with_its_axes_first():
    w, x = normal(2, 3), normal(3)
    truth = np.einsum("ik,j->ijk", np.eye(2), x)  # d (W x)_k / d W_ij
    assert_covers(numerical_jacobian(lambda w, x: w @ x, (w, x)), truth)
    assert truth.shape == (2, 3, 2)


def test_a_matrix_by_a_matrix_has_four_axes():
    x = normal(2, 3)
    truth = np.einsum("il,jk->ijkl", np.eye(2), np.eye(3))
    assert_covers(numerical_jacobian(lambda x: x.T.copy(), (x,)), truth)


def test_a_scalar_by_a_vector_and_a_vector_by_a_scalar():
    x = normal(4)
    assert_covers(numerical_gradient(lambda x: np.sum(x**3), (x,)), 3 * x**2)
    assert_covers(numerical_jacobian(lambda x: np.sum(x**3), (x,)), 3 * x**2)
    assert_covers(numerical_jacobian(lambda t: np.array([t, t * t, np.sin(t)]), (0.7,)), [1, 1.4, np.cos(0.7)])
    assert_covers(numerical_gradient(lambda t: t**3, 2.0), 12.0)


def test_the_input_to_differentiate_by_is_chosen_by_name():
    w, x = normal(2, 3), normal(3)
    assert_covers(numerical_jacobian(lambda w, x: w @ x, (w, x), wrt="x"), w.T)
    with pytest.raises(UsageError, match="q"):
        numerical_jacobian(lambda w, x: w @ x, (w, x), wrt="q")


def test_nothing_to_differentiate():
    with pytest.raises(UsageError, match=r"."):
        numerical_gradient(lambda y: float(y.sum()), (np.array([1, 2]),))


def test_empty_and_read_only_arrays():
    assert numerical_gradient(lambda x: np.sum(x), (np.zeros((0, 3)),)).value.shape == (0, 3)
    x = normal(3)
    x.setflags(write=False)
    assert_covers(numerical_gradient(lambda x: np.sum(np.exp(x)), (x,)), np.exp(x))


def test_low_precision_inputs_are_differentiated_in_float64():
    x = normal(3).astype(np.float32)
    assert_covers(numerical_gradient(lambda x: np.sum(np.sin(x)), (x,)), np.cos(x.astype(float)))


# -- against automatic differentiation --------------------------------------------------------------------------------


def softmax(x):
    e = anp.exp(x - anp.max(x, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


FUNCTIONS = {
    "softmax": softmax,
    "log-sum-exp": lambda x: anp.log(anp.sum(anp.exp(x), axis=1)),
    "layer normalisation": lambda x: (
        (x - anp.mean(x, 1, keepdims=True)) / anp.sqrt(anp.var(x, 1, keepdims=True) + 1e-5)
    ),
    "Gram matrix": lambda x: anp.dot(x, x.T),
    "tanh of a product": lambda x: anp.tanh(anp.dot(x, x.T)),
    "norm": lambda x: anp.sqrt(anp.sum(x**2, axis=0)),
    "determinant": lambda x: anp.linalg.det(anp.dot(x.T, x) + anp.eye(3)),
    "inverse": lambda x: anp.linalg.inv(anp.dot(x.T, x) + anp.eye(3)),
    "relu": lambda x: anp.maximum(x, 0.0),
    "largest": lambda x: anp.max(x, axis=1),
    "product": lambda x: anp.prod(x, axis=1),
    "erf-like": lambda x: x * 0.5 * (1 + anp.tanh(0.8 * (x + 0.04 * x**3))),
}
STEEP = ("log-sum-exp", "Gram matrix", "tanh of a product", "determinant", "inverse", "erf-like", "product")


@settings(quick, max_examples=24)
@given(st.sampled_from(sorted(FUNCTIONS)), seeds)
def test_jacobians_agree_with_automatic_differentiation(name, seed):
    x = normal(4, 3, seed=seed)
    truth = autograd.jacobian(FUNCTIONS[name])(x)  # (out, in)
    by_input_first = np.moveaxis(truth, [-2, -1], [0, 1])
    assert_covers(numerical_jacobian(FUNCTIONS[name], (x,)), by_input_first)


@quick
@given(st.sampled_from(sorted(set(FUNCTIONS) - set(STEEP))), seeds, scales)
def test_vjps_agree_at_every_scale(name, seed, scale):
    x = scale * normal(4, 3, seed=seed)
    f = FUNCTIONS[name]
    pull, out = autograd.make_vjp(f)(x)
    dout = np.random.default_rng(seed).uniform(0.5, 1.5, np.shape(out))
    estimate = numerical_vjp(f, (x,), dout)
    if name == "layer normalisation" or (name == "softmax" and scale > 3):
        assert np.all(np.abs(estimate.value - pull(dout)) <= SAFETY * estimate.error + 1e-9 * np.abs(dout).max())
    else:
        assert_covers(estimate, pull(dout))


@quick
@given(st.sampled_from(sorted(FUNCTIONS)), seeds)
def test_jvps_agree_with_automatic_differentiation(name, seed):
    x, v = normal(4, 3, seed=seed), normal(4, 3, seed=[seed, 1])
    truth = np.tensordot(autograd.jacobian(FUNCTIONS[name])(x), v, axes=2)
    estimate = numerical_jvp(FUNCTIONS[name], (x,), (v,))
    assert np.all(np.abs(estimate.value - truth) <= SAFETY * estimate.error + 1e-12 * np.abs(truth).max())
    assert np.all(estimate.error <= 1e-5 * np.abs(truth).max())


def test_a_jvp_takes_a_tangent_for_each_input():
    a, b, u, v = normal(2, 3), normal(3, 2), normal(2, 3, seed=1), normal(3, 2, seed=1)
    assert_covers(numerical_jvp(lambda a, b: a @ b, (a, b), (u, v)), u @ b + a @ v)


def test_a_vjp_pulls_back_and_a_jvp_pushes_forward_the_same_jacobian():
    x, v, dout = normal(3, 2), normal(3, 2, seed=1), normal(3, 2, seed=2)
    pulled, pushed = numerical_vjp(softmax, (x,), dout).value, numerical_jvp(softmax, (x,), (v,)).value
    assert np.sum(pulled * v) == pytest.approx(np.sum(dout * pushed), rel=1e-8)


# -- second derivatives -----------------------------------------------------------------------------------------------

SCALARS = {
    "quadratic": lambda x: anp.sum(anp.dot(x, anp.arange(9.0).reshape(3, 3)) * x),
    "log-sum-exp": lambda x: anp.log(anp.sum(anp.exp(x))),
    "Rosenbrock": lambda x: anp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
    "logistic": lambda x: anp.sum(anp.log(1 + anp.exp(-x))) + 0.1 * anp.sum(x**2),
    "product": lambda x: anp.prod(anp.sin(x)),
    "cubic": lambda x: anp.sum(x) ** 3,
}


@quick
@given(st.sampled_from(sorted(SCALARS)), seeds)
def test_hessians_agree_with_automatic_differentiation(name, seed):
    x = normal(3, seed=seed)
    truth = autograd.hessian(SCALARS[name])(x)
    estimate = numerical_hessian(SCALARS[name], (x,))
    size = max(1.0, np.abs(truth).max())
    assert np.all(np.abs(estimate.value - truth) <= SAFETY * estimate.error + 1e-12 * size)
    assert np.all(estimate.error <= 1e-5 * size)
    assert np.array_equal(estimate.value, estimate.value.T)


def test_the_hessian_by_a_matrix_has_its_shape_twice():
    w = normal(2, 2)
    truth = np.einsum("ik,jl->ijkl", np.eye(2), np.eye(2)) * 12 * (w**2)[:, :, None, None]
    assert_covers(numerical_hessian(lambda w: np.sum(w**4), (w,)), truth, small=1e-5)


def test_the_hessian_of_a_linear_function_is_zero():
    estimate = numerical_hessian(lambda x: np.sum(x) * 3, (normal(3),))
    assert np.all(np.abs(estimate.value) <= SAFETY * estimate.error)
    assert np.all(estimate.error < 1e-10)


def test_the_hessian_of_a_number():
    assert_covers(numerical_hessian(lambda t: t**3, (2.0,)), 12.0)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e2, 1e6])
def test_hessians_at_other_scales(scale):
    x = scale * normal(3)
    estimate = numerical_hessian(lambda x: np.sum(np.cos(x / scale)), (x,))
    assert_covers(estimate, -np.diag(np.cos(x / scale)) / scale**2, small=1e-5)


def test_mixed_and_plain_second_derivatives_of_a_quadratic():
    x = np.array([0.5, -2.0])
    assert_covers(numerical_hessian(lambda x: 3 * x[0] * x[1] + x[0] ** 2, (x,)), [[2, 3], [3, 0]])
    upon = numerical_hessian(lambda x: 1e8 + np.sum(x**2), (np.ones(1),))
    assert abs(upon.value.item() - 2) <= SAFETY * upon.error.item()
    assert upon.error.item() >= 8 * 2.0**-52 * 1e8 / 0.2**2


def test_vjps_gradients_and_hessians_by_a_named_input():
    a, x = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    assert_covers(numerical_vjp(lambda a, x: a * x**2, (a, x), np.ones(2), wrt="x"), 2 * a * x)
    assert_covers(numerical_gradient(lambda a, x: np.sum(a * x**2), (a, x), wrt="x"), 2 * a * x)
    assert_covers(numerical_hessian(lambda a, x: np.sum(a * x**2), (a, x), wrt="x"), np.diag(2 * a))


def test_several_outputs_are_one_vector():
    x = np.array([3.0, 5.0])
    truth = np.array([[1, 0, 2, 0], [0, 1, 0, 2]])
    assert_covers(numerical_jacobian(lambda x: (x.copy(), 2 * x), (x,)), truth)
    assert_covers(numerical_jvp(lambda x: (x.copy(), 2 * x), (x,), ([1, -1],)), [1, -1, 2, -2])


def test_a_hessian_is_of_a_scalar():
    def squares(x):
        return x**2

    message = r"a Hessian is of a scalar function; squares returns shape \(3,\): sum it, or take one entry"
    with pytest.raises(UsageError, match=f"^{message}$"):
        numerical_hessian(squares, (np.ones(3),))


@pytest.mark.parametrize(
    ("f", "second", "x"),
    [
        (lambda x: np.log(x).sum(), lambda x: -1 / x**2, [1e-3, 1.0, 2.0]),
        (lambda x: (1 / x).sum(), lambda x: 2 / x**3, [0.01, 1.0, -2.0]),
        (lambda x: np.sqrt(x).sum(), lambda x: -0.25 * x**-1.5, [0.001, 0.9, 0.99]),
        (lambda x: np.sin(1e3 * x).sum(), lambda x: -1e6 * np.sin(1e3 * x), [0.01, 0.7, 2.0]),
    ],
    ids=["log", "inverse", "sqrt", "waves"],
)
def test_second_steps_stay_where_the_function_is_defined_and_settles(f, second, x):
    x = np.array(x)
    assert_covers(numerical_hessian(f, (x,)), np.diag(second(x)), small=1e-4)


def test_where_no_second_step_is_defined_there_is_no_second_derivative():
    lonely = lambda x: np.where(x.sum() == 3, 1.0, np.nan) * (x**2).sum()  # noqa: E731
    value, error = numerical_hessian(lonely, (np.array([1.0, 2.0]),))
    assert np.isnan(value).all()
    assert np.isinf(error).all()


def test_gradients_at_the_smallest_numbers_there_are():
    value, _ = numerical_gradient(lambda x: (x * 1e300).sum(), (np.array([5e-324, 1e-320, 1e-300]),))
    np.testing.assert_allclose(value, 1e300, rtol=1e-6)
