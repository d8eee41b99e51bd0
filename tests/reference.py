"""The rules as a slow, obvious NumPy loop, and the losses by their definitions."""

from types import SimpleNamespace

import numpy as np
from scipy.optimize import brentq
from scipy.special import xlogy


def _sigmoid(z):
    return np.exp(-np.logaddexp(0, -z))


def _excess(p, y, epsilon):
    return np.maximum(np.abs(p - y) - epsilon, 0)


def _tweedie(p, y, power):
    """Return half the deviance of y from exp(p)."""
    if power == 1:
        return xlogy(y, y) - y - y * p + np.exp(p)
    if power == 2:
        return p - np.log(y) + y * np.exp(-p) - 1
    a, b = 2 - power, power - 1
    return np.exp(a * p) / a + y * np.exp(-b * p) / b - y**a / (a * b)


def _tweedie_slope(p, y, power):
    return np.exp((2 - power) * p) - y * np.exp((1 - power) * p)


# Value and slope of each loss at raw prediction p, target y and parameter c. At a kink
# the slope is the one of scikit-learn's SGD where it has the loss.
LOSSES = {
    "log_loss": (
        lambda p, y, c: np.logaddexp(0, -y * p),
        lambda p, y, c: -y * _sigmoid(-y * p),
    ),
    "hinge": (
        lambda p, y, c: np.maximum(0, 1 - y * p),
        lambda p, y, c: np.where(y * p <= 1, -y, 0),
    ),
    "perceptron": (
        lambda p, y, c: np.maximum(0, -y * p),
        lambda p, y, c: np.where(y * p <= 0, -y, 0),
    ),
    "squared_hinge": (
        lambda p, y, c: np.maximum(0, 1 - y * p) ** 2,
        lambda p, y, c: -2 * y * np.maximum(0, 1 - y * p),
    ),
    "modified_huber": (
        lambda p, y, c: np.where(
            y * p >= -1, np.maximum(0, 1 - y * p) ** 2, -4 * y * p
        ),
        lambda p, y, c: np.where(
            y * p >= -1, -2 * y * np.maximum(0, 1 - y * p), -4 * y
        ),
    ),
    "squared_error": (
        lambda p, y, c: (p - y) ** 2 / 2,
        lambda p, y, c: p - y,
    ),
    "absolute_error": (
        lambda p, y, c: np.abs(p - y),
        lambda p, y, c: np.sign(p - y),
    ),
    "huber": (
        lambda p, y, c: np.where(
            np.abs(p - y) <= c, (p - y) ** 2 / 2, c * np.abs(p - y) - c**2 / 2
        ),
        lambda p, y, c: np.clip(p - y, -c, c),
    ),
    "epsilon_insensitive": (
        lambda p, y, c: _excess(p, y, c),
        lambda p, y, c: np.where(np.abs(p - y) > c, np.sign(p - y), 0),
    ),
    "squared_epsilon_insensitive": (
        lambda p, y, c: _excess(p, y, c) ** 2,
        lambda p, y, c: 2 * np.sign(p - y) * _excess(p, y, c),
    ),
    "quantile": (
        lambda p, y, c: np.where(y >= p, c * (y - p), (1 - c) * (p - y)),
        lambda p, y, c: np.where(y > p, -c, np.where(y < p, 1 - c, 0)),
    ),
    "poisson": (
        lambda p, y, c: _tweedie(p, y, 1),
        lambda p, y, c: _tweedie_slope(p, y, 1),
    ),
    "gamma": (
        lambda p, y, c: _tweedie(p, y, 2),
        lambda p, y, c: _tweedie_slope(p, y, 2),
    ),
    "tweedie": (_tweedie, _tweedie_slope),
}


def _softmax_value(p, y, c):
    return np.logaddexp.reduce(p) - p[y > 0]


def _softmax_slope(p, y, c):
    slope = np.exp(p - np.logaddexp.reduce(p))
    slope[y > 0] = -slope[y <= 0].sum()  # not the probability less 1, which cancels
    return slope


