"""The figures that the checker promises, counted; and the peers that it is measured beside are asked what is meant."""

import importlib
import json
import re
import sys
from types import ModuleType

import numpy as np
import pytest

from benchmarks import (
    NAMES,
    ROOT,
    classroom,
    cost,
    fast,
    graders,
    grading,
    locate,
    pages,
    peers,
    results,
    tricks,
)
from benchmarks.__main__ import main
from benchmarks.functions import batches, layers, sized
from benchmarks.table import Table, markdown, percent, span
from checker.course.notebooks import find

EVERY_ENTRY = [pytest.param(function, id=function.name) for function in layers()]
ROWS = [pytest.param(function, id=function.name) for function in batches()]


@pytest.mark.parametrize("function", EVERY_ENTRY)
def test_a_full_check_costs_little_more_than_two_forwards_for_each_number(function):
    report, forwards = function.check(mode="full", trials=0)
    assert report
    assert forwards <= cost.TARGET * 2 * function.size


@pytest.mark.parametrize("function", ROWS)
def test_independent_rows_are_moved_together(function):
    report, forwards = function.check(mode="full")
    assert report
    assert forwards < cost.TARGET_ROWS * 2 * function.size


@pytest.mark.parametrize("function", EVERY_ENTRY)
def test_the_report_counts_what_was_spent(function):
    report, forwards = function.check(mode="full")
    assert report.forwards == forwards


@pytest.mark.parametrize("size", [10**3, 10**4, pytest.param(10**6, marks=pytest.mark.slow)])
def test_a_fast_check_costs_the_same_at_any_size(size):
    report, forwards = sized(size).check(mode="fast")
    assert report
    assert forwards <= fast.TARGET


@pytest.mark.parametrize("factor", fast.MISTAKES.values(), ids=fast.MISTAKES.keys())
def test_a_fast_check_notices_one_wrong_entry_of_ten_thousand(factor):
    function = sized(10**4)
    verdicts = [
        function.spoiled({fast.entry(function, seed): factor}).check(mode="fast", seed=seed)[0].verdict
        for seed in range(10)
    ]
    assert verdicts.count("wrong") >= 9


@pytest.mark.parametrize("size", [10**4, pytest.param(10**6, marks=pytest.mark.slow)])
def test_a_wrong_entry_is_located_in_few_forwards(size):
    function = sized(size)
    entry = function.inputs[0].size + 17
    report, forwards = function.spoiled({entry: -1.0}).check(mode="fast")
    assert [found.index for finding in report.findings for found in finding.entries] == [(0, 17)]
    assert forwards <= locate.TARGETS[size]


@pytest.mark.peers
@pytest.mark.parametrize("name", sorted(peers.FULL | peers.FAST))
def test_a_peer_tells_right_from_wrong(name):
    peer = (peers.FULL | peers.FAST)[name]
    if not name.startswith("course"):
        importlib.import_module(name.split()[0])
    function = layers()[0]
    assert peer(function.box(), 0) or name == "course loop"  # whose 1e-7 is too strict for a thousand numbers
    wrong = function.spoiled(dict.fromkeys(range(function.size), -1.0))
    assert not peers.accepts(peer, wrong.box())


# -- grading ----------------------------------------------------------------------------------------------------------

QUESTIONS = [pytest.param(question, id=question.name) for question in classroom.QUESTIONS]


def ordinary(question, answers):
    """Whether a cell's answer passes the test that an ordinary course has for it."""
    names = {}
    where = next(name for name, questions in classroom.NOTEBOOKS.items() if question in questions)
    exec(classroom.cell(classroom.notebooks(ours=False)[where], "setup")["source"], names)
    exec(answers[question.name], names)
    try:
        exec(question.test, names)
    except AssertionError:
        return False
    return True


def ours(question, answers):
    """The checker's report on a cell's answer."""
    names = {"np": np, "ndarray": np.ndarray}
    exec("from checker import Float, Int\n" + answers[question.name], names)
    return find(question.exercise).check(names[question.name], trials=2)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("what", "passes"), [("right", True), ("otherwise", True), ("mistake", False)])
def test_ordinary_tests_and_ours_agree_about_plain_answers(question, what, passes):
    bodies = {} if what == "right" else {question.name: getattr(question, what)}
    answers = classroom.redefined(classroom.right(), bodies)
    assert "SOLUTION" not in answers[question.name]
    assert ordinary(question, answers) is passes
    assert ours(question, answers).verdict == ("right" if passes else "wrong")


