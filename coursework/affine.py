"""The affine layer out = x W^T + b, with weights of shape (out, in) as in the lectures."""

from numpy import ndarray

from checker import Float, task


def affine_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """Each row of x times the transpose of w, plus b: return (out, cache) with out of shape (N, M). Lecture S0-03."""
    raise NotImplementedError  # your answer goes here


@task(
    affine_forward,
    points=2,
    rows=("S0-03", "S0-05", "S0-06", "S2-04", "S3-19"),
    edges={"a batch of 1": {"N": 1}, "one unit": {"M": 1}, "one feature": {"D": 1}},
)
def affine_backward(dout, cache):
    """Gradients of out = x w^T + b: return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lectures S0-05, S2-04 and S3-19; the gradient of b (S0-06) is left to you there.
    """
    raise NotImplementedError  # your answer goes here
