"""The command line on code written by others, in the styles of public courses."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from checker import UsageError, cli, greeting

ROOT = Path(__file__).parents[1]
COURSE = Path(__file__).parent / "data" / "course"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def course(folder):
    """The course-style files in the current folder."""
    shutil.copytree(COURSE, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def check(capsys):
    """Run `checker gradcheck ...`; the exit code, what it printed, and what it complained of."""

    def run(command, *more):
        code = cli.main(["gradcheck", *shlex.split(command), *more])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def mutate(folder, name, old, new):
    """Put a mistake into one of the files."""
    text = (folder / name).read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    (folder / name).write_text(text.replace(old, new))


# -- right and wrong --------------------------------------------------------------------------------------------------

AFFINE = "layers.py::affine_backward --input x=4,2,3 --input w=6,5 --input b=5"
BATCHNORM = (
    """layers.py::batchnorm_backward --input x=7,5 --input gamma=5 --input beta=5 --arg bn_param='{"mode": "train"}'"""
)
CONV = (
    "layers.py::conv_backward_naive --input x=2,3,5,4 --input w=2,3,3,3 --input b=2 "
    '--arg conv_param=\'{"stride": 1, "pad": 1}\''
)
POOL = (
    "layers.py::max_pool_backward_naive --input x=2,3,4,5 "
    '--arg pool_param=\'{"pool_height": 2, "pool_width": 2, "stride": 2}\''
)
RNN = "rnn_layers.py::rnn_backward --input x=2,3,4 --input h0=2,5 --input Wx=4,5 --input Wh=5,5 --input b=5"
LSTM = (
    "rnn_layers.lstm_step_backward --input x=3,4 --input prev_h=3,2 --input prev_c=3,2 --input Wx=4,8 --input Wh=2,8 "
    "--input b=8"
)
NETWORK = "nn.py::TwoLayerNet --input X=5,4 --input y=5:int0..2 --input reg=0.3"
PROPAGATION = (
    "dnn.py::backward_propagation --input X=3,6 --input Y=1,6:0..1 --input parameters.W1=4,3 --input parameters.b1=4,1 "
    "--input parameters.W2=1,4 --input parameters.b2=1,1"
)

RIGHT = [
    AFFINE,
    "layers.affine_forward --input x=4,6 --input w=6,5 --input b=5",
    "layers.relu_backward --input x=5,4",
    "layers.dropout_backward --input x=6,5 --arg dropout_param.p=0.6 --arg dropout_param.mode=train "
    "--arg dropout_param.seed=1",
    CONV,
    POOL,
    "layers.py::svm_loss --input x=8,5 --input y=8:int0..4",
    "layers.py::softmax_loss --input x=8,5 --input y=8:int0..4",
    "rnn_layers.py::rnn_step_backward --input x=4,5 --input prev_h=4,6 --input Wx=5,6 --input Wh=6,6 --input b=6",
    RNN,
    LSTM,
    "rnn_layers.py::word_embedding_backward --input x=4,3:int0..6 --input W=7,5",
    "rnn_layers.py::temporal_softmax_loss --input x=2,3,4 --input y=2,3:int0..3 --input mask=2,3:bool",
    "dnn.py::linear_backward --input A=5,8 --input W=4,5 --input b=4,1",
    "dnn.linear_activation_backward --input A_prev=5,8 --input W=4,5 --input b=4,1 --arg activation=relu",
    PROPAGATION,
    "dnn.py::rnn_cell_backward --input xt=3,6 --input a_prev=5,6 --input parameters.Wax=5,3 --input parameters.Waa=5,5 "
    "--input parameters.Wya=2,5 --input parameters.ba=5,1 --input parameters.by=2,1",
    "dnn.py::propagate --input w=3,1 --input b=0.3 --input X=3,6 --input Y=1,6:0..1",
    "nn.py::Linear --arg in_features=5 --arg out_features=4 --input x=8,5",
    "nn.ReLU --input x=8,5",
    "nn.ReLU.backward --input x=8,5",
    "nn.py::Mul --input a=3,4 --input b=3,4",
    "nn.py::MSELoss --input pred=3,4 --input target=3,4",
    "nn.py::SoftmaxCE --input x=3,4 --input t=3:int0..3",
    NETWORK,
    "nn.TwoLayerNet.loss --arg hidden_size=6 --input X=5,4 --input y=5:int0..2",
    "nn.py::LinearClassifier --input X_batch=6,5 --input y_batch=6:int0..2 --input reg=0.2",
    *(f"activations.{name}" for name in ("sigmoid_grad", "dsigmoid", "softmax_jacobian", "grad_quad", "quad_hessian")),
    *(f"activations.{name}" for name in ("quad_jvp", "matvec_jvp", "svm_loss_naive")),
]


@pytest.mark.parametrize("command", RIGHT, ids=[command.split()[0] for command in RIGHT])
def test_right_code_is_right(course, check, command):
    code, out, err = check(command)
    assert (code, err) == (0, ""), out + err
    assert re.match(r"[\w.]+: right", out)
    assert len(out.splitlines()) <= 6


WRONG = [
    (AFFINE, "layers.py", "db = np.sum(dout, axis=0)", "db = np.sum(dout, axis=0, keepdims=True)", "wrong (shape)"),
    (
        AFFINE,
        "layers.py",
        "dx = dout.dot(w.T).reshape(x.shape)",
        "dx = -dout.dot(w.T).reshape(x.shape)",
        "wrong (values)",
    ),
    (
        CONV,
        "layers.py",
        "dxp[:, :, pad : pad + H, pad : pad + W]",
        "dxp[:, :, pad:-pad, pad:-pad]",
        "only in a corner case",
    ),
    (RNN, "rnn_layers.py", "dh[:, t] + dprev", "dh[:, t]", "wrong (values)"),
    (LSTM, "rnn_layers.py", "da.sum(axis=0)\n\n\ndef temporal", "da.mean(axis=0)\n\n\ndef temporal", "wrong (values)"),
    (
        NETWORK,
        "nn.py",
        'grads["W1"] = X.T.dot(dh) + 2 * reg * W1',
        'grads["W1"] = X.T.dot(dh) + reg * W1',
        "wrong (values)",
    ),
    (PROPAGATION, "dnn.py", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T / m * 2", "wrong (values)"),
]


@pytest.mark.parametrize(("command", "file", "old", "new", "verdict"), WRONG, ids=[new for *_, new, _ in WRONG])
def test_wrong_code_is_wrong_and_fits_twelve_lines(course, check, command, file, old, new, verdict):
    mutate(course, file, old, new)
    code, out, err = check(command)
    assert (code, err) == (1, "")
    assert verdict in out.splitlines()[0]
    assert len(out.splitlines()) <= 12


def test_a_wrong_entry_is_shown_with_both_values_and_the_error_bar(course, check):
    _, out, _ = check("activations.tanh_prime")
    assert re.search(r"at \[\d\]: yours [\d.]+, expected [\d.]+ \+- \de-\d\d", out)


def test_what_the_code_printed_is_counted_and_shown_on_demand(folder, check):
    (folder / "mine.py").write_text("def f(x): return x * x\ndef f_grad(x):\n    print('at', x)\n    return 2 * x\n")
    _, out, _ = check("mine.f --input x=:1..2")
    assert re.search(r"your code printed \d+\s+lines:\s+--verbose\s+shows\s+what", out)
    assert "\nat " not in out
    _, out, _ = check("mine.f --input x=:1..2 --verbose")
    assert "at " in out
    assert "your code printed" not in out


def test_a_whole_number_that_is_no_probability_is_a_shape(folder, check):
    (folder / "mine.py").write_text("def f(p): return (p * p).sum()\ndef f_grad(p): return 2 * p\n")
    assert "every entry agrees: p (5,)" in check("mine.f --input p=5")[1]


def test_targets_and_inputs_that_name_nothing(folder, check):
    (folder / "mine.py").write_text(SQUARE)
    code, _, err = check("mine.py:: --input x=3")
    assert (code, err) == (
        2, "checker: mine.py:: names no function: write mine.py::NAME, or mine.py alone for all that it holds\n",
    )  # fmt: skip
    code, _, err = check("mine.py --input x=")
    assert (code, err) == (2, "checker: 'x=' says nothing behind the =; write it like --input x=8,5\n")
    code, _, err = check("mine.py --input x=100000,30000,40000,500")
    assert code == 2
    assert err.startswith("checker: x is too large for this machine: ")
    code, _, err = check("numpy.sin --input x=8,5")
    assert code == 2
    assert err.startswith("checker: nothing says what the other half of sin is. It returned ndarray, ")


def test_a_function_that_is_not_written_is_not_attempted(folder, check):
    (folder / "mine.py").write_text("def f(x): return x * x\ndef f_grad(x): raise NotImplementedError\n")
    code, out, _ = check("mine.f --input x=3")
    assert code == 1
    assert out.startswith("f_grad: not attempted")


def test_the_gradient_of_sigmoid_may_take_its_output(course, check):
    _, out, _ = check("activations.sigmoid_grad --verbose")
    assert "it was given the forward's output, as sigmoid_grad(s) seems to expect" in out


def test_a_reference_forward_is_compared_with(course, check):
    (course / "reference.py").write_text("def affine(x, w, b):\n    return x @ w + b\n")
    mutate(course, "layers.py", "out = x.reshape(N, -1).dot(w) + b", "out = x.reshape(N, -1).dot(w)")
    command = "layers.affine_backward --input x=4,6 --input w=6,5 --input b=5"
    code, out, _ = check(f"{command} --reference reference.py::affine")
    assert code == 1
    assert out.startswith("affine_backward: wrong (forward)")
    code, _, err = check(f"{command} --reference reference.py::afine")
    assert (code, err) == (2, "checker: reference.py has no function 'afine'; did you mean affine?\n")


def test_the_halves_can_lie_in_different_files(course, check):
    (course / "mine.py").write_text("def anything(dout, cache):\n    return dout * (cache > 0)\n")
    code, out, _ = check("mine.py::anything --forward layers.py::relu_forward --input x=5,4")
    assert (code, out.splitlines()[0]) == (0, "anything: right")
    code, _, err = check("mine.py::anything --forward layers.py::relu_forwar --input x=5,4")
    assert (code, err) == (2, "checker: layers.py has no function 'relu_forwar'; did you mean relu_forward?\n")


def test_a_list_of_index_arrays_is_noted_where_the_answer_is_wrong(course, check):
    mutate(
        course,
        "layers.py",
        "loss = -np.sum(log_probs[np.arange(N), y]) / N",
        "loss = -np.sum(log_probs[[np.arange(N), y]]) / N",
    )
    code, out, _ = check("layers.softmax_loss --input x=8,8 --input y=8:int0..7 --verbose")
    assert code == 1
    assert "`log_probs[[np.arange(N), y]]` picks whole rows; before NumPy 1.23 it meant" in out


def test_what_only_the_backward_takes_can_be_given(folder, check):
    (folder / "mine.py").write_text(
        "class Layer:\n"
        "    def __init__(self): self.w = 2.0\n"
        "    def forward_propagation(self, x): self.x = x; return self.w * x\n"
        "    def backward_propagation(self, error, learning_rate):\n"
        "        self.w -= learning_rate * (error * self.x).sum()\n"
        "        return error * 2.0\n"
    )
    code, _, err = check("mine.Layer --input x=3,2")
    assert (code, err) == (
        2,
        "checker: Layer.backward_propagation takes learning_rate too; give it, like --arg learning_rate=0.1\n",
    )
    for rate in ("0.0", "0.5"):
        code, out, err = check(f"mine.Layer --input x=3,2 --arg learning_rate={rate}")
        assert (code, err) == (0, ""), out


def test_functions_without_named_parameters_take_what_is_given_in_order(folder, check):
    (folder / "mine.py").write_text(
        "def f_forward(*xs): return xs[0] * xs[1], xs\n"
        "def f_backward(dout, cache): return dout * cache[1], dout * cache[0]\n"
    )
    (folder / "vector.py").write_text(
        "import numpy as np\n@np.vectorize\ndef f(x): return x * x\ndef f_grad(x): return 2 * x\n"
    )
    assert check("mine.f_backward --input a=3 --input b=3")[0] == 0
    assert check("vector.f --input x=3")[0] == 0
    code, _, err = check("mine.f_backward")
    assert (code, err) == (
        2,
        "checker: nothing says how many inputs f_forward takes; name them in order: python -m checker gradcheck "
        "mine.f_backward --input x=8,5\n",
    )


def test_what_is_a_number_by_its_name_or_default_is_no_shape(folder, check):
    (folder / "mine.py").write_text(
        "def f_forward(x, stride, reg=0.5): return reg * x[::stride], (x, stride, reg)\n"
        "def f_backward(dout, cache):\n"
        "    x, stride, reg = cache\n"
        "    dx = 0 * x\n"
        "    dx[::stride] = reg * dout\n"
        "    return dx\n"
    )
    code, out, err = check("mine.f_backward --input x=6,3 --input stride=2 --input reg=1")
    assert (code, err) == (0, ""), out


# -- exercises --------------------------------------------------------------------------------------------------------


def test_an_exercise_brings_its_own_inputs(check, monkeypatch):
    monkeypatch.chdir(ROOT)
    for target in ("solutions.affine", "solutions.affine.affine_backward", "solutions/affine.py::affine_forward"):
        code, out, _ = check(target)
        assert (code, out.splitlines()[0]) == (0, "affine_backward: right")
    code, _, err = check("solutions.affine --input x=8,5")
    assert code == 2
    assert "affine_backward is an exercise, which draws its own inputs: leave out --input and --arg" in err
    for options, said in (
        ("affine.affine_backward --forward f", "--forward f goes with one function; affine_backward belongs to an"),
        (
            "affine.affine_backward --layout numerator",
            "--layout does not apply to affine_backward: an exercise declares its own\n",
        ),
        ("gates --layout numerator", "--layout does not apply to anything in solutions.gates: an exercise declares"),
        ("gates.square_slopes --rtol 0.1", "--rtol does not apply to square_slopes: its values are compared with tho"),
        ("gates.square_slopes --fast", "--fast does not apply to square_slopes: its values are compared with those o"),
        ("initialisation.xavier_normal --trials 2", "--trials does not apply to xavier_normal: the statistics of many"),
        ("tape.Var --fast", "--fast does not apply to Var: every gradient of an expression is compared\n"),
    ):
        code, out, err = check(f"solutions.{options}")
        assert (code, out) == (2, "")
        assert err.startswith(f"checker: {said}")
    assert check("solutions.gates.square_slopes --full")[0] == 0
    code, _, err = check("solutions.affine --wrt x")
    assert code == 2
    assert "affine_backward is an exercise, whose declaration says what it is compared with" in err


# -- inputs -----------------------------------------------------------------------------------------------------------

SQUARE = "import numpy as np\ndef f(x, k=2.0): return k * x * x\ndef f_grad(x, k=2.0): return 2 * k * x\n"


@pytest.mark.parametrize(
    "options",
    [
        *("--input x=3", "--input x=3,2", "--input x=3:-1..1", "--input x=:0..1", "--input x=2.5", "--input x=-1e3"),
        *(
            "--input x=3:0.5..2:float64",
            "--input x=x.npy",
            "--input data.npz",
            "--input x=data.npz",
            "--arg x=[1.0,2.5]",
        ),
        *(
            "--input x=3 --arg k=0.5",
            "--input x=3 --input k=:1..2",
            "--input x=3 --input k=3",
            "--arg x=0.5",
            "--input x=0,3",
        ),
    ],
)
def test_inputs_can_be_written_in_many_ways(folder, check, options):
    (folder / "mine.py").write_text(SQUARE)
    np.save(folder / "x.npy", np.array([1.0, 2.0]))
    np.savez(folder / "data.npz", x=np.array([1.0, 2.0]), unused=np.ones(3))
    code, out, err = check(f"mine.f {options}")
    assert code == 0, out + err


EXAMPLES = [
    "example_inputs = np.array([1.0, 2.0])",
    "example_inputs = (np.array([1.0, 2.0]), 3.0)",
    "example_inputs = {'x': np.array([1.0, 2.0]), 'other': 1}",
    "def example_inputs(): return {'x': np.random.randn(3)}",
    "def inputs(): return (np.ones(3),)",
    "f_inputs = {'x': np.ones(3)}",
    "inputs = {'f': {'x': np.ones(3)}, 'g': {}}",
    "inputs = {'f_grad': lambda: (np.ones(3),)}",
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_module_can_offer_its_inputs(folder, check, example):
    (folder / "mine.py").write_text(SQUARE + example)
    code, out, err = check("mine.py")
    assert code == 0, out + err


def test_what_is_typed_wins_over_the_modules_inputs(folder, check):
    (folder / "mine.py").write_text(SQUARE + "example_inputs = {'x': np.ones(3), 'k': 0.5}")
    _, out, _ = check("mine.py --input x=4,2 --verbose")
    assert "all 8 entries" in out


def test_inputs_that_do_not_fit_are_refused(folder, check):
    (folder / "mine.py").write_text(SQUARE + "f_inputs = {'y': np.ones(3)}")
    assert check("mine.py::f")[::2] == (2, "checker: f_inputs does not fit the parameters x, k\n")


ANNOTATED = """
from checker import Float, Int
import numpy as np
def loss(scores: Float[np.ndarray, "N C"], y: Int[np.ndarray, "N"]):
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    return -np.log(p[rows, y]).mean(), (p - np.eye(p.shape[1])[y]) / len(y)
def embed_forward(ids: Int[np.ndarray, "N T"], W: Float[np.ndarray, "V D"], *, scale: float = 1.0):
    return W[ids], (ids, W.shape)