def test_a_class_has_students_of_every_kind():
    class_ = dict(classroom.students(20))
    finished = [answers for answers in class_.values() if len(answers) == len(classroom.QUESTIONS)]
    bodies = {question.name: question.mistake for question in classroom.QUESTIONS}
    mistaken = classroom.redefined(classroom.right(), bodies)
    mistakes = [sum(answers[name] == text for name, text in mistaken.items()) for answers in finished]
    assert (len(class_), len(finished), mistakes.count(0)) == (20, 17, 12)
    assert set(mistakes) == {0, 1, 2}
    written = {text for answers in class_.values() for text in answers.values()}
    assert len(written) >= 3 * len(classroom.QUESTIONS)  # right, otherwise, mistaken
    assert dict(classroom.students(20)) == class_


def test_what_is_handed_in_is_the_released_notebook_with_answers():
    released = classroom.notebooks(ours=True)["gates"]
    sent = classroom.filled(released, {"mul_backward": "mine", "copied": "mul_backward"})
    names = [each["id"] for each in sent["cells"]]
    assert names.count("mul_backward") == 2
    assert list(dict.fromkeys(names)) == [each["id"] for each in released["cells"]]
    assert classroom.cell(sent, "mul_backward")["source"] == "mine"
    assert classroom.cell(sent, "relu_backward") == classroom.cell(released, "relu_backward")


def test_every_trick_stands_below_worthless_answers():
    class_ = tricks.hostile()
    assert len(class_) == 1 + len(tricks.TRICKS) >= 13
    assert class_.pop(tricks.HONEST) == classroom.right()
    for answers, code in zip(class_.values(), tricks.TRICKS.values()):
        assert all(text.endswith(code) for text in answers.values())
        compile("\n".join(answers.values()), "a trick", "exec")
    worthless = class_["trick00"]
    for question in classroom.QUESTIONS:  # without the trick
        plain = worthless[question.name].removesuffix(tricks.TRICKS["np.testing.assert_allclose replaced"])
        assert not ordinary(question, {question.name: plain})


def test_time_is_counted_once_and_for_the_innermost_stage(monkeypatch):
    now = [0.0]

    class Inner:
        def work(self):
            now[0] += 2

    def outer():
        now[0] += 1
        Inner().work()
        return "done"

    monkeypatch.setattr(grading.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(grading, "STAGES", {"outer": (__name__, "stage"), "inner": (__name__, "Stages.work")})
    monkeypatch.setitem(globals(), "stage", outer)
    monkeypatch.setitem(globals(), "Stages", Inner)
    before = Inner.work
    with grading.watched() as spent:
        assert globals()["stage"]() == "done"
    assert spent == {"outer": 1, "inner": 2}
    assert (globals()["stage"], Inner.work) == (outer, before)


def test_a_grader_that_is_not_installed_is_left_out_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(graders.importlib.util, "find_spec", lambda name: None if name == "otter" else object())
    assert graders.installed("checker")
    assert not graders.installed("otter")
    assert capsys.readouterr().out == "otter is not installed and left out: pip install -e '.[graders]'\n"


def test_a_grader_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)nbgrader ended with 1: .*FileNotFoundError"):
        graders.run("nbgrader", tmp_path / "nowhere")


@pytest.mark.slow
def test_graders_agree_about_honest_students_and_differ_about_tricks(tmp_path):
    class_ = dict(list(classroom.students(12))[-2:])
    class_ |= {"trick": tricks.hostile()["trick12"]}
    scores = {}
    for name in ("nbgrader", "checker"):
        course = graders.prepare(tmp_path / name, class_, name)
        scores[name] = graders.run(name, course).scores
        kept = json.loads((course / "autograded" / "trick" / classroom.ASSIGNMENT / "gates.ipynb").read_text())
        assert kept["cells"]
    assert {name: scores["nbgrader"][name] for name in ("student010", "student011")} == {
        "student010": classroom.POINTS,
        "student011": classroom.QUESTIONS[0].points,
    }
    assert scores["checker"] == scores["nbgrader"] | {"trick": 0.0}
    assert scores["nbgrader"]["trick"] == classroom.POINTS


