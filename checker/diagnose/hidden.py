"""Relations inside a net of rows: z = x W + b, then anything. What reaches z is read off the gradient of W.

An output of row n sends x[n] (outer) g[n] to W, where g[n] is what it sends to z[n]; so g follows from the Jacobian
of W, the right one and the claimed one, and their ratio can be compared with z, which is computed from the inputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .case import Case, Cause
from .forms import name_form, sigmoid
from .view import View, known, size_of


@dataclass(frozen=True)
class Layer:
    """Which inputs make z = x W + b (or x W.T + b): their places, the bias' one or None."""

    x: int
    w: int
    b: int | None
    turned: bool


def layers(case: Case) -> Iterator[Layer]:
    """The pairs of inputs that can be multiplied; x has a row for each row of the output, or the output is a loss."""
    if len(case.outs) != 1 or case.outs[0].ndim not in (0, 2):
        return
    rows = case.outs[0].shape[0] if case.outs[0].ndim else None
    for i, x in enumerate(case.inputs):
        for j, w in enumerate(case.inputs):
            if i == j or x.ndim != 2 or w.ndim != 2 or rows not in (None, x.shape[0]):
                continue
            for turned in (False, True):
                inner, width = (w.shape[1], w.shape[0]) if turned else w.shape
                if inner == x.shape[1] and width > 1:
                    biases = [k for k, b in enumerate(case.inputs) if b.shape == (width,)]
                    yield Layer(i, j, biases[0] if len(biases) == 1 else None, turned)


def preactivation(case: Case, layer: Layer) -> np.ndarray:
    """The value z before the activation."""
    w = case.inputs[layer.w]
    z = case.inputs[layer.x] @ (w.T if layer.turned else w)
    return z if layer.b is None else z + case.inputs[layer.b]


def reaching(view: View, layer: Layer, jacobian: np.ndarray | None) -> np.ndarray | None:
    """G (rows, width, outputs of a row) with jacobian[d, h, n, m] = x[n, d] g[n, h, m]; None if it is not of that "
    "form.
    """
    case = view.case
    if jacobian is None:
        return None
    x = case.inputs[layer.x]
    if not case.outs[0].ndim:
        return reaching_loss(view, layer, jacobian, x)
    J = jacobian.reshape(*case.inputs[layer.w].shape, *case.outs[0].shape)
    J = J.swapaxes(0, 1) if layer.turned else J
    g = np.einsum("nd,dhnm->nhm", x, J) / (x**2).sum(1)[:, None, None]
    made = np.einsum("nd,nhm->dhnm", x, g)
    return g if size_of(made - J) <= 3e-6 * size_of(J) + 10 * view.noise else None


def reaching_loss(view: View, layer: Layer, jacobian: np.ndarray, x: np.ndarray) -> np.ndarray | None:
    """The same for a loss, where only the sum over the rows is known: solved where x has fewer rows than columns."""
    J = jacobian[..., 0].T if layer.turned else jacobian[..., 0]
    if x.shape[0] > x.shape[1] or np.linalg.cond(x) > 1e3:
        return None
    g = np.linalg.lstsq(x.T, J, rcond=None)[0]
    return g[..., None] if size_of(x.T @ g - J) <= 1e-5 * size_of(J) + 100 * view.noise else None


def explains(view: View, layer: Layer, g: np.ndarray) -> bool:
    """Is your gradient of this input (x, W or b) what follows from `g`?"""
    case, claimed = view.case, view.C
    if claimed is None:
        return False
    rows, width, outs = g.shape
    if view.k == layer.w:
        return True
    if not case.outs[0].ndim:
        w = case.inputs[layer.w].T if layer.turned else case.inputs[layer.w]
        made = g[..., 0].sum(0) if view.k == layer.b else g[..., 0] @ w.T
        return size_of(claimed[..., 0] - made) <= 1e-5 * size_of(claimed)
    if view.k == layer.b:
        return size_of(claimed.reshape(width, rows, outs) - g.swapaxes(0, 1)) <= 3e-6 * size_of(claimed)
    if view.k == layer.x:
        w = case.inputs[layer.w]
        made = np.einsum("nhm,dh->ndm", g, w.T if layer.turned else w)
        own = np.zeros((rows, made.shape[1], rows, outs))
        own[np.arange(rows), :, np.arange(rows)] = made
        return size_of(claimed.reshape(own.shape) - own) <= 3e-6 * size_of(claimed)
    return False


def ratios(z: np.ndarray) -> dict[str, np.ndarray]:
    """The factors by which known slips change the gradient that reaches z."""
    t, s = np.tanh(z), sigmoid(z)
    return {
        "the derivative of tanh, 1 - tanh(z)^2, is left out": 1 / (1 - t * t),
        "the derivative of the sigmoid, s (1 - s), is left out": 1 / (s * (1 - s)),
        "1 - tanh(h)^2 is used with h already activated; it must be 1 - h^2": (1 - np.tanh(t) ** 2) / (1 - t * t),
        "the sigmoid is applied to a value that is already activated": sigmoid(s) * sigmoid(-s) / (s * (1 - s)),
        "1 - z^2 is used with the preactivation z; it must be 1 - tanh(z)^2": (1 - z * z) / (1 - t * t),
        "z (1 - z) is used with the preactivation z; it must be s (1 - s) with s = sigmoid(z)": z
        * (1 - z)
        / s
        / (1 - s),
        "1 - h is used; it must be 1 - h^2 with h = tanh(z)": 1 / (1 + t),
        "h is used; it must be h (1 - h) with h = sigmoid(z)": 1 / (1 - s),
    }