SOFTMAX = _softmax_value, _softmax_slope  # of the raw predictions of all classes

# Where the slope of a loss is not smooth, or changes its sign.
KINKS = {
    "log_loss": lambda y, c: [],
    "hinge": lambda y, c: [y],
    "perceptron": lambda y, c: [0.0],
    "squared_hinge": lambda y, c: [y],
    "modified_huber": lambda y, c: [-y, y],
    "squared_error": lambda y, c: [y],
    "absolute_error": lambda y, c: [y],
    "huber": lambda y, c: [y - c, y, y + c],
    "epsilon_insensitive": lambda y, c: [y - c, y + c],
    "squared_epsilon_insensitive": lambda y, c: [y - c, y + c],
    "quantile": lambda y, c: [y],
    "poisson": lambda y, c: [np.log(y)] if y > 0 else [],
    "gamma": lambda y, c: [np.log(y)] if y > 0 else [],
    "tweedie": lambda y, c: [np.log(y)] if y > 0 else [],
}


def adagrad(
    X,
    Y,
    weight,
    *,
    loss,
    parameter=0.0,
    passes=1,
    eta0=0.5,
    eps=1e-8,
    initial_accumulator=0.0,
    fit_intercept=True,
    intercept_value=1.0,
    update="mirror_descent",
    alpha=0.0,
    l1_ratio=0.0,
    half_life=None,
    importance_aware=False,
    scale_invariant=False,
    least_scale=0.0,
):
    """Learn each column of Y (-1 and 1 for a class and the rest) row by row.

    The loss "softmax" is that of all columns together. The intercept is that of a last
    feature that always has one value and is neither penalised nor scaled. Every weight
    is updated at every sample.
    """
    value, slope = SOFTMAX if loss == "softmax" else LOSSES[loss]
    X = np.column_stack((X, np.full(len(X), intercept_value * fit_intercept)))
    penalised = np.append(np.ones(X.shape[1] - 1), 0.0)
    lambda_1 = alpha * l1_ratio * penalised
    lambda_2 = alpha * (1 - l1_ratio) * penalised
    rho = 1.0 if half_life is None else 2 ** (-1 / half_life)

    w = np.zeros((Y.shape[1], X.shape[1]))
    z = np.zeros_like(w)  # of the updates whose state it is
    G = np.zeros_like(w)  # without its start, which does not fade
    shift = initial_accumulator + eps
    scale = np.append(np.zeros(X.shape[1] - 1), 1.0)  # largest |x| of each feature
    t = 0
    losses = np.zeros((passes, *Y.shape))

    def weights():
        """Return w after t samples."""
        root = np.sqrt(G + shift)
        if update == "dual_averaging":
            return -eta0 * soft(z, t * lambda_1) / (root + eta0 * t * lambda_2)
        if update == "ftrl_proximal":
            return -soft(z, t * lambda_1) / (root / eta0 + t * lambda_2)
        return w

    for n_pass in range(passes):
        for i, (x, y, v) in enumerate(zip(X, Y, weight, strict=True)):
            if v == 0:
                continue
            if scale_invariant:
                seen = scale > 0
                least = np.append((x[:-1] != 0) * least_scale, 0)
                new_scale = np.maximum.reduce((scale, np.abs(x), least))
                new_scale[-1] = 1.0
                ratio, before = scale[seen] / new_scale[seen], G[:, seen] + shift
                G[:, seen] *= ratio**2
                kept = np.sqrt((G[:, seen] + shift) / before)  # so that w stays
                z[:, seen] *= ratio if update != "ftrl_proximal" else kept
                scale = new_scale
                x = x / np.where(scale > 0, scale, 1)
            w = weights()
            p = w @ x
            losses[n_pass, i] = value(p, y, parameter)
            d = v * slope(p, y, parameter)
            g = np.outer(d, x)
            old_G, old_root = G, np.sqrt(G + shift)
            G = np.where(g != 0, rho * G + g**2, G)
            root = np.sqrt(G + shift)
            if importance_aware:
                speed = eta0 / root @ x**2
                for k in np.flatnonzero(d * speed):
                    way = flow(loss, p[k], y[k], parameter, speed[k], v)
                    g[k] = -way / speed[k] * x
                    close = abs(way) < 2.0**-49 * abs(p[k])
                    if close and 2 * abs(way) < abs(d[k] * speed[k]):
                        # At a kink, on a side that only rounding has decided.
                        g[k], G[k], root[k] = 0, old_G[k], old_root[k]
            z += g
            t += 1
            if update == "ftrl_proximal":
                z -= (root - old_root) / eta0 * w
            if update == "mirror_descent":
                h = eta0 / root
                w = soft(w - h * g, h * lambda_1) / (1 + h * lambda_2)

    w = weights()
    rates = eta0 / np.sqrt(G + shift)
    G += initial_accumulator
    if scale_invariant:
        seen = scale > 0
        scale = np.where(seen, scale, 1)
        w, G, rates = w / scale, G * scale**2, np.where(seen, rates / scale**2, 0)
    return SimpleNamespace(
        coef=w[:, :-1],
        intercept=w[:, -1] * intercept_value,
        accumulators=G[:, :-1],
        intercept_accumulators=G[:, -1] / intercept_value**2,
        learning_rates=rates[:, :-1],
        intercept_learning_rates=rates[:, -1] * intercept_value**2,
        loss_curve=np.average(losses.mean(axis=2), axis=1, weights=weight),
        t=t,
    )


