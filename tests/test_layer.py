"""Layer objects in the forms that people write: attributes, dicts, slots, losses; right, wrong, misshapen, raising."""

import copy

import numpy as np
import pytest

from checker import UsageError, check_layer

rng = np.random.default_rng(8)
X, W, B = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


class Linear:
    """Attributes W and b, gradients dW and db; `k` is a slip in W's gradient, as in all layers here."""

    def __init__(self, k=1.0):
        self.k, self.W, self.b = k, W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.k * self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


def attributes(name):
    """A linear layer that leaves its gradients under names like `name`, in which * stands for the parameter."""

    class Named(Linear):
        def backward(self, grad):
            dx = super().backward(grad)
            vars(self).update({name.replace("*", key): vars(self).pop(f"d{key}") for key in "Wb"})
            return dx

    return Named


class InDicts:
    """Parameters and gradients in dicts of the same keys, as in many a course."""

    def __init__(self, k):
        self.k, self.params, self.grads = k, {"W": W.copy(), "b": B.copy()}, {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads["W"], self.grads["b"] = self.k * self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.params["W"].T


class InDictsWithD(InDicts):
    """Gradients under dW and db."""

    def backward(self, dout):
        self.grads = {"dW": self.k * self.x.T @ dout, "db": dout.sum(axis=0)}
        return dout @ self.params["W"].T


class Accumulating(Linear):
    """Gradients that begin at zero and are added to, as in an optimiser's loop."""

    def __init__(self, k):
        super().__init__(k)
        self.dW, self.db = np.zeros(W.shape), np.zeros(B.shape)

    def backward(self, dout):
        self.dW += self.k * self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


class OwnDict(Linear):
    """Parameters as attributes, gradients in a dict."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.grads = {"W": vars(self).pop("dW"), "b": vars(self).pop("db")}
        return dx


class Slotted:
    """No __dict__."""

    __slots__ = ("W", "b", "dW", "db", "k", "x")

    def __init__(self, k):
        self.k, self.W, self.b = k, W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.k * self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class SlottedChild(Slotted):
    """Slots of a class and of its base."""

    __slots__ = ("name",)


class InLists:
    """Parameters and gradients in two lists of the same order; gradients are written into their places."""

    def __init__(self, k):
        self.k, self.params, self.grads = k, [W.copy(), B.copy()], [np.zeros(W.shape), np.zeros(B.shape)]

    def forward(self, x):
        self.x = x
        W, b = self.params
        return x @ W + b

    def backward(self, dout):
        self.grads[0][...] = self.k * self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.params[0].T


class DictReturned(InDicts):
    """The input's gradient comes in a dict."""

    def backward(self, dout):
        return {"dx": super().backward(dout)}


class InputGradientLeft(Accumulating):
    """Nothing is returned: the input's gradient is an attribute too."""

    def backward(self, dout):
        self.dx = super().backward(dout)


class WithRunningMean(Linear):
    """An array that is state, not a parameter: it gets no gradient."""

    def __init__(self, k):
        super().__init__(k)
        self.running_mean = np.zeros(3)

    def forward(self, x):
        self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)
        return super().forward(x)


LAYERS = {
    "dW": Linear,
    "W_grad": attributes("*_grad"),
    "grad_W": attributes("grad_*"),
    "d_W": attributes("d_*"),
    "gradW": attributes("grad*"),
    "gW": attributes("g*"),
    "params and grads": InDicts,
    "grads named dW": InDictsWithD,
    "gradients in a dict": OwnDict,
    "accumulating": Accumulating,
    "slots": Slotted,
    "slots of a base": SlottedChild,
    "a dict returned": DictReturned,
    "nothing returned": InputGradientLeft,
    "state": WithRunningMean,
    "params and grads in lists": InLists,
}


