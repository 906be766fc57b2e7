"""What a worker says of a cell's outputs may be anything; what is kept is what a notebook can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("nbformat")

import nbformat

from checker.course.outputs import outputs

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=12,
)
KEYS = ("output_type", "name", "text", "data", "ename", "evalue", "traceback")
KINDS = ("stream", "display_data", "execute_result", "error", "stdout", "text/plain", "image/png")


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.sampled_from(KINDS), max_size=7)) | ANYTHING)
def test_whatever_is_told_a_notebook_can_hold_what_is_kept(told):
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(each) for each in outputs(told, 100)])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)


def test_what_a_cell_put_out_is_kept():
    told = [
        {"output_type": "stream", "name": "stdout", "text": "a"},
        {"output_type": "execute_result", "data": {"text/plain": "7", "text/html": "<b>7</b>"}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line"]},
    ]
    kept = outputs(told, 100)
    assert kept == [told[0], {**told[1], "execution_count": None}, told[2]]


@pytest.mark.parametrize("mime", ["application/javascript", "application/vnd.jupyter.widget-view+json", "x"])
def test_what_runs_in_a_browser_is_left_out(mime):
    (kept,) = outputs([{"output_type": "display_data", "data": {mime: "alert(1)", "text/plain": "x"}}], 100)
    assert kept["data"] == {"text/plain": "x"}


def test_pictures_are_pictures():
    (kept,) = outputs([{"output_type": "display_data", "data": {"image/png": "not base64!", "text/plain": "x"}}], 100)
    assert kept["data"] == {"text/plain": "x"}


def test_text_and_pictures_are_bounded():
    told = [{"output_type": "stream", "name": "stdout", "text": "a" * 60} for _ in range(10)]
    assert sum(len(each["text"]) for each in outputs(told, 100)) <= 200
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0K" * 300_000}}
    assert len(outputs([picture] * 3, 100)) == 1