def hidden(view: View) -> Cause | None:
    """A wrong derivative of an activation inside the net."""
    if view.C is None:
        return None
    for layer in layers(view.case):
        if view.k not in (layer.x, layer.w, layer.b):
            continue
        if (found := known(passing(v, layer) for v in view.points)) is None:
            continue
        right, yours, z = (np.concatenate([parts[i].reshape(-1) for parts in found]) for i in range(3))
        if (text := slip(right, yours, z, unit_by_unit(found))) is None:
            continue
        name = view.case.names[layer.x], view.case.names[layer.w]
        return view.cause(
            "hidden-activation",
            f"Inside, at z = {name[0]} {name[1]}{'.T' if layer.turned else ''}"
            f"{'' if layer.b is None else ' + ' + view.case.names[layer.b]}: {text}.",
            "Check the activation's derivative (or mask), and whether it takes the value before or after the "
            "activation.",
        )
    return None


def passing(view: View, layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What should reach z from each output, what does in yours, and z itself, each (rows, width, outputs of a row)."""
    if layer not in layers(view.case):  # shapes that fitted at one point need not fit at another
        return None
    weights = View(view.point, layer.w)
    if not weights.shaped or not view.shaped:
        return None
    right, yours = reaching(weights, layer, weights.J), reaching(weights, layer, weights.C)
    if right is None or yours is None or not explains(view, layer, yours):
        return None
    return right, yours, np.broadcast_to(preactivation(view.case, layer)[..., None], right.shape)


def unit_by_unit(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> bool:
    """Does yours lose, or keep, what reaches a unit from all outputs alike? So does a mask at z, and none behind it."""

    def alike(right: np.ndarray, yours: np.ndarray) -> bool:
        strong, used = speaking(right), speaking(yours)
        return not np.any((strong & ~used).any(2) & (strong & used).any(2))

    return all(alike(right, yours) for right, yours, _ in found)


def speaking(values: np.ndarray) -> np.ndarray:
    """Where the values are not 0 but for rounding."""
    return np.abs(values) > 1e-4 * size_of(values)


def slip(right: np.ndarray, yours: np.ndarray, z: np.ndarray, by_unit: bool) -> str | None:
    """The sentence for how `yours` differs from `right` at z."""
    strong, used = speaking(right), speaking(yours)
    if size_of(yours - right) < 1e-4 * size_of(right) or strong.sum() < 6:
        return None
    if not np.any(z[strong] < 0) and np.any(z < 0):  # a ReLU: nothing passes where z is negative
        extra = used & ~strong
        if np.any(z[extra] > 0):  # there the mask at z lets pass: another one, further on, cuts these off
            return None
        same = size_of((yours - right)[strong]) <= 1e-5 * size_of(right)
        if same and np.any(extra):
            return "the ReLU's mask is left out: where z < 0 nothing may pass"
        if not np.any(used & strong) and np.any(used):
            return "the ReLU's mask is the wrong way round: the gradient passes where z > 0"
        if size_of((yours - right)[used & strong]) <= 1e-5 * size_of(right) and by_unit and np.any(extra):
            return "the ReLU's mask is taken from something else than z"
        return None
    ratio, at = yours[strong] / right[strong], z[strong]
    for text, made in ratios(at).items():
        if np.all(np.abs(ratio - made) <= 1e-5 * np.abs(made) + 1e-7):
            return text
    form = name_form(ratio, {"z": at})
    return None if form is None else f"what reaches z is the right one times {form}"


def activation_used(view: View) -> Cause | None:
    """The gradient of a later weight takes the value before the activation where the one after it belongs."""

    def factors(v: View, jacobian: np.ndarray) -> np.ndarray | None:
        """A (rows, width) with jacobian[h, m, n, m'] = a[n, h] where m = m', else 0."""
        rows, outs = v.case.outs[0].shape
        J = jacobian.reshape(*v.shape, rows, outs)
        a = np.einsum("hmnm->nh", J) / outs
        return a if size_of(np.einsum("nh,mk->hmnk", a, np.eye(outs)) - J) <= 3e-6 * size_of(J) + 10 * v.noise else None

    if view.C is None or len(view.shape) != 2 or len(view.case.outs) != 1 or view.case.outs[0].ndim != 2:
        return None
    if view.shape[1] != view.case.outs[0].shape[1]:
        return None
    for layer in layers(view.case):
        if view.k in (layer.x, layer.w):
            continue

        def before(v: View, layer: Layer = layer) -> bool:
            if v.C is None or layer not in layers(v.case) or preactivation(v.case, layer).shape[1] != v.shape[0]:
                return False
            right, yours, z = factors(v, v.J), factors(v, v.C), preactivation(v.case, layer)
            if right is None or yours is None or size_of(yours - z) > 1e-6 * size_of(z):
                return False
            return activated(right, z)

        if view.everywhere(before):
            names = view.case.names
            return view.cause(
                "pre-for-post-activation",
                f"Yours uses z = {names[layer.x]} {names[layer.w]}{'.T' if layer.turned else ''} as it is before the "
                "activation; the value after it belongs there.",
                "A layer's input is the activated output of the layer before: keep that one in the cache.",
            )
    return None


def activated(values: np.ndarray, z: np.ndarray) -> bool:
    """May `values` (rows, width) be an activation of z: in every row they rise with it, or nearly all follow it?"""
    order = np.argsort(z, axis=1)
    steps = np.diff(np.take_along_axis(values, order, 1), axis=1)
    if np.all(steps >= -1e-6 * size_of(values)):
        return True
    a = values.ravel()[np.argsort(z, axis=None)]
    return bool(np.mean(np.abs(np.diff(a))) < 0.2 * np.ptp(a) and np.corrcoef(np.sort(z, axis=None), a)[0, 1] > 0.6)
