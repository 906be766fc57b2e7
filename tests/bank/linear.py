"""Affine layers, products of matrices and other forms linear or bilinear in an input."""

import autograd.numpy as np

from .case import Bank, drawn, edited, normal, nudged, variant

bank = Bank()


# The affine layer, weights (out, in).
def affine(x, w, b):
    return x @ w.T + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w, dout.T @ x, dout.sum(axis=0)


AFFINE = normal((4, 3), (5, 3), (5,), seed=11)
bank.right("affine", affine, affine_backward, AFFINE)
bank.wrong(
    "affine_db_mean",
    affine,
    edited(affine_backward, 2, lambda db: db / 4),
    AFFINE,
    cause="1/4|factor|mean|0.25|divided by 4|length",
)
bank.wrong(
    "affine_dw_mean", affine, edited(affine_backward, 1, lambda dw: dw / 4), AFFINE, cause="1/4|factor|mean|0.25|length"
)
bank.wrong(
    "affine_dw_sqrt",
    affine,
    edited(affine_backward, 1, lambda dw: dw / np.sqrt(5)),
    AFFINE,
    cause="sqrt|square root|factor",
)
bank.wrong("affine_dx_sign", affine, edited(affine_backward, 0, lambda dx: -dx), AFFINE, cause="sign")
bank.wrong("affine_dw_twice", affine, edited(affine_backward, 1, lambda dw: 2 * dw), AFFINE, cause="factor|twice|2")
bank.wrong(
    "affine_db_last_row",
    affine,
    lambda dout, c: (dout @ c[1], dout.T @ c[0], dout[-1].copy()),
    AFFINE,
    cause="sum|slice|last|accumul|overwr",
)
bank.wrong(
    "affine_db_total",
    affine,
    lambda dout, c: (dout @ c[1], dout.T @ c[0], np.full(5, dout.sum())),
    AFFINE,
    cause="sum|axis",
)
bank.wrong(
    "affine_db_ones", affine, lambda dout, c: (dout @ c[1], dout.T @ c[0], np.ones(5)), AFFINE, cause="dout|upstream"
)
bank.wrong(
    "affine_dw_ignores_dout",
    affine,
    lambda dout, c: (dout @ c[1], np.ones_like(dout).T @ c[0], dout.sum(axis=0)),
    AFFINE,
    cause="dout|upstream",
)
bank.wrong(
    "affine_dw_reshaped",
    affine,
    lambda dout, c: (dout @ c[1], (c[0].T @ dout).reshape(5, 3), dout.sum(axis=0)),
    AFFINE,
    cause="transpose|reshape",
    note="reshape never undoes a transpose",
)
bank.wrong("affine_dw_zero", affine, edited(affine_backward, 1, np.zeros_like), AFFINE, cause="zero")
bank.wrong(
    "affine_dx_one_entry", affine, edited(affine_backward, 0, nudged((2, 1), 1.5)), AFFINE, cause="entry|one |only"
)
bank.wrong(
    "affine_dw_one_row", affine, edited(affine_backward, 1, nudged(4, 0.0)), AFFINE, cause="row|last index|index 4"
)
bank.wrong(
    "affine_dx_one_column",
    affine,
    edited(affine_backward, 0, nudged((slice(None), 0), -1.0)),
    AFFINE,
    cause="column|sign",
)
bank.wrong(
    "affine_dw_off_by_1e-3", affine, edited(affine_backward, 1, lambda dw: dw * 1.001), AFFINE, cause="factor|1.001"
)
bank.wrong(
    "affine_dw_off_by_1e-4", affine, edited(affine_backward, 1, lambda dw: dw * 1.0001), AFFINE, cause="factor|1.0001"
)
bank.wrong(
    "affine_dw_off_by_1e-5", affine, edited(affine_backward, 1, lambda dw: dw * 1.00001), AFFINE, cause="factor|1.00001"
)
bank.wrong(
    "affine_one_entry_off_by_1e-4",
    affine,
    edited(affine_backward, 1, nudged((3, 2), 1.0001)),
    AFFINE,
    cause="entry|one |only",
)
bank.wrong(
    "affine_one_entry_off_by_1e-5",
    affine,
    edited(affine_backward, 0, nudged((1, 2), 0.99999)),
    AFFINE,
    cause="entry|one |only",
)

