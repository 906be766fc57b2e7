"""Scaled dot-product attention: every query takes a mean of the values, weighted by how well the keys fit it."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake


def _row_softmax(scores):
    """The softmax of each row; nothing that is exponentiated is positive."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _seen(scores, causal):
    """The scores of the keys that a query may look at, -inf for the others."""
    return np.where(np.tri(*scores.shape[1:], dtype=bool), scores, -np.inf) if causal else scores


def attention_forward(
    q: Float[ndarray, "N T D"], k: Float[ndarray, "N S D"], v: Float[ndarray, "N S M"], causal: bool = False
):
    """Attention of T queries to S keys with their values: return (out, cache), out of shape (N, T, M).

    scores = q k^T / sqrt(D) in each example, p = softmax of the scores over the keys, out = p v. If causal, query t
    sees the keys 0 to t only: the others' scores count as minus infinity. Write it so that scores of 1000 do no harm.
    Source: Vaswani et al. 2017, section 3.2.1, eq. 1; section 3.2.3 for the mask.
    """
    ### BEGIN SOLUTION
    # $$s_{ti} = \frac{q_t\cdot k_i}{\sqrt D},\qquad p_{ti} = \frac{e^{s_{ti}-\max s_t}}{\sum_j e^{s_{tj}-\max s_t}},
    #   \qquad o_t = \sum_i p_{ti} v_i.$$
    expect_shapes(attention_forward, q, k, v)
    p = _row_softmax(_seen(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2]), causal))
    return p @ v, (q, k, v, p)
    ### END SOLUTION