@pytest.mark.slow
def test_where_our_time_goes_is_told_to_the_whole():
    shares = grading.where_time_goes(1).column("share, %")
    assert list(shares) == [*grading.STAGES, "the rest", "all"]
    assert sum(shares.values()) == pytest.approx(200)
    assert shares["all"] == 100


@pytest.mark.peers
def test_otter_grades_the_same_notebooks(tmp_path):
    course = graders.prepare(tmp_path / "course", {"someone": classroom.right()}, "otter")
    assert graders.run("otter", course).scores == {"someone": classroom.POINTS}


# -- figures, kept and shown ------------------------------------------------------------------------------------------

ROWS_OF_TOY = (("ours", 99.96, 1234.5), ("theirs", None, 24))
TOY = Table("pace", "How fast", ("who", "percent", "a minute"), ROWS_OF_TOY, "A note [1].")
README = """before
<!-- benchmarks: toy -->
<!-- /benchmarks -->
between
<!-- benchmarks: toy -->
old
<!-- /benchmarks -->
after
"""
SHOWN = """before
<!-- benchmarks: toy -->

{0}

<!-- /benchmarks -->
between
<!-- benchmarks: toy -->

{0}

<!-- /benchmarks -->
after
"""


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A project whose one benchmark is a toy, with a place for it in the README and on a page of documentation."""
    module = ModuleType("benchmarks.toy")
    module.PEERS = ("pytest",)
    module.measure = lambda quick: iter([TOY])
    words = "It is " + "very " * 25 + "well-known."
    module.readme = lambda result: (
        f"{markdown(('', 'pace'), result.tables['pace'].column('a minute').items())}\n\n{words}"
    )
    monkeypatch.setitem(sys.modules, "benchmarks.toy", module)
    for user in ("benchmarks.__main__", "benchmarks.pages", "benchmarks.results"):
        monkeypatch.setattr(f"{user}.NAMES", ("toy",))
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "docs" / "deep" / "page.md").write_text(README)
    return tmp_path


def test_a_table_is_printed_with_its_title_and_note():
    assert (
        str(TOY)
        == """
How fast

who     percent  a minute
------  -------  --------
ours        100      1234
theirs        -        24

