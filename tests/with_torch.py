"""What torch learns from the same rows, as an independent library."""

import numpy as np
import pytest

EPS = 1e-300  # which torch adds to the root, and not under it

# Of raw predictions p and targets y, with the functions of torch.nn.functional.
LOSSES = {
    "log_loss": lambda f, p, y: f.softplus(-p * y).sum(),
    "squared_error": lambda f, p, y: f.mse_loss(p, y, reduction="sum") / 2,
    "absolute_error": lambda f, p, y: f.l1_loss(p, y, reduction="sum"),
    "huber": lambda f, p, y: f.huber_loss(p, y, reduction="sum", delta=0.1),
    "poisson": lambda f, p, y: f.poisson_nll_loss(p, y, reduction="sum"),
}


def descent(loss, X, Y, eta0, half_life=None):
    """Return weights and intercepts after one pass of single samples from zero.

    A half-life makes it RMSprop. Torch keeps (1 - ρ) times our G, so that its rate is
    our eta0 times √(1 - ρ).
    """
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear(X.shape[1], Y.shape[1], dtype=torch.float64)
    for parameter in linear.parameters():
        torch.nn.init.zeros_(parameter)
    if half_life is None:
        optimizer = torch.optim.Adagrad(linear.parameters(), lr=eta0, eps=EPS)
    else:
        rho = 2 ** (-1 / half_life)
        optimizer = torch.optim.RMSprop(
            linear.parameters(), lr=eta0 * np.sqrt(1 - rho), alpha=rho, eps=EPS
        )
    for row, target in zip(torch.from_numpy(X), torch.from_numpy(Y), strict=True):
        optimizer.zero_grad()
        LOSSES[loss](torch.nn.functional, linear(row), target).backward()
        optimizer.step()
    return linear.weight.detach().numpy(), linear.bias.detach().numpy()
