"""The functions of solutions/jacobians.py in autograd's NumPy, and its chain rules entry by entry."""

import autograd.numpy as anp
import numpy as np


def chain(upper, lower):
    """The sum over what lies between, one entry at a time: upper[i, j] lower[j, k]."""
    return np.array([[sum(u * low for u, low in zip(row, column)) for column in lower.T] for row in upper])


def softmax(z):
    """From differences of logits, so that nothing needs to be shifted."""
    return anp.stack([1 / anp.sum(anp.exp(z - z[i])) for i in range(len(z))])


AUTOGRAD = {
    "neighbours_jacobian": lambda x: anp.stack([x[i] * x[i] * x[i + 1] for i in range(len(x) - 1)]),
    "neighbours_gradient": lambda x: anp.stack([x[i] * x[i] * x[i + 1] for i in range(len(x) - 1)]),
    "matvec_jacobian": lambda w, x: anp.sum(w * x, axis=1),
    "elementwise_jacobian": anp.tanh,
    "layer_jacobian": lambda h, w: 0.5 * (anp.tanh(anp.sum(w * h, axis=1) / 2) + 1),
    "softmax_jacobian": softmax,
    "length_gradient": lambda x: anp.reshape(anp.sqrt(anp.dot(x, x)), (1,)),
    "between_jacobian": lambda x, v, w: anp.sum(v * anp.tanh(anp.sum(w * x, axis=1)), axis=1),
}

VALUES = {
    "first_order_change": lambda dy_dx, step: chain(step[None], dy_dx)[0],
    "vector_chain": chain,
    "one_input_chain": lambda dy_dq, dq_dx: chain(dy_dq, dq_dx[:, None])[:, 0],
    "jacobian_chain": lambda dq_dx, dy_dq: chain(dq_dx.T, dy_dq.T).T,
    "elementwise_chain": lambda j_y, phi_prime, j_q: chain(chain(j_y, np.diag(phi_prime)), j_q),
}
