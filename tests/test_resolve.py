"""From a target's text to functions, and from one half of a pair to the other."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from checker.errors import UsageError
from checker.resolve import BrokenModuleError, Pair, choose, find, forward_names, functions, pairs, workspace

COURSE = Path(__file__).parent / "data" / "course"


def some(*_):
    """Stands for any function."""


def paired(names):
    return {(p.backward, p.forward): p.kind for p in pairs(dict.fromkeys(names.split(), some))}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def course(folder):
    shutil.copytree(COURSE, folder, dirs_exist_ok=True)
    return folder


# -- naming habits ----------------------------------------------------------------------------------------------------

HABITS = [
    ("affine_backward", "affine_forward", "vjp"),
    ("backward_affine", "forward_affine", "vjp"),
    ("conv_backward_naive", "conv_forward_naive", "vjp"),
    ("batchnorm_backward_alt", "batchnorm_forward", "vjp"),
    ("backward_propagation_with_dropout", "forward_propagation_with_dropout", "vjp"),
    ("rnn_cell_backward", "rnn_cell_forward", "vjp"),
    ("affineBackward", "affineForward", "vjp"),
    ("backwardPass", "forwardPass", "vjp"),
    ("relu_backward", "relu", "vjp"),
    ("relu_bwd", "relu_fwd", "vjp"),
    ("bprop", "fprop", "vjp"),
    ("backprop", "forward", "vjp"),
    ("backward", "forward", "vjp"),
    ("exp_vjp", "exp", "vjp"),
    ("sigmoid_grad", "sigmoid", "grad"),
    ("grad_sigmoid", "sigmoid", "grad"),
    ("sigmoid_gradient", "sigmoid", "grad"),
    ("dsigmoid", "sigmoid", "grad"),
    ("d_sigmoid", "sigmoid", "grad"),
    ("sigmoid_prime", "sigmoid", "grad"),
    ("sigmoid_deriv", "sigmoid", "grad"),
    ("sigmoid_derivative", "sigmoid", "grad"),
    ("sigmoidDerivative", "sigmoid", "grad"),
    ("df", "f", "grad"),
    ("grad", "f", "grad"),
    ("compute_gradient", "compute_cost", "grad"),
    ("softmax_jacobian", "softmax", "jacobian"),
    ("jacobian_softmax", "softmax", "jacobian"),
    ("quad_hessian", "quad", "hessian"),
    ("hessian_quad", "quad", "hessian"),
    ("quad_jvp", "quad", "jvp"),
]


@pytest.mark.parametrize(("backward", "forward", "kind"), HABITS)
def test_a_habit_of_naming_is_known(backward, forward, kind):
    assert paired(f"{forward} {backward} other") == {(backward, forward): kind}


def test_the_likeliest_first_half_is_taken():
    assert paired("relu relu_forward relu_backward") == {("relu_backward", "relu_forward"): "vjp"}


@pytest.mark.parametrize(
    "names", ["dropout_forward dot", "is_prime number", "gradient_check numerical_gradient", "add sub"]
)
def test_what_only_looks_like_a_pair_is_none(names):
    assert paired(names) == {}


def test_every_kind_is_suggested_for_a_bare_name():
    assert ("grad", "loss") in forward_names("gradient")
    assert ("jacobian", "f") in forward_names("jacobian")


# -- files and modules ------------------------------------------------------------------------------------------------


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


PAIR = "def f(x): return x * x\ndef f_grad(x): return 2 * x\n"


@pytest.mark.parametrize(
    "target",
    [
        "mine.py::f_grad",
        "mine.f_grad",
        "./mine.py::f_grad",
        "pkg/sub/deep.py::f_grad",
        "pkg.sub.deep.f_grad",
        "mine.py::f",
    ],
)
def test_a_target_is_found_from_the_current_folder(folder, target):
    write(folder, {"mine.py": PAIR, "pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/deep.py": PAIR})
    with workspace():
        assert choose(find(target)) == [Pair("grad", "f_grad", "f")]


def test_a_file_elsewhere_imports_its_siblings(folder):
    write(
        folder,
        {"hw/helper.py": "def f(x): return x * x\n", "hw/mine.py": "from helper import f\ndef df(x): return 2 * x\n"},
    )
    with workspace():
        assert choose(find("hw/mine.py::df")) == [Pair("grad", "df", "f")]
        assert choose(find("hw/mine.py")) == [Pair("grad", "df", "f")]


@pytest.mark.parametrize("marker", ["__init__.py", "readme.txt"])
def test_relative_imports_work_with_and_without_a_package(folder, marker):
    write(folder, {f"pkg/{marker}": "", "pkg/helper.py": PAIR, "pkg/mine.py": "from .helper import f, f_grad\n"})
    with workspace():
        assert set(functions(find("pkg/mine.py").module)) == {"f", "f_grad"}


def test_a_file_named_like_a_standard_module_is_itself(folder):
    write(folder, {"random.py": PAIR, "2nd try.py": PAIR})
    with workspace():
        assert set(functions(find("random.py").module)) == {"f", "f_grad"}
        assert set(functions(find("2nd try.py").module)) == {"f", "f_grad"}
    assert "random_file" not in sys.modules


def test_nothing_is_left_behind(folder):
    write(folder, {"mine.py": "import helper\n" + PAIR, "helper.py": ""})
    before = list(sys.path), sys.dont_write_bytecode
    with workspace():
        find("mine.py")
        assert "helper" in sys.modules
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert not {"mine", "helper"} & sys.modules.keys()
    assert sorted(os.listdir(folder)) == ["helper.py", "mine.py"]


def test_a_module_that_changed_is_read_anew(folder):
    for text in ("def first(): pass\n", "def second(): return 1\n"):
        write(folder, {"mine.py": text})
        with workspace():
            names = set(functions(find("mine").module))
    assert names == {"second"}


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "1 / 0", "import no_such_package", "def f(:"])
def test_what_the_authors_module_raises_is_the_authors(folder, text):
    write(folder, {"mine.py": text})
    with workspace(), pytest.raises(BrokenModuleError, match=r"^mine\.py$") as caught:
        find("mine.py")
    assert caught.value.__cause__ is not None


def refused(target, forward=""):
    with workspace(), pytest.raises(UsageError) as caught:
        choose(find(target), forward)
    return str(caught.value)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("layer.py::affine_backward", "there is no file layer.py; did you mean layers.py or rnn_layers.py?"),
        ("layers", ""),
        ("layrs.affine_backward", "there is no module layrs; did you mean layers?"),
        ("nothing_like_it", "there is no module nothing_like_it"),
        (
            "layers.py::affine_bakward",
            "layers.py has no function 'affine_bakward'; did you mean affine_backward or affine_fo",
        ),
        (
            "layers.affine_bakward",
            "layers.py has no function 'affine_bakward'; did you mean affine_backward or affine_forwa",
        ),
        ("layers.py::zzz", "layers.py has no function 'zzz'"),
        ("./layers", "there is no file ./layers; did you mean ./layers.py?"),
        ("a b", "cannot read the target 'a b': write pkg.module.function, or path/to/file.py::function"),
        ("pkg.layer.f", "there is no module pkg.layer; did you mean pkg.layers?"),
        ("pkg.layerz", "pkg has no module or function 'layerz'; did you mean layers?"),
        ("notes.txt::f", "notes.txt is not a Python file; its name should end in .py"),
        ("pkg/", "pkg/ is a folder; name a file in it: layers.py"),
    ],
)
def test_a_typo_suggests_the_near_names(course, target, sentence):
    write(course, {"pkg/__init__.py": "", "pkg/layers.py": PAIR, "notes.txt": PAIR})
    if sentence:
        assert refused(target).startswith(sentence)
    else:
        with workspace():
            assert len(choose(find(target))) > 5


def test_the_forward_can_be_named(course):
    with workspace():
        assert choose(find("layers.py::relu_backward"), "affine_forward") == [
            Pair("vjp", "relu_backward", "affine_forward")
        ]
    assert refused("layers.py::relu_backward", "affine_forwrd") == (
        "layers.py has no function 'affine_forwrd'; did you mean affine_forward or affine_backward?"
    )


def test_a_module_gives_every_pair_and_every_loss(course):
    with workspace():
        found = choose(find("layers.py"))
    assert {p.backward for p in found if p.kind == "vjp"} == {
        *("affine_backward", "relu_backward", "batchnorm_backward", "dropout_backward"),
        *("conv_backward_naive", "max_pool_backward_naive"),
    }
    assert {p.backward for p in found if p.kind == "value_and_grad"} == {"svm_loss", "softmax_loss"}


def test_a_first_half_stands_for_all_its_second_halves(folder):
    write(folder, {"mine.py": PAIR + "def f_hessian(x): return 2\n"})
    with workspace():
        assert [p.kind for p in choose(find("mine.f"))] == ["grad", "hessian"]


def test_vectorised_wrapped_and_partial_functions_are_the_authors_and_numpys_are_not(folder):
    write(
        folder,
        {
            "mine.py": "import functools, numpy as np\nfrom numpy import tanh, zeros\nimport math\n"
            "@np.vectorize\ndef f(x): return x * x\n"
            "@functools.lru_cache\ndef g(x): return x\n"
            "h = functools.partial(pow, 2)\n"
        },
    )
    with workspace():
        assert set(functions(find("mine").module)) == {"f", "g", "h"}
