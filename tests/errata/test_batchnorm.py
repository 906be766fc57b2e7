"""Batch norm in the lecture: what its pages print against what is right, in numbers (S3-33 to S3-44)."""

import numpy as np
import pytest

from solutions import batchnorm


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def at(rng):
    """x, gamma, beta and dout of a batch of 6 with 4 features."""
    return rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=4), rng.normal(size=(6, 4))


def relative(wrong, right):
    return np.linalg.norm(wrong - right) / np.linalg.norm(right)


def numeric(function, at, step=1e-5):
    """Central differences of a scalar function, entry by entry."""
    slopes = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        nudge = np.zeros_like(at)
        nudge[place] = step
        slopes[place] = (function(at + nudge) - function(at - nudge)) / (2 * step)
    return slopes


def test_the_normalised_variance_is_below_one_by_eps(rng):
    """S3-33: the variance of x_hat is sigma^2 / (sigma^2 + eps), and 1 only where eps does not count."""
    x = 3e-3 * rng.normal(size=(1000, 1))
    x_hat, _ = batchnorm.batchnorm_forward(x, np.ones(1), np.zeros(1), 1e-5)
    assert x_hat.var() == pytest.approx(x.var() / (x.var() + 1e-5))
    assert x_hat.var() < 0.6
    wide, _ = batchnorm.batchnorm_forward(1000 * x, np.ones(1), np.zeros(1), 1e-5)
    assert wide.var() == pytest.approx(1, abs=1e-5)


def test_the_outputs_have_mean_beta_and_deviation_gamma(at):
    x, gamma, beta, _ = at
    out, _ = batchnorm.batchnorm_forward(x, gamma, beta, 0.0)
    np.testing.assert_allclose(out.mean(axis=0), beta)
    np.testing.assert_allclose(out.var(axis=0), gamma**2)


def test_gamma_sigma_undoes_batch_norm_for_eps_of_zero_alone(at):
    """S3-34: exact is gamma = sqrt(sigma^2 + eps)."""
    x, *_ = at
    eps = 0.1
    gamma, beta = batchnorm.undo_batchnorm(x, eps)
    np.testing.assert_allclose(batchnorm.batchnorm_forward(x, gamma, beta, eps)[0], x)
    printed, _ = batchnorm.batchnorm_forward(x, x.std(axis=0), x.mean(axis=0), eps)
    assert relative(printed, x) > 0.02
    np.testing.assert_allclose(batchnorm.batchnorm_forward(x, x.std(axis=0), x.mean(axis=0), 0.0)[0], x)


def test_a_batch_of_one_gives_beta_whatever_it_is_and_learns_nothing(at):
    """S3-35: "no difference" is not what happens; nothing of x is left."""
    x, gamma, beta, dout = at
    for row in x:
        out, cache = batchnorm.batchnorm_forward(row[None], gamma, beta)
        np.testing.assert_array_equal(out[0], beta)
        dx, dgamma, _ = batchnorm.batchnorm_backward(dout[:1], cache)
        assert not dx.any()
        assert not dgamma.any()


def test_every_page_of_the_graph_but_two_is_right_as_printed(at):
    """S3-37, S3-38, S3-40 and S3-42, written out as on the pages."""
    x, gamma, beta, dout = at
    m, eps = len(x), 1e-5
    _, cache = batchnorm.batchnorm_graph_forward(x, gamma, beta, eps)
    found = batchnorm.batchnorm_graph_backward(dout, cache)
    mu, var = x.mean(axis=0), x.var(axis=0)
    dx_hat = gamma * dout
    de = -0.5 * (var + eps) ** -1.5 * (x - mu) * dx_hat
    dmu = -dx_hat.sum(axis=0) / np.sqrt(var + eps)
    pages = {
        "dx_hat": dx_hat,
        "da": dx_hat / np.sqrt(var + eps),
        "db": (x - mu) * dx_hat,
        "dc": -(x - mu) * dx_hat / (var + eps),
        "de": de,
        "dsigma2": de.sum(axis=0),
        "dmu": dmu,
        "dx": dx_hat / np.sqrt(var + eps) + 2 * (x - mu) / m * de.sum(axis=0) + dmu / m,
        "dgamma": (dout * (x - mu) / np.sqrt(var + eps)).sum(axis=0),
        "dbeta": dout.sum(axis=0),
    }
    assert pages.keys() == found.keys()
    for name, page in pages.items():
        np.testing.assert_allclose(found[name], page, rtol=1e-10, atol=1e-13, err_msg=name)


