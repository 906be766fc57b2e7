"""Convolution and pooling on (N, C, H, W) images."""

import autograd.numpy as np
from numpy import s_

from .case import Bank, drawn, edited, normal, variant

bank = Bank()


def padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")


def conv(x, w, b, stride=1, pad=1):
    xp = padded(x, pad)
    h_out = (xp.shape[2] - w.shape[2]) // stride + 1
    w_out = (xp.shape[3] - w.shape[3]) // stride + 1
    rows = []
    for i in range(h_out):
        columns = []
        for j in range(w_out):
            window = xp[:, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
            columns.append(np.einsum("nchw,fchw->nf", window, w) + b)
        rows.append(np.stack(columns, axis=2))
    return np.stack(rows, axis=2), (x, w, stride, pad)


def conv_backward(
    dout, cache, crop="right", start=True, add=True, bias_axes=(0, 2, 3), flip=False, first_channel=False
):
    """The loop over windows; the switches are slips that people make in it."""
    x, w, stride, pad = cache
    xp = padded(x, pad)
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    step = stride if start else 1
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            here = s_[:, :, i * step : i * step + w.shape[2], j * step : j * step + w.shape[3]]
            there = s_[:, :, i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]]
            kernel = w[:, :, ::-1, ::-1] if flip else w
            grad = np.einsum("nf,fchw->nchw", dout[:, :, i, j], kernel)
            if first_channel:
                grad = np.repeat(grad[:, :1], grad.shape[1], axis=1)
            if add:
                dxp[here] += grad
            else:
                dxp[here] = grad
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], xp[there])
    h, v = x.shape[2:]
    if crop == "right":
        dx = dxp[:, :, pad : pad + h, pad : pad + v]
    elif crop == "minus":
        dx = dxp[:, :, pad:-pad, pad:-pad]
    elif crop == "one":
        dx = dxp[:, :, 1:-1, 1:-1]
    elif crop == "none":
        dx = dxp[:, :, :h, :v]
    else:
        dx = dxp[:, :, pad : pad + h, pad : pad + h]
    return dx.copy(), dw, np.sum(dout, axis=bias_axes)


CONV = normal((2, 3, 4, 5), (2, 3, 3, 2), (2,), seed=101)


def with_pad(pad, stride=1):
    """The layer at one stride and padding, bound as people bind a hyperparameter."""
    return lambda x, w, b: conv(x, w, b, stride, pad)


bank.right("conv", with_pad(1), variant(conv_backward), CONV)
bank.right("conv_no_padding", with_pad(0), variant(conv_backward), CONV)
bank.right("conv_stride_two", with_pad(1, 2), variant(conv_backward), CONV)
bank.right("conv_pad_two", with_pad(2), variant(conv_backward), CONV)
bank.wrong(
    "conv_overwrites_overlaps", with_pad(1), variant(conv_backward, add=False), CONV, cause="overwr|accumul|overlap"
)
bank.wrong("conv_crop_forgotten", with_pad(1), variant(conv_backward, crop="none"), CONV, cause="shift|slice|pad|crop")
bank.wrong("conv_kernel_flipped", with_pad(1), variant(conv_backward, flip=True), CONV)
bank.wrong("conv_first_channel_only", with_pad(1), variant(conv_backward, first_channel=True), CONV)
bank.wrong(
    "conv_db_mean",
    with_pad(1),
    edited(variant(conv_backward), 2, lambda db: db / 2),
    CONV,
    cause="factor|half|0.5|mean",
)
bank.wrong(
    "conv_dw_twice", with_pad(1), edited(variant(conv_backward), 1, lambda dw: 2 * dw), CONV, cause="factor|twice|2"
)
bank.wrong("conv_stride_forgotten", with_pad(1, 2), variant(conv_backward, start=False), CONV)
bank.wrong(
    "conv_dw_spatially_flipped",
    with_pad(1),
    edited(variant(conv_backward), 1, lambda dw: dw[:, :, ::-1, ::-1].copy()),
    CONV,
    cause="revers|flip|other entries",
)
bank.wrong(
    "conv_minus_zero",
    with_pad(0),
    edited(variant(conv_backward), 0, lambda dx: np.pad(dx[:, :, 1:-1, 1:-1], ((0, 0), (0, 0), (1, 1), (1, 1)))),
    CONV,
    cause="row|column|border|entr|mask|zero|region",
)


