"""The examples of the gallery run, and what their texts say of Adagrad holds."""

import numpy as np
import pytest

from .examples import EXAMPLES, shown

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", sorted(path.stem[5:] for path in EXAMPLES.glob("plot_*.py"))
)
def test_example_runs_without_a_warning_and_prints_something(name):
    assert shown(f"plot_{name}").printed.strip()


@pytest.mark.parametrize("ratios", ["regression", "coins"])
def test_rates_of_a_frequent_and_a_rare_feature_tend_to_the_predicted_ratio(ratios):
    example = shown("plot_rare_features")
    (p1, p2), (b1, b2) = example.P, example.B
    limit = b2 / b1 * np.sqrt(p2 / p1)
    # The rare feature came 2,000 times, so that the root of its G is known to 2 %.
    assert getattr(example, ratios)[-1] == pytest.approx(limit, rel=0.08)


def test_path_on_a_quadratic_does_not_depend_on_the_curvatures():
    example = shown("plot_curvatures")
    steep_and_flat, _ = example.adagrad(0.5)
    all_alike, _ = example.adagrad(0.5, np.ones_like(example.CURVATURES))
    np.testing.assert_allclose(steep_and_flat, all_alike, rtol=1e-9, atol=1e-12)


def test_rates_on_a_quadratic_are_in_inverse_proportion_to_the_curvatures():
    example = shown("plot_curvatures")
    path, rates = example.adagrad(0.5)
    before = np.vstack((np.zeros_like(path[:1]), path[:-1]))
    length = np.sqrt(np.cumsum((before - example.OPTIMUM) ** 2, axis=0))
    np.testing.assert_allclose(rates * example.CURVATURES * length, 0.5, rtol=1e-9)


def test_gradient_descent_of_the_example_contracts_by_one_minus_rate_times_curvature():
    example = shown("plot_curvatures")
    contraction = (1 - 1.3 * example.CURVATURES) ** example.STEPS
    wanted = example.OPTIMUM * (1 - contraction)
    np.testing.assert_allclose(example.sgd(1.3)[-1], wanted, rtol=1e-9)


def test_adagrad_overtakes_the_best_constant_rates_on_a_quadratic():
    example = shown("plot_curvatures")
    last = {name: example.loss(path)[-1] for name, path in example.paths.items()}
    assert last["SGD with momentum"] < 0.1 * last["SGD"]
    assert last["Adagrad"] < 1e-6 * last["SGD with momentum"]
    assert last["Adagrad, eta0=0.5 untuned"] < 1e-6 * last["SGD with momentum"]


def rotated_back(example, preconditioner, angle):
    """Return the path in the directions of the curvatures, at the rate of 0°."""
    X, y, rotation = example.rows(angle)
    return example.path(X, y, preconditioner, 2.0) @ rotation.T


def test_the_full_matrix_does_not_see_a_rotation():
    example = shown("plot_rotated_quadratic")
    wanted = rotated_back(example, "full", 0)
    for angle in (20, 45):
        actual = rotated_back(example, "full", angle)
        np.testing.assert_allclose(actual, wanted, rtol=1e-6, atol=1e-6)


def test_the_diagonal_is_slow_on_a_rotated_quadratic_at_any_rate():
    example = shown("plot_rotated_quadratic")
    excess = {
        case: example.excess(path, example.rows(case[0])[2]).mean()
        for case, path in example.paths.items()
    }
    assert excess[0, "diagonal"] < 1.5 * excess[0, "full"]
    assert excess[45, "diagonal"] > 5 * excess[45, "full"]


def test_the_full_matrix_goes_half_the_way_to_newtons_direction():
    """With g along the axes of H = diag(h), Newton goes along g/h and G along g/√h."""
    example = shown("plot_rotated_quadratic")
    h, newton = example.CURVATURES, example.OPTIMUM
    wanted = {"gradient": h * newton, "full": np.sqrt(h) * newton, "Newton": newton}
    _, _, rotation = example.rows(45)
    for name, direction in wanted.items():
        cosine = example.directions[name] @ rotation.T @ direction
        angle = np.degrees(np.arccos(cosine / np.linalg.norm(direction)))
        assert angle < 8, name  # 500 rows tell the directions that well
    # All axes are equally steep, so the diagonal keeps the gradient's direction.
    cosine = example.directions["diagonal"] @ example.directions["gradient"]
    assert np.degrees(np.arccos(cosine)) < 2


def test_mean_squared_gradients_approach_the_fisher_information():
    example = shown("plot_fisher")
    errors = [np.abs(mean / example.fisher - 1) for mean in example.means]
    assert np.median(errors[0]) > np.median(errors[1]) > np.median(errors[2])
    assert errors[-1].max() < 0.15


def test_learning_rates_are_the_inverse_root_of_the_fisher_information():
    example = shown("plot_fisher")
    rates = example.model.learning_rates_[0]
    np.testing.assert_allclose(rates, example.predicted_rates, rtol=0.08)


@pytest.mark.parametrize("update", ["dual_averaging", "ftrl_proximal"])
def test_updates_agree_at_the_first_gradient_of_each_feature(update):
    example = shown("plot_two_updates")
    X, y = np.diag([1.0, -2.0, 3.0]), np.array([1.0, 2.0, -3.0])
    descended = example.path("mirror_descent", X, y, eta0=0.5)
    other = example.path(update, X, y, eta0=0.5)
    assert np.abs(descended[-1]).min() > 0.4
    np.testing.assert_allclose(other, descended, rtol=1e-14)


def test_dual_averaging_leaves_mirror_descent_after_the_first_gradient():
    paths = shown("plot_two_updates").paths
    apart = np.abs(paths["dual_averaging"] - paths["mirror_descent"]).max(axis=1)
    assert apart[0] < 1e-14
    assert apart[1:].max() > 0.1


