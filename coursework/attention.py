"""Scaled dot-product attention: every query takes a mean of the values, weighted by how well the keys fit it."""

from numpy import ndarray

from checker import Float, task


def attention_forward(
    q: Float[ndarray, "N T D"], k: Float[ndarray, "N S D"], v: Float[ndarray, "N S M"], causal: bool = False
):
    """Attention of T queries to S keys with their values: return (out, cache), out of shape (N, T, M).

    scores = q k^T / sqrt(D) in each example, p = softmax of the scores over the keys, out = p v. If causal, query t
    sees the keys 0 to t only: the others' scores count as minus infinity. Write it so that scores of 1000 do no harm.
    Source: Vaswani et al. 2017, section 3.2.1, eq. 1; section 3.2.3 for the mask.
    """
    raise NotImplementedError  # your answer goes here


@task(
    attention_forward,
    points=5,
    edges={
        "causal": {"causal": True},
        "causal, with more keys than queries": {"causal": True, "T": 3, "S": 6},
        "more keys than queries": {"T": 2, "S": 6},
        "one query": {"T": 1},
        "one key": {"S": 1},
        "one query, causal": {"T": 1, "S": 4, "causal": True},
        "keys of one number": {"D": 1},
        "values of one number": {"M": 1},
        "a batch of 1": {"N": 1},
    },
    overflow={
        "scores of 1800": {"q": (30, 31), "k": (30, 30.05)},
        "scores of -1800": {"q": (30, 31), "k": (-30.05, -30)},
    },
)
def attention_backward(dout, cache):
    """Gradients of attention_forward: return (dq, dk, dv), each of its input's shape, given dout (N, T, M).

    Source: Vaswani et al. 2017, section 3.2.1, eq. 1, differentiated.
    """
    raise NotImplementedError  # your answer goes here