def conv_param(x, w, b, conv_param):
    return conv(x, w, b, conv_param["stride"], conv_param["pad"])


def at(pad, stride, seed=101, shapes=((2, 3, 4, 5), (2, 3, 3, 2), (2,))):
    return drawn(lambda rng: (*(rng.standard_normal(s) for s in shapes), {"stride": stride, "pad": pad}), seed)


SQUARE = ((2, 2, 4, 4), (2, 2, 3, 3), (2,))
bank.right("conv_param_dict", conv_param, variant(conv_backward), at(1, 1))
bank.right("conv_param_stride_that_does_not_fit_every_shape", conv_param, variant(conv_backward), at(1, 2))
bank.edge(
    "conv_pad_zero_slice", conv_param, variant(conv_backward, crop="minus"), at(1, 1), elsewhere=at(0, 1), cause="pad"
)
bank.edge(
    "conv_pad_hard_coded", conv_param, variant(conv_backward, crop="one"), at(1, 1), elsewhere=at(2, 1), cause="pad"
)
bank.edge(
    "conv_stride_left_out",
    conv_param,
    variant(conv_backward, start=False),
    at(1, 1),
    elsewhere=at(1, 2),
    cause="stride",
)
bank.edge(
    "conv_height_for_width",
    conv_param,
    variant(conv_backward, crop="square"),
    at(1, 1, shapes=SQUARE),
    elsewhere=at(1, 1, shapes=((2, 2, 3, 5), (2, 2, 3, 3), (2,))),
    cause="height|width|side|shape|size|square|axis",
)
bank.edge(
    "conv_overlap_overwritten",
    conv_param,
    variant(conv_backward, add=False),
    at(0, 2, shapes=((2, 2, 4, 4), (2, 2, 2, 2), (2,))),
    elsewhere=at(0, 1, shapes=((2, 2, 4, 4), (2, 2, 2, 2), (2,))),
    cause="stride|overlap",
)


def pool(x, size=2, stride=2, reduce=np.max):
    h_out, w_out = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    out = np.stack(
        [
            np.stack(
                [
                    reduce(x[:, :, i * stride : i * stride + size, j * stride : j * stride + size], axis=(2, 3))
                    for j in range(w_out)
                ],
                axis=2,
            )
            for i in range(h_out)
        ],
        axis=2,
    )
    return out, (x, size, stride)


def max_pool_backward(dout, cache, add=True, first=False, start=True, mask=True):
    x, size, stride = cache
    dx = np.zeros_like(x)
    step = stride if start else 1
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            here = s_[:, :, i * step : i * step + size, j * step : j * step + size]
            window = x[here]
            won = window == window.max(axis=(2, 3), keepdims=True)
            if first:
                flat = won.reshape(*won.shape[:2], -1)
                won = (np.cumsum(flat, axis=2) == 1) & flat
                won = won.reshape(window.shape)
            grad = (won if mask else 1.0) * dout[:, :, i, j][:, :, None, None]
            if add:
                dx[here] += grad
            else:
                dx[here] = grad * np.ones_like(window)
    return (dx,)


def average_pool_backward(dout, cache, scale=True):
    x, size, stride = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            share = dout[:, :, i, j][:, :, None, None] / (size**2 if scale else size)
            dx[:, :, i * stride : i * stride + size, j * stride : j * stride + size] += share
    return (dx,)


def max_pool(x):
    return pool(x)


def overlapping(x):
    return pool(x, 3, 1)


def average_pool(x):
    return pool(x, 2, 2, np.mean)