@pytest.mark.parametrize("form", LAYERS)
def test_layers_with_parameters(form):
    right = LAYERS[form](1.0)
    report = check_layer(right, (X,))
    assert report.verdict == "right", str(report)
    names = ["x", "params[0]", "params[1]"] if form == "params and grads in lists" else ["x", "W", "b"]
    assert [f.subject for f in report.findings] == names
    wrong = check_layer(LAYERS[form](1.5), (X,))
    assert (wrong.verdict, wrong.kind) == ("wrong", "values")
    assert [f.subject for f in wrong.findings if f.verdict == "wrong"] == [names[1]]
    assert wrong.findings[1].cause == "factor"


def state(thing):
    """Every array of a layer by name."""
    names = (name for name in dir(thing) if not name.startswith("__") and hasattr(thing, name))
    return {name: copy.deepcopy(getattr(thing, name)) for name in names if not callable(getattr(thing, name))}


@pytest.mark.parametrize("form", LAYERS)
def test_the_layer_itself_is_left_alone(form):
    mine = LAYERS[form](1.0)
    before = state(mine)
    check_layer(mine, (X,))
    np.testing.assert_equal(state(mine), before)


@pytest.mark.parametrize("form", LAYERS)
def test_gradients_of_an_earlier_step_do_not_matter(form):
    mine = LAYERS[form](1.0)
    mine.backward(np.ones(mine.forward(X).shape))
    assert check_layer(mine, (X,)).verdict == "right"


def test_inputs_may_be_an_array_or_named():
    for inputs in (X, [X], {"x": X}):
        assert check_layer(Linear(), inputs)


def test_layers_without_parameters_and_with_several_inputs():
    class Multiply:
        def forward(self, a, b):
            self.a, self.b = a, b
            return a * b

        def backward(self, dout):
            return dout * self.b, dout * self.a

    class Softplus:
        def forward(self, x):
            self.y = 1 / (1 + np.exp(-x))
            return np.log1p(np.exp(x))

        def backward(self, dout):
            return dout * self.y

    assert [f.subject for f in check_layer(Multiply(), (X, X + 1)).findings] == ["a", "b"]
    assert check_layer(Multiply(), (3.0, -2.0))
    assert check_layer(Softplus(), (X,))


def test_integer_inputs_and_a_table():
    class Embedding:
        def __init__(self):
            self.table = X.copy()

        def forward(self, indices):
            self.indices = indices
            return self.table[indices]

        def backward(self, dout):
            self.dtable = np.zeros_like(self.table)
            np.add.at(self.dtable, self.indices, dout)

    report = check_layer(Embedding(), (np.array([0, 2, 2]),))
    assert report.verdict == "right", str(report)
    assert [f.subject for f in report.findings] == ["table"]


def loss_object(k, takes_dout):
    class SoftmaxCrossEntropy:
        def forward(self, logits, labels):
            logs = logits - logits.max(axis=1, keepdims=True)
            logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
            self.p, self.labels = np.exp(logs), labels
            return -logs[np.arange(len(labels)), labels].mean()

        def _gradient(self):
            d = self.p.copy()
            d[np.arange(len(d)), self.labels] -= 1
            return k * d / len(d)

    class Plain(SoftmaxCrossEntropy):
        def backward(self):
            return self._gradient()

    class Scaled(SoftmaxCrossEntropy):
        def backward(self, dout):
            return dout * self._gradient()

    class Defaulted(SoftmaxCrossEntropy):
        def backward(self, dout=1.0):
            return dout * self._gradient()

    return {"no": Plain, "yes": Scaled, "optional": Defaulted}[takes_dout]()


@pytest.mark.parametrize("takes_dout", ["no", "yes", "optional"])
def test_loss_objects(takes_dout):
    inputs = (X, np.array([0, 2, 1, 1]))
    report = check_layer(loss_object(1.0, takes_dout), inputs)
    assert report.verdict == "right", str(report)
    wrong = check_layer(loss_object(4.0, takes_dout), inputs)
    assert (wrong.verdict, wrong.kind) == ("wrong", "values")
    assert "4" in wrong.findings[0].message


