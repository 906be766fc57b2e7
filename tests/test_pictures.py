"""Pictures say what a run says today, and the page on numerics what is measured."""

import importlib.util
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from checker.cli import main

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "pictures"
PAGE = (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8")
DRAWN = ("steps", "ladder", "coverage", "saturated", "corner", "power", "located", "rows", "processes")

unix = pytest.mark.skipif(sys.platform == "win32", reason="pictures of a terminal are made on one")


def plain(text):
    """The text without its numbers, whose last digits depend on the machine, and without the line breaks they move."""
    return " ".join(re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?", "#", text).split())


# -- terminals --------------------------------------------------------------------------------------------------------


@unix
@pytest.mark.slow
def test_a_terminal_shows_what_the_commands_print():
    from pictures import terminal

    for name, shown in terminal.PICTURES.items():
        kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        now = terminal.text_of(terminal.picture(shown, terminal.outputs(shown)))
        assert plain(terminal.text_of(kept)) == plain(now), f"python -m pictures {name}"


@unix
def test_the_first_picture_is_of_a_wrong_answer_and_its_cause():
    from pictures import terminal

    text = plain(terminal.text_of((FOLDER / "wrong.svg").read_text(encoding="utf-8")))
    assert text.index("return dx") < text.index("gradcheck examples/batchnorm.py::batchnorm_backward")
    assert "batchnorm_backward: wrong (values)" in text
    assert "expected -#" in text or "expected #" in text
    assert "-> The path through the variance" in text


@unix
def test_words_are_read_from_a_picture_as_they_were_printed():
    from pictures import terminal

    said = "a & b < c\n  \x1b[1;31mindented\x1b[0m, and \x1b[32mgreen\x1b[0m"
    drawn = terminal.picture(terminal.Shown(("python -V",)), [said])
    assert terminal.text_of(drawn) == "$ python -V\na & b < c\n  indented, and green"


@unix
def test_what_is_long_is_cut_before_its_last_line():
    from pictures import terminal

    drawn = terminal.picture(terminal.Shown(("python -V",), most=3), ["1\n2\n3\n4\n5"])
    assert terminal.text_of(drawn) == "$ python -V\n1\n2\n  ...\n5"


@unix
def test_a_command_that_cannot_be_run_makes_no_picture():
    from pictures import terminal

    wrong = terminal.Shown(("python -m checker gradcheck nowhere",))
    with pytest.raises(RuntimeError, match=r"(?s)`python -m checker gradcheck nowhere` ended with 2:\n.*nowhere"):
        terminal.outputs(wrong)


@unix
def test_a_command_that_falls_silent_makes_no_picture(monkeypatch):
    from pictures import terminal

    monkeypatch.setattr(terminal, "PATIENCE", 0.2)
    with pytest.raises(RuntimeError, match="`sleep 30` shows nothing new"):
        terminal.outputs(terminal.Shown(("sleep 30",)))


@unix
def test_a_command_that_ends_before_it_shows_what_is_waited_for_makes_no_picture():
    from pictures import terminal

    with pytest.raises(RuntimeError, match="`true` ended with 0"):
        terminal.outputs(terminal.Shown(("true",), saved={}, until="anything"))


@unix
@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("gates ...\r\x1b[Klosses ...\r\x1b[Kdone\r\n", "done"),
        ("half\rwhole\r\n", "whole"),
        ("\x1b[?1049h\x1b[H\x1b[?25lfirst  \r\n  \r\nlast\x1b[Hsecond\r\n    ", "second"),
        ("\x1b[1mbold\x1b[0m\r\n", "\x1b[1mbold\x1b[0m"),
    ],
)
def test_what_was_written_over_is_gone(said, left):
    from pictures import terminal

    assert terminal.settled(said) == left


# -- every picture ----------------------------------------------------------------------------------------------------


def test_pictures_are_whole_and_ask_nobody_for_anything():
    paths = sorted(FOLDER.glob("*.svg"))
    assert {path.stem for path in paths} >= {"wrong", *DRAWN}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        assert not re.search(r"@font-face|@import|<script|<image|href=\"http|url\(['\"]?http", text), path.name


def test_pictures_have_nothing_behind_them_or_a_ground_of_their_own():
    for name in DRAWN:
        assert "fill: #ffffff" not in (FOLDER / f"{name}.svg").read_text(encoding="utf-8"), name
    frame = re.search(r'<rect fill="(#\w+)"', (FOLDER / "wrong.svg").read_text(encoding="utf-8"))
    assert frame[1] != "#ffffff"


def test_what_pages_show_exists_and_has_words_for_those_who_cannot_see_it():
    shown = []
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / path).is_file(), f"{page.name}: {path}"
            assert len(words.split()) >= 4, f"{page.name}: {path}"
            shown.append(Path(path).stem)
    assert set(DRAWN) <= set(shown)


@pytest.mark.slow
def test_the_same_numbers_make_the_same_file(tmp_path):
    pytest.importorskip("matplotlib")
    from pictures import draw

    for name in ("first", "second"):
        draw.write(draw.PICTURES["corner"](), tmp_path / f"{name}.svg")
    first, second = ((tmp_path / f"{name}.svg").read_bytes() for name in ("first", "second"))
    assert first == second
    assert b"<dc:date>" not in first