A note [1]."""
    )


def test_a_table_is_written_in_markdown():
    assert markdown(("", "a"), [("x", 0.0), ("y", 12.345)]) == "| | a |\n|---|---|\n| x | 0 |\n| y | 12.3 |"


def test_a_percentage_is_0_or_100_only_if_it_is():
    assert [percent(share) for share in (100.0, 99.7, 99.4, 0.3, 0.0, None)] == ["100", "99.7", "99", "0.3", "0", "-"]


def test_a_span_is_one_number_where_all_are_written_alike():
    assert (span([0.5, 0.501, None]), span([7, 10, 8], ".0f")) == ("0.50", "7 to 10")


def test_figures_are_printed_and_nothing_is_written_unless_asked_for(toy, capsys):
    main([], toy)
    assert re.fullmatch(re.escape(f"{TOY}\n\n") + r"\[toy: \d+ s\]\n", capsys.readouterr().out)
    assert (toy / "README.md").read_text() == README
    assert results.read(toy) == {}


def test_figures_are_kept_and_written_into_every_page(toy):
    main(["--write"], toy)
    prose = f"It is {'very ' * 22}very\nvery very well-known."
    shown = SHOWN.format(f"| | pace |\n|---|---|\n| ours | 1234 |\n| theirs | 24 |\n\n{prose}")
    assert (toy / "README.md").read_text() == (toy / "docs" / "deep" / "page.md").read_text() == shown
    result = results.read(toy)["toy"]
    assert result.versions.keys() == {"Python", "numpy", "pytest"}
    versions = rf"Python [\d.]+, numpy {re.escape(np.__version__)}, pytest [\d.]+"
    assert re.fullmatch(rf"Measured on \d+ [A-Z][a-z]+ 20\d\d on \d+ cores, with {versions}\.", result.setting())
    assert [tuple(row) for row in result.tables["pace"].rows] == list(TOY.rows)
    assert '["ours", 99.96, 1234.5],' in (toy / results.KEPT).read_text()
    main(["--write", "toy"], toy)
    assert (toy / "README.md").read_text() == shown


def test_large_numbers_are_written_with_commas():
    assert markdown(("n", "m"), [(2_006_544, 9999)]).splitlines()[-1] == "| 2,006,544 | 9999 |"


def test_what_a_large_class_takes_is_computed_from_one_submission():
    assert grading.in_large(180.0, 24.0, 12.0) == (
        "A submission takes 0.18 s of one core, 0.02 s of them to lock its workers in and try the locks. So 1,000 take "
        "3.0 minutes on one core, and 100,000 take 5.0 hours. Up to some 15 cores would share that; from there on the "
        "one writer to the gradebook, at 12 ms each, sets the pace: 20 minutes for 100,000."
    )


def test_numbers_are_kept_with_six_digits(toy):
    rows = [("a", 1 / 3), ("b", 2)]
    results.keep("toy", results.made([Table("pace", "", ("", "x"), rows)], ()), toy)
    assert results.read(toy)["toy"].tables["pace"].column("x") == {"a": 0.333333, "b": 2}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "no benchmark is called 'nonsense'; there are toy"),
        (["--write", "--quick"], "--quick measures too little to --write it: leave one of the two out"),
    ],
)
def test_what_cannot_be_run_is_refused(toy, capsys, arguments, sentence):
    refused(arguments, toy, capsys, sentence)


def refused(arguments, root, capsys, sentence):
    """The command ends as one that was given wrongly, in a sentence, and nothing is measured or written."""
    before = (root / "README.md").read_text()
    with pytest.raises(SystemExit) as ended:
        main(arguments, root)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert "How fast" not in told.out
    assert (root / "README.md").read_text() == before
    assert results.read(root) == {}


def test_nothing_is_written_while_a_peer_is_missing(toy, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["benchmarks.toy"], "PEERS", ("numpy", "no-such-peer"))
    refused(["--write"], toy, capsys, "not installed, so that tables would lose rows: no-such-peer; pip install -e '")


@pytest.mark.parametrize(
    ("readme", "sentence"),
    [
        ("<!-- benchmarks: toys -->\n<!-- /benchmarks -->\n", "line 1: no benchmark is called 'toys'; there are toy"),
        ("<!-- benchmarks: toy -->\n", "README.md: the block 'toy' has no end: write <!-- /benchmarks --> below it"),
        (
            "\n<!-- benchmarks: toy -->\n<!-- benchmarks: toy -->\n<!-- /benchmarks -->\n",
            "line 3: the block 'toy' above has no end: write <!-- /benchmarks --> below it",
        ),
        ("text\n<!-- /benchmarks -->\n", "line 2: <!-- /benchmarks --> ends a block that has not begun"),
    ],
)
def test_nothing_is_written_between_wrong_markers(toy, capsys, readme, sentence):
    (toy / "README.md").write_text(readme)
    refused(["--write"], toy, capsys, sentence)


def test_nothing_is_written_without_a_place_for_it(toy, capsys):
    for page in pages.pages(toy):
        page.write_text("`<!-- benchmarks: toy -->` within a line is no marker.\n")
    sentence = (
        "no page has a place for 'toy': write <!-- benchmarks: toy --> and, in a line below, <!-- /benchmarks --> into "
        "README.md or a page below docs/"
    )
    refused(["--write"], toy, capsys, sentence)


# -- the figures that stand in the pages ------------------------------------------------------------------------------


def test_every_benchmark_has_its_place():
    pages.check(NAMES, ROOT)


@pytest.mark.parametrize("page", pages.pages(ROOT), ids=lambda page: page.name)
def test_the_pages_show_what_was_measured(page):
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text, results.read(ROOT)) == text, "written by `python -m benchmarks --write NAME`, not by hand"


def test_everything_was_measured():
    assert set(results.read(ROOT)) == set(NAMES)


@pytest.mark.parametrize("name", results.read(ROOT))
def test_what_was_measured_has_all_its_peers(name):
    peers = importlib.import_module(f"benchmarks.{name}").PEERS
    assert set(results.read(ROOT)[name].versions) == {"Python", "numpy", *peers}


def test_no_figure_of_a_benchmark_is_typed_by_hand():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## How it compares\n(.*?)(?=^## )", readme, re.MULTILINE | re.DOTALL)
    assert section, "README.md has no section 'How it compares'"
    prose = re.sub(r"(?s)<!-- benchmarks: .*?<!-- /benchmarks -->|`.*?`", "", section[1])
    assert re.findall(r".*\d.*", prose) == []