class Two:
    """A layer made of layers."""

    def __init__(self, k):
        self.first, self.second = Linear(k), Linear()
        self.second.W, self.second.b = W.T.copy(), X[0].copy()

    def forward(self, x):
        return self.second.forward(np.tanh(self.first.forward(x)))

    def backward(self, dout):
        return self.first.backward(self.second.backward(dout) * (1 - self.second.x**2))


def test_a_layer_made_of_layers():
    assert check_layer(Two(1.0), (X,)).verdict == "right"


def test_a_slip_inside_a_layer_of_layers():
    assert check_layer(Two(1.5), (X,)).verdict == "wrong"


def test_gradients_returned_together():
    class Together(Linear):
        def backward(self, dout):
            return super().backward(dout), self.dW, self.db

    class Alone(Linear):
        def backward(self, dout):
            return dout @ self.W.T, self.k * self.x.T @ dout, dout.sum(axis=0)

    assert check_layer(Together(1.0), (X,)).verdict == check_layer(Alone(1.0), (X,)).verdict == "right"
    assert check_layer(Together(1.5), (X,)).verdict == check_layer(Alone(1.5), (X,)).verdict == "wrong"


def test_a_layer_with_a_cache():
    class Cached(Linear):
        def forward(self, x):
            return super().forward(x), x

        def backward(self, dout, cache):
            self.dW, self.db = self.k * cache.T @ dout, dout.sum(axis=0)
            return dout @ self.W.T

    assert check_layer(Cached(1.0), (X,)).verdict == "right"
    assert check_layer(Cached(1.5), (X,)).kind == "values"


def test_a_backward_that_needs_more():
    class Sgd(Linear):
        def backward(self, output_gradient, learning_rate):
            dx = super().backward(output_gradient)
            self.W -= learning_rate * self.dW
            return dx

    try:
        told = str(check_layer(Sgd(), (X,)))
    except UsageError as problem:
        told = str(problem)
    assert "learning_rate" in told
    assert "layer.py" not in told.replace("test_layer.py", "")


def test_a_layer_whose_gradient_has_another_shape():
    class Turned(Linear):
        def backward(self, dout):
            dx = super().backward(dout)
            self.dW = self.dW.T
            return dx

    report = check_layer(Turned(), (X,))
    assert (report.verdict, report.kind, report.findings[1].kind) == ("wrong", "shape", "shape")
    assert report.findings[1].message.startswith("the gradient of W has shape (2, 3), but W has shape (3, 2)")


@pytest.mark.parametrize("half", ["forward", "backward"])
def test_a_layer_that_raises(half):
    def fail(self, array):
        raise IndexError("no such row")

    report = check_layer(type("Broken", (Linear,), {half: fail})(), (X,))
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert report.findings[0].message.startswith(f"Broken.{half} raised IndexError at ")
    assert report.findings[0].message.endswith("no such row")


@pytest.mark.parametrize("half", ["forward", "backward"])
def test_a_layer_that_is_not_written_yet(half):
    def unwritten(self, array):
        raise NotImplementedError

    report = check_layer(type("Stub", (Linear,), {half: unwritten})(), (X,))
    assert report.verdict == "not attempted"
    assert report.findings[0].message == f"Stub.{half} is not written yet"


def test_a_backward_that_does_nothing_is_not_attempted():
    class Stub:
        def forward(self, x):
            return 2 * x

        def backward(self, dout):
            pass

    assert check_layer(Stub(), (X,)).verdict == "not attempted"


def test_a_parameter_that_gets_no_gradient_is_told():
    class Forgetful(Linear):
        def backward(self, dout):
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    report = check_layer(Forgetful(), (X,))
    assert "no gradient was returned for b, so none was judged" in report.notes


@pytest.mark.parametrize("half", ["forward", "backward"])
def test_half_a_layer_is_a_misuse(half):
    half_layer = type("Half", (), {half: lambda self, x: x})()
    missing = "backward" if half == "forward" else "forward"
    with pytest.raises(UsageError) as raised:
        check_layer(half_layer, (X,))
    assert str(raised.value) == f"Half has no method {missing}(); a layer has forward(x) and backward(dout)"