def embed_backward(dout, cache):
    dW = np.zeros(cache[1])
    np.add.at(dW, cache[0], dout)
    return dW
def scaled_forward(x: Float[np.ndarray, "N D"], mode):
    assert mode == "train"
    return 2 * x, None
def scaled_backward(dout, cache):
    return 2 * dout
"""


def test_annotated_shapes_are_drawn_and_integers_fit_what_they_index(folder, check):
    (folder / "mine.py").write_text(ANNOTATED)
    code, out, err = check("mine.py --quiet")
    assert out.startswith("embed_backward: right\nloss: right"), err
    assert (code, err) == (
        2,
        "checker: nothing says what mode of scaled_forward is. Type, with your own shapes:\n\n"
        "  python -m checker gradcheck mine.py::scaled_backward --arg mode=train\n\n"
        'or put example_inputs = {"mode": ...} into the module\n',
    )
    assert check("mine.py::scaled_backward --arg mode=train")[0] == 0
    assert "x (3, 2)" in check("mine.py::scaled_backward --arg mode=train --input x=3,2")[1]


def test_a_dict_of_settings_is_built_from_dots(course, check):
    dropout = "layers.dropout_backward --input x=6,5 --arg dropout_param.p=0.5"
    code, out, _ = check(f"""{dropout} --arg dropout_param='{{"mode": "train", "seed": 1}}'""")
    assert code == 0, out
    code, out, _ = check(f"{dropout} --arg dropout_param={{}}")
    assert (code, "raised KeyError" in out) == (1, True)


MISSING = (
    """checker: nothing says what x, gamma, beta and bn_param of batchnorm_forward are. """
    """Type, with your own shapes:

  python -m checker gradcheck layers.py::batchnorm_backward --input x=8,5 --input gamma=5 \\
      --input beta=5 --arg 'bn_param={"mode": "train"}'

