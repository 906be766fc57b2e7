"""What normalised data are, by their statistics; the lecture gives no formulas for these layers."""

import numpy as np
import pytest

from solutions import normalisation
from solutions.batchnorm import batchnorm_backward, batchnorm_forward


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_whitened_data_are_centred_and_have_the_identity_as_covariance(rng):
    """S3-36: every pair of features, where batch norm makes single features unit."""
    x = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5
    white = normalisation.whiten(x, eps=0.0)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(white.T @ white / len(x), np.eye(4), atol=1e-12)
    batch, _ = batchnorm_forward(x, np.ones(4), np.zeros(4), 0.0)
    np.testing.assert_allclose(batch.var(axis=0), 1)
    assert np.max(np.abs(batch.T @ batch / len(x) - np.eye(4))) > 0.1


def test_the_whitening_matrix_is_the_symmetric_one(rng):
    """S3-36: of all rotations of the whitened data this one stays closest to the data."""
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3))
    white = normalisation.whiten(x, eps=0.0)
    centred = x - x.mean(axis=0)
    root = np.linalg.lstsq(centred, white, rcond=None)[0]
    np.testing.assert_allclose(root, root.T, atol=1e-12)
    np.testing.assert_allclose(root @ (centred.T @ centred / 200) @ root, np.eye(3), atol=1e-12)


def test_layer_norm_of_the_transpose_is_batch_norm(rng):
    """S3-45: the two differ in the axis of the statistics alone, where gamma and beta do nothing."""
    x, dout = rng.normal(size=(2, 3, 5))
    by_row, rows = normalisation.layernorm_forward(x, np.ones(5), np.zeros(5))
    by_column, columns = batchnorm_forward(x.T, np.ones(3), np.zeros(3))
    np.testing.assert_allclose(by_row, by_column.T, atol=1e-14)
    dx, _, _ = normalisation.layernorm_backward(dout, rows)
    np.testing.assert_allclose(dx, batchnorm_backward(dout.T, columns)[0].T, atol=1e-14)


def test_one_group_is_layer_norm_of_everything_but_the_batch(rng):
    x, gamma, beta = rng.normal(size=(2, 6, 3, 4)), np.ones(6), np.zeros(6)
    out, _ = normalisation.groupnorm_forward(x, gamma, beta, groups=1)
    flat, _ = normalisation.layernorm_forward(x.reshape(2, -1), np.ones(72), np.zeros(72))
    np.testing.assert_allclose(out.reshape(2, -1), flat, atol=1e-14)


def test_groups_do_not_depend_on_the_rest_of_the_batch(rng):
    x, gamma, beta = rng.normal(size=(2, 6, 3, 4)), rng.normal(size=6), rng.normal(size=6)
    out, _ = normalisation.groupnorm_forward(x, gamma, beta, groups=3)
    alone, _ = normalisation.groupnorm_forward(x[:1], gamma, beta, groups=3)
    np.testing.assert_array_equal(out[:1], alone)
    grouped = (out - beta[:, None, None]).reshape(2, 3, -1) / np.repeat(gamma, 12).reshape(3, -1)
    np.testing.assert_allclose(grouped.mean(axis=2), 0, atol=1e-14)


@pytest.mark.parametrize("groups", [0, 4, -2])
def test_groups_that_do_not_divide_the_channels_are_refused(groups):
    with pytest.raises(ValueError, match=rf"groups is {groups}, .*C = 6"):
        normalisation.groupnorm_forward(np.ones((2, 6, 3, 4)), np.ones(6), np.ones(6), groups)


def test_spatial_batch_norm_is_batch_norm_with_pixels_for_examples(rng):
    x, dout = rng.normal(size=(2, 4, 3, 5, 6))
    gamma, beta = rng.normal(size=(2, 3))
    out, cache = normalisation.spatial_batchnorm_forward(x, gamma, beta)
    moved, flat_cache = batchnorm_forward(np.moveaxis(x, 1, 3).reshape(-1, 3), gamma, beta)
    np.testing.assert_allclose(np.moveaxis(out, 1, 3).reshape(-1, 3), moved, atol=1e-14)
    dx, dgamma, dbeta = normalisation.spatial_batchnorm_backward(dout, cache)
    flat = batchnorm_backward(np.moveaxis(dout, 1, 3).reshape(-1, 3), flat_cache)
    np.testing.assert_allclose(np.moveaxis(dx, 1, 3).reshape(-1, 3), flat[0], atol=1e-13)
    np.testing.assert_allclose((dgamma, dbeta), flat[1:], atol=1e-12)
