"""Shape annotations, declarations, and the other points that they offer."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy import ndarray

from checker import UsageError, shapes
from checker.inputs import Bool, Declaration, Float, Int, below
from checker.values import infer

SEED = 5


def rng(seed: int = SEED) -> np.random.Generator:
    return np.random.default_rng(seed)


# -- annotations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "kind", "lengths"),
    [
        (Float[ndarray, "N D"], "float", (3, 4)),
        (Int[ndarray, "N"], "int", (3,)),
        (Bool[ndarray, "N N"], "bool", (3, 3)),
        (Float[ndarray, ""], "float", ()),
        (Float[ndarray, "N 7"], "float", (3, 7)),
        (Float[ndarray, "N rows=7"], "float", (3, 7)),
        (Float[ndarray, "4*H H+1"], "float", (20, 6)),
        (Float[ndarray, "2*N-1 H//2"], "float", (5, 2)),
        (Float[ndarray, "#N D"], "float", (3, 4)),
        (Float[ndarray, "*batch D"], "float", (2, 4)),
        (Float[ndarray, "... D"], "float", (6, 4)),
        ('Float[ndarray, "N D"]', "float", (3, 4)),
        ("jt.Float64[np.ndarray, 'N D']", "float", (3, 4)),
        ("'Int[np.ndarray, \"N\"]'", "int", (3,)),
        (SimpleNamespace(dim_str="N D", dtypes=["float32"]), "float", (3, 4)),
        (SimpleNamespace(dim_str="N", dtypes=["uint8", "int64"]), "int", (3,)),
        (float, "float", ()),
        (Float[ndarray, "N"] | None, "float", (3,)),
        ('Float[ndarray, "N"] | None', "float", (3,)),
        ('None | jt.Int[ndarray, "N D"]', "int", (3, 4)),
    ],
)
def test_annotations_are_read(annotation, kind, lengths):
    shape = shapes.read(annotation)
    assert shape.kind == kind
    assert shape.expand({}).lengths({"N": 3, "D": 4, "H": 5, "batch": 2, "rest": 6}) == lengths


def test_a_sized_dtype_is_kept():
    assert shapes.read('Float32[ndarray, "N"]').dtype == "float32"
    assert shapes.read('UInt8[ndarray, "N"]').dtype == "uint8"
    assert shapes.read(SimpleNamespace(dim_str="N", dtypes=["float16"])).dtype == "float16"


@pytest.mark.parametrize("annotation", ["list[int]", "np.ndarray", "dict[str, 3]", int, ndarray, "not python", None])
def test_other_annotations_declare_nothing(annotation):
    assert shapes.read(annotation) is None


@pytest.mark.parametrize(
    ("dims", "words"),
    [
        ("N D!", "cannot read the axis 'D!'"),
        ("N/2", "cannot read the axis 'N/2'"),
        ("?N", "cannot read the axis '?N'"),
        ("*a *b", "only one axis of an array can stand for several"),
        ("*2", "should be * and a name"),
    ],
)
def test_an_unreadable_axis_names_the_annotation(dims, words):
    with pytest.raises(UsageError) as problem:
        _ = Float[ndarray, dims]
    assert words in str(problem.value)
    assert f'Float[ndarray, "{dims}"]' in str(problem.value)


def test_an_annotation_without_axes_says_how_to_write_one():
    with pytest.raises(UsageError, match=r'write Float\[ndarray, "N D"\]'):
        _ = Float[ndarray]


def test_complex_arrays_cannot_be_drawn():
    with pytest.raises(UsageError, match="only float, int and bool arrays"):
        shapes.read('Complex[ndarray, "N"]')


def test_a_negative_length_is_refused():
    with pytest.raises(UsageError, match="negative length when N = 1"):
        shapes.read(Float[ndarray, "N-3"]).lengths({"N": 1})


def test_real_jaxtyping_is_read():
    jaxtyping = pytest.importorskip("jaxtyping")
    assert shapes.read(jaxtyping.Float[np.ndarray, "N D"]) == Float[ndarray, "N D"]
    assert shapes.read(jaxtyping.Int[np.ndarray, "N"]).kind == "int"
    assert shapes.read(jaxtyping.Float32[np.ndarray, "4*H"]).dtype == "float32"
    assert shapes.read(jaxtyping.Float[np.ndarray, "N"] | None).dims == ("N",)


# -- declarations from signatures -------------------------------------------------------------------------------------


def layer(
    x: Float[ndarray, "N D"],
    w: Float[ndarray, "4*H D"],
    y: Int[ndarray, "N"],
    mask: Bool[ndarray, "N"],
    scale: float,
    eps: float = 1e-5,
    mode="train",
):
    """A forward with every kind of parameter."""


def declared(**options) -> Declaration:
    return Declaration.from_signature(layer, draw={"y": below("H"), **options})


def test_every_parameter_is_an_input():
    declaration = declared()
    assert declaration.names == ("x", "w", "y", "mask", "scale", "eps", "mode")
    assert declaration.differentiable == ("x", "w", "scale")
    x, w, y, mask, scale, eps, mode = declaration.draw(rng())
    sizes = declaration.sizes()
    assert x.shape == (sizes["N"], sizes["D"])
    assert w.shape == (4 * sizes["H"], sizes["D"])
    assert (x.dtype, y.dtype, mask.dtype, type(scale)) == (float, np.int64, bool, float)
    assert (eps, mode) == (1e-5, "train")


def test_sizes_differ_from_one_another_and_from_written_numbers():
    def forward(x: Float[ndarray, "A B 3"], w: Float[ndarray, "C D 5"]): ...

    for seed in range(20):
        sizes = Declaration.from_signature(forward, seed=seed).sizes()
        assert len({*sizes.values(), 3, 5}) == 6
        assert all(2 <= size <= 9 for size in sizes.values())


def test_many_axes_still_differ():
    annotations = {f"x{k}": Float[ndarray, f"A{k}"] for k in range(30)}
    forward = eval(f"lambda {', '.join(annotations)}: None")
    forward.__annotations__ = annotations
    assert len(set(Declaration.from_signature(forward).sizes().values())) == 30


def test_draws_are_repeatable_and_fresh():
    declaration = declared()
    first, second, other = declaration.draw(rng(1)), declaration.draw(rng(1)), declaration.draw(rng(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert not np.array_equal(first[0], other[0])
    first[0][:] = 0
    assert np.any(second[0])


def test_inputs_are_drawn_as_told():
    declaration = declared(x=(2, 3), w=lambda rng, sizes: np.full((4 * sizes["H"], sizes["D"]), 7.0))
    x, w, y, *_ = declaration.draw(rng(), {"N": 50})
    assert 2 <= x.min() < x.max() <= 3
    assert np.all(w == 7)
    assert sorted(set(y)) == list(range(declaration.sizes()["H"]))


def test_a_range_of_whole_numbers_has_both_its_ends():
    assert set(declared(y=(2, 4)).draw(rng(), {"N": 200})[2]) == {2, 3, 4}


def test_labels_include_the_first_and_the_last():
    declaration = declared()
    for seed in range(30):
        y = declaration.draw(rng(seed), {"H": 50})[2]
        assert {0, 49} <= set(y)


def test_arguments_fix_a_parameter():
    def forward(x: Float[ndarray, "N"], settings, flag=False): ...

    declaration = Declaration.from_signature(forward, arguments={"settings": {"pad": 1}, "flag": True})
    x, given, flag = declaration.draw(rng())
    assert (given, flag) == ({"pad": 1}, True)
    given["pad"] = 9
    assert declaration.draw(rng())[1] == {"pad": 1}
    assert declaration.draw(rng(), pad=2)[1] == {"pad": 2}


def test_an_array_that_may_be_left_out_is_left_out():
    def forward(x: Float[ndarray, "N"], mask: Float[ndarray, "N"] | None = None): ...

    assert Declaration.from_signature(forward).draw(rng())[1] is None
    with pytest.raises(UsageError, match="mask can be drawn from"):
        Declaration.from_signature(forward, draw={"mask": 3})


def test_anonymous_axes_are_free_of_one_another():
    def forward(x: Float[ndarray, "_ _"], y: Float[ndarray, "_ _"]): ...

    assert len(Declaration.from_signature(forward).sizes()) == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Declaration.from_signature(lambda x: x), "nothing says what x of <lambda> is"),
        (lambda: declared(z=(0, 1)), "layer has no parameter 'z'; its parameters are x, w"),
        (lambda: declared(x=3), "x can be drawn from a range"),
        (lambda: declared(x=(3, 2)), "the range of x is empty: 3 to 2"),
        (lambda: declared().draw(rng(), {"Q": 2}), "no axis is called 'Q'; the axes are N, D, H"),
        (lambda: declared().fixing(pad=0), "no constant is called 'pad'"),
        (lambda: declared().drawing(z=(0, 1)), "no input is called 'z'"),
    ],
)
def test_a_declaration_that_does_not_fit_says_so(make, words):
    with pytest.raises(UsageError) as problem:
        make()
    assert words in str(problem.value)


axis = st.sampled_from(["N", "D", "H", "C", "3", "1", "2*N", "H+1", "D*H"])
annotations = st.lists(st.lists(axis, max_size=3).map(" ".join), min_size=1, max_size=4)


def from_annotations(dims: list[str]) -> Declaration:
    names = [f"x{k}" for k in range(len(dims))]
    forward = eval(f"lambda {', '.join(names)}: None")
    forward.__annotations__ = {name: Float[ndarray, text] for name, text in zip(names, dims)}
    return Declaration.from_signature(forward)


@given(annotations, st.integers(0, 100), st.data())
def test_drawn_shapes_follow_the_annotation(dims, seed, data):
    declaration = from_annotations(dims)
    sizes = {name: data.draw(st.integers(1, 4), label=name) for name in declaration.sizes()}
    for array, text in zip(declaration.draw(rng(seed), sizes), dims):
        assert array.shape == tuple(eval(dim, {}, sizes) for dim in text.split())
        assert array.dtype == float
        assert array.flags.writeable


@given(annotations, st.integers(0, 100))
def test_variations_keep_the_declared_axes(dims, seed):
    declaration = from_annotations(dims)
    for variation in declaration.variations(rng(seed), 12):
        sizes = variation.declaration.sizes()
        assert variation.declared or not variation.edge
        for array, text in zip(variation.inputs, dims):
            assert array.shape == tuple(eval(dim, {}, sizes) for dim in text.split())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_strategy_makes_what_was_declared(data):
    x, w, y, mask, scale, eps, mode = data.draw(declared(x=(0.25, 8)).strategy())
    assert x.shape[1] == w.shape[1]
    assert x.shape[0] == len(y) == len(mask)
    assert len(w) % 4 == 0
    assert x.min() >= 0.25
    assert 0 <= y.min() <= y.max() < len(w) // 4
    assert (eps, mode) == (1e-5, "train")


# -- declarations from samples ----------------------------------------------------------------------------------------


def sampled(*inputs, names: str = "", **options) -> Declaration:
    return Declaration.from_sample(inputs, names.split() or [f"x{k}" for k in range(len(inputs))], **options)


def test_axes_of_one_length_are_one_axis():
    declaration = sampled(np.zeros((5, 4)), np.zeros((3, 4)), np.zeros(3), np.zeros((1, 3)))
    assert sorted(declaration.sizes().values()) == [3, 4, 5]
    x, w, b, row = declaration.draw(rng(), {"axis 1 of x0": 7, "axis 0 of x1": 2})
    assert (x.shape, w.shape, b.shape, row.shape) == ((5, 7), (2, 7), (2,), (1, 2))


def test_axes_can_be_told_apart():
    declaration = sampled(np.zeros((4, 4)), np.zeros(4), axes={"x0": "N D"})
    assert declaration.draw(rng(), {"N": 2})[0].shape == (2, 4)
    with pytest.raises(UsageError, match="axes names 1 axis of x0, which has 2"):
        sampled(np.zeros((4, 4)), axes={"x0": "N"})


def test_everything_else_is_a_constant():
    settings = {"pad": 1, "mode": "train", "eps": 1e-5}
    inputs = (rng().normal(size=(2, 3)), 3, "same", None, True, settings, 1e-5, [1, 2])
    declaration = sampled(*inputs, names="x n how nothing flag settings eps ks")
    drawn = declaration.draw(rng())
    assert drawn[1:] == inputs[1:]
    assert drawn[5] is not settings
    assert declaration.differentiable == ("x",)


def test_arrays_of_other_kinds_are_constants():
    odd = np.array(["a", "b"]), np.array([1j, 2]), np.array([None, 3], dtype=object), np.zeros((0, 3), dtype=int)
    drawn = sampled(rng().normal(size=(2, 3)), *odd).draw(rng())
    assert all(np.array_equal(a, b) for a, b in zip(drawn[1:], odd))


def test_large_samples_are_read_quickly():
    started = time.perf_counter()
    declaration = sampled(rng().normal(size=(700, 700)), rng().normal(size=500_000))
    next(declaration.variations(rng(), 1))
    assert time.perf_counter() - started < 2


def test_the_strategy_of_a_sample_keeps_multiples():
    declaration = sampled(rng().normal(size=(5, 3)), rng().normal(size=(3, 12)))

    @settings(max_examples=10, database=None, deadline=None)
    @given(declaration.strategy())
    def follows(inputs):
        assert inputs[0].shape[1] == inputs[1].shape[0] == inputs[1].shape[1] / 4

    follows()


def test_containers_are_kept():
    params = {"W": rng().normal(size=(3, 4)), "b": [np.zeros(3), (np.zeros(4),)]}
    (drawn,) = sampled(params, names="params").draw(rng())
    assert drawn["W"].shape == (3, 4)
    assert drawn["b"][1][0].shape == (4,)
    assert isinstance(drawn["b"][1], tuple)
    assert not np.array_equal(drawn["W"], params["W"])


def test_plain_floats_are_numbers_to_draw_unless_they_are_settings():
    x, reg, p = sampled(2.5, 0.1, 0.5, names="x reg p").draw(rng())
    assert isinstance(x, float)
    assert x != 2.5
    assert (reg, p) == (0.1, 0.5)


def test_dtype_and_order_are_kept():
    sample = rng().normal(size=(3, 4)).astype(np.float32, order="F")
    x, y = sampled(sample, np.arange(3, dtype=np.int8)).draw(rng())
    assert x.dtype == np.float32
    assert x.flags.f_contiguous
    assert y.dtype == np.int8


def symmetric(a):
    return np.allclose(a, a.T)


def definite(a):
    return np.linalg.eigvalsh(a).min() > 0


def sums_to_one(a, axis):
    return np.allclose(a.sum(axis=axis), 1) and (a > 0).all()


def upper(a):
    return not np.tril(a, -1).any() and (np.diag(a) > 0).all()


def causal(a):
    return np.isneginf(a).sum() == len(a) * (len(a) - 1) / 2


def orthogonal(a):
    return np.allclose(a @ a.T, np.eye(len(a)))


STRUCTURES = {
    "labels held as floats": (np.array([0.0, 1, 1, 0, 1]), lambda a: set(a) <= {0, 1}),
    "signs": (np.array([[1.0, -1, -1], [1, 1, -1]]), lambda a: set(a.ravel()) <= {-1, 1}),
    "one-hot rows": (np.eye(5)[[0, 3, 3, 1]], lambda a: (a.sum(axis=1) == 1).all() and set(a.ravel()) <= {0, 1}),
    "a scaled dropout mask": (np.array([[2.0, 0, 2, 2], [0, 2, 0, 2]]), lambda a: set(a.ravel()) <= {0, 2}),
    "probabilities in rows": (rng().dirichlet(np.ones(4), 3), lambda a: sums_to_one(a, 1)),
    "probabilities in columns": (rng().dirichlet(np.ones(4), 3).T, lambda a: sums_to_one(a, 0)),
    "probabilities": (rng().uniform(0.1, 0.9, 6), lambda a: a.min() >= 0.1 and a.max() <= 0.9),
    "positive numbers": (rng().uniform(0.5, 40, (3, 4)), lambda a: a.min() >= 0.5 and a.max() <= 40),
    "negative numbers": (-rng().uniform(0.5, 40, (3, 4)), lambda a: a.max() <= -0.5),
    "a symmetric matrix": ((lambda a: a + a.T)(rng().normal(size=(4, 4))), symmetric),
    "a positive definite one": ((lambda a: a @ a.T)(rng().normal(size=(4, 4))), definite),
    "a lower triangle": (np.tril(rng().normal(size=(4, 4)), -1) + np.eye(4), lambda a: not np.triu(a, 1).any()),
    "an upper triangle": (np.triu(rng().uniform(1, 2, (4, 4))), upper),
    "an orthogonal matrix": (np.linalg.qr(rng().normal(size=(4, 4)))[0], orthogonal),
    "unit vectors": ((lambda a: a / np.linalg.norm(a, axis=1, keepdims=True))(rng().normal(size=(3, 4))),
                     lambda a: np.allclose((a**2).sum(axis=1), 1)),
    "a causal mask": (np.triu(np.full((4, 4), -np.inf), 1), causal),
    "rising numbers": (np.array([0.1, 0.4, 2.0, 3.3]), lambda a: (np.diff(a) > 0).all()),
    "a grid from zero": (np.array([0.0, 1, 2, 3, 4, 5]), lambda a: (np.diff(a) > 0).all()),
    "falling numbers": (np.array([3.0, 0.4, -2.0, -3.3]), lambda a: (np.diff(a) < 0).all()),
    "many zeros": (np.array([[0.0, 1.2, 0, 3.1], [0, 0, 2.2, 0.7]]), lambda a: (a >= 0).all() and (a == 0).any()),
}  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES)
def test_evident_structure_is_kept(structure):
    sample, holds = STRUCTURES[structure]
    declaration = sampled(sample, rng().normal(size=(sample.shape[0], 9)))
    assert holds(sample)
    for seed in range(10):
        assert holds(declaration.draw(rng(seed))[0])
    for variation in declaration.variations(rng(), 20):
        if not variation.outside:
            assert holds(variation.inputs[0]), variation.why


def test_infinities_stay_in_their_places():
    sample = rng().normal(size=(3, 4))
    sample[0, 1], sample[2, 2], sample[1, 0] = np.inf, -np.inf, np.nan
    drawn = sampled(sample).draw(rng())[0]
    assert np.array_equal(
        np.where(np.isfinite(drawn), 0, drawn), np.where(np.isfinite(sample), 0, sample), equal_nan=True
    )


def test_new_parameters_are_not_left_at_zero_and_one():
    gamma, beta = sampled(np.ones(5), np.zeros(5), names="gamma beta").draw(rng())
    assert len(set(gamma)) == len(set(beta)) == 5
    assert np.all(gamma > 0)


def test_a_mask_of_ones_and_a_target_of_zeros_become_both():
    mask, y, running_var = sampled(np.ones(5), np.zeros(5), np.ones(5), names="keep_mask y running_var").draw(rng())
    assert set(mask) == set(y) == {0, 1}
    assert np.all(running_var > 0)


def test_the_scale_of_a_sample_is_kept():
    far = 1e8 + rng().normal(size=(40, 3))
    drawn = sampled(far).draw(rng())[0]
    assert abs(drawn.mean() - 1e8) < 10
    assert 0.3 < drawn.std() < 3
    assert isinstance(
        infer(np.array([1e-12, -3.0, 1e9, -1e-5, 1e-9])), type(infer(np.array([1e-12, -3e12, 1e-9, 1e-6])))
    )


def test_labels_reach_the_last_class_and_no_further():
    declaration = sampled(rng().normal(size=(4, 6)), np.array([2, 0, 2, 1]))
    for seed in range(20):
        y = declaration.draw(rng(seed))[1]
        assert {0, 5} <= set(y) <= set(range(6))
    assert set(declaration.draw(rng(), {"axis 1 of x0": 2})[1]) == {0, 1}


def test_labels_are_those_of_the_smallest_axis_that_has_room():
    x, w = rng().normal(size=(5, 10)), rng().normal(size=(10, 3))
    assert sampled(x, w, np.array([0, 2, 1, 1, 0])).draw(rng())[2].max() == 2
    assert sampled(x, w, np.array([0, 7, 1, 1, 0])).draw(rng())[2].max() == 9


@pytest.mark.parametrize(
    "sample",
    [np.array([1, -1, -1, 1, 1]), np.array([0, 1, 1, 0, 1]), np.array([True, False, True, True, False])],
)
def test_two_valued_integers_keep_their_values(sample):
    drawn = sampled(rng().normal(size=(5, 7)), sample).draw(rng())[1]
    assert set(drawn) <= set(sample)
    assert drawn.dtype == sample.dtype


def test_an_order_stays_an_order():
    assert sorted(sampled(rng().normal(size=(5, 7)), np.array([2, 0, 1, 4, 3])).draw(rng())[1]) == [0, 1, 2, 3, 4]


lengths = st.lists(st.integers(0, 6), max_size=3).map(tuple)


@given(st.lists(lengths, min_size=1, max_size=4), st.integers(0, 1000))
def test_axes_that_agree_change_together(shapes_of, seed):
    arrays = [rng(seed).normal(size=shape) for shape in shapes_of]
    declaration = sampled(*arrays)
    for variation in declaration.variations(rng(seed), 10):
        new = {}
        for before, after in zip(arrays, variation.inputs):
            assert before.ndim == after.ndim
            for old, length in zip(before.shape, after.shape):
                if "alone" in variation.why:
                    continue
                if old <= 1:
                    assert length == old
                else:
                    assert new.setdefault(old, length) == length


@given(st.lists(lengths, min_size=1, max_size=3), st.integers(0, 1000))
def test_variations_are_repeatable(shapes_of, seed):
    arrays = [rng(seed).normal(size=shape) for shape in shapes_of]
    first, second = (list(sampled(*arrays).variations(rng(seed), 8)) for _ in range(2))
    assert [v.why for v in first] == [v.why for v in second]
    for a, b in zip(first, second):
        assert all(np.array_equal(x, y) for x, y in zip(a.inputs, b.inputs))
    assume(any(array.size for array in arrays))
    assert len(first) == 8


# -- variations -------------------------------------------------------------------------------------------------------


def whys(declaration: Declaration, trials: int = 40, **options) -> list[str]:
    return [variation.why for variation in declaration.variations(rng(), trials, **options)]


def test_the_first_variations_mix_numbers_and_shapes():
    found = list(declared().variations(rng(), 6))
    assert [v.why for v in found[:2]] == ["other numbers", "N = 1"]
    assert {v.edge for v in found} == {True, False}
    assert all(v.declared for v in found if v.edge and "eps" not in v.why and "mode" not in v.why)


def test_declared_axes_are_tried_at_one_and_turned_round():
    found = whys(declared())
    assert {"N = 1", "D = 1", "H = 1", "label 0 only", "the last label only", "eps = 0.1", "mode = 'test'"} <= set(
        found
    )
    assert any(why.startswith("N = ") and "D = " in why and "H = " in why for why in found)


def test_any_number_of_axes_is_tried_at_none_and_two():
    def forward(x: Float[ndarray, "*batch D"], y: Float[ndarray, "*batch"]): ...

    found = {v.why: [x.ndim for x in v.inputs] for v in Declaration.from_signature(forward).variations(rng(), 20)}
    assert found["no axes for *batch"] == [1, 0]
    assert found["2 axes for *batch"] == [3, 2]


def test_a_length_that_may_be_one_is_tried_at_one():
    def forward(x: Float[ndarray, "N D"], b: Float[ndarray, "#N D"]): ...

    found = {v.why: [x.shape for x in v.inputs] for v in Declaration.from_signature(forward).variations(rng(), 20)}
    assert found["1 for #N"] == [(3, 5), (1, 5)]


def test_sides_that_happen_to_agree_are_taken_apart():
    found = list(sampled(rng().normal(size=(2, 3, 6, 6)), rng().normal(size=(4, 3, 3, 3))).variations(rng(), 20))
    first = next(v for v in found if v.edge)
    assert first.inputs[0].shape == (2, 3, 6, 8)
    assert first.inputs[1].shape == (4, 3, 3, 3)
    assert first.why == "axis 3 of x0 alone of length 8"


def test_a_batch_as_large_as_a_width_is_changed_alone():
    declaration = sampled(rng().normal(size=(4, 4)), rng().normal(size=(4, 6)), np.array([0, 3, 1, 5]))
    first = next(v for v in declaration.variations(rng(), 5) if v.edge)
    assert [x.shape for x in first.inputs] == [(1, 4), (4, 6), (1,)]


def test_multiples_follow_or_stay():
    declaration = sampled(rng().normal(size=(5, 3)), rng().normal(size=(3, 12)), names="h w")
    for follow in (True, False):
        found = declaration.variations(rng(), 30, accepts=lambda v, f=follow: (v[1].shape[1] == 4 * v[0].shape[1]) == f)
        shapes_of = {tuple(x.shape for x in v.inputs) for v in found}
        assert (((5, 4), (4, 16)) in shapes_of) == follow
        assert (((5, 4), (4, 12)) in shapes_of) == (not follow)


def test_every_axis_is_made_longer_at_once():
    declaration = sampled(rng().normal(size=(5, 3)), rng().normal(size=(3, 12)))
    found = next(v for v in declaration.variations(rng(), 20) if v.why == "every axis longer")
    (n, h), (same, four) = (x.shape for x in found.inputs)
    assert h == same > 5
    assert n > 7
    assert four == 4 * h
    assert n != h


def test_refused_guesses_use_up_no_trial():
    declaration = sampled(rng().normal(size=(5, 3)), rng().normal(size=(3, 4)))
    found = list(declaration.variations(rng(), 9, accepts=lambda v: v[0].shape[1] == 3))
    assert len(found) == 9
    assert all(v.inputs[0].shape[1] == 3 for v in found)


def test_refusing_everything_ends():
    assert list(sampled(rng().normal(size=(5, 3))).variations(rng(), 9, accepts=lambda v: False)) == []


def test_settings_are_known_by_name_and_keep_their_type():
    settings = {"pad": 1, "stride": 2, "mode": "train", "eps": 1e-5, "p": 0.5, "momentum": 0.9}
    declaration = sampled(rng().normal(size=(2, 3, 4, 4)), settings, True, 0.0, names="x s training reg")
    found = {v.why: v for v in declaration.variations(rng(), 60)}
    wanted = "pad = 0, pad = 2, stride = 1, stride = 3, mode = 'test', eps = 0.1, p = 0.3, training = False, reg = 0.5"
    assert set(wanted.split(", ")) <= set(found)
    assert found["pad = 0"].inputs[1] == {**settings, "pad": 0}
    assert found["pad = 0"].edge
    assert not found["pad = 0"].declared
    assert settings["pad"] == 1
    assert not any("momentum" in why for why in found)


def test_settings_left_at_their_default_join_on_request():
    def forward(x, gamma, eps=1e-5, verbose=False): ...

    x, gamma = rng().normal(size=(3, 4)), np.ones(4)
    declaration = sampled(x, gamma, names="x gamma", forward=forward)
    assert declaration.names == ("x", "gamma", "eps")
    assert "eps = 0.1" in whys(declaration)


def test_signs_are_mixed_only_where_nothing_forbids_it():
    positive = rng().uniform(1, 2, (3, 4))
    mixed = [v for v in sampled(positive, names="x").variations(rng(), 8) if v.why == "numbers of both signs"]
    assert mixed[0].outside
    assert mixed[0].inputs[0].min() < 0
    assert "numbers of both signs" not in whys(sampled(positive, names="running_var"))


def test_a_variation_draws_more_of_its_kind():
    for variation in sampled(rng().normal(size=(3, 4)), {"pad": 1}, names="x s").variations(rng(), 12):
        again = variation.declaration.draw(rng())
        assert again[0].shape == variation.inputs[0].shape
        assert again[1] == variation.inputs[1]


def test_variations_are_safe_to_overwrite():
    declaration = sampled(np.array([0.0, 1, 1, 0, 1]), {"running": np.zeros(3), "mode": "train"})
    for variation in declaration.variations(rng(), 6):
        variation.inputs[0][:] = 9
        variation.inputs[1]["mode"] = "?"
    drawn = declaration.draw(rng())
    assert set(drawn[0]) <= {0, 1}
    assert drawn[1]["mode"] == "train"


def test_no_variation_of_nothing():
    assert list(declared().variations(rng(), 0)) == []


def test_smaller_inputs_keep_multiples_and_differ():
    declaration = sampled(rng().normal(size=(50, 20)), rng().normal(size=(20, 80)))
    x, w = declaration.shrunk(3, rng())
    assert w.shape[1] == 4 * w.shape[0]
    assert len(set(x.shape)) == 2
    assert x.size <= 20


@pytest.mark.parametrize("dtype", [int, bool, np.int8])
def test_one_hot_rows_of_whole_numbers_stay_one_hot(dtype):
    targets = np.eye(4, dtype=dtype)[[0, 3, 1, 2, 1]]
    declaration = sampled(rng().normal(size=(5, 4)), targets, names="x t")
    drawn = [declaration.draw(rng())[1], *(variation.inputs[1] for variation in declaration.variations(rng(), 12))]
    assert len({rows.shape for rows in drawn}) > 2
    for rows in drawn:
        assert rows.dtype == dtype
        assert (rows.astype(int).sum(axis=1) == 1).all()


def test_a_causal_mask_of_whole_numbers_stays_causal():
    declaration = sampled(rng().normal(size=(4, 4)), np.tril(np.ones((4, 4), bool)), names="x mask")
    for variation in declaration.variations(rng(), 12):
        mask = variation.inputs[1]
        assert np.array_equal(mask, np.tril(np.ones(mask.shape, bool)))
