"""What a shell offers at the Tab key, asked for as bash asks."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import threading

import pytest

from checker import cli, completion, ladder
from checker.errors import UsageError

MINE = """
import nothing_that_is_there

def affine_forward(x): ...
def affine_backward(dout, cache): ...
def _helper(): ...
class Layer: ...
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A student's folder: the stubs, a file and a folder of their own, and assignments."""
    monkeypatch.chdir(tmp_path)
    ladder.run_start(argparse.Namespace(folder="."))
    (tmp_path / "layers.py").write_text(MINE)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "one.py").write_text(MINE)
    (tmp_path / "source" / "01_gates").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("prefix", "offered"),
    [
        ("coursework.hess", {"coursework.hessians", "coursework.hessians.quadratic_hessian"}),
        ("coursework.batchnorm.batchnorm_", {"coursework.batchnorm.batchnorm_backward"}),
        ("coursework.gates.add_", {"coursework.gates.add_backward"}),
        ("coursework/gates.py::mul", {"coursework/gates.py::mul_backward"}),
        ("lay", {"layers", "layers.affine_forward", "layers.affine_backward", "layers.Layer"}),
        ("layers.py::", {"layers.py::affine_forward", "layers.py::affine_backward", "layers.py::Layer"}),
        ("lab.", {"lab.one", "lab.one.affine_backward"}),
    ],
)
def test_targets_are_read_from_the_source(desk, prefix, offered):
    assert offered <= set(completion.targets(prefix))
    assert all(target.startswith(prefix) for target in completion.targets(prefix))


@pytest.mark.parametrize("prefix", ["nothing.", "layers.py.", "nothing.py::", "broken.py::", "coursework.nothing.x"])
def test_where_there_is_nothing_nothing_is_offered(desk, prefix):
    (desk / "broken.py").write_text("def (")
    assert completion.targets(prefix) == []


def test_what_is_no_exercise_of_a_stub_is_not_offered(desk):
    names = completion.targets("coursework.gates.")
    assert "coursework.gates.add_backward" in names
    assert "coursework.gates.add_forward" not in names


@pytest.fixture
def press_tab(desk):
    """What bash offers behind a line: its own completion function is called as Tab calls it."""
    pytest.importorskip("argcomplete")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    python = shlex.quote(sys.executable)

    def press(line):
        script = f"""
            checker() {{ {python} -m checker "$@"; }}
            eval "$(checker completion bash)"
            COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_TYPE=9
            _python_argcomplete checker 2>/dev/null
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        run = subprocess.run([bash, "--norc", "-c", script], capture_output=True, text=True, cwd=desk)
        assert run.returncode == 0, run.stderr
        return {word.strip() for word in run.stdout.splitlines()}

    return press


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("checker gradch", {"gradcheck"}),
        ("checker gradcheck --refer", {"--reference"}),
        ("checker gradcheck coursework.gates.add_", {"coursework.gates.add_backward"}),
        ("checker hint coursework.gates.mul", {"coursework.gates.mul_backward"}),
        ("checker gradcheck coursework/gates.py::mul", {"mul_backward"}),
        ("checker gradcheck la", {"lab/", "layers.py", "layers"}),
        ("checker completion z", {"zsh"}),
    ],
)
def test_bash_completes(press_tab, line, offered):
    assert offered <= press_tab(line)


def test_bash_completes_assignments(press_tab):
    assert press_tab("checker release 0") == {"01_gates"}


def test_bash_completes_a_folder_by_folders_alone(press_tab):
    assert press_tab("checker start la") == {"lab/"}


#: In the place of the command: it answers Tab, and says what it is called with.
PROGRAM = """#!/bin/sh
[ -n "$_ARGCOMPLETE" ] && exec {python} -m checker "$@"
echo "called: $*."
"""


SETTINGS = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


@pytest.fixture(params=SETTINGS)
def terminal(request, desk, capsys):
    """A terminal with a shell in it that starts with the line that `--help` names."""
    pytest.importorskip("argcomplete")
    pytest.importorskip("pty")
    name, settings = request.param, SETTINGS[request.param]
    shell = shutil.which(name)
    if shell is None:
        pytest.skip(f"there is no {name} here")
    cli.main(["completion", "--help"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    files = {desk / "home" / settings: lines[lines.index(f"~/{settings}:") + 1] + "\n"}
    files[desk / "programs" / "checker"] = PROGRAM.format(python=shlex.quote(sys.executable))
    for file, text in files.items():
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR"))}
    path = f"{desk / 'programs'}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", shell, "-i"],
        cwd=desk,
        env=kept | {"HOME": str(desk / "home"), "TERM": "dumb", "PATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = threading.Timer(60, process.kill)
        patience.start()
        yield process
        patience.cancel()
        process.kill()


@pytest.mark.slow
def test_a_shell_completes_once_it_starts_with_the_line_that_help_names(terminal):
    typed = {
        "checker gradch": "gradcheck",
        "checker gradcheck --refer": "gradcheck --reference",
        "checker gradcheck coursework.gates.add_": "gradcheck coursework.gates.add_backward",
        "checker hint coursework/gates.py::mul": "hint coursework/gates.py::mul_backward",
        "checker start la": "start lab/",
        "checker release 0": "release 01_gates",
    }
    for line, completed in typed.items():
        print(f"{line}\t", end="\r", flush=True, file=terminal.stdin)
        shown = next((line for line in terminal.stdout if "called: " in line), "nothing within a minute")
        assert shown.strip().endswith(f"called: {completed}.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_code(shell, capsys):
    pytest.importorskip("argcomplete")
    assert cli.main(["completion", shell]) == 0
    assert "checker" in capsys.readouterr().out
    assert cli.main(["completion", "--help"]) == 0
    assert f"checker completion {shell}" in capsys.readouterr().out


def test_without_argcomplete_it_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert cli.main(["completion", "bash"]) == 2
    err = capsys.readouterr().err
    assert "completion needs the package argcomplete, which is not installed: " in err
    assert err.endswith(" -m pip install argcomplete\n")
    with pytest.raises(UsageError):
        completion.run(argparse.Namespace(shell="bash"))


def test_argcomplete_is_not_loaded_unless_a_shell_asks():
    program = "import sys; from checker.cli import main; main(['--version']); print('argcomplete' in sys.modules)"
    without = {name: value for name, value in os.environ.items() if name != completion.ASKED}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=without)
    assert run.stdout.splitlines()[-1] == "False", run.stderr