def test_the_sign_on_the_handwritten_page_is_wrong(at):
    """S3-39: with the printed plus dx is off by tens of percent, with minus it is the derivative."""
    x, gamma, beta, dout = at
    exact = numeric(lambda x: np.sum(dout * batchnorm.batchnorm_forward(x, gamma, beta)[0]), x)
    _, cache = batchnorm.batchnorm_graph_forward(x, gamma, beta)
    right = batchnorm.batchnorm_graph_backward(dout, cache)
    printed = batchnorm.printed_sign_of_the_mean(dout, cache)
    np.testing.assert_allclose(printed["dmu"], -right["dmu"], rtol=1e-10)
    assert relative(right["dx"], exact) < 1e-8
    assert relative(printed["dx"], exact) > 0.1


def test_the_mean_hears_nothing_through_the_variance(at):
    """S3-40: the second term of dmu, which the typeset page leaves out, is 0."""
    x, *_ = at
    assert np.max(np.abs(2 / len(x) * (x - x.mean(axis=0)).sum(axis=0))) < 1e-15


def test_the_derivative_of_the_spread_lacks_one_over_m_on_the_page(at):
    """S3-41: m times too large at any mu but the mean, where both are 0."""
    x, mu, *_ = at
    _, cache = batchnorm.spread_forward(x, mu)
    _, right = batchnorm.spread_backward(np.ones(4), cache)
    _, printed = batchnorm.factor_of_the_printed_page(np.ones(4), cache)
    np.testing.assert_allclose(right, numeric(lambda mu: batchnorm.spread_forward(x, mu)[0].sum(), mu), rtol=1e-8)
    np.testing.assert_allclose(printed, -2 * (x - mu).sum(axis=0))
    np.testing.assert_allclose(printed, len(x) * right)
    _, at_the_mean = batchnorm.spread_forward(x, x.mean(axis=0))
    np.testing.assert_allclose(batchnorm.spread_backward(np.ones(4), at_the_mean)[1], 0, atol=1e-14)


def test_the_simplified_formula_is_the_whole_graph(at):
    """S3-43, which the text leaves out: dx = gamma / (m s) (m dy - sum dy - x_hat sum(dy x_hat))."""
    x, gamma, beta, dout = at
    _, graph = batchnorm.batchnorm_graph_forward(x, gamma, beta)
    by_node = batchnorm.batchnorm_graph_backward(dout, graph)
    _, cache = batchnorm.batchnorm_forward(x, gamma, beta)
    dx, dgamma, dbeta = batchnorm.batchnorm_backward(dout, cache)
    for name, gradient in {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}.items():
        np.testing.assert_allclose(gradient, by_node[name], rtol=1e-10, atol=1e-13, err_msg=name)


def test_a_bias_before_batch_norm_does_nothing(rng):
    """S3-44: neither the output nor the loss depends on b."""
    h, w, dout = rng.normal(size=(6, 3)), rng.normal(size=(4, 3)), rng.normal(size=(6, 4))
    gamma, beta, b = rng.normal(size=(3, 4))
    out, cache = batchnorm.affine_bn_relu_forward(h, w, b, gamma, beta)
    other, _ = batchnorm.affine_bn_relu_forward(h, w, b + 5, gamma, beta)
    np.testing.assert_allclose(out, other, atol=1e-13)
    affine_cache, norm_cache, relu_cache = cache
    dz, _, _ = batchnorm.batchnorm_backward(dout * (relu_cache > 0), norm_cache)
    assert np.max(np.abs(dz.sum(axis=0))) < 1e-13
    assert not batchnorm.affine_bn_relu_backward(dout, cache)[2].any()


def test_training_and_testing_agree_where_the_averages_are_the_batch_s_own(at):
    x, gamma, beta, _ = at
    out, mean, var = batchnorm.batchnorm_modes(x, gamma, beta, np.zeros(4), np.ones(4), momentum=0.0)
    again, *kept = batchnorm.batchnorm_modes(x, gamma, beta, mean, var, mode="test")
    np.testing.assert_allclose(out, again, rtol=1e-12)
    np.testing.assert_allclose(kept, (mean, var), rtol=1e-14)
    alone, _, _ = batchnorm.batchnorm_modes(x[:1], gamma, beta, mean, var, mode="test")
    np.testing.assert_allclose(alone, again[:1], rtol=1e-12)


def test_a_mode_that_there_is_not_is_refused(at):
    x, gamma, beta, _ = at
    with pytest.raises(ValueError, match="mode is 'eval'"):
        batchnorm.batchnorm_modes(x, gamma, beta, gamma, beta**2, mode="eval")
