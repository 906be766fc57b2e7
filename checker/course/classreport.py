"""How a class did, as one HTML page for the instructor that holds all it needs: no script, no request, no file beside.

For each assignment: scores, mistakes by name, who needs a hand, what was not graded, what the sandbox met.
"""

import math
import shlex
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG
from .notebooks import FOLDER
from .outcome import GRADED, Mark, Outcome
from .templating import rendered

#: A list has at most so many lines, and names so many students; what is left out is counted.
LINES, NAMES = 40, 12
#: Of mistakes, these are the commonest.
MISTAKES = 15
#: Who has less than this share of the points needs a hand, and so do at most so many in a large class.
LOW, LOWEST = 0.5, 20
#: Bars of a histogram; fewer where there are fewer points.
BARS = 12
PARTLY = "partly right"
#: The shares of an exercise, in their order: a verdict, and the class of its colour.
SHARES = {RIGHT: "right", PARTLY: "partly", WRONG: "wrong", CANNOT_TELL: "waiting", NOT_ATTEMPTED: "none"}
_KINDS = {
    "error": "the code raises an exception",
    "shape": "an array has the wrong shape",
    "contract": "a rule that every answer keeps is broken",
    "forward": "the forward differs from the reference",
    "edge": "wrong in a corner case alone",
    "unstable": "loses digits or overflows",
}


def write(root: Path, outcomes: Iterable[Outcome], runs: Iterable[Mapping[str, Any]] = ()) -> Path:
    """Write the page of a course folder to its `reports/class.html`; that path. Raises OSError where it cannot."""
    path = root / "reports" / "class.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    name = root.parent.name if root.name == FOLDER else root.name
    beside.write_text(page(name, outcomes, runs), encoding="utf-8")
    beside.replace(path)
    return path


def page(course: str, outcomes: Iterable[Outcome], runs: Iterable[Mapping[str, Any]] = ()) -> str:
    """The page. `outcomes` is read once, and no notebook in it is kept.

    `runs` are the lines of the log; of those with the `event` "start" and the `isolation` "none" the `assignment` and
    the `time` are told above all else.
    """
    seen: dict[str, _Assignment] = {}
    for outcome in outcomes:
        seen.setdefault(outcome.assignment, _Assignment(outcome.assignment)).add(outcome)
    bare = {name: one.unprotected for name, one in seen.items() if one.unprotected}
    unsafe = [run for run in runs if run.get("event", "start") == "start" and run.get("isolation") == "none"]
    sections = [seen[name].told() for name in sorted(seen)]
    return rendered(
        "class.html", course=course, sections=sections, listed=listed, lines=LINES, mistakes=MISTAKES,
        bare={name: len(students) for name, students in sorted(bare.items())},
        unsafe=[_when(run) for run in unsafe][-LINES:],
    )  # fmt: skip


def _when(run: Mapping[str, Any]) -> str:
    """A run by its assignment and its minute."""
    return f"{run.get('assignment', '')}, {str(run.get('time', ''))[:16].replace('T', ' ')}"


def listed(students: Sequence[str]) -> str:
    """Names, as many as are read."""
    more = f" and {len(students) - NAMES} more" if len(students) > NAMES else ""
    return ", ".join(students[:NAMES]) + more


@dataclass
class _Mistake:
    """A mistake that one or more made in an exercise."""

    students: list[str] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)
    advice: Counter[str] = field(default_factory=Counter)


@dataclass
class _Exercise:
    """How an exercise was answered."""

    points: float
    scores: list[float] = field(default_factory=list)
    shares: Counter[str] = field(default_factory=Counter)
    waiting: list[str] = field(default_factory=list)