def test_ftrl_proximal_without_a_penalty_is_mirror_descent():
    paths = shown("plot_two_updates").paths
    np.testing.assert_allclose(
        paths["ftrl_proximal"], paths["mirror_descent"], rtol=1e-10, atol=1e-12
    )


def test_dual_averaging_tends_to_mirror_descent_as_one_over_the_first_accumulator():
    example = shown("plot_two_updates")
    large = example.starts >= 1e5
    scaled = (example.differences * example.starts)[large]
    np.testing.assert_allclose(scaled / scaled[-1], 1, rtol=0.02)


def test_dual_averaging_is_sparser_by_the_same_penalty(tmp_path):
    results = shown("plot_sparsity", str(tmp_path)).results
    averaged, descended = (
        results[update, 1e-4].mean(axis=1)
        for update in ("dual_averaging", "mirror_descent")
    )
    assert averaged[0] < descended[0] + 0.005
    assert averaged[1] < 0.7 * descended[1]


def test_dual_averaging_is_sparser_at_equal_error_on_reuters():
    example = shown("plot_sparsity")
    if example.path is None:
        pytest.skip("Reuters-21578 is not there; SK_ADAGRAD_DATA names its folder.")
    averaged = example.results["dual_averaging", 1e-4].mean(axis=1)
    descended = example.results["mirror_descent", 3e-4].mean(axis=1)
    assert averaged[0] < descended[0] + 0.003
    assert averaged[1] < 0.5 * descended[1]


@pytest.mark.parametrize("eps", [1e-8, 1000.0])
def test_rates_are_used_up_when_predicted(eps):
    example = shown("plot_rate_floor")
    rates = example.rates if eps < 1 else example.rates_of_stream(120_000, eps)
    predicted = (0.5**2 / 0.01**2 - eps) / example.P
    # G is a sum of 1,500 or more squares of normal variables, known to 4 %.
    np.testing.assert_allclose(example.seen_time(rates), predicted, rtol=0.15)


def test_half_life_recovers_where_adagrad_stalls():
    example = shown("plot_drift")
    change = np.linalg.norm(example.AFTER - example.BEFORE)
    assert example.errors[None][-1] > 0.2 * change
    for half_life in (100, 1_000):
        assert example.errors[half_life][-1] < 0.05 * change


def test_half_life_lowers_the_progressive_loss_of_drifting_streams():
    example = shown("plot_drift")
    if not example.losses:
        pytest.skip("The streams are not there; SK_ADAGRAD_DATA names their folder.")
    for losses in example.losses.values():
        assert losses[100] < losses[None]


def test_sgd_leaves_a_saddle_after_the_logarithm_of_the_distance():
    example = shown("plot_saddle")
    near = example.distances < 1e-3  # where f is quadratic for most of the way
    predicted = np.log(0.5 / example.distances) / np.log1p(example.ETA * example.B)
    np.testing.assert_allclose(
        np.array(example.aligned["SGD"])[near], predicted[near], rtol=0.02
    )


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adam"])
def test_adaptive_steps_leave_a_saddle_at_once_however_near_they_start(name):
    example = shown("plot_saddle")
    times = example.aligned[name]
    assert max(times) - min(times) <= 5
    assert max(times) < 0.5 * min(example.aligned["SGD with momentum"])


def test_adagrad_leaves_a_turned_saddle_later_than_sgd():
    turned = shown("plot_saddle").turned
    assert (np.array(turned["Adagrad"]) > 2 * np.array(turned["SGD"])).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9}),
        ("Adagrad", {"eps": 1e-12}),
        ("RMSprop", {"eps": 1e-12}),
        ("Adam", {"eps": 1e-12}),
    ],
)
def test_optimisers_of_the_saddle_step_as_those_of_torch(name, options, turned):
    torch = pytest.importorskip("torch")
    example = shown("plot_saddle")
    axes = example.TURNED if turned else np.eye(2)
    start = axes @ [1.0, 1e-3]
    u = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([u], lr=example.ETA, **options)
    points = []
    for _ in range(200):  # later, at the minimum, rates have grown and so does rounding
        optimizer.zero_grad()
        x, y = torch.from_numpy(axes.T.copy()) @ u
        (x**2 / 2 + example.B * (y**2 - 1) ** 2 / 4).backward()
        optimizer.step()
        points.append(u.detach().numpy().copy())

    ours = example.OPTIMISERS["SGD with momentum" if "momentum" in options else name]

    np.testing.assert_allclose(
        example.path(ours, start, 200, axes), points, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("unit", [1e-6, 1e-2, 1e3, 1e6])
def test_path_of_scale_invariant_does_not_depend_on_units(unit):
    example = shown("plot_reparametrisation")
    options = example.rules["scale_invariant=True"]
    usual = example.path(example.X, example.y, np.ones(2), **options)
    for units in ([1.0, unit], [unit, 1.0], [unit, unit]):
        changed = example.path(example.X, example.y, np.array(units), **options)
        np.testing.assert_allclose(changed, usual, rtol=1e-9, atol=1e-12)


def test_adagrads_path_depends_on_units_as_on_the_base_rate():
    example = shown("plot_reparametrisation")
    other_unit = example.path(
        example.X, example.y, np.full(2, 4.0), eta0=0.3, eps=1e-30
    )
    other_rate = example.path(example.X, example.y, np.ones(2), eta0=1.2, eps=1e-30)
    usual = example.path(example.X, example.y, np.ones(2), eta0=0.3, eps=1e-30)
    np.testing.assert_allclose(other_unit, other_rate, rtol=1e-9)
    assert np.abs(other_unit - usual).max() > 0.5
