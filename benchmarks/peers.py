"""The peers, each asked the same question at its default settings: does this vjp belong to this function?

A peer sees a `Box`, a plain NumPy function with its claimed derivative, in the clothes of its own framework.
"""

import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]


@dataclass
class Box:
    """`outs(*leaves)` and the claimed `vjp(douts, *leaves)`, at the point `leaves`. Counts the calls of `outs`."""

    outs: Callable[..., Arrays]
    vjp: Callable[..., Arrays]
    leaves: Arrays
    forwards: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.leaves = tuple(np.asarray(leaf) for leaf in self.leaves)

    def run(self, *leaves: np.ndarray) -> Arrays:
        """The outputs, counted."""
        self.forwards += 1
        return tuple(np.asarray(out) for out in self.outs(*leaves))

    def pull(self, douts: Arrays, *leaves: np.ndarray) -> Arrays:
        """The claimed gradients, one for each leaf and of its type."""
        grads = tuple(np.asarray(grad) for grad in self.vjp(douts, *leaves))
        if len(grads) != len(leaves):
            raise ValueError(f"{len(grads)} gradients for {len(leaves)} inputs")
        return grads

    def scalar(self, seed: int) -> tuple[Callable[[np.ndarray], float], Callable[[np.ndarray], np.ndarray], np.ndarray]:
        """<dout, outs> for a random dout as a function of one vector, its gradient, and the point."""
        cuts = np.cumsum([leaf.size for leaf in self.leaves])[:-1]
        rng = np.random.default_rng(seed)
        douts = tuple(rng.standard_normal(np.shape(out)) for out in self.outs(*self.leaves))

        def leaves(vector: np.ndarray) -> Arrays:
            return tuple(part.reshape(leaf.shape) for part, leaf in zip(np.split(vector, cuts), self.leaves))

        def value(vector: np.ndarray) -> float:
            return float(sum(np.sum(dout * out) for dout, out in zip(douts, self.run(*leaves(vector)))))

        def gradient(vector: np.ndarray) -> np.ndarray:
            grads = self.pull(douts, *leaves(vector))
            if [grad.size for grad in grads] != [leaf.size for leaf in self.leaves]:
                raise ValueError("a gradient of another size than its input")
            return np.concatenate([grad.ravel() for grad in grads])

        return value, gradient, np.concatenate([leaf.ravel().astype(float) for leaf in self.leaves])


#: `peer(box, seed)` says whether the claim passes, or raises.
Peer = Callable[[Box, int], bool]


def torch_slow(box: Box, seed: int, fast: bool = False) -> bool:
    """torch.autograd.gradcheck."""
    import torch

    class Boxed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *leaves: Any) -> Any:
            ctx.save_for_backward(*leaves)
            outs = box.run(*(leaf.detach().numpy() for leaf in leaves))
            tensors = tuple(torch.from_numpy(np.array(out)) for out in outs)
            return tensors[0] if len(tensors) == 1 else tensors

        @staticmethod
        def backward(ctx: Any, *douts: Any) -> Any:
            leaves = tuple(leaf.detach().numpy() for leaf in ctx.saved_tensors)
            grads = box.pull(tuple(dout.numpy() for dout in douts), *leaves)
            return tuple(torch.from_numpy(np.array(grad)) for grad in grads)

    torch.manual_seed(seed)
    leaves = [torch.from_numpy(np.array(leaf)).requires_grad_() for leaf in box.leaves]
    return bool(torch.autograd.gradcheck(Boxed.apply, leaves, fast_mode=fast))


