"""
When a learning rate is used up
===============================

The number of samples after which a rate falls below a floor can be told in advance.

The rate of feature j is η/√(G_j + ε), and G_j grows by the mean squared gradient, so it
is below η_min as soon as::

    η² / (G_j + ε) <= η_min²    ⇔    t >= (η²/η_min² - ε) / mean(g_j²)

The mean is over all samples, including those in which the feature is 0: if a feature
occurs a tenth as often, its rate lasts ten times as long. From then on, any change is
followed slowly; ``half_life`` keeps rates from being used up.

The plot shows the rates of three features that are 1 with unequal probabilities, and
the predicted place of each crossing of the floor. The target is noise of variance 1, so
mean(g_j²) is the probability p_j.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_adagrad import AdagradRegressor

P = np.array([1.0, 0.1, 0.02])
ETA0, FLOOR = 0.5, 0.01
CHUNK = 100


def predicted_time(eta0, floor, eps, mean_squared_gradient):
    """Return after how many samples the rate is below the floor."""
    return (eta0**2 / floor**2 - eps) / mean_squared_gradient


def rates_of_stream(n_rows, eps=1e-8, seed=0):
    """Return the learning rates after each chunk of a stream of noise."""
    rng = np.random.default_rng(seed)
    model = AdagradRegressor(eta0=ETA0, eps=eps, fit_intercept=False)
    rates = []
    for _ in range(0, n_rows, CHUNK):
        X = (rng.random((CHUNK, len(P))) < P).astype(float)
        rates.append(model.partial_fit(X, rng.normal(size=CHUNK)).learning_rates_)
    return np.array(rates)


def seen_time(rates):
    """Return after how many samples each rate was below the floor, to a chunk."""
    assert (rates[-1] < FLOOR).all()
    return CHUNK * (1 + (rates < FLOOR).argmax(axis=0))


# %%

predicted = predicted_time(ETA0, FLOOR, 1e-8, P)
rates = rates_of_stream(200_000)
seen = seen_time(rates)
for j, p in enumerate(P):
    print(f"p = {p:<5} predicted {predicted[j]:>9,.0f} samples, seen {seen[j]:>9,}")

# %%

_, ax = plt.subplots(layout="constrained")
for j, p in enumerate(P):
    (line,) = ax.loglog(
        CHUNK * np.arange(1, len(rates) + 1), rates[:, j], label=f"p = {p}"
    )
    ax.axvline(predicted[j], color=line.get_color(), linestyle="--")
ax.axhline(FLOOR, color="black", linewidth=0.8)
ax.set(xlabel="samples t", ylabel="learning rate")
ax.set_title("Rates meet the floor where predicted (dashed)")
ax.legend()
plt.show()