or put example_inputs = {"x": ..., "gamma": ..., "beta": ..., "bn_param": ...} into the module,
or annotate the shapes, x: Float[ndarray, "N D"]
"""
)


def test_what_is_missing_is_named_with_the_command_to_type(course, check):
    assert check("layers.py::batchnorm_backward") == (2, "", MISSING)
    code, _, err = check("layers.py::batchnorm_backward --input x=4,3 --input gamma=3")
    assert code == 2
    assert err.startswith("checker: nothing says what beta and bn_param of batchnorm_forward are.")
    assert "--input x=4,3 --input gamma=3 --input beta=5" in err.replace(" \\\n     ", "")


GUESSED = [
    *("layers.affine_backward", "layers.relu_backward", "layers.dropout_backward", "layers.conv_backward_naive"),
    *("layers.max_pool_backward_naive", "layers.svm_loss", "layers.softmax_loss", "rnn_layers.rnn_step_backward"),
    *("rnn_layers.rnn_backward", "rnn_layers.lstm_step_backward", "rnn_layers.word_embedding_backward"),
    *("dnn.linear_backward", "dnn.linear_activation_backward", "dnn.backward_propagation", "dnn.rnn_cell_backward"),
    *("nn.ReLU", "nn.SoftmaxCE", "nn.LinearClassifier"),
]


@pytest.mark.parametrize("target", GUESSED)
def test_the_command_that_is_suggested_can_be_typed(course, check, target):
    code, _, err = check(target)
    assert code == 2
    words = shlex.split(re.search(r"python -m checker gradcheck (.*?)\n\n", err, re.S)[1].replace("\\\n", " "))
    code, out, err = check(shlex.join(words))
    assert (code, err) == (0, ""), out


AXES = """
import numpy as np
def attention_forward(q, k, v):
    s = np.einsum("bhqd,bhkd->bhqk", q, k)
    return np.einsum("bhqk,bhkd->bhqd", s, v), (q, k, v, s)
def attention_backward(dout, cache):
    q, k, v, s = cache
    ds, dv = np.einsum("bhqd,bhkd->bhqk", dout, v), np.einsum("bhqk,bhqd->bhkd", s, dout)
    return np.einsum("bhqk,bhkd->bhqd", ds, k), np.einsum("bhqk,bhqd->bhkd", ds, q), dv
def mix_forward(x, w):
    return np.einsum("nchw, fc -> nfhw", x, w), (x, w)
def mix_backward(dout, cache):
    x, w = cache
    return np.einsum("nfhw,fc->nchw", dout, w), np.einsum("nfhw,nchw->fc", dout, x)
def halve_forward(x):
    N, C, H, W = x.shape
    return x.reshape(N, C, -1).sum(axis=2) / 2, x.shape
def halve_backward(dout, shape):
    return np.broadcast_to(dout[:, :, None, None] / 2, shape).copy()
def product_forward(x, w):
    N, _ = x.shape
    return np.einsum("nd,dk->nk", x, w), (x, w)
def product_backward(dout, cache):
    return dout @ cache[1].T, cache[0].T @ dout
"""


@pytest.mark.parametrize(
    ("target", "shapes"),
    [
        ("attention_backward", "--input q=2,3,4,5 --input k=2,3,6,5 --input v=2,3,6,5"),
        ("mix_backward", "--input x=2,3,4,5 --input w=6,3"),
        ("halve_backward", "--input x=2,3,4,5"),
        ("product_backward", "--input x=8,5 --input w=5,4"),  # as names suggest, where these have as many axes
    ],
)
def test_axes_that_the_code_names_are_suggested(folder, check, target, shapes):
    (folder / "mine.py").write_text(AXES)
    code, _, err = check(f"mine.py::{target}")
    assert code == 2
    assert f"python -m checker gradcheck mine.py::{target} {shapes}\n" in err.replace(" \\\n     ", "")
    code, out, err = check(f"mine.py::{target} {shapes}")
    assert (code, err) == (0, ""), out


def test_a_module_without_inputs_shows_one_command_for_each_pair(course, check):
    code, out, err = check("layers.py")
    assert code == 2
    assert out.strip() == "8 found: 8 without inputs"
    assert err.count("\n  python -m checker gradcheck layers.py::") == 8
    assert err.startswith("checker: nothing says what the inputs are. Type, with your own shapes:\n")
    assert err.endswith("or put example_inputs = {...} or affine_inputs = {...} into the module\n")


# -- what cannot be done ----------------------------------------------------------------------------------------------

SAID = [
    (
        "layers.py::affine_bakward",
        "layers.py has no function 'affine_bakward'; did you mean affine_backward or affine_fo",
    ),
    ("layer.py", "there is no file layer.py; did you mean layers.py or rnn_layers.py?"),
    (f"{AFFINE} --input q=3", "affine_backward has no input 'q'; it takes x, w, b"),
    (f"{AFFINE} --input ww=3", "affine_backward has no input 'ww'; it takes x, w, b"),
    (
        f"{BATCHNORM} --input gama=5",
        "batchnorm_backward has no input 'gama'; did you mean gamma? It takes x, gamma, beta",
    ),
    (
        "layers.relu_backward --input x=3,4:abc",
        "cannot read --input x=3,4:abc: write x=8,5 for a shape, x=8,5:-1..1 with",
    ),
    ("layers.relu_backward --input x=3,-4", "cannot read --input x=3,-4: write x=8,5 for a shape"),
    ("layers.relu_backward --input x=3:2..1", "--input x=3:2..1: the range is empty"),
    ("layers.relu_backward --input =3", "cannot read '=3'; write it like --input x=8,5"),
    ("layers.relu_backward --arg mode", "cannot read 'mode'; write it like --arg mode=train"),
    ("layers.relu_backward --input x", "cannot read --input x: write x=8,5, or the name of an .npz file"),
    ("layers.relu_backward --input x=dta.npy", "there is no file dta.npy; did you mean data.npz or bad.npy?"),
    ("layers.relu_backward --input x=data.npz", "data.npz holds a, b, and none of them is x"),
    ("layers.relu_backward --input x=bad.npy", "cannot load bad.npy: "),
    ("layers.relu_backward --input x.a=3 --input x=3", "x.a reaches into x, which is given as a whole, and is no dict"),
    ("layers.relu_backward --input x=3 --trials -1", "--trials is -1; it cannot be negative"),
    ("layers.relu_backward --input x=3 --seed -1", "--seed is -1; it cannot be negative"),
    ("layers.relu_backward --input x=3 --rtol 2", "--rtol is 2; it lies between 0 and 1"),
    ("layers.py --forward relu_forward", "--forward relu_forward goes with one function: layers.py::its_name"),
    ("layers.relu_backward --input x=3 --wrt q", "wrt names 'q', but the inputs are x"),
    ("layers.relu_backward --input x=3:int0..4", "nothing to differentiate: no input holds floats"),
    (
        "dnn.compute_cost --input AL=1,6:0.1..0.9 --input Y=1,6:0..1",
        "nothing says what the other half of compute_cost is. It",
    ),
    (
        "nn.Linear --input x=3,5",
        "Linear cannot be made without in_features, out_features. Type, with your own values: --arg",
    ),
    (
        "nn.Linear --arg in_features=a --arg out_features=2 --input x=3,5",
        "cannot make a Linear: Linear raised TypeError at nn",
    ),
    ("nn.ReLU.backwards --input x=3", "ReLU has no method 'backwards'; did you mean backward?"),
    (
        "nn.py::ReLU --input x=3 --reference layers.relu_forward",
        "a reference cannot be given for a layer; it goes with a pair",
    ),
    (
        "plain.Thing --input x=3",
        "Thing has neither forward and backward, nor a loss that returns (loss, gradients), nor any",
    ),
    (
        "plain.Bare --input X=3,2 --input y=3:int0..1",
        "Bare holds no parameters: neither a dict params, nor arrays as attri",
    ),
    (
        "plain.py",
        "plain.py holds no pair of functions like affine_forward and affine_backward, f and f_grad; its fun",
    ),
    ("pkg", "pkg is a package; name a module in it: inner"),
    (".", ". is a folder; name a file in it: activations.py, dnn.py, layers.py, nn.py, plain.py, rnn_layers.py\n"),
    ("layers.py:relu_backward", "cannot read the target 'layers.py:relu_backward'; did you mean layers.py::relu_back"),
    ("layers.py.relu_backward", "cannot read the target 'layers.py.relu_backward'; did you mean layers.py::relu_back"),
    ("pkg.inner.py", "there is no file pkg.inner.py; did you mean pkg/inner.py?\n"),
    ("layers.py::np", "np in layers.py is no function: it holds a module\n"),
    ("pkg/inner.py", "pkg/inner.py holds no functions of its own\n"),
    ("::f", "::f names no file: write FILE.py::f\n"),
    ("layers.py::relu_backward --input x=99999999999,99999999999", "--input x=99999999999,99999999999 cannot be dra"),
    ("layers.py::relu_backward --input x=3:-1e308..1e308", "--input x=3:-1e308..1e308 cannot be drawn: "),
    (f"layers.py::relu_backward --input x={'1,' * 65}", f"--input x={'1,' * 65} cannot be drawn: "),
    ("notes", "notes is not a Python file; its name should end in .py\n"),
    ("layers.py::relu_backward --input ''", "cannot read --input '': write x=8,5, or the name of an .npz file\n"),
    ("layers.py::relu_backward --input x=3 --input x=4", "x is given twice: leave one out\n"),
    ("layers.py::relu_backward --input x=3 --arg x=1.5", "x is given twice: leave one out\n"),
    (
        "layers.py::relu_backward --arg x=[1,2",
        "cannot read --arg x=[1,2: from its [ on it is neither Python nor JSON\n",
    ),
    (
        "layers.py::relu_backward --input x=3 --reference layers.py",
        "--reference layers.py names no function: write layers.py::NAME\n",
    ),
    (
        "layers.py::relu_backward --input x=3 --reference layers",
        "--reference layers names no function: write layers.NAME\n",
    ),
    (
        "layers.py::relu_forward --input x=3 --forward relu_forward",
        "--forward relu_forward is the target itself: name the function that it is a derivative of\n",
    ),
    (
        f"{AFFINE} --layout numerator",
        "--layout does not apply to affine_backward: it is for functions that return a Jacobian\n",
    ),
    (
        "activations.quad_hessian --trials 3",
        "--trials does not apply to quad_hessian: every second derivative is compared, at the given inputs\n",
    ),
    ("activations.quad_hessian --fast", "--fast does not apply to quad_hessian: every second derivative is compared"),
    ("layers.py --layout numerator", "--layout does not apply to anything in layers.py: it is for functions that"),
    ("layers.py --input q=3", "nothing in layers.py has an input 'q'\n"),
    ("layers.py --input gama=3", "nothing in layers.py has an input 'gama'; did you mean gamma?\n"),
    ("nn.py::ReLU --forward f", "--forward f goes with one function; ReLU has both halves in it\n"),
]


@pytest.mark.parametrize(("command", "said"), SAID, ids=[said[:40] for _, said in SAID])
def test_a_usage_mistake_is_one_sentence_and_exit_code_2(course, check, command, said):
    np.savez(course / "data.npz", a=np.ones(3), b=np.ones(3))
    np.save(course / "bad.npy", np.array([{}], dtype=object), allow_pickle=True)
    (course / "pkg").mkdir()
    (course / "pkg" / "__init__.py").write_text("")
    (course / "pkg" / "inner.py").write_text("")
    (course / "notes").write_text("")
    (course / "plain.py").write_text(
        "class Thing:\n    def run(self): pass\nclass Bare:\n    def loss(self, X, y): pass\ndef g(x): return x\n"
    )
    code, out, err = check(command)
    assert code == 2, out
    assert out == ""
    assert err.startswith(f"checker: {said}"), err


TARGET_WANTED = "a target: pkg.module.function, pkg.module.Class, path/to/file.py::function, a module or a file"
REFUSED = [
    ("gradcheck", f"gradcheck needs {TARGET_WANTED}"),
    ("gradcheck a.py --seed x", "--seed is x; it is a whole number"),
    ("gradcheck a.py --rtol x", "--rtol is x; it is a number, such as 1e-7"),
    ("gradcheck a.py --rtol", "--rtol needs a value behind it: --rtol NUMBER"),
    ("gradcheck a.py --seed", "--seed needs a value behind it: --seed N"),
    ("gradcheck a.py --input", "--input needs a value behind it: --input x=8,5"),
    ("gradcheck a.py --layout", "--layout needs a value behind it: --layout denominator or numerator"),
    ("gradcheck a.py --layout numeratr", "--layout is numeratr; did you mean numerator?"),
    ("gradcheck a.py --layout other", "--layout is other; it can be denominator or numerator"),
    ("gradcheck a.py --fast --full", "--full and --fast exclude each other: leave out one of them"),
    ("gradcheck a.py --fast=3", "--fast takes no value: leave out what is behind it"),
    ("gradcheck a.py --sede 3", "gradcheck has no option --sede; did you mean --seed?"),
    ("watch a.py --zz=3", "watch has no option --zz; python -m checker watch --help says what it takes"),
    ("gradcheck a.py --f", "--f may be --forward, --fast or --full: write it in full"),
    ("gradcheck a.py --input x=3 w=5", "w=5 stands alone: each input has its own --input, as in --input w=5"),
    ("gradcheck a.py b.py", "b.py is too much: gradcheck takes one target and options"),
    ("doctor -", "- is too much: doctor takes options only"),
    ("completion", "completion needs a shell: bash, zsh, fish or powershell"),
    ("completion fsh", "completion does not know fsh; did you mean fish?"),
    ("completion tcl", "completion does not know tcl; it knows bash, zsh, fish or powershell"),
    ("--seed 3 gradcheck a.py", "the verb comes first, and then --seed; there are gradcheck, watch, list, hint"),
]


@pytest.mark.parametrize(("command", "said"), REFUSED, ids=[command for command, _ in REFUSED])
def test_a_line_that_cannot_be_read_is_answered_by_one_sentence(folder, capsys, command, said):
    assert cli.main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"checker: {said}")
    assert err.count("\n") == 1


def test_a_complaint_of_argparse_that_is_not_known_is_passed_on():
    parser = greeting.Parser(prog="checker gradcheck")
    parser.add_argument("--seed")
    for message in ("something new", "argument --seed: something new"):
        with pytest.raises(UsageError) as raised:
            parser.error(message)
        assert str(raised.value) == f"{message}; python -m checker gradcheck --help says what it takes"


def test_a_name_may_be_written_as_a_call_and_replace_what_an_archive_holds(course, check):
    np.savez(course / "data.npz", x=np.ones(3))
    code, out, err = check("layers.py::relu_backward() --input data.npz --input x=4,2")
    assert (code, err) == (0, "")
    assert "x (4, 2)" in out


def test_help_is_exit_code_0(check, capsys):
    assert check("--help")[0] == 0
    assert cli.main(["--help"]) == 0
    assert "gradcheck" in capsys.readouterr().out
    assert cli.main([]) == 2


# -- the author's own mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import numpy as np\nprint 'hello'\n",
            "raised SyntaxError at mine.py, line 2, `print 'hello'`: Missing parentheses",
        ),
        (
            "import no_such_package\n",
            "raised ModuleNotFoundError at mine.py, line 1, `import no_such_package`: No module named",
        ),
        ("import sys\nsys.exit(0)\n", "raised SystemExit at mine.py, line 2, `sys.exit(0)`: 0"),
        (
            "name = input('who? ')\n",
            "raised EOFError at mine.py, line 1, `name = input('who? ')`: EOF when reading a line",
        ),
        ("x = {}\nx['a']\n", "raised KeyError at mine.py, line 2, `x['a']`: 'a'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_shown_as_theirs(folder, check, source, said):
    (folder / "mine.py").write_text(source)
    for target in ("mine.py", "mine.f"):
        code, out, err = check(target)
        assert (code, err) == (1, "")
        flat = " ".join(out.split())
        assert flat.startswith(f"{target}: wrong (raises an exception) mine")
        assert said in flat
        assert "Traceback" not in out


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return 2 * x[len(x) / 2]",
            "f_grad raised IndexError at mine.py, line 2, `def f_grad(x): return 2 * x[len(x) / 2]`",
        ),
        ("return x @ np.ones((7, 2))", "There, x is (3,)"),
        ("raise SystemExit", "raised SystemExit at mine.py, line 2"),
    ],
)
def test_an_exception_in_the_backward_is_theirs_at_their_line(folder, check, body, said):
    (folder / "mine.py").write_text(f"import numpy as np; f = lambda x: x * x\ndef f_grad(x): {body}\n")
    code, out, err = check("mine.f_grad --input x=3")
    assert (code, err) == (1, "")
    assert said in " ".join(out.split())
    assert "Traceback" not in out
    assert "checker/" not in out


def test_what_the_authors_code_prints_and_warns_is_left_out_unless_asked_for(folder, check):
    noisy = "import warnings\ndef f(x):\n    print('in f')\n    warnings.warn('careful')\n    return x * x\n"
    noisy += "def f_grad(x): return 2 * x\n"
    (folder / "mine.py").write_text("print('loading')\n" + noisy)
    code, out, err = check("mine.f --input x=3")
    assert (code, err) == (0, "")
    assert "in f" not in out
    assert "loading" not in out
    json.loads(check("mine.f --input x=3 --json")[1])


def test_examples_that_raise_are_theirs(folder, check):
    (folder / "mine.py").write_text(SQUARE + "def inputs(): return {'x': np.ones(3) @ np.ones(2)}")
    code, out, _ = check("mine.py")
    assert code == 1
    assert "line 4, `def inputs(): return {'x': np.ones(3) @ np.ones(2)}`" in " ".join(out.split())


# -- several at once --------------------------------------------------------------------------------------------------


def test_a_module_is_summed_up_in_one_line(course, check):
    code, out, _ = check("activations.py --quiet")
    assert code == 1
    assert out.splitlines()[-1] == "9 found: 8 right, 1 wrong (tanh_prime)"
    assert len(out.splitlines()) == 10


def test_a_wrong_one_outweighs_one_without_inputs(course, check):
    (course / "activations.py").write_text(
        (course / "activations.py").read_text() + "\n\ndef more(q): return q\ndmore = more\n"
    )
    code, out, err = check("activations.py --quiet")
    assert code == 1
    assert out.splitlines()[-1] == "10 found: 8 right, 1 wrong (tanh_prime), 1 without inputs"
    assert err.startswith("checker: nothing says what q of more is.")


def test_classes_in_a_module_are_checked_but_not_their_bare_base(course, check):
    inputs = "--input x=8,5 --input t=8:int0..4 --input a=3 --input b=3 --input pred=3 --input target=3"
    code, out, err = check(f"nn.py --quiet {inputs}")
    assert re.findall(r"^(\w+): right", out, re.M) == ["ReLU", "Sigmoid", "Mul", "MSELoss", "SoftmaxCE"]
    assert "Layer" not in out
    assert code == 2
    assert "Linear cannot be made without in_features, out_features" in err


# -- output and options -----------------------------------------------------------------------------------------------


def test_json_holds_every_report(course, check):
    _, out, err = check("activations.py --json --layout denominator")  # which applies to one of them
    read = json.loads(out)
    assert err == ""
    assert read["version"] == 1
    assert [r["name"] for r in read["reports"] if r["verdict"] == "wrong"] == ["tanh_prime"]


def test_fast_full_seed_trials_rtol_and_layout_are_passed_on(course, check):
    def report(command):
        return json.loads(check(command + " --json")[1])["reports"][0]

    assert report("layers.relu_backward --input x=30,4 --fast")["mode"] == "fast"
    assert report("layers.relu_backward --input x=30,4 --full --seed 3")["seed"] == 3
    assert "other points" not in str(report("layers.relu_backward --input x=3,4 --trials 0")["notes"])
    mutate(course, "layers.py", "return dout * (x > 0)", "return 1.001 * dout * (x > 0)")
    assert report("layers.relu_backward --input x=3,4")["verdict"] == "wrong"
    assert report("layers.relu_backward --input x=3,4 --rtol 0.01")["verdict"] == "right"
    (course / "mine.py").write_text(
        "import numpy as np\nA = np.arange(6.0).reshape(3, 2)\ndef f(x): return A @ x\ndef f_jacobian(x): return A\n"
    )
    assert report("mine.f --input x=2")["verdict"] == "wrong"
    assert report("mine.f --input x=2 --layout numerator")["verdict"] == "right"


def test_the_same_seed_gives_the_same_report(course, check):
    assert check(f"{AFFINE} --seed 5 --json") == check(f"{AFFINE} --seed 5 --json")
    command = "nn.Linear --arg in_features=5 --arg out_features=4 --input x=8,5 --json"
    assert check(command) == check(command)


def test_quiet_is_one_line_and_verbose_says_more(course, check):
    assert check(f"{AFFINE} --quiet")[1] == "affine_backward: right\n"
    assert len(check(f"{AFFINE} --verbose")[1].splitlines()) > len(check(AFFINE)[1].splitlines())


def test_the_headline_is_coloured_on_a_terminal_only(course, check, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in check(AFFINE)[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    coloured = check(AFFINE)[1]
    assert coloured.startswith("\x1b[1;32maffine_backward: right\x1b[0m\n  every entry agrees")
    monkeypatch.setenv("NO_COLOR", "")  # set to nothing, it asks for nothing
    assert check(AFFINE)[1] == coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in check(AFFINE)[1]


def test_a_progress_bar_is_shown_on_a_terminal_only_and_only_for_long_work(course, check, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    command = f"{AFFINE} --full"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert check(command)[2] == ""
    monkeypatch.setattr(cli, "PATIENCE", 0.0)
    assert "affine_backward" in check(command)[2]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert check(command)[2] == ""


# -- Ctrl-C -----------------------------------------------------------------------------------------------------------

STOPS = """
calls = 0
def f(x):
    global calls
    calls += 1
    if calls > {after}:
        raise KeyboardInterrupt
    return x * x