SQUARE = normal((4, 4), (4, 4), (4,), seed=12)
bank.wrong(
    "affine_square_w_not_transposed",
    affine,
    lambda dout, c: (dout @ c[1].T, dout.T @ c[0], dout.sum(axis=0)),
    SQUARE,
    note="w for w.T fits only where both sides are equal",
)
bank.wrong(
    "affine_square_dw_transposed",
    affine,
    lambda dout, c: (dout @ c[1], c[0].T @ dout, dout.sum(axis=0)),
    SQUARE,
    cause="transpose",
)
bank.wrong(
    "affine_square_db_axis",
    affine,
    lambda dout, c: (dout @ c[1], dout.T @ c[0], dout.sum(axis=1)),
    SQUARE,
    cause="axis|transpos",
)
bank.wrong(
    "affine_square_order",
    affine,
    lambda dout, c: (dout.T @ c[0], dout @ c[1], dout.sum(axis=0)),
    SQUARE,
    cause="order|swap",
)


# A batch of images goes in flattened; weights (in, out) as in many courses.
def affine_images(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b, (x, w)


def affine_images_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


IMAGES = normal((3, 2, 4, 2), (16, 5), (5,), seed=13)
bank.right("affine_images", affine_images, affine_images_backward, IMAGES)
bank.shape(
    "affine_images_flat",
    affine_images,
    lambda dout, c: (dout @ c[1].T, c[0].reshape(3, -1).T @ dout, dout.sum(axis=0)),
    IMAGES,
    cause="shape|reshape",
)
bank.wrong(
    "affine_images_axes_mixed",
    affine_images,
    edited(affine_images_backward, 0, lambda dx: dx.reshape(3, 4, 2, 2).transpose(0, 2, 1, 3)),
    IMAGES,
)
bank.shape(
    "affine_keepdims", affine, edited(affine_backward, 2, lambda db: db.reshape(1, -1)), AFFINE, cause="shape|keepdims"
)
bank.shape("affine_column", affine, edited(affine_backward, 2, lambda db: db.reshape(-1, 1)), AFFINE, cause="shape")
bank.shape(
    "affine_dw_wrong_way_round",
    affine,
    edited(affine_backward, 1, lambda dw: dw.T.copy().reshape(3, 5).T.reshape(15)),
    AFFINE,
    cause="shape",
)


# A bias for each row, a single column, no bias.
def single(w, z):
    return w @ z, (w, z)


def single_backward(dout, cache):
    w, z = cache
    return np.outer(dout, z), w.T @ dout


SINGLE = normal((4, 3), (3,), seed=14)
bank.right("matrix_vector", single, single_backward, SINGLE)
bank.wrong(
    "matrix_vector_outer_ones",
    single,
    lambda dout, c: (np.outer(np.ones(4), c[1]), c[0].T @ dout),
    SINGLE,
    cause="dout|upstream",
)
bank.wrong("matrix_vector_sum", single, lambda dout, c: (np.outer(dout, c[1]), c[0].sum(axis=0) * dout.sum()), SINGLE)


def matmul(a, b):
    return a @ b, (a, b)


bank.right("matmul", matmul, lambda dout, c: (dout @ c[1].T, c[0].T @ dout), normal((3, 4), (4, 2), seed=15))
bank.right(
    "batched_matmul",
    matmul,
    lambda dout, c: (dout @ np.swapaxes(c[1], 1, 2), np.swapaxes(c[0], 1, 2) @ dout),
    normal((2, 3, 4), (2, 4, 5), seed=16),
)
bank.wrong(
    "batched_matmul_shared",
    matmul,
    lambda dout, c: (dout @ np.swapaxes(c[1], 1, 2), np.swapaxes(c[0], 1, 2) @ dout[:1]),
    normal((2, 3, 4), (2, 4, 5), seed=16),
    note="every sample uses the first one's upstream gradient",
)


def broadcast_matmul(a, b):
    return a @ b, (a, b)


bank.right(
    "matmul_shared_weights",
    broadcast_matmul,
    lambda dout, c: (dout @ c[1].T, np.einsum("nij,nik->jk", c[0], dout)),
    normal((2, 3, 4), (4, 5), seed=17),
)
bank.wrong(
    "matmul_shared_weights_first",
    broadcast_matmul,
    lambda dout, c: (dout @ c[1].T, c[0][0].T @ dout[0]),
    normal((2, 3, 4), (4, 5), seed=17),
    note="the batch is not summed over",
)


def chain(a, b, c):
    return a @ b @ c, (a, b, c)


bank.right(
    "matmul_chain",
    chain,
    lambda d, k: (d @ (k[1] @ k[2]).T, k[0].T @ d @ k[2].T, (k[0] @ k[1]).T @ d),
    normal((2, 3), (3, 4), (4, 2), seed=18),
)
bank.wrong(
    "matmul_chain_middle",
    chain,
    lambda d, k: (d @ (k[1] @ k[2]).T, (k[2] @ d.T @ k[0]).T * 0.5, (k[0] @ k[1]).T @ d),
    normal((2, 3), (3, 4), (4, 2), seed=18),
    cause="factor|half|0.5",
)


def outer(u, v):
    return np.outer(u, v), (u, v)


bank.right("outer", outer, lambda d, c: (d @ c[1], d.T @ c[0]), normal((4,), (3,), seed=19))
bank.wrong(
    "outer_square_transposed",
    outer,
    lambda d, c: (d.T @ c[1], d @ c[0]),
    normal((4,), (4,), seed=19),
    cause="transpose",
)


def bilinear(x, w, y):
    return np.einsum("ni,kij,nj->nk", x, w, y), (x, w, y)


def bilinear_backward(d, cache):
    x, w, y = cache
    return (
        np.einsum("nk,kij,nj->ni", d, w, y),
        np.einsum("nk,ni,nj->kij", d, x, y),
        np.einsum("nk,kij,ni->nj", d, w, x),
    )


BILINEAR = normal((3, 2), (2, 2, 4), (3, 4), seed=20)
bank.right("bilinear", bilinear, bilinear_backward, BILINEAR)
bank.wrong(
    "bilinear_dx_first_class",
    bilinear,
    lambda d, c: (d[:, :1] * np.einsum("ij,nj->ni", c[1][0], c[2]), *bilinear_backward(d, c)[1:]),
    BILINEAR,
)
bank.wrong(
    "bilinear_indices_swapped",
    bilinear,
    edited(bilinear_backward, 1, lambda dw: dw[::-1].copy()),
    BILINEAR,
    note="class axis reversed",
)


def quadratic(x, a):
    return x @ a @ x, (x, a)


def quadratic_backward(d, cache, symmetric=False):
    x, a = cache
    return d * (2 * a @ x if symmetric else (a + a.T) @ x), d * np.outer(x, x)


QUADRATIC = normal((4,), (4, 4), seed=21)
bank.right("quadratic_form", quadratic, quadratic_backward, QUADRATIC)
bank.wrong(
    "quadratic_form_assumed_symmetric",
    quadratic,
    variant(quadratic_backward, symmetric=True),
    QUADRATIC,
    note="2 A x holds for a symmetric A",
)
bank.wrong(
    "quadratic_form_half",
    quadratic,
    edited(quadratic_backward, 0, lambda dx: dx / 2),
    QUADRATIC,
    cause="factor|half|0.5",
)
bank.wrong(
    "quadratic_form_one_side",
    quadratic,
    lambda d, c: (d * c[1] @ c[0], d * np.outer(c[0], c[0])),
    QUADRATIC,
    note="one of the two places where x enters",
)
bank.elsewhere(
    "quadratic_form_symmetric_here",
    quadratic,
    variant(quadratic_backward, symmetric=True),
    drawn(lambda rng: (rng.standard_normal(3), np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 3.0]]))),
    elsewhere=normal((3,), (3, 3), seed=22),
)


