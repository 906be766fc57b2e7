"""The README and the documentation: examples do what is shown, and whatever is named is there."""

import argparse
import dataclasses
import fnmatch
import inspect
import re
import shlex
from importlib import import_module
from unittest import mock
from urllib.parse import unquote, urlsplit

import pytest

import checker
import solutions
from checker import cli, kinds
from checker.exercises import exercises_in
from checker.report import CANNOT_TELL, KINDS, NOT_ATTEMPTED, RIGHT, WRONG, Entry, Finding, Report
from tests import documents
from tests.documents import DOCS, PAGES, ROOT

#: Pages whose examples take a second or two; those of others run with -m slow.
QUICK = {"README.md"}
#: Its blocks of sh list commands to choose from, and its tutorials run them.
LISTS = {"README.md"}
#: Languages of blocks that are run, and of those that are only shown.
RUN, SHOWN = {"console", "python", "sh"}, {"text", "json", ""}
#: No more blocks than these are not run.
MOST_NOT_RUN = 12

every_page = pytest.mark.parametrize("name", PAGES)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PAGES]
)
def test_the_examples_do_what_is_shown(name, tmp_path):
    if name not in QUICK:
        pytest.importorskip("nbgrader")  # what is shown is what one sees who has everything
    documents.run(PAGES[name], tmp_path, leave_out={"sh"} if name in LISTS else ())


TRUE = {
    "output": "```console\n$ echo 1 two; echo three\n2 two\n...\n$ cd /\n$ pwd\n/\n```",
    "failure shown": "```console\n$ echo no; exit 3\nno\n```",
    "command": "```sh\ntrue\n```",
    "program": "```python\na = 1\n```\n\n```python\nprint(a, 'one')\n```\n\n```text\n1 one\n```",
    "file": "```python\n# own.py\ndef f():\n    return 1\n```\n\n```python\nfrom own import f\n\nassert f() == 1\n```",
    "file changed": "```python\n# own.py\n@staticmethod\ndef f():\n    return 1\n\n\nprint(f())\n```\n\n"
    "```python\n# own.py\ndef f():\n    return 'mended'\n```\n\n```console\n$ python own.py\nmended\n```",
    "file longer": "```python\n# own.py\nprint('a')\n```\n\n```python\n# own.py\nprint('b')\n```\n\n"
    "```console\n$ python own.py\na\nb\n```",
    "not run": "<!-- not run: it would fail -->\n```sh\nfalse\n```",
}
UNTRUE = {
    "output": "```console\n$ echo 1 two; echo three\n2 two\n```",
    "nothing shown": "```console\n$ echo one\n```",
    "a line left out": "```console\n$ echo one; echo two; echo three\none\n...\nfour\n```",
    "command": "```sh\nfalse\ntrue\n```",
    "program": "```python\na = 1\n```\n\n```python\nassert a == 2\n```",
    "program's output": "```python\nprint('one')\n```\n\n```text\ntwo\n```",
    "a remark on something else": "<!-- not run: it would fail -->\n\nAnd so on.\n\n```sh\nfalse\n```",
    "run again": "<!-- not run: once -->\n```sh\nfalse\n```\n\n```sh\nfalse\n```",
}


@pytest.mark.parametrize("example", TRUE)
def test_a_true_example_passes(example, tmp_path):
    (tmp_path / "page.md").write_text(TRUE[example])
    documents.run(tmp_path / "page.md", tmp_path)


@pytest.mark.parametrize("example", UNTRUE)
def test_an_untrue_example_is_found(example, tmp_path):
    (tmp_path / "page.md").write_text(UNTRUE[example])
    with pytest.raises(AssertionError, match=r"page\.md, line \d"):
        documents.run(tmp_path / "page.md", tmp_path)


@every_page
def test_every_block_is_run_or_plainly_no_example(name):
    for block in documents.blocks(PAGES[name]):
        known = block.language in RUN | SHOWN or block.language.startswith("{")
        assert known, f"{name}, line {block.line}: {block.language}"


def test_few_blocks_are_not_run():
    left_out = [
        f"{name}, line {block.line}: {block.not_run}"
        for name, path in PAGES.items()
        for block in documents.blocks(path)
        if block.not_run
    ]
    print(*left_out, sep="\n")
    assert len(left_out) <= MOST_NOT_RUN, left_out