def f_grad(x): return 2 * x
"""


def test_ctrl_c_prints_what_is_known(folder, check):
    (folder / "mine.py").write_text(STOPS.format(after=20))
    code, out, _ = check("mine.f --input x=3,5 --full")
    assert code == 130
    assert out.startswith("f_grad: cannot tell\n  interrupted; nothing wrong had been found by then")


def test_ctrl_c_while_importing_says_so(folder, check):
    (folder / "mine.py").write_text("raise KeyboardInterrupt\n")
    assert check("mine.py") == (130, "", "interrupted\n")


def test_ctrl_c_between_checks_keeps_the_earlier_reports(folder, check):
    (folder / "mine.py").write_text(
        STOPS.format(after=10**9) + "def g(x): raise KeyboardInterrupt\ndef g_grad(x): return x\n"
    )
    code, out, _ = check("mine.py --input x=3 --quiet")
    assert code == 130
    assert out.startswith("f_grad: right\n")


# -- as a process -----------------------------------------------------------------------------------------------------


def process(folder, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "checker", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_a_process_runs_code_from_its_folder_and_leaves_nothing_behind(course):
    before = sorted(str(path) for path in course.rglob("*"))
    run = process(course, "gradcheck", *shlex.split(RNN), "--quiet")
    assert run.communicate(timeout=60) == ("rnn_backward: right\n", "")
    assert run.returncode == 0
    assert sorted(str(path) for path in course.rglob("*")) == before


def test_sigint_ends_a_long_check_at_once(folder):
    (folder / "mine.py").write_text(
        "import time\ndef f(x):\n    time.sleep(0.02)\n    return x * x\ndef f_grad(x): return 2 * x\n"
    )
    run = process(folder, "gradcheck", "mine.f", "--input", "x=2000", "--full")
    time.sleep(1.5)
    run.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = run.communicate(timeout=20)
    assert time.monotonic() - started < 2
    assert run.returncode == 130
    assert "Traceback" not in out + err
    assert "interrupted" in out + err


def test_a_reader_that_stops_reading_is_no_error(course):
    run = process(course, "gradcheck", "activations.py")
    run.stdout.close()
    with run.stderr:
        assert run.stderr.read() == ""
    assert run.wait(timeout=60) == 1
