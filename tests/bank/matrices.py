"""Functions of whole matrices: inverse, determinant, trace, solve, exponentials of forms."""

import autograd.numpy as np

from .case import Bank, drawn, normal

bank = Bank()
SQUARE = drawn(lambda rng: (rng.standard_normal((3, 3)) + 2 * np.eye(3),), 141)
SOLVE = drawn(lambda rng: (rng.standard_normal((3, 3)) + 2 * np.eye(3), rng.standard_normal(3)), 142)


def inverse(a):
    out = np.linalg.inv(a)
    return out, out


bank.right("inverse", inverse, lambda d, out: (-out.T @ d @ out.T,), SQUARE)
bank.wrong("inverse_not_transposed", inverse, lambda d, out: (-out @ d @ out,), SQUARE)
bank.wrong("inverse_no_minus", inverse, lambda d, out: (out.T @ d @ out.T,), SQUARE, cause="sign")
bank.wrong("inverse_elementwise", inverse, lambda d, out: (-d * out**2,), SQUARE)


def det(a):
    value = np.linalg.det(a)
    return value, (a, value)


bank.right("determinant", det, lambda d, c: (d * c[1] * np.linalg.inv(c[0]).T,), SQUARE)
bank.wrong("determinant_transposed", det, lambda d, c: (d * c[1] * np.linalg.inv(c[0]),), SQUARE, cause="transpose")
bank.wrong("determinant_of_log", det, lambda d, c: (d * np.linalg.inv(c[0]).T,), SQUARE, cause="factor")


def logdet(a):
    return np.linalg.slogdet(a)[1], a


bank.right("log_determinant", logdet, lambda d, a: (d * np.linalg.inv(a).T,), SQUARE)
bank.wrong("log_determinant_half", logdet, lambda d, a: (d * np.linalg.inv(a).T / 2,), SQUARE, cause="factor|half|0.5")


def trace_product(a, b):
    return np.trace(a @ b), (a, b)


bank.right("trace_of_product", trace_product, lambda d, c: (d * c[1].T, d * c[0].T), normal((3, 4), (4, 3), seed=143))
bank.wrong(
    "trace_of_product_not_transposed",
    trace_product,
    lambda d, c: (d * c[1], d * c[0]),
    normal((3, 3), (3, 3), seed=143),
    cause="transpose",
)
bank.wrong(
    "trace_of_product_order",
    trace_product,
    lambda d, c: (d * c[0].T, d * c[1].T),
    normal((3, 3), (3, 3), seed=143),
    cause="order|swap",
)


def solve(a, b):
    x = np.linalg.solve(a, b)
    return x, (a, x)


def solve_backward(d, c):
    g = np.linalg.solve(c[0].T, d)
    return -np.outer(g, c[1]), g


bank.right("solve", solve, solve_backward, SOLVE)
bank.wrong(
    "solve_a_transposed",
    solve,
    lambda d, c: (solve_backward(d, c)[0].T.copy(), solve_backward(d, c)[1]),
    SOLVE,
    cause="transpose",
)
bank.wrong(
    "solve_without_transpose",
    solve,
    lambda d, c: (-np.outer(np.linalg.solve(c[0], d), c[1]), np.linalg.solve(c[0], d)),
    SOLVE,
)
bank.wrong("solve_sign", solve, lambda d, c: (-solve_backward(d, c)[0], solve_backward(d, c)[1]), SOLVE, cause="sign")


def gram(a):
    return a.T @ a, a


bank.right("gram", gram, lambda d, a: (a @ (d + d.T),), normal((4, 3), seed=144))
bank.wrong("gram_symmetric_upstream", gram, lambda d, a: (2 * a @ d,), normal((4, 3), seed=144))
bank.wrong("gram_one_side", gram, lambda d, a: (a @ d,), normal((4, 3), seed=144))


def square_matrix(a):
    return a @ a, a