@exercise(
    attention_forward,
    points=5,
    hints=(
        "Three steps: scores, softmax, and the product with v. Go back through them one by one, each with its shape.",
        "In out = p v, p is (T, S): a product of matrices as in an affine layer, once for every example.",
        "Each row's softmax mixes the row: one score moves every weight of its query, and of no other query.",
        "The scale stands between q k^T and the scores: both dq and dk come from behind it.",
    ),
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
    ### BEGIN SOLUTION
    # In each example
    # $$\bar v = p^\top\bar o,\quad \bar p = \bar o\,v^\top,\quad
    #   \bar s_{ti} = p_{ti}\Big(\bar p_{ti} - \sum_j p_{tj}\bar p_{tj}\Big),\quad
    #   \bar q = \frac{\bar s\,k}{\sqrt D},\quad \bar k = \frac{\bar s^\top q}{\sqrt D}.$$
    # A key that a query may not see has $p_{ti} = 0$, and no gradient: the mask needs no line of its own.
    q, k, v, p = cache
    dp = dout @ v.transpose(0, 2, 1)
    ds = p * (dp - (p * dp).sum(axis=2, keepdims=True)) / np.sqrt(q.shape[2])
    return ds @ k, ds.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ dout
    ### END SOLUTION


def _from_scores(dout, cache, slope):
    """All gradients, with slope(p, dp) for the way back through the softmax."""
    q, k, v, p = cache
    ds = slope(p, dout @ v.transpose(0, 2, 1)) / np.sqrt(q.shape[2])
    return ds @ k, ds.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ dout


def _scaled(dout, cache, of_q, of_k):
    """The right gradients, dq and dk times factors of their own."""
    dq, dk, dv = attention_backward(dout, cache)
    return dq * of_q, dk * of_k, dv


# -- wrong forwards ---------------------------------------------------------------------------------------------------


def _attended(q, k, v, causal, scale=None, softmax=_row_softmax, mask=_seen):
    """The forward with another scale, another softmax or another mask."""
    scale = 1 / np.sqrt(q.shape[2]) if scale is None else scale
    p = softmax(mask(q @ k.transpose(0, 2, 1) * scale, causal))
    return p @ v, (q, k, v, p)


@mistake(attention_backward, "What are the scores divided by, so that they do not grow with D?", half="forward")
def scores_not_scaled(q, k, v, causal=False):
    return _attended(q, k, v, causal, scale=1.0)


@mistake(attention_backward, "The scale is a root: if D is four times as large, the scores are halved.", half="forward")
def scaled_by_d(q, k, v, causal=False):
    return _attended(q, k, v, causal, scale=1 / q.shape[2])


@mistake(
    attention_backward, "Which dimension does the root hold: that of a key, or how many keys there are?", half="forward"
)
def scaled_by_the_number_of_keys(q, k, v, causal=False):
    return _attended(q, k, v, causal, scale=1 / np.sqrt(k.shape[1]))


@mistake(
    attention_backward, "Each query's weights must add up to 1: over which axis does your softmax run?", half="forward"
)
def softmax_over_the_queries(q, k, v, causal=False):
    return _attended(q, k, v, causal, softmax=_softmax_along_the_queries)


def _softmax_along_the_queries(scores):
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@mistake(attention_backward, "Each query's weights must add up to 1: yours do so all together.", half="forward")
def softmax_over_everything(q, k, v, causal=False):
    p = attention_forward(q, k, v, causal)[1][3]
    e = p / p.max(axis=2, keepdims=True)
    p = e / e.sum(axis=(1, 2), keepdims=True)
    return p @ v, (q, k, v, p)


@mistake(attention_backward, "Weights that add up to 1 are asked for; yours are the scores themselves.", half="forward")
def no_softmax(q, k, v, causal=False):
    return _attended(q, k, v, causal, softmax=lambda scores: np.where(np.isinf(scores), 0.0, scores))


@mistake(attention_backward, "Try scores of 1800: what is the exponential of that?", half="forward")
def exponentials_without_the_maximum(q, k, v, causal=False):
    def softmax(scores):
        e = np.exp(scores)
        return e / e.sum(axis=-1, keepdims=True)

    return _attended(q, k, v, causal, softmax=softmax)


@mistake(attention_backward, "Your output is the same whether causal is set or not.", half="forward")
def mask_forgotten(q, k, v, causal=False):
    return attention_forward(q, k, v, False)


@mistake(attention_backward, "Is the mask asked for when causal is not set?", half="forward")
def always_causal(q, k, v, causal=False):
    return attention_forward(q, k, v, True)


@mistake(attention_backward, "A score of 0 is a score like others: which score has a weight of 0?", half="forward")
def masked_scores_of_zero(q, k, v, causal=False):
    def mask(scores, causal):
        return np.where(np.isinf(_seen(scores, causal)), 0.0, scores)

    return _attended(q, k, v, causal, mask=mask)


@mistake(attention_backward, "Do a query's weights still add up to 1 after your mask?", half="forward")
def masked_after_the_softmax(q, k, v, causal=False):
    p = attention_forward(q, k, v)[1][3]
    p = p * np.tri(*p.shape[1:]) if causal else p
    return p @ v, (q, k, v, p)


@mistake(attention_backward, "Which keys does query 0 see, and which the last query? Yours look ahead.", half="forward")
def causal_mask_turned_round(q, k, v, causal=False):
    def mask(scores, causal):
        queries, keys = scores.shape[1:]
        ahead = np.arange(keys) >= np.minimum(np.arange(queries), keys - 1)[:, None]
        return np.where(ahead, scores, -np.inf) if causal else scores

    return _attended(q, k, v, causal, mask=mask)


# -- wrong gradients --------------------------------------------------------------------------------------------------


@mistake(attention_backward, "The scores were divided by a root: are their gradients?")
def scale_forgotten(dout, cache):
    root = np.sqrt(cache[0].shape[2])
    return _scaled(dout, cache, root, root)


@mistake(attention_backward, "The scale divides the scores once: how often does it divide your gradients?")
def scores_scaled_twice(dout, cache):
    root = np.sqrt(cache[0].shape[2])
    return _scaled(dout, cache, 1 / root, 1 / root)


@mistake(attention_backward, "The scale stands behind q k^T: whose gradients does it concern, besides dq?")
def scale_in_dq_only(dout, cache):
    return _scaled(dout, cache, 1.0, np.sqrt(cache[0].shape[2]))


@mistake(attention_backward, "The scale stands behind q k^T: whose gradients does it concern, besides dk?")
def scale_in_dk_only(dout, cache):
    return _scaled(dout, cache, np.sqrt(cache[0].shape[2]), 1.0)


@mistake(
    attention_backward,
    "Raise one score: only its own weight moves, according to you. Do the weights still add up to 1?",
)
def attention_softmax_diagonal_only(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * (1 - p) * dp)


@mistake(attention_backward, "Of a softmax's derivative p_i (1{i=j} - p_j), one half is there: which is missing?")
def first_term_of_the_softmax_only(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * dp)


@mistake(attention_backward, "The gradient of the weights is not yet that of the scores: what lies between them?")
def softmax_passed_over(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: dp)


@mistake(attention_backward, "The sum in the softmax's gradient is a weighted one: how much does each weight count?")
def sum_without_the_weights(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * (dp - dp.sum(axis=2, keepdims=True)))


@mistake(attention_backward, "The sum in the softmax's gradient is a weighted one: do all keys weigh the same?")
def mean_for_the_weighted_sum(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * (dp - dp.mean(axis=2, keepdims=True)))


@mistake(attention_backward, "A query's softmax runs over the keys: over which axis does your sum run?")
def softmax_gradient_over_the_queries(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * (dp - (p * dp).sum(axis=1, keepdims=True)))


@mistake(attention_backward, "Each row of weights has its own softmax: over what is the sum in its gradient taken?")
def softmax_gradient_over_everything(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * (dp - (p * dp).sum(axis=(1, 2), keepdims=True)))


@mistake(attention_backward, "More weight on a value that the loss likes less: does the loss rise or fall?")
def softmax_sign_turned(dout, cache):
    return _from_scores(dout, cache, lambda p, dp: p * ((p * dp).sum(axis=2, keepdims=True) - dp))


@mistake(attention_backward, "ds is (T, S), and a key meets every query: a reshape to (S, T) mixes them up.")
def scores_reshaped_for_dk(dout, cache):
    q, k, v, p = cache
    dq, _, dv = attention_backward(dout, cache)
    dp = dout @ v.transpose(0, 2, 1)
    ds = p * (dp - (p * dp).sum(axis=2, keepdims=True)) / np.sqrt(q.shape[2])
    return dq, ds.reshape(len(q), k.shape[1], q.shape[1]) @ q, dv


@mistake(attention_backward, "p is (T, S), and a value meets every query: a reshape to (S, T) mixes them up.")
def weights_reshaped_for_dv(dout, cache):
    p = cache[3]
    dq, dk, _ = attention_backward(dout, cache)
    return dq, dk, p.reshape(len(p), p.shape[2], p.shape[1]) @ dout


@mistake(attention_backward, "Query t counts q_t . k_i: is it a query or a key that k_i is multiplied by?")
def keys_for_queries_in_dk(dout, cache):
    q, k, v, p = cache
    dq, _, dv = attention_backward(dout, cache)
    dp = dout @ v.transpose(0, 2, 1)
    ds = p * (dp - (p * dp).sum(axis=2, keepdims=True)) / np.sqrt(q.shape[2])
    return dq, ds.sum(axis=1)[..., None] * k, dv


@mistake(attention_backward, "What multiplies v in the forward: the scores, or their softmax?")
def scores_for_weights_in_dv(dout, cache):
    q, k, _, _ = cache
    dq, dk, _ = attention_backward(dout, cache)
    return dq, dk, (q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2])).transpose(0, 2, 1) @ dout


@mistake(attention_backward, "Do all queries look at a value equally much?")
def values_without_weights(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dk, np.broadcast_to(dout.sum(axis=1, keepdims=True), dv.shape).copy()


@mistake(attention_backward, "A key and its value serve every query: is anything divided by the number of queries?")
def mean_over_the_queries(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    steps = dout.shape[1]
    return dq, dk / steps, dv / steps


@mistake(attention_backward, "A key and its value serve every query: your dk and dv hear from the last one alone.")
def last_query_only(dout, cache):
    q, k, v, p = cache
    dq, _, _ = attention_backward(dout, cache)
    return (dq, *attention_backward(dout[:, -1:], (q[:, -1:], k, v, p[:, -1:]))[1:])


@mistake(attention_backward, "Your gradients are the same for every dout: the local derivative is one factor of two.")
def attention_without_upstream(dout, cache):
    return attention_backward(np.ones_like(dout), cache)