def fan_out(x, w1, w2):
    return x @ w1.T * np.tanh(x @ w2.T), (x, w1, w2)


def fan_out_backward(d, cache, accumulate=True):
    x, w1, w2 = cache
    a, t = x @ w1.T, np.tanh(x @ w2.T)
    da, dz = d * t, d * a * (1 - t**2)
    dx = dz @ w2 + (da @ w1 if accumulate else 0)
    return dx, da.T @ x, dz.T @ x


FAN_OUT = normal((3, 4), (2, 4), (2, 4), seed=23)
bank.right("gated_unit", fan_out, fan_out_backward, FAN_OUT)
bank.wrong(
    "gated_unit_overwritten",
    fan_out,
    variant(fan_out_backward, accumulate=False),
    FAN_OUT,
    note="dx is assigned twice: the second overwrites the first",
)


def tied(x, w):
    h = np.tanh(x @ w.T)
    return h @ w, (x, w, h)


def tied_backward(d, cache, encoder=True, decoder=True):
    x, w, h = cache
    dz = d @ w.T * (1 - h**2)
    dw = (dz.T @ x if encoder else 0) + (h.T @ d if decoder else 0)
    return dz @ w, dw


TIED = normal((3, 4), (2, 4), seed=24)
bank.right("tied_weights", tied, tied_backward, TIED)
bank.wrong("tied_weights_decoder_only", tied, variant(tied_backward, encoder=False), TIED)
bank.wrong("tied_weights_encoder_only", tied, variant(tied_backward, decoder=False), TIED)


def residual(x, w):
    h = np.maximum(x @ w.T, 0)
    return x + h, (x, w, h)