# -- what is named ----------------------------------------------------------------------------------------------------


def parser():
    """The command line's own, as it is when it has been made."""
    seen = []

    def parse_known_args(self, words):
        seen.append(self)
        raise SystemExit(0)

    with mock.patch.object(argparse.ArgumentParser, "parse_known_args", parse_known_args):
        cli.main(["list"])
    return seen[0]


def commands(path):
    """Every command line of the checker's that a page shows or names, up to what is the shell's."""
    shown = [command for block in documents.blocks(path) for command in block.commands]
    named = [code.content for code in documents.inline(path, "code_inline")]
    for command in (*shown, *named):
        found = re.match(r"(?:python -m )?checker ([^|>&;]+)", command)
        if found and "..." not in command and "VERB" not in command:
            yield shlex.split(found[1], comments=True)


@every_page
def test_commands_are_those_that_there_are(name):
    known, refused = parser(), []
    for words in commands(PAGES[name]):
        if len(words) == 1:  # a verb that is named
            words = [*words, "--help"]
        try:
            known.parse_args(words)
        except SystemExit:  # the help has been shown
            continue
        except checker.UsageError as problem:
            refused.append((shlex.join(words), str(problem)))
    assert refused == []


def made_by_commands(path):
    """Whether git ignores it, as it does what commands make."""
    patterns = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    parts = path.strip("/").split("/")
    heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(fnmatch.fnmatch(each, pattern) for each in (*heads, *parts) for pattern in patterns)


@every_page
def test_the_files_named_exist(name):
    path = PAGES[name]
    own = {block.file for block in documents.blocks(path)} | {name for names in mapped().values() for name in names}
    for code in documents.inline(path, "code_inline"):
        if re.fullmatch(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|txt|md)", code.content):
            there = (ROOT / code.content, path.parent / code.content)
            stands_for_some = re.search(r"[A-Z]{4}", code.content.removesuffix(".md"))
            known = any(each.exists() for each in there) or code.content in own or made_by_commands(code.content)
            assert known or stands_for_some, f"{name} names {code.content}"


@every_page
def test_links_within_the_project_lead_somewhere(name):
    path = PAGES[name]
    found = [each.attrs.get("href") or each.attrs.get("src") for kind in ("link_open", "image")
             for each in documents.inline(path, kind)]  # fmt: skip
    for link in found:
        parts = urlsplit(link)
        if not parts.scheme and parts.path:
            assert (path.parent / unquote(parts.path)).exists(), f"{name} links to {link}"


# -- what is complete -------------------------------------------------------------------------------------------------


def mapped():
    """The modules and packages in the map of `docs/structure.md`, by the folder that their heading names."""
    found, folder = {}, None
    for line in (DOCS / "structure.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = re.match(r"## `(checker/.*)`$", line)
            folder = heading and heading[1]
        elif folder and line.startswith("| `"):
            found.setdefault(folder, []).extend(re.findall(r"`([\w/]+)`", line.split("|")[1]))
    return found


def test_the_readme_counts_right():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tasks = [task for topic in solutions.TOPICS for task in exercises_in(import_module(f"solutions.{topic}"))]
    assert f" {len(tasks)} exercises from " in text
    assert " in nine [notebooks]" in text
    assert len(list((ROOT / "notebooks" / "sources").glob("*.py"))) == 9


def test_the_map_names_every_module_once():
    packages = [path.parent for path in (ROOT / "checker").rglob("__init__.py")]
    for package in packages:
        folder = f"{package.relative_to(ROOT)}/"
        there = [path.stem for path in package.glob("*.py") if not path.stem.startswith("__")]
        there += [f"{path.name}/" for path in packages if path.parent == package]
        assert sorted(mapped().get(folder, [])) == sorted(there), folder
    assert mapped().keys() == {f"{package.relative_to(ROOT)}/" for package in packages}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("report", [field.name for kind in (Report, Finding, Entry) for field in dataclasses.fields(kind)]),
        ("report", [*KINDS, RIGHT, WRONG, NOT_ATTEMPTED, CANNOT_TELL]),
        ("exercises", [*inspect.signature(checker.exercise).parameters, *kinds.KINDS]),
        ("python", checker.__all__),
    ],
)
def test_the_reference_is_complete(page, names):
    text = (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8")
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []
