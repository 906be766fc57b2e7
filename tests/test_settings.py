"""What the functions of the API refuse: arguments of the wrong type, and settings that make no sense."""

import numpy as np
import pytest

from checker import (
    Float,
    UsageError,
    check_grad,
    check_hessian,
    check_jacobian,
    check_jvp,
    check_layer,
    check_value_and_grad,
    exercise,
    gradcheck,
    numerical_gradient,
    numerical_hessian,
    numerical_jacobian,
    numerical_jvp,
    numerical_vjp,
)
from checker.settings import told

X = np.array([1.0, 2.0, 3.0])


def forward(x):
    return x * x, x


def backward(dout, x):
    return 2 * x * dout


def square(x):
    return x * x


def loss(x):
    return (x * x).sum()


def loss_grad(x):
    return 2 * x


def pushed(x, v):
    return 2 * x * v


class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        return 2 * self.x * dout


#: Every function of the API, with arguments at which it is content, and the places of its functions and its inputs.
API = {
    gradcheck: ([forward, backward, (X,)], {0: "forward", 1: "backward"}),
    check_grad: ([loss, loss_grad, (X,)], {0: "f", 1: "grad"}),
    check_value_and_grad: ([lambda x: (loss(x), 2 * x), (X,)], {0: "f"}),
    check_jacobian: ([square, lambda x: np.diag(2 * x), (X,)], {0: "forward", 1: "the derivative"}),
    check_hessian: ([loss, lambda x: 2 * np.eye(3), (X,)], {0: "forward", 1: "the derivative"}),
    check_jvp: ([square, pushed, (X,)], {0: "forward", 1: "the derivative"}),
    check_layer: ([Square(), (X,)], {}),
    numerical_gradient: ([loss, (X,)], {0: "forward"}),
    numerical_jacobian: ([square, (X,)], {0: "forward"}),
    numerical_vjp: ([square, (X,), X], {0: "forward"}),
    numerical_jvp: ([square, (X,), [X]], {0: "forward"}),
    numerical_hessian: ([loss, (X,)], {0: "forward"}),
}
CHECKS = [function for function in API if function.__name__.startswith(("check", "grad"))]


def refused(function, *arguments, **options):
    """What a call is refused with."""
    with pytest.raises(UsageError) as raised:
        function(*arguments, **options)
    return str(raised.value)


def names(functions):
    return [function.__name__ for function in functions]


@pytest.mark.parametrize("function", API, ids=names(API))
def test_what_is_no_function_is_refused_by_its_role(function):
    arguments, roles = API[function]
    assert function(*arguments)
    for place, role in roles.items():
        for wrong, shown in ((3, "3"), ("f", "'f'"), (X, "an array of shape (3,)"), ([], "a list"), ({}, "a dict")):
            said = refused(function, *arguments[:place], wrong, *arguments[place + 1 :])
            assert said.removesuffix(", or None") == f"{role} is {shown}; give the function itself"
        said = refused(function, *arguments[:place], Square, *arguments[place + 1 :])
        assert said == f"{role} is the class Square; give a function, or check_layer(Square(...), inputs)"


def test_nothing_is_a_backward_only_where_the_forward_returns_gradients():
    assert refused(check_grad, loss, None, (X,)) == "grad is None; give the function itself"
    assert refused(gradcheck, None, backward, (X,)) == "forward is None; give the function itself"
    assert gradcheck(lambda x: (loss(x), 2 * x), None, (X,))


@pytest.mark.parametrize("function", API, ids=names(API))
def test_inputs_that_are_no_arguments_are_refused(function):
    arguments, _ = API[function]
    place = next(at for at, argument in enumerate(arguments) if isinstance(argument, tuple))
    for wrong, shown in ((None, "None"), ("x", "'x'"), ({1.0}, "a set"), (iter([X]), "a list_iterator")):
        said = refused(function, *arguments[:place], wrong, *arguments[place + 1 :])
        assert said == f"inputs is {shown}; give the arguments as a tuple in their order, or a dict by name"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (3, "nothing to differentiate: no input holds floats (x: int); write 3.0 rather than 3"),
        (np.arange(3), "nothing to differentiate: no input holds floats (x: an array of int64); give x.astype(float)"),
        ([None], "nothing to differentiate: no input holds floats (x: NoneType); give floats, or arrays of floats"),
        ([], "forward takes 1 input (x), but none were given"),
        ([[1.0], [2.0, 3.0]], "forward takes 1 input (x), but 2 were given"),
        ({1: X}, "forward has no parameter 1; its parameters are x"),
    ],
)
def test_inputs_without_floats_say_how_to_make_some(inputs, said):
    assert refused(gradcheck, forward, backward, inputs) == said


SETTINGS = [
    ("seed", "a", "seed is 'a'; it is a whole number"),
    ("seed", 1.5, "seed is 1.5; it is a whole number"),
    ("seed", None, "seed is None; it is a whole number"),
    ("seed", [1, 2], "seed is a list; it is a whole number"),
    ("seed", -1, "seed is -1; it cannot be negative"),
    ("rtol", "a", "rtol is 'a'; it is a number between 0 and 1, such as 1e-7"),
    ("rtol", None, "rtol is None; it is a number between 0 and 1, such as 1e-7"),
    ("rtol", X, "rtol is an array of shape (3,); it is a number between 0 and 1, such as 1e-7"),
    ("rtol", -1, "rtol is -1; it lies between 0 and 1"),
    ("rtol", 2.0, "rtol is 2; it lies between 0 and 1"),
    ("rtol", float("nan"), "rtol is nan; it lies between 0 and 1"),
    ("names", 3, "names is 3; it is a list of the inputs' names"),
    ("names", [3], "names holds 3; it is a list of the inputs' names"),
    ("names", ["x", "y"], "names lists x, y for 1 input"),
    ("names", [], "names lists nothing for 1 input"),
    ("wrt", 3, "wrt is 3; it is a list of the inputs' names"),
    ("wrt", [], "wrt names no input; leave it out to differentiate with respect to every float"),
]


@pytest.mark.parametrize(("name", "value", "said"), SETTINGS, ids=[said for *_, said in SETTINGS])
@pytest.mark.parametrize("function", CHECKS, ids=names(CHECKS))
def test_a_setting_that_makes_no_sense_is_refused(function, name, value, said):
    if function is check_layer and name == "names":
        return  # a layer's inputs and parameters have their names already
    assert refused(function, *API[function][0], **{name: value}) == said


MORE = [
    ("trials", "a", "trials is 'a'; it is a whole number"),
    ("trials", 1.5, "trials is 1.5; it is a whole number"),
    ("trials", -1, "trials is -1; it cannot be negative"),
    ("mode", None, "mode is None; it can be 'auto', 'full' or 'fast'"),
    ("mode", [], "mode is a list; it can be 'auto', 'full' or 'fast'"),
    ("style", 3, "style is 3; it can be 'auto' or 'gradient'"),
    ("name", 3, "name is 3; it is a text, what the report is about"),
    ("reference", 3, "reference is 3; give the function itself, or None"),
    ("advise", 3, "advise is 3; give the function itself, or None"),
    ("progress", "p", "progress is 'p'; give the function itself, or None"),
    ("declaration", 3, "declaration is 3; make one: Declaration.from_signature(forward)"),
]


@pytest.mark.parametrize(("name", "value", "said"), MORE, ids=[said for *_, said in MORE])
def test_a_setting_of_gradcheck_that_makes_no_sense_is_refused(name, value, said):
    assert refused(gradcheck, forward, backward, (X,), **{name: value}) == said


def test_numbers_of_numpy_are_settings_as_well():
    assert gradcheck(forward, backward, (X,), seed=np.int64(3), trials=np.int32(2), rtol=np.float32(1e-6), names="x")


def declared(x: Float[np.ndarray, "N"], w: Float[np.ndarray, "N"]):
    return x * w, (x, w)


def declared_backward(dout, cache):
    return dout * cache[1], dout * cache[0]


DECLARED = [
    ({"forward": 3}, "forward is 3; give the function itself, or None"),
    ({"layout": "rows"}, "layout is 'rows'; it can be 'denominator' or 'numerator'"),
    ({"wrt": "q"}, "wrt names 'q', but the inputs are x, w"),
    ({"wrt": 3}, "wrt is 3; it is a list of the inputs' names"),
    ({"hints": "Think."}, "hints is 'Think.'; it is a list of texts"),
    ({"rows": [3]}, "rows is a list; it is a list of texts"),
    ({"draw": 3}, "draw is 3; it is a dict by name"),
    ({"arguments": []}, "arguments is a list; it is a dict by name"),
    ({"nodes": "z"}, "nodes is 'z'; it is a dict by name"),
    ({"edges": [3]}, "edges is a list; it is a dict by name"),
    ({"overflow": {"large": 3}}, "the case 'large' is 3; it is a dict by name"),
    ({"points": "2"}, "points is '2'; they are a number, or one for each gradient, 0 or more"),
    ({"points": {"x": 1, "w": -1}}, "points is -1; they are a number, or one for each gradient, 0 or more"),
]


@pytest.mark.parametrize(("options", "said"), DECLARED, ids=[said for _, said in DECLARED])
def test_a_declaration_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(UsageError) as raised:
        exercise(**{"forward": declared} | options)(declared_backward)
    assert str(raised.value) == said


def test_the_settings_of_an_exercises_check_are_no_fault_of_its_answer():
    task = exercise(declared, wrt="x")(lambda dout, cache: dout * cache[1]).exercise
    assert task.check()
    for name, value, said in (*SETTINGS[:11], *MORE[:5]):
        assert refused(task.check, **{name: value}) == said


def test_a_layer_is_an_object():
    assert refused(check_layer, Square, (X,)) == "Square is a class; give an object of it, Square(...)"


def test_a_value_is_told_in_a_few_words():
    assert told("a" * 50) == "'" + "a" * 36 + "..."
    assert told(np.zeros((2, 3))) == "an array of shape (2, 3)"
    assert told(np.float64(0.5)) == "0.5"
    assert told(iter(())) == "a tuple_iterator"
    assert told(API) == "a dict"
    assert told(Ellipsis) == "an ellipsis"