@dataclass
class _Assignment:
    """What is remembered of an assignment's outcomes."""

    name: str
    points: dict[str, float] = field(default_factory=dict)
    scores: list[tuple[str, int, Mapping[str, float]]] = field(default_factory=list)
    exercises: dict[str, _Exercise] = field(default_factory=dict)
    mistakes: defaultdict[tuple[str, str], _Mistake] = field(default_factory=lambda: defaultdict(_Mistake))
    failed: list[tuple[str, str, bool]] = field(default_factory=list)
    incidents: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    unprotected: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one submission."""
        student = outcome.student
        self.incidents += [(student, text) for text in outcome.incidents]
        if outcome.isolation == "none":
            self.unprotected.append(student)
        if outcome.state != GRADED:
            self.failed.append((student, "; ".join(outcome.notes) or "no reason was given", outcome.ours))
            return
        self.notes += [(student, text) for text in outcome.notes]
        untouched = sum(mark.verdict == NOT_ATTEMPTED for mark in outcome.marks)
        earned, points = defaultdict[str, float](float), defaultdict[str, float](float)
        for mark in outcome.marks:
            self._mark(mark, student)
            earned[_title(mark)] += mark.score or 0.0
            points[_title(mark)] += mark.points
        self.scores.append((student, untouched, earned))
        self.points |= {title: max(points[title], self.points.get(title, 0.0)) for title in points}

    def _mark(self, mark: Mark, student: str) -> None:
        title = _title(mark)
        exercise = self.exercises.setdefault(title, _Exercise(mark.points))
        if mark.score is None:
            exercise.waiting.append(student)
            return
        share = _share(mark)
        exercise.scores.append(mark.score)
        exercise.shares[share] += 1
        if share not in (RIGHT, NOT_ATTEMPTED) and mark.exercise:
            mistake = self.mistakes[title, mark.cause or mark.kind or share]
            mistake.students.append(student)
            mistake.messages[mark.message] += 1
            mistake.advice[mark.advice] += 1

    def told(self) -> dict[str, Any]:
        """What the template shows. What somebody has yet to read is in no score: scores are of the same points."""
        waiting = {title: exercise for title, exercise in self.exercises.items() if exercise.waiting}
        points = sum(points for title, points in self.points.items() if title not in waiting)
        ranked = [
            (sum(score for title, score in earned.items() if title not in waiting), student, untouched)
            for student, untouched, earned in self.scores
        ]
        scores = [score for score, _, _ in ranked]
        low = sorted(each for each in ranked if each[0] < LOW * points)
        return {
            "name": self.name, "points": points, "graded": len(scores), "all": len(scores) + len(self.failed),
            "mean": statistics.fmean(scores) if scores else 0.0, "median": statistics.median(scores) if scores else 0.0,
            "histogram": _histogram(scores, points) if scores and points else None,
            "exercises": [_row(title, exercise) for title, exercise in self.exercises.items()],
            "mistakes": self._mistakes(),
            "low": low[:LOWEST], "more_low": max(0, len(low) - LOWEST),
            "alike": self._alike(),
            "failed": [(*each, self._again(each[0])) for each in sorted(self.failed)],
            "again": f"python -m checker autograde {shlex.quote(self.name)}",
            "incidents": sorted(self.incidents), "notes": sorted(self.notes),
            "waiting": waiting, "unread": sum(len(exercise.waiting) for exercise in waiting.values()),
        }  # fmt: skip

    def _again(self, student: str) -> str:
        return f"python -m checker autograde {shlex.quote(self.name)} --student {shlex.quote(student)} --regrade"

    def _mistakes(self) -> list[dict[str, Any]]:
        """The mistakes, the commonest first; in each, what was said most often."""
        ordered = sorted(self.mistakes.items(), key=lambda item: (-len(item[1].students), item[0]))
        return [
            {
                "exercise": exercise, "name": _words(name), "count": len(mistake.students),
                "students": sorted(mistake.students), "message": mistake.messages.most_common(1)[0][0],
                "varied": len(mistake.messages) > 1, "advice": mistake.advice.most_common(1)[0][0],
                "of": len(self.exercises[exercise].scores),
            }
            for (exercise, name), mistake in ordered
        ]  # fmt: skip

    def _alike(self) -> list[tuple[str, list[str]]]:
        """Who made the same named mistake in several exercises: one misunderstanding, not several."""
        made: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (_, name), mistake in self.mistakes.items():
            if name not in SHARES and name not in _KINDS and name != "values":
                for student in mistake.students:
                    made[student, name] += 1
        together: defaultdict[str, list[str]] = defaultdict(list)
        for (student, name), count in made.items():
            if count > 1:
                together[_words(name)].append(student)
        return sorted(((name, sorted(students)) for name, students in together.items()), key=lambda each: -len(each[1]))


def _title(mark: Mark) -> str:
    """An exercise by the name that students know it by; another cell by its id."""
    return mark.exercise.rpartition(".")[2] or mark.grade_id


def _words(name: str) -> str:
    """A mistake's name as it is read."""
    return _KINDS.get(name, "the numbers differ" if name in ("values", WRONG) else name.replace("-", " "))


def _share(mark: Mark) -> str:
    """Which share of its exercise a mark is in."""
    score = mark.score or 0.0
    if mark.verdict in (NOT_ATTEMPTED, CANNOT_TELL) and not score:
        return mark.verdict
    if score >= mark.points:
        return RIGHT
    return PARTLY if score > 0 else WRONG


def _row(title: str, exercise: _Exercise) -> dict[str, Any]:
    """An exercise's line: its mean, and its shares as counts and in percent."""
    count = len(exercise.scores)
    shares, left = [], 0.0
    for words, colour in SHARES.items():
        if many := exercise.shares[words]:
            shares.append({"words": words, "count": many, "colour": colour, "left": left, "width": 100 * many / count})
            left += 100 * many / count
    mean = statistics.fmean(exercise.scores) if exercise.scores else None
    return {"title": title, "points": exercise.points, "mean": mean, "shares": shares, "waiting": len(exercise.waiting)}


def _histogram(scores: Sequence[float], points: float) -> dict[str, Any]:
    """Bars of how many had how many points, in a picture 360 wide: each has whole points where there are few."""
    step = 1.0 if points <= BARS and points == int(points) else points / 10
    bars = math.ceil(points / step - 1e-9) + (step == 1.0)  # the last one is for full marks, or has them too
    counts = Counter(min(bars - 1, max(0, int(score / step + 1e-9))) for score in scores)
    most, width = max(counts.values()), 360 / bars
    drawn = [
        {
            "x": place * width + 2, "width": width - 4, "height": 90 * counts[place] / most, "count": counts[place],
            "label": f"{place * step:.4g}",
            "words": f"{place * step:.4g}" if step == 1.0 else f"{place * step:.4g} to {(place + 1) * step:.4g}",
        }
        for place in range(bars)
    ]  # fmt: skip
    return {"bars": drawn, "step": step}
