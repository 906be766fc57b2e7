"""What `assert gradcheck(...)` shows of a failure under pytest."""

import subprocess
import sys

import pytest

import checker  # noqa: F401  (NumPy can be imported once in a process, not once in each of pytester's runs)

pytest_plugins = ["pytester"]

SQUARE = """
    import unittest
    import numpy as np
    from checker import gradcheck

    X = np.arange(1.0, 7.0).reshape(2, 3)

    def square_forward(x):
        return x**2, x

    def square_backward(dout, x):
        return -2 * x * dout

    def right_backward(dout, x):
        return 2 * x * dout
"""
TITLE = "*gradient check of square_backward*"


@pytest.fixture
def run(pytester):
    """Run a test body in a pytest of its own; what it printed."""

    def runs(test: str, failed: int = 1):
        module = pytester.makepyfile(test_it=SQUARE + test)
        outcome = pytester.runpytest_inprocess("-p", "no:cacheprovider", module)
        outcome.assert_outcomes(failed=failed, passed=1 - failed)
        return outcome.stdout

    return runs


def test_a_failing_assertion_shows_the_report_line_by_line(run):
    shown = run("""
    def test_square():
        assert gradcheck(square_forward, square_backward, (X,))
    """)
    shown.fnmatch_lines([TITLE, "*wrong*", "*6 of 6*", "*sign*"])


def test_a_report_in_a_variable_is_shown_too(run):
    shown = run("""
    def test_square():
        fine = gradcheck(square_forward, right_backward, (X,))
        report = gradcheck(square_forward, square_backward, (X,))
        assert report
    """)
    shown.fnmatch_lines([TITLE])
    shown.no_fnmatch_line("*gradient check of right*")


def test_a_report_is_shown_once(run):
    shown = run("""
    def test_square():
        report = gradcheck(square_forward, square_backward, (X,))
        assert report, report.verdict
    """)
    assert shown.str().count("gradient check of square_backward") == 1


def test_the_frame_that_asserts_is_the_one_that_counts(run):
    shown = run("""
    def expect_right(report):
        assert report.verdict == "right"

    def test_square():
        expect_right(gradcheck(square_forward, square_backward, (X,)))
    """)
    shown.fnmatch_lines([TITLE])


def test_unittest_is_served_as_well(run):
    shown = run("""
    class TestSquare(unittest.TestCase):
        def test_square(self):
            self.assertTrue(gradcheck(square_forward, square_backward, (X,)))
    """)
    shown.fnmatch_lines([TITLE])


def test_an_assertion_that_a_wrong_gradient_is_found_shows_the_report_that_says_right(run):
    shown = run("""
    def test_square():
        assert not gradcheck(square_forward, right_backward, (X,))
    """)
    shown.fnmatch_lines(["*gradient check of right_backward*"])


def test_a_passing_test_and_other_failures_show_nothing(run):
    passing = """
    def test_square():
        assert gradcheck(square_forward, right_backward, (X,))
    """
    shown = run(passing, failed=0)
    shown.no_fnmatch_line("*gradient check of*")
    shown = run("""
    def test_square():
        report = gradcheck(square_forward, square_backward, (X,))
        raise RuntimeError("something else")
    """)
    shown.no_fnmatch_line("*gradient check of*")


def test_loading_the_plugin_loads_neither_numpy_nor_the_checker():
    program = "import sys, pytest_checker; print('numpy' in sys.modules, 'checker' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