def soft(w, threshold):
    """Move w towards 0 by the threshold, and no further than 0."""
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


def flow(loss, p, y, parameter, speed, duration):
    """Return how far dp/dτ = -speed · slope(p) takes the prediction from p.

    The way is cut at the kinks of the loss, and ends where the loss beyond rises.
    """
    if loss == "perceptron":
        loss = "hinge"  # its own flow would end where it starts: the label is the end
    slope = LOSSES[loss][1]
    direction = -np.sign(slope(p, y, parameter))

    def velocity(distance):
        return -speed * direction * slope(p + direction * distance, y, parameter)

    kinks = direction * (np.array(KINKS[loss](y, parameter)) - p)
    at = 0.0
    for kink in [*np.sort(kinks[kinks > 0]), np.inf]:
        if duration == 0 or velocity(at + min(kink - at, 1) / 2) <= 0:
            break
        rounding = 16 * np.spacing(1 + np.abs(p) + kink)
        at, duration = _travel(velocity, at, kink, duration, rounding)
    return direction * at


def _travel(velocity, start, end, duration, rounding):
    """Return where one is after the duration, or the end and the time that is left.

    A way takes the integral of 1 / velocity along it. To the very end it may take for
    ever, so a way to q leaves exp(-q) of the length; an endless one has the length q.
    """
    endless, length = np.isinf(end), end - start

    def distance(q):
        return q if endless else -length * np.expm1(-q)

    def time(q):
        n_panels = max(1, int(np.ceil(q)))
        nodes = (np.arange(n_panels)[:, None] + _NODES) * (q / n_panels)
        derivative = 1.0 if endless else length * np.exp(-nodes)
        times = derivative / velocity(start + distance(nodes))
        return np.sum(times @ _NODE_WEIGHTS) * (q / n_panels)

    if endless:
        last = 1.0
        while time(last) < duration:
            last *= 2
    else:
        last = max(0.0, np.log(length / rounding))
        if time(last) <= duration:
            return end, duration - time(last)
    q = brentq(lambda q: time(q) - duration, 0, last, xtol=1e-300, rtol=1e-15)
    return start + distance(q), 0.0


def _gauss_legendre(n_nodes):
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return (nodes + 1) / 2, weights / 2


_NODES, _NODE_WEIGHTS = _gauss_legendre(16)