bank.right("matrix_square", square_matrix, lambda d, a: (d @ a.T + a.T @ d,), SQUARE)
bank.wrong("matrix_square_as_number", square_matrix, lambda d, a: (2 * d @ a.T,), SQUARE)


def mahalanobis(x, mu, a):
    r = x - mu
    return 0.5 * np.einsum("ni,ij,nj->n", r, a, r), (r, a)


def mahalanobis_backward(d, c):
    r, a = c
    g = 0.5 * d[:, None] * (r @ (a + a.T))
    return g, -g.sum(axis=0), 0.5 * np.einsum("n,ni,nj->ij", d, r, r)


MAHALANOBIS = normal((4, 3), (3,), (3, 3), seed=145)
bank.right("mahalanobis", mahalanobis, mahalanobis_backward, MAHALANOBIS)
bank.wrong(
    "mahalanobis_mu_sign",
    mahalanobis,
    lambda d, c: tuple(-g if i == 1 else g for i, g in enumerate(mahalanobis_backward(d, c))),
    MAHALANOBIS,
    cause="sign",
)
bank.wrong(
    "mahalanobis_mu_mean",
    mahalanobis,
    lambda d, c: tuple(g / 4 if i == 1 else g for i, g in enumerate(mahalanobis_backward(d, c))),
    MAHALANOBIS,
    cause="mean|factor|1/4|length",
)


def eigenvalue(a, v):
    return v @ a @ v / (v @ v), (a, v)


def rayleigh_backward(d, c, own=True):
    a, v = c
    n = v @ v
    return d * np.outer(v, v) / n, d * ((a + a.T) @ v / n - 2 * own * (v @ a @ v) * v / n**2)


bank.right("rayleigh_quotient", eigenvalue, lambda d, c: rayleigh_backward(d, c), normal((3, 3), (3,), seed=146))
bank.wrong(
    "rayleigh_quotient_constant_norm",
    eigenvalue,
    lambda d, c: rayleigh_backward(d, c, own=False),
    normal((3, 3), (3,), seed=146),
)


def kronecker(a, b):
    return np.kron(a, b), (a, b)


def kronecker_backward(d, c):
    a, b = c
    blocks = d.reshape(a.shape[0], b.shape[0], a.shape[1], b.shape[1])
    return np.einsum("ikjl,kl->ij", blocks, b), np.einsum("ikjl,ij->kl", blocks, a)


bank.right("kronecker_product", kronecker, kronecker_backward, normal((2, 3), (2, 2), seed=147))


def normalised_rows(a):
    s = np.sum(a, axis=1, keepdims=True)
    return a / s, (a, s)


bank.right(
    "rows_over_their_sum",
    normalised_rows,
    lambda d, c: (d / c[1] - (d * c[0]).sum(axis=1, keepdims=True) / c[1] ** 2,),
    drawn(lambda rng: (rng.uniform(0.5, 2, (3, 4)),), 148),
)
bank.wrong(
    "rows_over_their_sum_constant",
    normalised_rows,
    lambda d, c: (d / c[1],),
    drawn(lambda rng: (rng.uniform(0.5, 2, (3, 4)),), 148),
    cause="mean|constant|sum",
)


def laplacian_energy(f, w):
    diff = f[:, None] - f[None, :]
    return 0.5 * np.sum(w * diff**2), (f, w, diff)


def laplacian_energy_backward(d, c):
    f, w, diff = c
    return d * ((w + w.T) * diff).sum(axis=1), 0.5 * d * diff**2


ENERGY = drawn(lambda rng: (rng.standard_normal(4), rng.uniform(0, 1, (4, 4))), 149)
bank.right("graph_energy", laplacian_energy, laplacian_energy_backward, ENERGY)
bank.wrong(
    "graph_energy_one_end", laplacian_energy, lambda d, c: (d * (c[1] * c[2]).sum(axis=1), 0.5 * d * c[2] ** 2), ENERGY
)