IMAGE = normal((2, 2, 4, 6), seed=102)
bank.right("max_pool", max_pool, variant(max_pool_backward), IMAGE)
bank.right("max_pool_overlapping", overlapping, variant(max_pool_backward), IMAGE)
bank.right("max_pool_first_winner", max_pool, variant(max_pool_backward, first=True), IMAGE)
bank.right("average_pool", average_pool, variant(average_pool_backward), IMAGE)
bank.wrong(
    "max_pool_overlap_overwritten",
    overlapping,
    variant(max_pool_backward, add=False),
    IMAGE,
    cause="overwr|accumul|overlap",
)
bank.wrong("max_pool_stride_forgotten", max_pool, variant(max_pool_backward, start=False), IMAGE)
bank.wrong("max_pool_no_mask", max_pool, variant(max_pool_backward, mask=False), IMAGE, cause="mask|max|loser")
bank.wrong("max_pool_averaged", max_pool, lambda d, c: average_pool_backward(d, c), IMAGE)
bank.wrong(
    "average_pool_one_side", average_pool, variant(average_pool_backward, scale=False), IMAGE, cause="factor|2|twice"
)
bank.wrong("average_pool_max", average_pool, variant(max_pool_backward), IMAGE)


def pool_param(x, pool_param):
    return pool(x, pool_param["size"], pool_param["stride"])


def pooled(size, stride, seed=103):
    return drawn(lambda rng: (rng.standard_normal((2, 2, 4, 6)), {"size": size, "stride": stride}), seed)


bank.right("max_pool_param_dict", pool_param, variant(max_pool_backward), pooled(2, 2))
bank.edge(
    "max_pool_windows_overlap",
    pool_param,
    variant(max_pool_backward, add=False),
    pooled(2, 2),
    elsewhere=pooled(3, 1),
    cause="overlap|stride|size",
)
bank.nasty(
    "max_pool_ties_all",
    max_pool,
    variant(max_pool_backward),
    drawn(lambda rng: (rng.integers(0, 3, (2, 2, 4, 4)).astype(float),), 104),
    corner=True,
    note="every tied maximum gets the gradient: a convention",
)
bank.nasty(
    "max_pool_ties_first",
    max_pool,
    variant(max_pool_backward, first=True),
    drawn(lambda rng: (rng.integers(0, 3, (2, 2, 4, 4)).astype(float),), 104),
    corner=True,
)
bank.nasty(
    "max_pool_of_zeros",
    max_pool,
    variant(max_pool_backward, first=True),
    lambda: (np.zeros((1, 2, 4, 4)),),
    corner=True,
)
bank.nasty(
    "max_pool_of_relu_zeros",
    max_pool,
    variant(max_pool_backward, first=True),
    drawn(lambda rng: (np.maximum(rng.standard_normal((2, 1, 4, 4)), 0),), 105),
    corner=True,
)


def global_average(x):
    return np.mean(x, axis=(2, 3)), x.shape


bank.right(
    "global_average_pool", global_average, lambda d, s: (np.ones(s) * d[:, :, None, None] / (s[2] * s[3]),), IMAGE
)
bank.wrong(
    "global_average_pool_one_side",
    global_average,
    lambda d, s: (np.ones(s) * d[:, :, None, None] / s[2],),
    IMAGE,
    cause="factor|6|length",
)
bank.elsewhere(
    "global_average_pool_square",
    global_average,
    lambda d, s: (np.ones(s) * d[:, :, None, None] / s[2] ** 2,),
    normal((2, 2, 3, 3), seed=106),
    elsewhere=IMAGE,
    note="height squared for height times width",
)


def upsample(x):
    return np.repeat(np.repeat(x, 2, axis=2), 2, axis=3), x.shape


bank.right(
    "upsample",
    upsample,
    lambda d, s: (d.reshape(s[0], s[1], s[2], 2, s[3], 2).sum(axis=(3, 5)),),
    normal((1, 2, 2, 3), seed=107),
)
bank.wrong(
    "upsample_takes_the_first",
    upsample,
    lambda d, s: (d[:, :, ::2, ::2].copy(),),
    normal((1, 2, 2, 3), seed=107),
    cause="sum|slice|dout|overwritten",
)
bank.wrong(
    "upsample_mean",
    upsample,
    lambda d, s: (d.reshape(s[0], s[1], s[2], 2, s[3], 2).mean(axis=(3, 5)),),
    normal((1, 2, 2, 3), seed=107),
    cause="mean|factor|1/4|0.25",
)
