"""eta0="auto": trying candidate rates, and when one of them is chosen.

The candidates of an output learn side by side, each scored on every sample before it
learns from it. The choice is made at a fixed count of samples, so that it does not
depend on how a stream is divided into calls.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from joblib import effective_n_jobs

from ._layout import LANES
from ._rows import AS_THEY_COME

# Counts of samples after which an output keeps one candidate. Later choices gain
# nothing, and lose 5 % on flights in order of time, where the future differs from the
# past. With more outputs the trial costs more and so ends sooner: twice as late gains
# 0.3 % of test loss on news20 and nothing on four others, half as late loses 1 % on
# news20 and debian_packages. Where more passes follow, the losses of the second half of
# 8,192 samples chose like all those of 32,768, except on hflights (1.003 times the
# squared error), and fits took 0.78 to 1.05 of the time.
_TRIAL_OF_ONE, _TRIAL_OF_SEVERAL, _TRIAL_OF_PASSES = 1 << 15, 1 << 12, 1 << 13

# After _FIRST_LOOK samples each of several classes or labels goes on with three
# candidates, the best one and its neighbours, and with one more above where one below
# the best will be chosen. Test losses of seven to nine tasks were the same (0.998 to
# 1.004 times), and fits took 0.64 to 0.94 of the time with four candidates and less
# with three. In a regression the best one may be further off even after 512: insteval
# had 1.006 times the loss.
_FIRST_LOOK, _LEFT, _LEFT_BELOW = 1 << 8, 3, 1

# The rates of one output are tried on only the features of the first rows if these rows
# have fewer entries than this multiple of the number of features. With words hashed
# into 2^20 columns, fits of sms_spam and clickbait then take 0.35 and 0.48 of the time,
# and one of 1,000 rows of imdb 0.53. At 0.5 to 1 entries per feature it is 0.9 to 1.0,
# and beyond that 1.1 to 1.6, because of the copy of the rows.
FEW_ENTRIES = 0.5


@dataclass(frozen=True)
class Trial:
    """When the candidates of an output are narrowed down, and to which.

    Parameters
    ----------
    end : int
        Count of samples, from the first that the state saw, after which one is left.
    look : int
        The count after which some are left; `end` if all go on until then.
    below : int
        Places of the chosen candidate below the best one, as more passes follow.
    late : bool
        Whether only losses of the second half of the trial decide, if passes follow.
    """

    end: int
    look: int
    below: int = 0
    late: bool = False

    @classmethod
    def of_stream(cls, n_outputs, looks=False):
        """Return the trial of a stream, which picks the best rate for its single pass.

        `looks` is whether some candidates drop out at a first look.
        """
        if n_outputs == 1:
            return cls(_TRIAL_OF_ONE, _TRIAL_OF_ONE, late=True)
        return cls(_TRIAL_OF_SEVERAL, _FIRST_LOOK if looks else _TRIAL_OF_SEVERAL)

    @classmethod
    def of_search(cls, rows, n_outputs, n_samples, below):
        """Return the trial of a grid, which ends with the first pass over rows."""
        trial = cls(n_samples, n_samples, below=below, late=n_outputs == 1)
        return trial.on_rows(rows, n_outputs)

    def of_fit(self, t, n_samples, max_iter):
        """Return the trial of a fit, which may be shorter and may make more passes."""
        below = places_below(max_iter)
        most = _TRIAL_OF_PASSES if below and self.late else self.end
        end = t + min(n_samples, most)
        look = end if self.look == self.end else min(self.look, end)
        return replace(self, end=end, look=look, below=below)

    def on_rows(self, rows, n_outputs):
        """Return the trial on these rows, on which it may depend whether it is late."""
        if self.late or not self.below:
            return self
        return replace(self, late=n_outputs * rows.n_nonzero_features() < self.end)

    def next_choice(self, n_candidates):
        """Return the count of samples after which there are to be fewer candidates."""
        return self.look if n_candidates > _LEFT + self.below else self.end

    def since(self, t=0):
        """Return how many samples after t the losses that decide a choice begin.

        None stands for all losses, those before t included.

        The first losses show how weights get somewhere, not where to: in rows far from
        0 all rates but the smallest overshoot at first. Judged by the second half, 336
        small tables of dense columns, in their own units and standardised, had 0.94
        times the test loss with two classes and 0.97 times in regressions (geometric
        means), and 100 to 4,900 rows of text and one-hot columns 1.00. With many
        classes half of the samples are too few: 200 rows of news20 had an error of 0.74
        instead of 0.63. So several outputs are judged late only if they have fewer
        weights than there are samples: iris, wine and digits, in their own units and
        scaled in three ways, then have 0.68 to 1.01 times the test loss, and 0.68, 0.97
        and 1.00 times the error in their own units.
        """
        return (self.end - t) // 2 if self.below and self.late else None

    def chosen(self, losses):
        """Return which candidates each output goes on with, (n_outputs, n_chosen).

        Parameters
        ----------
        losses : ndarray of shape (n_outputs, n_candidates)
            The deciding losses.
        """
        n_candidates = losses.shape[1]
        leaders = losses.argmin(axis=1)[:, None]
        if self.next_choice(n_candidates) == self.end:
            return np.maximum(leaders - self.below, 0)
        n_left = _LEFT + self.below
        lowest = np.clip(leaders - _LEFT_BELOW, 0, n_candidates - n_left)
        return lowest + np.arange(n_left)


def places_below(max_iter):
    """Return how many places the rate for all passes is below the best for one.

    A weight that moves in one direction has moved by about η √G, and P passes multiply
    G by P: to get as far as in one pass takes η / √P. On twelve sets four passes at the
    best rate of the first one had 0.967 times the test loss of one pass, and 0.932 at
    half that rate; ten passes had 0.998 and 0.922.
    """
    return 1 if max_iter > 2 else 0


def try_candidates(learner, state, candidate_rates, trial):
    """Make the first visits at each of the rates; go on with the chosen ones.

    Outputs take turns, eight per thread; under a softmax rates do, one per thread. All
    at once would take eight times the memory of the model.

    Returns
    -------
    at : int
        The visit to go on with.
    """
    if trial.look < trial.end:
        candidate_rates = _left_of(learner, state, candidate_rates, trial)
    (end,) = learner.visits_to(trial.end)
    rows = learner.samples.rows
    n_entries = rows.nnz / rows.n_rows * end
    if state.n_outputs > 1 or n_entries < FEW_ENTRIES * rows.n_features:
        learner, features = _cut_to(learner, state, trial.end)
    else:
        features = np.arange(rows.n_features)
    trial = trial.on_rows(learner.samples.rows, state.n_outputs)
    visits = learner.visits_to(trial.since(), trial.end)
    if state.coupled:
        _try_softmax(learner, state, candidate_rates, trial, visits, features)
    else:
        for some, part, losses in _tried(learner, state, candidate_rates, visits):
            state.adopt(part, trial.chosen(losses), features, some.start)
            del part, losses  # before the next ones are made, or both need memory
    return end


def _left_of(learner, state, candidate_rates, trial):
    """Return the candidates that a first look leaves, of shape (n_outputs, n_left).

    They are then tried from the first sample again: that is faster than copying them to
    go on from here, with the same result.
    """
    learner, _ = _cut_to(learner, state, trial.look)
    parts = _tried(learner, state, candidate_rates, (None, trial.look))
    chosen = np.concatenate([trial.chosen(losses) for _, _, losses in parts])
    return np.take_along_axis(candidate_rates, chosen, axis=1)


def _tried(learner, state, candidate_rates, visits):
    """Yield slices of outputs, their state after the first visits, and its losses."""
    banks = LANES * effective_n_jobs(learner.n_jobs)
    at_once = banks * LANES // candidate_rates.shape[1]
    for first in range(0, state.n_outputs, at_once):
        some = slice(first, first + at_once)
        yield some, *_first_visits(learner, state, candidate_rates[some], visits, some)


def _cut_to(learner, state, count):
    """Return a learner of the first samples only, and the features of their rows.

    Without the others the candidates' tables are a fraction as large: one pass of
    conll2000, with 338,515 features and 22 classes, takes half the time.
    """
    samples = learner.samples
    samples = samples.take(samples.counted(count, learner.order))
    rows, features = samples.rows.centred(state.columns.centring).compact()
    samples = replace(samples, rows=rows)
    return replace(learner, samples=samples, order=AS_THEY_COME), features


def _try_softmax(learner, state, candidate_rates, trial, visits, features):
    """Try the rates of a softmax in ascending order; go on with the chosen one."""
    at_once = effective_n_jobs(learner.n_jobs)
    before: deque = deque(maxlen=trial.below + 1)
    least = np.inf
    for first in range(0, candidate_rates.shape[1], at_once):
        rates = candidate_rates[:, first : first + at_once]
        part, losses = _first_visits(learner, state, rates, visits)
        for nth, loss in enumerate(losses[0]):
            before.append((part, nth))
            if first + nth == 0 or loss < least:
                least, (kept, kept_nth) = loss, before[0]
    chosen = np.full((state.n_outputs, 1), kept_nth)
    state.adopt(kept, chosen, features)


def _first_visits(learner, state, rates, visits, outputs=slice(None)):
    """Return a new state of some outputs at these rates, and the deciding losses."""
    samples = learner.samples
    samples = replace(samples, targets=samples.targets.of_outputs(outputs))
    part = state.like(rates, samples.rows.n_features, outputs)
    learner = replace(learner, samples=samples)
    return part, learner.advance(part, part.loss_sum, 0, *visits)
