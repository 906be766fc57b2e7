"""What the lectures print, or leave out, of multilayer perceptrons, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.activations import logistic
from solutions.mlp import (
    blame_backward,
    deep_chain,
    local_errors,
    mlp2_backward,
    mlp2_forward,
    mlp_backward,
    mlp_bce_backward,
    mlp_bce_forward,
    mlp_forward,
    output_delta,
    two_layer_sigmoid_backward,
    two_layer_sigmoid_forward,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def off(printed, exact):
    """The relative error."""
    return np.linalg.norm(printed - exact) / np.linalg.norm(exact)


def layers(rng, *widths):
    """Weights and biases between layers of these widths."""
    pairs = list(zip(widths[1:], widths[:-1]))
    return [rng.normal(size=pair) for pair in pairs], [rng.normal(size=out) for out, _ in pairs]


def test_the_output_error_starts_from_the_last_layers_gradient(rng):
    """S0-07 takes dC/da^k as given: with that of a lower layer, in its place, it is another number."""
    (ws, bs), x, y = layers(rng, 3, 3, 3), rng.normal(size=(1, 3)), rng.normal(size=(1, 3))
    a1 = logistic(x @ ws[0].T + bs[0])
    z2 = a1 @ ws[1].T + bs[1]
    exact = numerical_jacobian(lambda z: np.sum((logistic(z) - y) ** 2), (z2,)).value
    da2 = 2 * (logistic(z2) - y)
    da1 = output_delta(da2, z2) @ ws[1]
    np.testing.assert_allclose(output_delta(da2, z2), exact, atol=1e-8)
    assert off(output_delta(da1, z2), exact) > 0.2


def test_the_output_error_of_a_softmax_is_no_product_by_entries(rng):
    """S0-07 holds where each a has its own z: a softmax moves all of a with each z."""
    z, y = rng.normal(size=4), np.array([0.0, 0.0, 1.0, 0.0])

    def softmax(z):
        return np.exp(z) / np.exp(z).sum()

    a = softmax(z)
    exact = numerical_jacobian(lambda z: -y @ np.log(softmax(z)), (z,)).value
    da = -y / a
    assert off(da * a * (1 - a), exact) > 0.1
    np.testing.assert_allclose((np.diag(a) - np.outer(a, a)) @ da, exact, atol=1e-8)


def test_the_sum_runs_over_all_units_of_the_layer_above(rng):
    """S0-08 ends it at N_m: with 3 units below and 5 above, two terms are missing."""
    w, a, target = rng.normal(size=(5, 3)), rng.uniform(0.2, 0.8, 3), rng.normal(size=5)
    delta = w @ a - target
    exact = numerical_jacobian(lambda a: np.sum((w @ a - target) ** 2) / 2, (a,)).value
    printed = sum(delta[e] * w[e] for e in range(3))
    assert off(printed, exact) > 0.1
    np.testing.assert_allclose(w.T @ delta, exact, atol=1e-8)
    np.testing.assert_allclose(blame_backward(delta[None], w, a[None])[0], exact * a * (1 - a), atol=1e-8)


def two_layers(rng):
    shapes = ((1, 5), (4, 5), (4,), (2, 4), (2,))
    return [rng.normal(size=shape) for shape in shapes], np.array([[0, 1]])


def test_a_hidden_layers_error_under_sigmoid_and_cross_entropy(rng):
    """S0-11, as printed: W^T (a - y) times a (1 - a) of the layer below."""
    (x, w1, b1, w2, b2), y = two_layers(rng)
    exact = numerical_jacobian(lambda b1: two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)[0], (b1,)).value
    a1 = logistic(x @ w1.T + b1)[0]
    a2 = logistic(a1 @ w2.T + b2)
    np.testing.assert_allclose((w2.T @ (a2 - y[0])) * a1 * (1 - a1), exact, atol=1e-8)


def test_the_brackets_make_the_sizes_of_the_weights_gradient_fit(rng):
    """S0-12 writes u . v w^T without brackets: read as u . (v w^T) it is right if u is a column that is repeated.

    Read as an entrywise product of matrices it has factors of two sizes.
    """
    (x, w1, b1, w2, b2), y = two_layers(rng)
    a1 = logistic(x @ w1.T + b1)[0]
    u, v = w2.T @ (logistic(a1 @ w2.T + b2) - y[0]), a1 * (1 - a1)
    dw1, *_ = two_layer_sigmoid_backward(1.0, two_layer_sigmoid_forward(x, w1, b1, w2, b2, y)[1])
    np.testing.assert_allclose(np.outer(u * v, x[0]), dw1, rtol=1e-12)
    np.testing.assert_allclose(u[:, None] * np.outer(v, x[0]), dw1, rtol=1e-12)
    assert u[:, None].shape != np.outer(v, x[0]).shape


def test_the_first_weights_of_a_two_layer_net(rng):
    """S1-07 asks for dL/dW1 and gives no answer: delta_1 x^T, delta_1 = W2^T delta_2 phi'(h1), n units everywhere."""
    x, w1, w2, target = (rng.normal(size=shape) for shape in ((1, 4), (4, 4), (4, 4), (1, 4)))
    exact = numerical_jacobian(lambda w1: mlp2_forward(x, w1, w2, target)[0], (w1,)).value
    a1 = np.tanh(w1 @ x[0])
    a2 = np.tanh(w2 @ a1)
    delta2 = 2 * (a2 - target[0]) * (1 - a2**2)
    delta1 = (w2.T @ delta2) * (1 - a1**2)
    np.testing.assert_allclose(np.outer(delta1, x[0]), exact, atol=1e-7)
    np.testing.assert_allclose(mlp2_backward(1.0, mlp2_forward(x, w1, w2, target)[1])[0], exact, atol=1e-7)


