"""
Diagonal, full matrix, Newton
=============================

On a quadratic that is steep in one direction and flat in the other, the diagonal rule
is fast along the axes and slow in any other direction; a rotation does not matter to
the full matrix.

The mean of the squared error over rows x is a quadratic in the weights, and its matrix
of curvatures is H, the mean of x xᵀ. With g the gradient of one row::

    diagonal    G_j <- G_j + g_j²     w_j <- w_j - η g_j / √(G_j + ε)
    full        G <- G + g gᵀ         w <- w - η (G + εI)^(-1/2) g
    Newton                            w <- w - H^(-1) (mean of g)

If the errors of the rows are noise, G grows in proportion to H. So the full matrix goes
half the way from the direction of the gradient to that of Newton's method. The diagonal
does so only along the axes: rotated by 45°, all axes are equally steep, and it cannot
tell them apart.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradRegressor

CURVATURES = np.array([1.0, 0.01])
OPTIMUM = np.array([2.0, 20.0])  # along the steep and the flat direction
RATES = 2.0 ** np.arange(-2, 6)
N_ROWS = 500


def rows(angle):
    """Return rows, targets, and the directions that the rows were rotated by."""
    rng = np.random.default_rng(0)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    rotation = np.array([[cos, sin], [-sin, cos]])
    X = rng.normal(size=(N_ROWS, 2)) * np.sqrt(CURVATURES) @ rotation
    return X, X @ (OPTIMUM @ rotation) + rng.normal(size=N_ROWS), rotation


def excess(weights, rotation):
    """Return how far the expected loss is above its minimum."""
    return ((weights @ rotation.T - OPTIMUM) ** 2 @ CURVATURES) / 2


def model(preconditioner, eta0):
    return AdagradRegressor(
        eta0=eta0, preconditioner=preconditioner, fit_intercept=False
    )


def best_rate(X, y, preconditioner):
    """Return the rate of the least loss of the rows, each before it is learned from."""
    losses = {
        eta0: model(preconditioner, eta0).partial_fit(X, y).progressive_loss_
        for eta0 in RATES
    }
    return min(losses, key=losses.get)


def path(X, y, preconditioner, eta0):
    """Return the weights before and after each row."""
    learner = model(preconditioner, eta0)
    after = [learner.partial_fit(X[[i]], y[[i]]).coef_ for i in range(len(y))]
    return np.vstack((np.zeros(2), after))


# %%
# Both rules, each at its best of eight rates, along the axes and rotated.

paths = {}
print(f"{'rotated by':>12}{'preconditioner':>16}{'eta0':>8}{'mean excess loss':>18}")
for angle in (0, 45):
    X, y, rotation = rows(angle)
    for preconditioner in ("diagonal", "full"):
        eta0 = best_rate(X, y, preconditioner)
        paths[angle, preconditioner] = path(X, y, preconditioner, eta0)
        mean = excess(paths[angle, preconditioner], rotation).mean()
        print(f"{angle:>11}°{preconditioner:>16}{eta0:>8g}{mean:>18.3f}")

# %%
# The directions of the steps from weights of zero, rotated by 45°, with the G of rows
# whose errors are noise.

gradient = (-y[:, None] * X).mean(axis=0)
noise = (X @ (OPTIMUM @ rotation) - y)[:, None] * X
G = noise.T @ noise
eigenvalues, V = np.linalg.eigh(G)
directions = {
    "gradient": -gradient,
    "diagonal": -gradient / np.sqrt(G.diagonal()),
    "full": -V / np.sqrt(eigenvalues) @ V.T @ gradient,
    "Newton": -np.linalg.solve(X.T @ X, gradient),
}
directions = {name: d / np.linalg.norm(d) for name, d in directions.items()}
print("\nAngle to Newton's direction, rotated by 45°:")
for name, direction in directions.items():
    cosine = min(1.0, direction @ directions["Newton"])
    print(f"{name:>12}{np.degrees(np.arccos(cosine)):>6.1f}°")

# %%
# The paths over the contours of the expected loss, and the loss above its minimum.

figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
colors = {"gradient": "C2", "diagonal": "C0", "full": "C1", "Newton": "C3"}
for ax, angle in zip(axes, (0, 45), strict=False):
    rotation = rows(angle)[2]
    best = OPTIMUM @ rotation
    low, high = np.minimum(best, 0) - 4, np.maximum(best, 0) + 4
    grid = np.meshgrid(*np.linspace(low, high, 200).T)
    loss = excess(np.stack(grid, axis=-1), rotation)
    ax.contour(*grid, loss, levels=10.0 ** np.arange(-2, 2, 0.5), colors="0.8")
    for preconditioner in ("diagonal", "full"):
        ax.plot(
            *paths[angle, preconditioner].T,
            color=colors[preconditioner],
            linewidth=0.8,
            label=f'preconditioner="{preconditioner}"',
        )
    ax.plot(*best, "k*", label="optimum")
    ax.set(title=f"rotated by {angle}°", xlabel="first weight", ylabel="second weight")
    ax.set_aspect("equal", adjustable="datalim")
for name, direction in directions.items():
    if name != "diagonal":  # that of the gradient
        axes[1].annotate(
            "",
            5 * direction,
            (0, 0),
            arrowprops={"color": colors[name], "arrowstyle": "->", "linewidth": 2},
        )
        axes[1].plot(
            [], [], color=colors[name], linewidth=2, label=f"direction: {name}"
        )
axes[0].legend(fontsize="small")
axes[1].legend(fontsize="small")
for (angle, preconditioner), weights in paths.items():
    axes[2].loglog(
        np.arange(1, N_ROWS + 2),
        excess(weights, rows(angle)[2]),
        color=colors[preconditioner],
        linestyle="-" if angle else ":",
        label=f"{preconditioner}, {angle}°",
    )
axes[2].set(title="expected loss above its minimum", xlabel="samples + 1")
axes[2].legend(fontsize="small")
plt.show()