def jax_check(box: Box, seed: int) -> bool:
    """jax.test_util.check_grads in reverse mode, in float64."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def boxed(*leaves: Any) -> Any:
        return tuple(jax.numpy.asarray(out) for out in box.run(*map(np.asarray, leaves)))

    def forward(*leaves: Any) -> Any:
        return boxed(*leaves), leaves

    def backward(leaves: Any, douts: Any) -> Any:
        return tuple(map(jax.numpy.asarray, box.pull(tuple(map(np.asarray, douts)), *map(np.asarray, leaves))))

    boxed.defvjp(forward, backward)
    with _seeded(seed):
        check_grads(boxed, tuple(map(jax.numpy.asarray, box.leaves)), order=1, modes=["rev"])
    return True


def autograd_check(box: Box, seed: int) -> bool:
    """autograd.test_util.check_grads in reverse mode."""
    from autograd.extend import defvjp_argnums, primitive
    from autograd.test_util import check_grads

    count = len(box.outs(*box.leaves))
    if count != 1:
        raise UnfitError("autograd's primitives return one array")
    boxed = primitive(lambda *leaves: box.run(*leaves)[0])

    def pullback(argnums: Any, out: Any, leaves: Any, _: Any) -> Callable[[Any], Any]:
        def pull(dout: Any) -> Any:
            grads = box.pull((np.asarray(dout),), *leaves)
            return [grads[k] for k in argnums]

        return pull

    defvjp_argnums(boxed, pullback)
    with _seeded(seed):
        for k in range(len(box.leaves)):
            check_grads(boxed, argnum=k, modes=["rev"], order=1)(*box.leaves)
    return True


def scipy_check(box: Box, seed: int, direction: str = "all") -> bool:
    """scipy.optimize.check_grad, which leaves the verdict to its caller: here, an error within 1e-6 of the gradient."""
    from scipy.optimize import check_grad

    value, gradient, x = box.scalar(seed)
    grad = gradient(x)
    if direction == "all":
        error, size = check_grad(value, gradient, x), np.linalg.norm(grad)
    else:
        error, size = check_grad(value, gradient, x, direction="random", rng=seed), np.linalg.norm(grad)
    return bool(error <= 1e-6 * max(1.0, size))


def numdifftools_check(box: Box, seed: int) -> bool:
    """numdifftools.Gradient and numpy.allclose."""
    import numdifftools

    value, gradient, x = box.scalar(seed)
    return bool(np.allclose(numdifftools.Gradient(value)(x), gradient(x)))


def course_loop(box: Box, seed: int, tolerance: float = 1e-7) -> bool:
    """The loop that courses hand out: (f(x+h) - f(x-h)) / 2h with h = 1e-5, and a relative error below a tolerance."""
    value, gradient, x = box.scalar(seed)
    claimed, numeric = gradient(x), np.zeros_like(x)
    for k in range(x.size):
        old = x[k]
        x[k] = old + 1e-5
        above = value(x)
        x[k] = old - 1e-5
        numeric[k] = (above - value(x)) / 2e-5
        x[k] = old
    relative = np.abs(claimed - numeric) / np.maximum(1e-8, np.abs(claimed) + np.abs(numeric))
    return bool(np.max(relative, initial=0.0) < tolerance)


class UnfitError(Exception):
    """The peer cannot be asked this question at all."""


#: Peers that look at every entry, and peers that look along random directions.
FULL: dict[str, Peer] = {
    "course loop": course_loop,
    "torch": torch_slow,
    "scipy": scipy_check,
    "numdifftools": numdifftools_check,
}
FAST: dict[str, Peer] = {
    "torch fast": functools.partial(torch_slow, fast=True),
    "jax": jax_check,
    "autograd": autograd_check,
    "scipy random": functools.partial(scipy_check, direction="random"),
}


#: What they are called in the README, where that is not their name.
LABELS = {
    "checker": "this checker",
    "course loop": "the loop that courses hand out",
    "course loop, 1e-7": "the loop that courses hand out, 1e-7",
    "course loop, 1e-4": "the loop that courses hand out, 1e-4",
    "torch fast": "torch, fast mode",
    "scipy random": "scipy, random direction",
}


def installed(peers: dict[str, Peer]) -> dict[str, Peer]:
    """Those of the peers that are there to be asked."""
    found = {}
    for name, peer in peers.items():
        try:
            if not name.startswith("course"):
                importlib.import_module(name.split()[0])
        except ModuleNotFoundError:
            print(f"{name} is not installed and left out: pip install -e '.[peers]'")
        else:
            found[name] = peer
    return found


def accepts(peer: Peer, box: Box, seed: int = 0) -> bool | None:
    """Whether the peer lets the claim pass. An exception is a refusal; None if the question cannot be put to it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return peer(box, seed)
        except UnfitError:
            return None
        except Exception:
            return False


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generator that some peers draw from, and put its state back."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