def residual_backward(d, cache, skip=True, mask=True):
    x, w, h = cache
    dz = d * (h > 0) if mask else d
    return dz @ w + (d if skip else 0), dz.T @ x


RESIDUAL = normal((4, 3), (3, 3), seed=25)
bank.right("residual", residual, residual_backward, RESIDUAL)
bank.wrong(
    "residual_no_skip", residual, variant(residual_backward, skip=False), RESIDUAL, cause="dout|skip|path|accumul|fan"
)
bank.wrong("residual_no_mask", residual, variant(residual_backward, mask=False), RESIDUAL)


def affine_relu(x, w, b):
    z = x @ w.T + b
    return np.maximum(z, 0), (x, w, z)


def affine_relu_backward(d, cache, mask=True):
    x, w, z = cache
    dz = d * (z > 0) if mask else d
    return dz @ w, dz.T @ x, dz.sum(axis=0)


bank.right("affine_relu", affine_relu, affine_relu_backward, AFFINE)
bank.wrong("affine_relu_no_mask", affine_relu, variant(affine_relu_backward, mask=False), AFFINE)


def row_bias(x, b):
    return x * 2 + b[:, None], None


bank.right("row_bias", row_bias, lambda d, _: (2 * d, d.sum(axis=1)), normal((3, 3), (3,), seed=26))
bank.wrong(
    "row_bias_axis", row_bias, lambda d, _: (2 * d, d.sum(axis=0)), normal((3, 3), (3,), seed=26), cause="axis|transpos"
)


def scale_shift(x, gamma, beta):
    return gamma * x + beta, (x, gamma)


bank.right(
    "scale_shift",
    scale_shift,
    lambda d, c: (d * c[1], (d * c[0]).sum(axis=0), d.sum(axis=0)),
    normal((4, 3), (3,), (3,), seed=27),
)
bank.wrong(
    "scale_shift_gamma_mean",
    scale_shift,
    lambda d, c: (d * c[1], (d * c[0]).mean(axis=0), d.sum(axis=0)),
    normal((4, 3), (3,), (3,), seed=27),
    cause="mean|factor|1/4|length",
)
bank.wrong(
    "scale_shift_gamma_without_dout",
    scale_shift,
    lambda d, c: (d * c[1], c[0].sum(axis=0), d.sum(axis=0)),
    normal((4, 3), (3,), (3,), seed=27),
    cause="dout|upstream",
)
bank.wrong(
    "scale_shift_order",
    scale_shift,
    lambda d, c: (d * c[1], d.sum(axis=0), (d * c[0]).sum(axis=0)),
    normal((4, 3), (3,), (3,), seed=27),
    cause="order|swap",
)


# A whole batch of claims in denominator layout.
def tanh_layer(x):
    return np.tanh(W_FIXED @ x)


W_FIXED = np.array([[0.5, -1.2, 0.3], [1.1, 0.4, -0.7]])


def tanh_layer_jacobian(x):
    return W_FIXED.T * (1 - np.tanh(W_FIXED @ x) ** 2)


bank.right("jacobian_tanh_layer", tanh_layer, tanh_layer_jacobian, normal((3,), seed=28), style="jacobian")
bank.wrong(
    "jacobian_without_slope",
    tanh_layer,
    lambda x: W_FIXED.T * (1 - np.tanh(W_FIXED @ x)),
    normal((3,), seed=28),
    style="jacobian",
)


def rotate(x):
    return np.array([x[0] * x[1], x[1] - x[2] ** 2, np.sin(x[0])])


def rotate_jacobian(x):
    return np.array([[x[1], 0.0, np.cos(x[0])], [x[0], 1.0, 0.0], [0.0, -2 * x[2], 0.0]])


bank.right("jacobian_rotate", rotate, rotate_jacobian, normal((3,), seed=29), style="jacobian")
bank.wrong(
    "jacobian_transposed",
    rotate,
    lambda x: rotate_jacobian(x).T.copy(),
    normal((3,), seed=29),
    style="jacobian",
    cause="transpose|layout",
)


def cubic_form(x):
    return np.sum(x**3) + x[0] * x[1]


def cubic_hessian(x):
    h = np.diag(6 * x)
    h[0, 1] = h[1, 0] = 1.0
    return h


bank.right("hessian_cubic", cubic_form, cubic_hessian, normal((4,), seed=30), style="hessian")
bank.wrong("hessian_diagonal_only", cubic_form, lambda x: np.diag(6 * x), normal((4,), seed=30), style="hessian")
bank.wrong(
    "hessian_threes", cubic_form, lambda x: cubic_hessian(x) - np.diag(3 * x), normal((4,), seed=30), style="hessian"
)