def test_the_local_errors_of_the_two_layer_classifier(rng):
    """S2-03 to S2-06 print no formula for them: y_hat - y, and W2^T of it times the sigmoid's slope."""
    x, w1, w2, y = rng.normal(size=(1, 3)), rng.normal(size=(4, 3)), rng.normal(size=(1, 4)), np.array([1])
    done = mlp_bce_backward(1.0, mlp_bce_forward(x, w1, w2, y)[1])
    h = logistic(w1 @ x[0])
    delta = logistic(w2 @ h) - y
    delta_h = (w2.T @ delta) * h * (1 - h)
    np.testing.assert_allclose(done["dy_tilde"], delta, rtol=1e-12)
    np.testing.assert_allclose(done["dh_tilde"][0], delta_h, rtol=1e-12)
    by_w1 = numerical_jacobian(lambda w1: mlp_bce_forward(x, w1, w2, y)[0], (w1,)).value
    by_w2 = numerical_jacobian(lambda w2: mlp_bce_forward(x, w1, w2, y)[0], (w2,)).value
    np.testing.assert_allclose(np.outer(delta_h, x[0]), by_w1, atol=1e-8)
    np.testing.assert_allclose(np.outer(delta, h), by_w2, atol=1e-8)


def test_a_layers_error_comes_from_the_layer_just_above(rng):
    """S2-07 prints k+2: one layer's Jacobian takes the error of layer k+1 down, and not that of k+2."""
    (ws, bs), x, dout = layers(rng, 4, 4, 4, 4), rng.normal(size=(1, 4)), rng.normal(size=(1, 4))
    below, middle, top = local_errors(x, ws, bs, dout)
    h1 = np.tanh(x @ ws[0].T + bs[0])
    exact = numerical_jacobian(lambda h: np.sum(dout * mlp_forward(h, ws[1:], bs[1:])[0]), (h1,)).value
    assert off(top @ ws[2], exact) > 0.3
    np.testing.assert_allclose(middle @ ws[1], exact, atol=1e-7)
    np.testing.assert_allclose(below, exact * (1 - h1**2), atol=1e-7)


def test_blame_without_the_slope_is_at_least_four_times_too_large(rng):
    """S2-10 writes "ignoring sigma": the slope of the sigmoid is 1/4 at most, and the error more than 300 %."""
    w, h_tilde, delta = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
    exact = numerical_jacobian(lambda t: delta @ (w @ logistic(t)), (h_tilde,)).value
    assert off(w.T @ delta, exact) > 3
    np.testing.assert_allclose(blame_backward(delta[None], w, logistic(h_tilde)[None])[0], exact, atol=1e-8)


def test_the_chain_of_jacobians_gives_what_backpropagation_gives(rng):
    """S2-13, in the order of the outputs' rows: (1, K) (K, H) (H, E) and a tensor."""
    ws, bs = layers(rng, 2, 4, 5, 3)
    x, dl_dy = rng.normal(size=(1, 2)), rng.normal(size=3)
    out, cache = mlp_forward(x, ws, bs)
    _, h1, h2, y = (a[0] for a in cache[0])
    through = [(1 - a**2)[:, None] * w for a, w in zip((h2, y), ws[1:])]
    dh1_dw1 = np.zeros((4, 4, 2))
    dh1_dw1[np.arange(4), np.arange(4)] = np.outer(1 - h1**2, x[0])
    dw1 = deep_chain(dl_dy, through[1], through[0], dh1_dw1)
    np.testing.assert_allclose(dw1, mlp_backward(dl_dy[None], cache)[1][0], rtol=1e-10)
    exact = numerical_jacobian(lambda w: dl_dy @ mlp_forward(x, [w, *ws[1:]], bs)[0][0], (ws[0],)).value
    np.testing.assert_allclose(dw1, exact, atol=1e-7)
