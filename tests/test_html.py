"""Reports as HTML: well-formed, escaped, self-contained, right on light and dark pages; the error as a picture."""

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from checker import Entry, Finding, Report, gradcheck
from checker.render.html import ROWS, render
from checker.render.svg import COLUMNS, STEPS, heatmap
from checker.render.svg import ROWS as CELLS_DOWN
from checker.report import CANNOT_TELL, KINDS, NOT_ATTEMPTED, RIGHT, WRONG
from solutions import affine, batchnorm, gates, initialisation, staged

HOSTILE = "<script>alert(1)</script> & <b onmouseover='x'>\"`"
X = np.random.default_rng(1).normal(size=(4, 3))


def known(answer, name):
    """The report on a known mistake."""
    mistake = next(each for each in answer.exercise.mistakes if each.name == name)
    return answer.exercise.check(mistake.answer.function, mistake.answer.forward, trials=0)


def unfinished(dout, cache):
    raise NotImplementedError


def hostile(dout, cache):
    raise ValueError(HOSTILE)


REPORTS = {
    "right": affine.affine_backward.exercise.check(trials=0),
    "values": known(batchnorm.batchnorm_backward, "variance_path_forgotten"),
    "shape": known(affine.affine_backward, "bias_with_an_extra_axis"),
    "staged": known(batchnorm.batchnorm_graph_backward, "plus_at_the_reciprocal"),
    "edge": known(gates.mul_backward, "divided_out"),
    "unstable": known(staged.staged_backward, "exponential_of_a_large_number"),
    "value": known(initialisation.relu_moments, "variance_halves"),
    "initialiser": known(initialisation.small_init, "small_variance"),
    "not attempted": affine.affine_backward.exercise.check(unfinished),
    "error": affine.affine_backward.exercise.check(hostile),
    "contract": gradcheck(np.sin, lambda dout, x: None or dout, (X,)),
    "forward": affine.affine_backward.exercise.check(forward=lambda x, w, b: (x @ w.T - b, (x, w))),
    "cannot tell": gradcheck(lambda x: 1e20 + x, lambda dout, x: 1 * dout, (X,), trials=0),
    "an infinity": gradcheck(np.sin, lambda dout, x: dout * np.inf, (X,)),
    "nothing": Report("f", RIGHT),
}


def read(report, **options):
    """The HTML of a report as a tree: it is well-formed."""
    return ElementTree.fromstring(render(report, **options))


def words(element):
    """The text that a reader sees."""
    return " ".join("".join(element.itertext()).split())


def rows(tree):
    return [[words(cell) for cell in row] for row in tree.iter("tr")]


def folded(tree):
    """The titles of what is behind a fold."""
    return [words(element) for element in tree.iter("summary")]


# -- every report -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_one_well_formed_element_that_needs_nothing_else(name):
    html = render(REPORTS[name], hints=("first", "second"))
    tree = ElementTree.fromstring(html)
    for element in tree.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag not in {"script", "style", "link", "img", "iframe", "object", "a", "b"}, tag
        assert not {key for key in element.attrib if key.startswith("on") or key in ("id", "class", "href", "src")}
    assert "url(" not in html
    assert html.replace("http://www.w3.org/2000/svg", "").count("http") == 0


@pytest.mark.parametrize("name", REPORTS)
def test_text_takes_the_colour_of_its_page(name):
    """Only the verdict has a colour of its own, and with it a background of its own."""
    for element in read(REPORTS[name]).iter():
        style = dict(part.strip().split(":", 1) for part in element.get("style", "").split(";") if part.strip())
        assert style.get("color", "inherit") == "inherit" or style["background"].startswith("#"), style
        assert element.get("fill", "currentColor") == "currentColor" or not (element.text or "").strip()


@pytest.mark.parametrize("name", REPORTS)
def test_the_verdict_is_a_word(name):
    text = words(read(REPORTS[name]))
    assert REPORTS[name].verdict in text[:20]
    assert REPORTS[name].name in text


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_small(name):
    assert len(render(REPORTS[name])) < 25_000


@pytest.mark.parametrize("name", [name for name in REPORTS if REPORTS[name].verdict == WRONG])
def test_what_is_wrong_is_explained(name):
    text = words(read(REPORTS[name]))
    first = next(f for f in REPORTS[name].findings if f.verdict == WRONG)
    assert " ".join(first.message.replace("`", "").split()) in text
    assert " ".join(first.advice.split()) in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_words_of_its_own(kind):
    assert len(words(read(Report("f", WRONG, kind=kind)))) > len("x wrong f") + 10


