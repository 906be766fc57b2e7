"""What the lectures print about initial weights, and what holds: by the numbers of a network of ten layers."""

import numpy as np
import pytest

from solutions import initialisation as init


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def network(rng, scale, act="relu", depth=10, width=100, examples=1000):
    """The standard deviation of every layer, and the cache."""
    x = rng.standard_normal((examples, width))
    _, cache = init.init_forward(x, [scale * rng.standard_normal((width, width)) for _ in range(depth)], act)
    return init.activation_stats(cache[0][1:])[1], cache


def test_small_weights_let_the_activations_vanish(rng):
    """S3-22."""
    stds, _ = network(rng, 0.01)
    np.testing.assert_allclose(stds[[0, 4, 9]], [5.8e-2, 1.5e-6, 2.4e-12], rtol=0.3)


def test_large_weights_let_the_activations_explode(rng):
    """S3-24."""
    stds, _ = network(rng, 1.0)
    np.testing.assert_allclose(stds[[0, 4, 9]], [5.8, 1.8e4, 3e8], rtol=0.5)


def test_the_code_for_large_weights_does_not_run_on_its_own():
    """S3-24: the data are called x, and the first layer's input X."""
    names = {"np": np}
    exec("x = np.zeros((100, 1000))", names)
    with pytest.raises(NameError, match="X"):
        exec("Hs = [X]", names)


def test_tanh_vanishes_and_saturates(rng):
    """S3-25."""
    small, _ = network(rng, 0.01, "tanh")
    assert small[9] == pytest.approx(9.7e-11, rel=0.3)
    _, (hs, *_) = network(rng, 1.0, "tanh")
    assert np.mean(np.abs(hs[-1]) > 0.99) == pytest.approx(0.78, abs=0.02)


@pytest.mark.parametrize(
    ("act", "scale", "expected"),
    [
        ("tanh", init.xavier_std(100, 100), 0.23),
        ("relu", init.xavier_std(100, 100), 0.024),
        ("relu", init.he_std(100), 0.57),
    ],
)
def test_what_is_left_after_ten_layers(rng, act, scale, expected):
    """S3-29: Xavier suits tanh, and He ReLU."""
    assert expected / 2 < network(rng, scale, act)[0][9] < 2 * expected


def test_backprop_must_be_masked_by_each_layers_own_z(rng):
    """S3-23: the printed code takes `Z[i]`, a row of the last layer's Z, which is (units, examples) there."""
    _, cache = network(rng, init.he_std(100), examples=200)
    hs, zs, ws, _ = cache
    dout = rng.standard_normal(hs[-1].shape)
    _, right = init.init_backward(dout, cache)
    for masks, low, high in (([zs[-1].T[i] for i in range(10)], 0.9, 6.5), ([z.T for z in zs], 0, 1e-13)):
        upstream, printed = dout.T, []
        for i in reversed(range(10)):
            dz = upstream * (masks[i] > 0)
            printed.insert(0, dz @ hs[i])
            upstream = ws[i].T @ dz
        errors = [np.linalg.norm(p - r) / np.linalg.norm(r) for p, r in zip(printed, right)]
        assert low <= min(errors) <= max(errors) <= high


def test_the_variance_of_preactivations_by_simulation(rng):
    """S0-14."""
    w, x = 0.3 * rng.standard_normal((200_000, 7)), rng.standard_normal((200_000, 7))
    assert np.var((w * x).sum(axis=1)) == pytest.approx(init.preact_variance(7, 0.3), rel=0.02)


def test_xavier_is_a_compromise():
    """S0-15: with n_in = 100 and n_out = 300, forward variance 0.5 and backward 1.5."""
    variance = init.xavier_std(100, 300) ** 2
    assert (100 * variance, 300 * variance) == pytest.approx((0.5, 1.5))


def test_e_squared_is_the_square_of_the_mean(rng):
    """S3-27: read as the mean of the square it is twice too large here."""
    w, h = rng.normal(0.7, 1.2, 10**6), rng.normal(-0.5, 0.8, 10**6)
    moments = 0.7, 1.2**2, -0.5, 0.8**2
    assert np.var(w * h) == pytest.approx(init.product_variance(*moments), rel=0.01)
    misread = init.means_of_squares(*moments)
    assert misread > 1.5 * init.product_variance(*moments)


def test_relu_halves_the_second_moment_and_not_the_variance(rng):
    """S3-30: the variance falls to 1/2 - 1/(2 pi) = 0.34."""
    h = np.maximum(rng.standard_normal(10**6), 0)
    mean, second, variance = init.relu_moments(1.0)
    assert variance == pytest.approx(0.3408, abs=1e-4)
    assert (h.mean(), (h**2).mean(), h.var()) == pytest.approx((mean, second, variance), rel=0.01)
    assert h.var() < 0.7 * 0.5


def test_the_printed_bound_of_the_uniform_law_is_too_small(rng):
    """S3-31: with 100 inputs and outputs the variance is 5e-5, 200 times less than the 1e-2 that is wanted."""
    wanted = init.xavier_std(100, 100) ** 2
    printed = np.sqrt(6) / (100 + 100)
    assert wanted == pytest.approx(1e-2)
    assert np.var(rng.uniform(-printed, printed, 10**6)) == pytest.approx(5e-5, rel=0.01)
    bound = init.xavier_uniform_bound(100, 100)
    assert np.var(rng.uniform(-bound, bound, 10**6)) == pytest.approx(wanted, rel=0.01)


def test_gradients_vanish_through_sigmoids_and_can_explode(rng):
    """S0-13: the slope is a quarter at most, and weights multiply it."""
    x, dout = rng.standard_normal((2, 50))
    ws = [rng.standard_normal((50, 50)) for _ in range(10)]
    vanishing = init.grad_norms(x, [0.1 * w for w in ws], dout)
    assert vanishing[0] < 1e-6 * vanishing[-1]
    balanced = [10 * (w - w.mean(axis=1, keepdims=True)) for w in ws]  # then every z is 0, and every slope a quarter
    exploding = init.grad_norms(0 * x, balanced, dout)
    assert exploding[0] > 1e6 * exploding[-1]
