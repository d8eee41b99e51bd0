"""Where each model of a state is: its group, bank and lane. Holds no data of theirs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LANES = 8
# At least this many models share banks of eight lanes; fewer are faster one at a time.
MIN_MODELS_IN_BANKS = 3
# Banks of a row that are learned together overlap their waiting for prediction, loss
# and step: three take 0.6 to 0.7 of the time of one after the other, and more than four
# gain nothing further.
MOST_BANKS_AT_ONCE = 4


@dataclass(frozen=True)
class Layout:
    """Groups of banks of lanes, and the lane of each model.

    Parameters
    ----------
    n_groups : int
    n_banks : int
        Banks per group; the last ones of the last group may have no models.
    width : int
        Lanes per bank: eight or one.
    places : ndarray of int of shape (n_outputs, n_candidates)
        The lane of each model, counted through all banks of all groups.
    """

    n_groups: int
    n_banks: int
    width: int
    places: np.ndarray

    @classmethod
    def of(cls, n_outputs, n_candidates, *, coupled):
        """Lay models out; if coupled, a group is all outputs of a candidate."""
        n_models = n_outputs * n_candidates
        width = LANES if n_models >= MIN_MODELS_IN_BANKS else 1
        if coupled:
            n_banks = -(-n_outputs // width)
            firsts = n_banks * width * np.arange(n_candidates)
            places = firsts + np.arange(n_outputs)[:, None]
            return cls(n_candidates, n_banks, width, places)
        n_in_all = -(-n_models // width)
        at_once = 1 if width == 1 else n_in_all
        if n_in_all > MOST_BANKS_AT_ONCE:  # or one less, if that leaves fewer empty
            sizes = MOST_BANKS_AT_ONCE, MOST_BANKS_AT_ONCE - 1
            at_once = min(sizes, key=lambda n: -(-n_in_all // n) * n)
        places = np.arange(n_models).reshape(n_outputs, n_candidates)
        return cls(-(-n_in_all // at_once), at_once, width, places)

    @cached_property
    def lanes(self):
        """The output of each lane, as int32, and 1 if it is in use, as uint8.

        Both have the shape (n_groups, n_banks, 8), and 0 in unused lanes.
        """
        outputs, _ = np.indices(self.places.shape, np.int32)
        used = np.ones(self.places.shape, np.uint8)
        return self.by_lane(outputs, unused=0), self.by_lane(used, unused=0)

    def by_model(self, lanes):
        """Arrange (n_groups, n_banks, 8) as (n_outputs, n_candidates); a copy."""
        return lanes[:, :, : self.width].reshape(-1)[self.places]

    def by_lane(self, models, unused):
        """Lay (n_outputs, n_candidates, ...) out as (n_groups, n_banks, 8, ...)."""
        shape = self.n_groups, self.n_banks, self.width, *models.shape[2:]
        lanes = np.full(shape, unused, dtype=models.dtype)
        lanes.reshape(-1, *models.shape[2:])[self.places] = models
        return lanes if self.width == LANES else lanes.repeat(LANES, axis=2)

    def place(self, output, candidate):
        """Return the group, bank and lane of a model."""
        bank, lane = divmod(self.places[output, candidate], self.width)
        return *divmod(bank, self.n_banks), lane

    def n_used(self, group):
        """Return how many banks of a group have models."""
        n_in_all = self.places[-1, -1] // self.width + 1
        return min(self.n_banks, int(n_in_all) - group * self.n_banks)