def test_each_picture_can_be_made_anew():
    from pictures import draw

    assert tuple(draw.PICTURES) == DRAWN


# -- what the page on numerics says -----------------------------------------------------------------------------------


def at_best(found, errors):
    return found.steps[np.argmin(errors)], np.min(errors)


def test_steps_make_a_v():
    from pictures import measure

    found = measure.steps()
    for errors, step, least in (
        (found.one_sided, 1e-8, 1e-8),
        (found.central, 6e-6, 1e-11),
        (found.extrapolated, 1e-3, 1e-13),
    ):
        best, error = at_best(found, errors)
        assert step / 4 < best < step * 4
        assert least / 10 < error < least * 4
    wide = (found.steps > 1e-4) & (found.steps < 1e-2)
    power = np.polyfit(np.log(found.steps[wide]), np.log(found.central[wide].astype(float)), 1)[0]
    assert power == pytest.approx(2, abs=0.02)
    narrow = found.steps < 1e-8
    power = np.polyfit(np.log(found.steps[narrow]), np.log(found.central[narrow].astype(float)), 1)[0]
    assert power == pytest.approx(-1, abs=0.1)


def test_the_ladder_takes_an_estimate_below_truncation_and_rounding():
    from pictures import measure

    found = measure.ladder()
    _, bar, off = found.taken
    assert off <= bar <= min(np.min(found.change), np.min(found.off))


@pytest.mark.slow
def test_the_error_bar_holds_as_often_as_the_page_says():
    from pictures import measure

    found = measure.coverage()
    shown = re.search(r"<!-- coverage -->\n(.*?)\n<!-- /coverage -->", PAGE, re.DOTALL)[1]
    made = measure.coverage_table(found)
    assert [line.split("|")[1] for line in shown.splitlines()] == [line.split("|")[1] for line in made.splitlines()]
    for was, now in zip(shown.splitlines()[2:], made.splitlines()[2:]):
        for old, new in zip(re.findall(r"([\d.]+) %", was), re.findall(r"([\d.]+) %", now), strict=True):
            assert float(new) == pytest.approx(float(old), abs=1.5), f"the page should show:\n{made}"
    assert not any(np.any(each.ratio > 5) or np.any(each.right == "wrong") for each in found.values())
    for each in found.values():  # a mistake passes only where five bars hold it
        assert np.all(5 * each.relative[each.off != "wrong"] > 5e-4)


def test_a_fixed_tolerance_refuses_right_answers():
    from pictures import measure

    found = measure.saturated()
    assert np.all(found.loop[found.x >= 11] > 1e-7)
    assert np.all(found.loop[found.x <= 8] < 1e-7)
    assert np.all(found.ours <= 1.2 * found.bar)
    assert np.max(found.bar) > 1
    assert np.min(found.bar) < 2e-10


def test_a_corner_shows_in_the_one_sided_slopes_alone():
    from pictures import measure

    found = measure.corner()
    assert np.all(found.central == 0.5)
    assert np.all(found.corner == 1)
    near = found.steps < 1e-4
    assert np.allclose(found.curve[near] / found.steps[near], 250, rtol=1e-3)


@pytest.mark.slow
def test_the_fast_check_notices_as_much_as_the_page_says():
    from pictures import measure

    found = measure.power()
    caught = dict(zip(np.round(np.log10(found.off), 1), found.caught))
    assert all(share == 1 for power, share in caught.items() if power >= -4)
    assert 0.8 <= caught[-5.0] <= 0.95
    assert caught[-7.0] == 0
    assert found.alarms == 0
    assert (found.trials, found.size) == (50, 10246)


@pytest.mark.slow
def test_finding_a_wrong_entry_takes_few_evaluations():
    from pictures import measure

    found = measure.located(largest=5)
    assert np.all((found.fast >= 8) & (found.fast <= 10))
    assert list(found.located) == sorted(found.located)
    assert found.located[0] >= 40
    assert found.located[-1] <= 71


def test_rows_are_moved_together():
    from pictures import measure

    found = measure.rows()
    assert (2 * found.sizes[0], 2 * found.sizes[-1]) == (120, 20520)
    assert max(*found.softmax, *found.layernorm) < 300


# -- pages in a browser -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_report_on_a_class_in_a_browser(tmp_path_factory, tmp_path):
    for module in ("selenium", "nbgrader"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    from tests import browser

    if not (browser.CHROMIUM and browser.DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    course = tmp_path / "course"
    assert main(["demo", str(course)]) == 0
    assert main(["report", "--course", str(course)]) == 0
    with browser.chromium(tmp_path_factory.mktemp("browser")) as driver:
        driver.set_window_size(1000, 1335)
        page = browser.Page(driver)
        page.open((course / "reports" / "class.html").as_uri())
        assert "student02" in page.see("body").text
        width = driver.execute_script("return [document.body.scrollWidth, document.documentElement.clientWidth]")
        assert width[0] <= width[1]
        browser.picture("class", page)
