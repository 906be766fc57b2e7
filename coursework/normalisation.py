"""Normalising over other axes than the batch: whitening, layer norm, spatial batch norm and group norm."""

import numpy as np
from numpy import ndarray

from checker import Float, task


def _offset(rng, sizes):
    """Correlated features far from 0."""
    return 3 + rng.normal(size=(sizes["N"], sizes["D"])) @ rng.normal(size=(sizes["D"], sizes["D"]))


def _square(rng, sizes):
    """Two features, uncorrelated, of different spreads, at four points where there is room."""
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    return np.resize(corners, (sizes["N"], sizes["D"])) * np.linspace(1, 3, sizes["D"]) + rng.normal()


@task(
    kind="value",
    points=3,
    rows=("S3-36",),
    draw={"x": _offset},
    edges={
        "more examples than features": {"N": 12, "D": 4},
        "one feature": {"D": 1},
        "a batch of 1": {"N": 1},
        "eps of 0.1": {"eps": 0.1},
        "features that do not depend on one another": {"N": 4, "D": 2, "x": _square},
    },
)
def whiten(x: Float[ndarray, "N D"], eps: float = 1e-5):
    """All features decorrelated: return (S + eps I)^(-1/2) (x_n - mean) in row n, of shape (N, D).

    S is the covariance (of 1/N) of the features over the batch, and the root is the symmetric one.
    Lecture S3-36, which has no eps; here it keeps S invertible for small batches.
    """
    raise NotImplementedError  # your answer goes here


def layernorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """Each example normalised by itself: return (out, cache), out = gamma (x - mean) / sqrt(var + eps) + beta (N, D).

    Mean and variance (of 1/D) are those of each row over its features. Lecture S3-45 names it and gives no formula.
    Source: Ba et al. 2016, eq. 3-4; eps goes in as in batch norm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    layernorm_forward,
    points=4,
    rows=("S3-45",),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def layernorm_backward(dout, cache):
    """Gradients of layernorm_forward: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    Lecture S3-45. Source: Ba et al. 2016, eq. 3-4, differentiated.
    """
    raise NotImplementedError  # your answer goes here


def spatial_batchnorm_forward(
    x: Float[ndarray, "N C H W"], gamma: Float[ndarray, "C"], beta: Float[ndarray, "C"], eps: float = 1e-5
):
    """Batch norm for images: return (out, cache), out = gamma (x - mean) / sqrt(var + eps) + beta of x's shape.

    Each channel has one mean, one variance (of 1/(N H W)), one gamma and one beta: a pixel counts as an example.
    Lecture S3-33 for every channel. Source: Ioffe and Szegedy 2015, section 3.2.
    """
    raise NotImplementedError  # your answer goes here


@task(
    spatial_batchnorm_forward,
    points=4,
    rows=("S3-33", "S3-43"),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one pixel": {"H": 1, "W": 1},
        "one channel": {"C": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def spatial_batchnorm_backward(dout, cache):
    """Gradients of spatial_batchnorm_forward: return (dx, dgamma, dbeta) of shapes (N, C, H, W), (C,) and (C,).

    Lecture S3-43 for every channel. Source: Ioffe and Szegedy 2015, section 3.2.
    """
    raise NotImplementedError  # your answer goes here


def groupnorm_forward(
    x: Float[ndarray, "N G*K H W"],
    gamma: Float[ndarray, "G*K"],
    beta: Float[ndarray, "G*K"],
    groups: int,
    eps: float = 1e-5,
):
    """Each example normalised in groups of channels: return (out, cache) with out of x's shape (N, C, H, W).

    The C channels are split, in their order, into `groups` groups of C / groups. A group of one example has one mean
    and one variance, over its channels and pixels; gamma and beta (C,) still scale and shift each channel.
    One group is layer norm of images. Lecture S3-45 names it and gives no formula. Source: Wu and He 2018, eq. 1-7.
    """
    raise NotImplementedError  # your answer goes here


@task(
    groupnorm_forward,
    points=5,
    rows=("S3-45",),
    draw={"groups": lambda rng, sizes: sizes["G"]},
    edges={
        "one group": {"G": 1},
        "a group for each channel": {"K": 1},
        "a batch of 1": {"N": 1},
        "one pixel": {"H": 1, "W": 1},
        "eps of 0.1": {"eps": 0.1},
    },
)
def groupnorm_backward(dout, cache):
    """Gradients of groupnorm_forward: return (dx, dgamma, dbeta) of shapes (N, C, H, W), (C,) and (C,).

    Lecture S3-45. Source: Wu and He 2018, eq. 1-7, differentiated.
    """
    raise NotImplementedError  # your answer goes here