# -- nothing of a student's is taken for HTML -------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [RIGHT, WRONG, NOT_ATTEMPTED, CANNOT_TELL])
def test_every_text_is_escaped(verdict):
    entry = Entry((0,), 1.0, 2.0, 0.1)
    finding = Finding(
        HOSTILE, verdict, HOSTILE, HOSTILE, HOSTILE, HOSTILE, (2,), 1, (entry, entry), np.array([1.0, 0.0])
    )
    report = Report(
        HOSTILE, verdict, (finding, replace(finding, advice="")), HOSTILE, (HOSTILE,), HOSTILE, HOSTILE,
        inputs={HOSTILE: HOSTILE, "x": X},
    )  # fmt: skip
    html = render(report, hints=(HOSTILE, HOSTILE))
    assert "<script" not in html
    assert "<b " not in html
    assert words(ElementTree.fromstring(html)).count("<script>alert(1)</script>") >= 6


def test_an_exception_of_a_student_is_shown_and_not_run():
    assert "<script>alert(1)</script> &" in words(read(REPORTS["error"]))


def test_code_in_a_message_is_shown_as_code():
    tree = read(Report("f", WRONG, (Finding("", WRONG, "it raised at `return x < y`: no", "error"),), "error"))
    assert [code.text for code in tree.iter("code")] == ["return x < y"]


def test_long_texts_are_cut():
    message = "so it is " * 10_000
    report = Report("f", WRONG, (Finding("x", WRONG, message, "values"),), "values", inputs={"x": np.zeros((200, 200))})
    assert len(render(report)) < 20_000
    assert "[...]" in render(report)


# -- the table --------------------------------------------------------------------------------------------------------


def test_each_gradient_has_a_row_with_its_worst_entry():
    report = REPORTS["values"]
    head, x, gamma, beta = rows(read(report))
    assert head == ["", "shape", "", "worst at", "yours", "expected"]
    entry = report.findings[0].entries[0]
    assert x[:4] == ["x", "(3, 5)", "✗ 15 of 15 wrong", str(list(entry.index))]
    assert float(x[4]) == pytest.approx(entry.yours, rel=1e-3)
    assert x[5].startswith(f"{entry.expected:.4}"[:6])
    assert " ± " in x[5]
    assert gamma == ["gamma", "(5,)", "✓ right", "", "", ""]
    assert beta[0] == "beta"


def test_columns_that_say_nothing_are_left_out():
    assert rows(read(REPORTS["right"]))[1:] == [
        ["x", "(3, 5)", "✓ right"],
        ["w", "(4, 5)", "✓ right"],
        ["b", "(4,)", "✓ right"],
    ]
    assert rows(read(REPORTS["value"]))[0] == ["", "", "yours", "expected"]  # numbers have no place
    assert rows(read(REPORTS["nothing"])) == []


def test_a_fault_of_the_whole_answer_has_no_table():
    assert rows(read(REPORTS["error"])) == []
    assert rows(read(REPORTS["not attempted"])) == []


@pytest.mark.parametrize(("wrong", "right"), [(3, 50), (20, 30), (0, 40)])
def test_a_long_table_is_cut_and_counted(wrong, right):
    findings = [Finding(f"w{k}", WRONG if k < wrong else RIGHT, "", shape=(2,)) for k in range(wrong + right)]
    table = rows(read(Report("f", WRONG, tuple(findings), "values")))[1:]
    listed = [row for row in table if len(row) > 1]
    assert len(listed) == ROWS
    assert sum("wrong" in row[2] for row in listed) == min(wrong, ROWS)
    left = [f"and {wrong - ROWS} more not right"] if wrong > ROWS else []
    assert [row[0] for row in table if len(row) == 1] == [*left, f"and {right - max(0, ROWS - wrong)} more right"]


def test_digits_show_the_difference():
    finding = Finding("x", WRONG, "", "values", entries=(Entry((0,), 1.0000001, 1.0, 0.0),), wrong=1, shape=(2,))
    assert rows(read(Report("f", WRONG, (finding,), "values")))[1][4:] == ["1.0000001", "1"]


# -- behind the fold --------------------------------------------------------------------------------------------------


def test_inputs_that_show_it_are_behind_the_fold_unless_they_are_secret():
    shown, secret = read(REPORTS["edge"]), render(REPORTS["edge"], inputs=False)
    assert "more" in folded(shown)
    assert next(shown.iter("pre")).text.startswith("x = ")
    assert "<pre" not in secret


def test_a_right_answer_has_nothing_behind_a_fold():
    assert folded(read(REPORTS["right"])) == []


def test_hints_are_opened_one_by_one():
    tree = read(REPORTS["values"], hints=("one", "two", "three"))
    assert folded(tree)[-3:] == ["hint 1 of 3", "hint 2 of 3", "hint 3 of 3"]
    first = next(d for d in tree.findall("details") if folded(d)[0] == "hint 1 of 3")
    assert len(list(first.iter("details"))) == 3


def test_what_follows_from_the_first_wrong_node_is_not_drawn():
    tree = read(REPORTS["staged"])
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 1
    assert "which may follow from dc" in words(tree)


