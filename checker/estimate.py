"""Numeric derivatives of a plain function, each with its error bar, in denominator layout.

The input's axes come first: for y = f(x) with x of shape (m,) and y of shape (n,), dy/dx is (m, n), the transpose of
the Jacobian J; for z (p,) and W (m, n), dz/dW is (m, n, p). The gradient of a scalar has its input's shape.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .calling import Array, Pair
from .contract import flat, name_of
from .errors import UsageError
from .numerical import Function, Line, extrapolate, slope
from .point import double, make_function

#: Widest step of a second difference, relative to the entries' scale.
SECOND_STEP = 0.2


class Estimate(NamedTuple):
    """A derivative, `value`, and how far each entry of it may be off, `error`: two arrays of one shape.

    The true derivative is within one error bar as a rule, and a claim is called wrong beyond five.
    """

    value: Array
    error: Array


def plain(f: Callable[..., Any], inputs: Any, wrt: str | None = None, names: Sequence[str] | None = None) -> Pair:
    """A function alone as a pair: whatever it returns are outputs, and none of it is a cache.

    Raises UsageError where there is nothing to differentiate.
    """

    def no_backward(dout: Any, *inputs: Any) -> None:
        raise NotImplementedError

    return Pair(f, no_backward, inputs, names=names, wrt=wrt)


def _function(pair: Pair) -> tuple[Function, tuple[int, ...]]:
    """All outputs as one flat vector, and their shape."""
    values = double(pair.values)
    out = pair.forward(pair.arguments(values)).outs
    return make_function(pair, values), out[0].shape if len(out) == 1 else flat(out).shape


def numerical_jacobian(f: Callable[..., Any], inputs: Any, wrt: str | None = None) -> Estimate:
    """dy/dx of y = f(*inputs) with respect to one input, of shape (*x, *y): denominator layout.

    `wrt` names the input (by default the first that holds floats). Raises UsageError where there is nothing to
    differentiate, or no input of that name.
    """
    function, out_shape = _function(plain(f, inputs, wrt))
    x = function.x[0]
    value, error = np.zeros((*x.shape, function.out.size)), np.zeros((*x.shape, function.out.size))
    for index in np.ndindex(x.shape):
        line = Line(function, 0, index)
        for place in range(function.out.size):
            unit = np.zeros(function.out.size)
            unit[place] = 1.0
            value[index][place], error[index][place] = slope(line, unit)
    return Estimate(value.reshape(x.shape + out_shape), error.reshape(x.shape + out_shape))


def numerical_vjp(f: Callable[..., Any], inputs: Any, dout: Any, wrt: str | None = None) -> Estimate:
    """(dy/dx) . dout, the gradient of <dout, f(*inputs)> with respect to one input, of its shape.

    `dout` has the shape of f's output, and `wrt` names the input (by default the first that holds floats). Raises
    UsageError where there is nothing to differentiate, or no input of that name.
    """
    function, _ = _function(plain(f, inputs, wrt))
    upstream = flat([dout])
    x = function.x[0]
    value, error = np.zeros(x.shape), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        value[index], error[index] = slope(Line(function, 0, index), upstream)
    return Estimate(value, error)


def numerical_gradient(f: Callable[..., Any], inputs: Any, wrt: str | None = None) -> Estimate:
    """The gradient of a scalar function with respect to one input, of its shape.

    `wrt` names the input (by default the first that holds floats). Raises UsageError where there is nothing to
    differentiate, or no input of that name.
    """
    return numerical_vjp(f, inputs, 1.0, wrt)


def numerical_jvp(f: Callable[..., Any], inputs: Any, tangents: Sequence[Any]) -> Estimate:
    """J . v, the derivative of f along one tangent for each differentiable input, of the output's shape.

    Each tangent has its input's shape. Raises UsageError where there is nothing to differentiate.
    """
    function, out_shape = _function(plain(f, inputs))
    line = Line(function, direction=[np.asarray(t, dtype=float) for t in tangents])
    slopes = [slope(line, unit) for unit in np.eye(function.out.size)]
    value, error = np.array(slopes).reshape(-1, 2).T
    return Estimate(value.reshape(out_shape), error.reshape(out_shape))


def numerical_hessian(f: Callable[..., Any], inputs: Any, wrt: str | None = None) -> Estimate:
    """d2y/dx2 of a scalar y = f(*inputs) with respect to one input, of shape (*x, *x).

    By second differences with Romberg's extrapolation; the error bar covers truncation and rounding. `wrt` names the
    input (by default the first that holds floats). Raises UsageError where the function is no scalar, where there is
    nothing to differentiate, or no input of that name.
    """
    return second_derivatives(plain(f, inputs, wrt))


def demand_scalar(pair: Pair, shape: tuple[int, ...]) -> None:
    """Raise UsageError unless an output of this shape is one number."""
    if int(np.prod(shape)) != 1:
        raise UsageError(
            f"a Hessian is of a scalar function; {name_of(pair.forward_function)} returns shape {shape}: "
            f"sum it, or take one entry"
        )


def second_derivatives(pair: Pair) -> Estimate:
    """The Hessian of a plain function by the first of its differentiable inputs; `pair` counts the forwards."""
    function, shape = _function(pair)
    demand_scalar(pair, shape)
    x, scale, out = function.x[0], function.scale[0], float(function.out.sum())
    indices = list(np.ndindex(x.shape))
    value, error = np.zeros((x.size, x.size)), np.zeros((x.size, x.size))
    rounding = float(np.sum(function.noise))
    own = [min(abs(float(x[index])) or scale, scale) for index in indices]

    def at(*moves: tuple[int, float]) -> float:
        moved = x.copy()
        for place, step in moves:
            moved[indices[place]] += step
        return float(np.sum(function.moved(0, ..., moved)))

    def estimate(i: int, j: int, units: Sequence[float]) -> tuple[float, float]:
        """The derivative by entries i and j, with steps in these units."""
        a, b = units[i], units[j]

        def second(h: float) -> float:
            if i == j:
                return (at((i, h * a)) - 2 * out + at((i, -h * a))) / (h * a) ** 2
            up = at((i, h * a), (j, h * b)) - at((i, h * a), (j, -h * b))
            down = at((i, -h * a), (j, h * b)) - at((i, -h * a), (j, -h * b))
            return (up - down) / (4 * h * a * h * b)

        return extrapolate(second, lambda h: 8 * rounding / (h * a * h * b), SECOND_STEP)

    size = 0.0
    for i, j in sorted(np.ndindex(value.shape), key=lambda place: place[0] != place[1]):  # the diagonal tells the size
        if i < j:
            continue
        found: list[tuple[float, float]] = []
        for share, units in product((1.0, 2.0**-8, 2.0**-16), ([scale] * x.size, own)):
            found.append(estimate(i, j, [share * unit for unit in units]))
            if found[-1][1] <= 1e-3 * max(abs(found[-1][0]), size if i != j else 0.0):
                break
        else:
            found.append(min(found, key=lambda one: one[1]))
        value[i, j], error[i, j] = value[j, i], error[j, i] = found[-1]
        size = max(size, abs(float(np.nan_to_num(value[i, j]))))
    return Estimate(value.reshape(x.shape * 2), error.reshape(x.shape * 2))
