"""The forge's workflows, and what a release consists of: they name what there is, and agree with pyproject.toml."""

import argparse
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from checker import cli

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
RELEASING = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
#: Programs that every runner has.
COMMON = {"cd", "git", "mkdir", "python", "test"}

every_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def jobs(name):
    return yaml.safe_load(WORKFLOWS[name])["jobs"]


def steps(name):
    return [step for job in jobs(name).values() for step in job["steps"]]


def commands(name):
    """Every command of a workflow, as words."""
    lines = "\n".join(step.get("run", "") for step in steps(name)).splitlines()
    parts = [part for line in lines for part in re.split(r"\s(?:\|\||&&)\s", line)]
    return [shlex.split(part) for part in parts if part]


def parsed(arguments):
    """What a student's verb takes them for; SystemExit where it cannot take them."""
    parser = argparse.ArgumentParser()
    cli.VERBS[arguments[0]][0](parser.add_subparsers(), arguments[0])
    return parser.parse_args(arguments)


@every_workflow
def test_a_step_does_one_thing(name):
    assert steps(name)
    for step in steps(name):
        assert ("run" in step) != ("uses" in step), step


@every_workflow
def test_what_is_run_is_there(name):
    for program, *arguments in commands(name):
        assert program in COMMON | {"checker"} or (ROOT / program).is_file(), program
        for argument in arguments:
            if re.fullmatch(r"[\w./-]+\.(py|txt)", argument):
                assert (ROOT / argument).is_file(), argument
        if program == "python":
            assert arguments[:2] in (["-m", "pip"], ["-m", "pytest"], ["-m", "hatchling"])
        if program == "checker":
            assert arguments == ["--version"] or parsed(arguments)


@every_workflow
def test_rights_are_few_and_nothing_is_secret(name):
    assert yaml.safe_load(WORKFLOWS[name])["permissions"] == {"contents": "read"}
    asked = {job: declared.get("permissions", {}) for job, declared in jobs(name).items()}
    assert {job: rights for job, rights in asked.items() if rights} in ({}, {"publish": {"id-token": "write"}})
    assert "secrets." not in WORKFLOWS[name]
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@every_workflow
def test_jobs_end_and_actions_have_a_version(name):
    for job, declared in jobs(name).items():
        assert "timeout-minutes" in declared, job
    for step in steps(name):
        assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step.get("uses", "a/b@v1")), step


def test_the_oldest_and_the_newest_python_are_those_of_the_project():
    classified = [each.rpartition(" :: ")[2] for each in PROJECT["classifiers"] if " :: Python :: " in each]
    oldest, newest = classified[0], classified[-1]
    assert PROJECT["requires-python"] == f">={oldest}"
    assert jobs("ci")["student"]["strategy"]["matrix"]["python"] == [oldest, newest]
    assert jobs("ci")["everything"]["container"]["image"].startswith(f"python:{oldest}-")
    assert jobs("ci")["newest"]["container"]["image"].startswith(f"python:{newest}-")
    assert {step["with"]["python-version"] for step in steps("release") if "setup-python" in step.get("uses", "")} == {
        newest
    }


def test_students_are_on_three_systems_and_everything_runs_on_one():
    assert {name.partition("-")[0] for name in jobs("ci")["student"]["strategy"]["matrix"]["os"]} == {
        "ubuntu", "macos", "windows",
    }  # fmt: skip
    assert [".ci/run"] in commands("ci")


def test_a_release_is_built_as_its_page_says():
    written = [shlex.split(line) for line in RELEASING.splitlines() if line.strip().startswith("python -m")]
    builds = [words for words in written if "--wheel-dir" in words or "hatchling" in words]
    assert len(builds) == 2
    for words in builds:
        assert words in commands("release")


def test_the_page_tags_the_version(tmp_path):
    """Its commands, in a clone whose origin is a bare one."""
    tag, push = (shlex.split(line) for line in RELEASING.splitlines() if line.strip().startswith("git "))
    assert f"v{PROJECT['version']}" in tag
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    subprocess.run(["git", "clone", "--quiet", origin, clone], check=True, stderr=subprocess.DEVNULL)
    name = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["git", *name, "commit", "--quiet", "--allow-empty", "-m", "x"], [tag[0], *name, *tag[1:]], push):
        subprocess.run(words, cwd=clone, check=True, capture_output=True)
    tags = subprocess.run(["git", "tag"], cwd=origin, check=True, capture_output=True, text=True).stdout
    assert tags.split() == [f"v{PROJECT['version']}"]