# -- the heat map -----------------------------------------------------------------------------------------------------


def drawn(svg):
    """The strength of every cell, by row and column; -1 for what is not finite."""
    found = {}
    for path in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}path"):
        strength = float(path.get("fill-opacity"))
        level = -1 if path.get("fill") == "#7048e8" else STEPS.index(strength) + 1 if strength in STEPS else 0
        for column, row, length in re.findall(r"M(\d+) (\d+)h(\d+)", path.get("d")):
            for place in range(int(column), int(column) + int(length)):
                assert (int(row), place) not in found
                found[int(row), place] = level
    return found


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("shape", [(2,), (7,), (1, 9), (9, 1), (5, 4), (32, 48), (2, 3, 4), (2, 2, 3, 5)])
def test_a_cell_for_each_entry_as_strong_as_its_error(shape):
    rng = np.random.default_rng(3)
    errors = np.where(rng.random(shape) < 0.5, 0.0, rng.uniform(0.1, 2.0, shape))
    errors.flat[0] = 2.0
    flat = errors.reshape(1, -1) if errors.ndim == 1 else errors.reshape(-1, shape[-1])
    cells = drawn(heatmap(errors, "x"))
    assert set(cells) == set(itertools.product(*map(range, flat.shape)))
    for place, level in cells.items():
        assert level == int(np.ceil(len(STEPS) * flat[place] / flat.max()))


@pytest.mark.parametrize("shape", [(1000,), (33, 49), (500, 3), (3, 500), (20, 30, 40)])
def test_of_a_large_array_each_cell_is_the_worst_of_several(shape):
    errors = np.zeros(shape)
    errors.flat[-1] = 1.0
    svg = heatmap(errors, "x")
    cells = drawn(svg)
    down, across = (max(place) + 1 for place in zip(*cells))
    assert (down, across) <= (CELLS_DOWN, COLUMNS)
    assert across <= COLUMNS
    assert [place for place, level in cells.items() if level] == [(down - 1, across - 1)]
    assert any("worst of up to" in text for text in texts(svg))
    assert len(svg) < 5_000


def test_the_largest_picture_is_of_a_few_kilobytes():
    errors = np.random.default_rng(0).random((400, 500))
    assert len(heatmap(errors, "x")) < 25_000


def test_nan_and_infinity_have_a_colour_of_their_own():
    svg = heatmap(np.array([[0.0, np.nan], [np.inf, 2.0]]), "x")
    assert drawn(svg) == {(0, 0): 0, (0, 1): -1, (1, 0): -1, (1, 1): 5}
    assert {"right", "off by 2", "nan, inf"} <= set(texts(svg))
    assert set(drawn(heatmap(np.full(3, np.nan), "x")).values()) == {-1}


@pytest.mark.parametrize("errors", [np.float64(2.0), np.ones(1), np.zeros((3, 4)), np.ones((0, 3))])
def test_where_there_is_nothing_to_see_there_is_no_picture(errors):
    assert heatmap(errors, "x") == ""


def test_a_picture_has_a_title_for_those_who_cannot_see_it():
    svg = ElementTree.fromstring(heatmap(np.array([[0.0, 1.0], [0.5, 0.0]]), '<w> & "x"'))
    title = '|yours - expected| of <w> & "x", shape (2, 2): 2 of 4 entries are wrong.'
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == svg[0].text == title


def test_the_texts_alone_are_words_apart():
    text = words(ElementTree.fromstring(heatmap(np.eye(5), "x")))
    assert text == "|yours - expected| of x, shape (5, 5): 5 of 25 entries are wrong. 0 4 0 4 right off by 1"


def test_the_rows_of_an_array_with_more_axes_are_explained():
    assert "rows: axes 0 to 2, flattened" in texts(heatmap(np.ones((2, 2, 3, 5)), "x"))


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e300])
def test_errors_of_any_size_can_be_drawn(scale):
    assert drawn(heatmap(np.array([0.0, 0.5, 1.0]) * scale, "x")) == {(0, 0): 0, (0, 1): 3, (0, 2): 5}


# -- the errors that findings keep ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["values", "staged", "forward", "value"])
def test_a_wrong_finding_keeps_the_errors_of_all_entries(name):
    finding = next(f for f in REPORTS[name].findings if f.verdict == WRONG)
    assert finding.errors.shape == finding.shape
    assert np.count_nonzero(finding.errors) == finding.wrong
    worst = finding.entries[0]
    assert finding.errors[worst.index] == finding.errors.max() == abs(worst.yours - worst.expected)


def test_errors_are_no_part_of_a_findings_data():
    finding = next(f for f in REPORTS["values"].findings if f.verdict == WRONG)
    assert finding == replace(finding, errors=None)
    assert hash(finding) == hash(replace(finding, errors=None))
    assert "errors" not in repr(finding)
    assert "errors" not in REPORTS["values"].to_dict()["findings"][0]
