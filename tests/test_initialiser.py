"""Initialisers are judged by statistics: no false alarm, and no wrong law, shape, scale or generator gets through."""

import numpy as np
import pytest

from checker import exercise, mistake
from checker.kinds import Answer
from checker.kinds.initialiser import CLOSE, doing, statistics

SMALL = {"n_in": (8, 12), "n_out": (18, 24)}


@pytest.fixture
def normal():
    @exercise(
        kind="initialiser",
        arguments={"rng": None},
        draw={"n_in": (60, 80), "n_out": (150, 200)},
        edges={"small": SMALL},
    )
    def normal_init(n_in: int, n_out: int, rng):
        return rng.normal(0, (2 / n_in) ** 0.5, (n_out, n_in))

    @mistake(normal_init, "A root is missing.")
    def variance(n_in, n_out, rng):
        return rng.normal(0, 2 / n_in, (n_out, n_in))

    @mistake(normal_init, "Which axis comes first?")
    def turned(n_in, n_out, rng):
        return rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out))

    return normal_init.exercise


def he(n_in):
    return (2 / n_in) ** 0.5


RIGHT = {
    "turned twice": lambda n_in, n_out, rng: rng.normal(0, he(n_in), (n_in, n_out)).T,
    "unit by unit": lambda n_in, n_out, rng: [list(rng.normal(0, he(n_in), n_in)) for _ in range(n_out)],
    "float32": lambda n_in, n_out, rng: he(n_in) * rng.standard_normal((n_out, n_in), dtype=np.float32),
    "mirrored": lambda n_in, n_out, rng: -he(n_in) * rng.standard_normal((n_out, n_in)),
    "by the inverse of the distribution": lambda n_in, n_out, rng: (
        he(n_in) * np.sqrt(-2 * np.log(1 - rng.random((n_out, n_in)))) * np.cos(2 * np.pi * rng.random((n_out, n_in)))
    ),
    "from a child of the generator": lambda n_in, n_out, rng: rng.spawn(1)[0].normal(0, he(n_in), (n_out, n_in)),
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_the_right_law_is_right_however_it_is_drawn(normal, answer):
    for seed in range(3):
        assert normal.check(answer, seed=seed)


WRONG = {
    "ten per cent too wide": (lambda a, b, rng: 1.1 * rng.normal(0, he(a), (b, a)), "std"),
    "five per cent too narrow": (lambda a, b, rng: 0.95 * rng.normal(0, he(a), (b, a)), "std"),
    "the inputs for the units": (lambda a, b, rng: rng.normal(0, he(b), (b, a)), "std"),
    "one input too many in a small layer": (lambda a, b, rng: rng.normal(0, he(a + 1 + a // 50), (b, a)), "std"),
    "zeros": (lambda a, b, rng: np.zeros((b, a)), "std"),
    "constant": (lambda a, b, rng: np.full((b, a), he(a)), "mean"),
    "nan": (lambda a, b, rng: np.full((b, a), np.nan), "axis 0"),
    "off centre": (lambda a, b, rng: rng.normal(0.1 * he(a), he(a), (b, a)), "mean"),
    "from 0 to 1": (lambda a, b, rng: he(a) * rng.random((b, a)), "mean"),
    "uniform": (lambda a, b, rng: he(a) * rng.uniform(-(3**0.5), 3**0.5, (b, a)), "law"),
    "triangular": (lambda a, b, rng: he(a) * 6**0.5 * (rng.random((b, a)) - rng.random((b, a))), "law"),
    "two values": (lambda a, b, rng: he(a) * rng.choice([-1, 1], (b, a)), "law"),
    "Laplace": (lambda a, b, rng: rng.laplace(0, he(a) / 2**0.5, (b, a)), "law"),
    "truncated": (lambda a, b, rng: he(a) / 0.88 * truncated(rng, (b, a)), "law"),
    "the same row": (lambda a, b, rng: np.tile(rng.normal(0, he(a), a), (b, 1)), "axis 0"),
    "the same column": (lambda a, b, rng: np.tile(rng.normal(0, he(a), (b, 1)), (1, a)), "axis 1"),
    "a moving mean": (lambda a, b, rng: he(a) * moving(rng.normal(size=(b, a + 1))), "axis 1"),
    "its own seed": (lambda a, b, rng: np.random.default_rng(0).normal(0, he(a), (b, a)), "calls"),
    "the global generator": (lambda a, b, rng: np.random.normal(0, he(a), (b, a)), "seed"),
    "no seed": (lambda a, b, rng: np.random.default_rng().normal(0, he(a), (b, a)), "seed"),
    "turned": (lambda a, b, rng: rng.normal(0, he(a), (a, b)), "shape"),
    "flat": (lambda a, b, rng: rng.normal(0, he(a), a * b), "shape"),
    "a number": (lambda a, b, rng: rng.normal(0, he(a)), "shape"),
    "shapes by chance": (lambda a, b, rng: rng.normal(0, he(a), (b, a + rng.integers(2))), "shape"),
}  # fmt: skip


def moving(drawn):
    """Neighbours in a row share a draw."""
    return 0.8 * drawn[:, 1:] + 0.6 * drawn[:, :-1]


def truncated(rng, shape):
    """Normal draws, those beyond two standard deviations drawn again."""
    drawn = rng.standard_normal(shape)
    while (far := np.abs(drawn) > 2).any():
        drawn[far] = rng.standard_normal(far.sum())
    return drawn


@pytest.mark.parametrize(("answer", "subject"), WRONG.values(), ids=WRONG)
def test_another_law_is_wrong_and_the_report_says_in_what(normal, answer, subject):
    report = normal.check(answer)
    assert report.verdict == "wrong", str(report)
    assert subject in [finding.subject for finding in report.findings if finding.verdict == "wrong"], str(report)


def test_known_mistakes_are_named_though_the_numbers_are_others(normal):
    assert normal.check(lambda a, b, rng: -(he(a) ** 2) * rng.standard_normal((b, a))).causes == ("variance",)
    report = normal.check(lambda a, b, rng: -rng.normal(0, he(a), (a, b)))
    assert report.causes == ("turned",)
    assert report.findings[0].advice == "Which axis comes first?"
    assert normal.check(lambda a, b, rng: rng.normal(0, 3 * he(a), (b, a))).causes == ()


def test_clipped_weights_are_not_taken_for_a_known_mistake_of_their_standard_deviation(normal):
    @mistake(normal.answer, "Compare the variances.")
    def narrow(n_in, n_out, rng):
        return 0.882 * rng.normal(0, he(n_in), (n_out, n_in))

    assert normal.check(lambda a, b, rng: -0.882 * rng.normal(0, he(a), (b, a))).causes == ("narrow",)
    report = normal.check(lambda a, b, rng: he(a) * np.clip(rng.normal(size=(b, a)), -1.5, 1.5))
    assert report.causes == ()
    law = next(finding for finding in report.findings if finding.subject == "law")
    assert law.advice == (
        "which law is asked for? To clip weights, or to draw the large ones again, makes another one of it"
    )


def test_the_messages(normal):
    def text(answer):
        return str(normal.check(answer))

    assert "the standard deviation of the weights is wrong\n    yours 0.3" in text(
        lambda a, b, rng: 2 * rng.normal(0, he(a), (b, a))
    )
    assert "3 if normal, 1.8 if uniform\n    yours 1.7" in text(WRONG["uniform"][0])
    assert "the mean of the weights, in units of their root mean square, is wrong" in text(WRONG["off centre"][0])
    assert "neighbours along axis 0 are correlated" in text(WRONG["the same row"][0])
    assert "generators of different seeds" in text(WRONG["its own seed"][0])
    assert "a generator of the same seed the weights are others" in text(WRONG["no seed"][0])
    assert "the weights have shape (" in text(WRONG["flat"][0])
    assert ") or (" in text(WRONG["shapes by chance"][0])
    report = normal.check(WRONG["no seed"][0])
    assert report.kind == "contract"
    assert "only in a corner" not in str(report)


def test_wrong_only_for_a_small_layer_is_an_edge(normal):
    report = normal.check(lambda a, b, rng: rng.normal(0, he(max(a, 20)), (b, a)))
    assert (report.verdict, report.kind) == ("wrong", "edge")
    assert "small" in report.where


def test_unwritten_answers_and_exceptions(normal):
    def unwritten(n_in, n_out, rng):
        raise NotImplementedError

    def broken(n_in, n_out, rng):
        return rng.normal(0, he(n_in), (n_out, n_in)) @ np.ones(3)

    assert normal.check(unwritten).verdict == "not attempted"
    assert normal.check(lambda n_in, n_out, rng: None).verdict == "not attempted"
    report = normal.check(broken)
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert "ValueError" in str(report)
    assert normal.check(lambda n_in, n_out: 0).kind == "error"
    assert normal.check(lambda n_in, n_out, rng: "weights").kind == "error"
    assert "raised" in doing(normal, Answer(broken), normal.inputs())


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "uniform"])
@pytest.mark.parametrize("shape", [(170, 70), (21, 10), (4, 4)], ids=str)
def test_chance_stays_far_below_what_is_called_wrong(law, shape):
    """The standard errors that the module's docstring states: a difference of CLOSE is 7.7 of them or more."""
    rng = np.random.default_rng(0)
    calls = -(-100_000 // (shape[0] * shape[1]))

    def one():
        drawn = rng.normal(size=(calls, *shape)) if law == "normal" else rng.uniform(-1, 1, (calls, *shape))
        found = statistics(list(drawn), True)
        return {key: float(value) for key, value in found.items() if key not in ("output shape", "output seed")}

    many = [one() for _ in range(300)]
    assert len(many[0]) == 6
    for key in many[0]:
        values = np.array([each[key] for each in many]) / np.mean([each[key] for each in many])
        differences = values[::2] - values[1::2]
        assert np.max(np.abs(values[:, None] - values)) < 0.85 * CLOSE, key
        assert 0.85 * 7.7 * np.sqrt(np.mean(differences**2)) < CLOSE, key  # itself known to within some 6 per cent


@pytest.mark.slow
@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_no_false_alarm_over_many_seeds(normal, answer):
    assert all(normal.check(answer, seed=seed) for seed in range(40))
