"""
Leaving a saddle
================

Adaptive steps leave a saddle along the axes in a time that does not depend on how near
they start.

Near the saddle f = ½ x² - ½ b y² the escape begins with a tiny slope -b y. Each step of
SGD multiplies y by 1 + η b, so it takes about log(1/y₀) / log(1 + η b) steps; momentum
divides the time, but also needs log(1/y₀). Adagrad divides the slope by the
root of what it has been along this axis::

    y <- y + η b y / √(Σ (b y)²)

so that the first step is η however small the slope is. So is Adam's; RMSprop's is η /
√(1 - ρ), here 10 η, as its mean of squares starts at 0. Their time does not depend on
y₀.

This is because the axes of the saddle are those of the variables. If it is rotated by
45°, both variables meet the large slope along x. Adagrad's G remembers it and the
advantage turns into a disadvantage; RMSprop and Adam need the time to forget it.

The plot shows the number of steps against the initial distance y₀, all with η = 0.05.
The function is f = ½ x² + b (y² - 1)² / 4 with b = 0.1.
"""

import matplotlib.pyplot as plt
import numpy as np

ETA, B = 0.05, 0.1
EPS = 1e-12  # outside of the root here, as in torch
TURNED = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)


def gradient(u, axes):
    """Return the gradient of f in variables u, where (x, y) = axes.T @ u."""
    x, y = axes.T @ u
    return axes @ np.array([x, B * y * (y**2 - 1)])


def sgd(g, state, t):
    return ETA * g


def momentum(g, state, t, mu=0.9):
    state["v"] = mu * state.get("v", 0) + g
    return ETA * state["v"]


def adagrad(g, state, t):
    state["G"] = state.get("G", 0) + g**2
    return ETA * g / (np.sqrt(state["G"]) + EPS)


def rmsprop(g, state, t, rho=0.99):
    state["G"] = rho * state.get("G", 0) + (1 - rho) * g**2
    return ETA * g / (np.sqrt(state["G"]) + EPS)


def adam(g, state, t, beta1=0.9, beta2=0.999):
    state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    state["G"] = beta2 * state.get("G", 0) + (1 - beta2) * g**2
    mean, square = state["m"] / (1 - beta1**t), state["G"] / (1 - beta2**t)
    return ETA * mean / (np.sqrt(square) + EPS)


OPTIMISERS = {
    "SGD": sgd,
    "SGD with momentum": momentum,
    "Adagrad": adagrad,
    "RMSprop": rmsprop,
    "Adam": adam,
}


def path(step, start, n_steps, axes):
    """Return the points that an optimiser visits."""
    u, state, points = np.array(start), {}, []
    for t in range(1, n_steps + 1):
        u = u - step(gradient(u, axes), state, t)
        points.append(u)
    return np.array(points)


def escape_time(step, y0, axes, n_steps=20_000):
    """Return after how many steps |y| is above a half, starting at x = 1, y = y0."""
    u, state = axes @ np.array([1.0, y0]), {}
    for t in range(1, n_steps + 1):
        u = u - step(gradient(u, axes), state, t)
        if abs((axes.T @ u)[1]) > 0.5:
            return t
    return np.inf


# %%

distances = np.geomspace(1e-8, 1e-1, 8)
aligned, turned = (
    {
        name: [escape_time(step, y0, axes) for y0 in distances]
        for name, step in OPTIMISERS.items()
    }
    for axes in (np.eye(2), TURNED)
)
print(f"steps to leave from y0 = {distances[0]:.0e} and {distances[-1]:.0e}")
for name in OPTIMISERS:
    print(
        f"{name:<18} {aligned[name][0]:>6} {aligned[name][-1]:>6}"
        f"    turned: {turned[name][0]:>6} {turned[name][-1]:>6}"
    )

# %%

_, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
titles = ["Saddle along the axes", "Saddle turned by 45°"]
for ax, times, title in zip(panels, (aligned, turned), titles, strict=True):
    for name, steps in times.items():
        ax.loglog(distances, steps, "o-", label=name)
    ax.set(xlabel="distance $y_0$ from the saddle", title=title)
panels[0].set_ylabel("steps until |y| > 0.5")
panels[1].legend(loc="lower left")
plt.show()
