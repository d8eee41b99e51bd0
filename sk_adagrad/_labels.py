"""Class labels: finding them, their codes, and weights that balance them."""

from itertools import repeat

import numpy as np
import scipy.sparse as sp
from sklearn.utils.multiclass import check_classification_targets


def refuse_lists_of_labels(y):
    """Refuse a sequence of each sample's labels, any number per sample."""
    sets, sequences = (set, frozenset), (list, tuple)
    if not (isinstance(y, sequences) and y and isinstance(y[0], sets + sequences)):
        return
    n_first = len(y[0])
    if isinstance(y[0], sets) or any(np.size(labels) != n_first for labels in y):
        refuse_tags()


def refuse_tags():
    """Refuse names of labels where an indicator is required."""
    raise ValueError(
        "y has names of labels for each sample; make it an indicator, such as by "
        "sklearn.preprocessing.MultiLabelBinarizer(sparse_output=True)."
    )


def is_indicator(y):
    """Whether y has a column for each of several labels."""
    shape = getattr(y, "shape", None)  # not every kind of data frame has an ndim
    return (
        sp.issparse(y)
        or (shape is not None and len(shape) == 2 and shape[1] > 1)
        or (
            isinstance(y, list | tuple)
            and len(y) > 0
            and np.ndim(y[0]) == 1
            and len(y[0]) > 1
        )
    )


def distinct_labels(y):
    """Return the sorted distinct labels of y; refuse what cannot be labels."""
    if _are_string_objects(y):
        return np.array(sorted(set(y)), dtype=object)
    numbers, low, n_values = _range(y)
    if numbers.dtype.kind not in "biuU":
        check_classification_targets(y)
    if n_values > len(y):
        return np.unique(y)
    if n_values <= 2:  # the ends of the range, which occur
        return np.arange(low, low + n_values).astype(y.dtype)
    # Counting takes a tenth of the time of sorting.
    counts = np.bincount(_minus(numbers, low))
    return (np.flatnonzero(counts) + low).astype(y.dtype)


def codes_of(y, classes):
    """Return the places of labels in the sorted classes, and labels that have none.

    If there are such labels, the places mean nothing.
    """
    kinds = y.dtype.kind, classes.dtype.kind
    if "O" not in kinds and (kinds[0] in "US") != (kinds[1] in "US"):
        return np.zeros(len(y), dtype=np.intp), y
    if "O" in kinds:  # hashed, as their types may have no order
        places = {label: place for place, label in enumerate(classes.tolist())}
        codes = np.fromiter(map(places.get, y, repeat(-1)), np.intp, len(y))
        return codes, y[codes < 0]
    numbers, low, n_values = _range(y)
    whole_classes = _whole(classes)
    if n_values <= len(y) and whole_classes is not None:
        first, last = int(whole_classes[0]), int(whole_classes[-1])
        n_classes = last - first + 1
        if first <= low and low + n_values <= last + 1 and n_classes == len(classes):
            return _minus(numbers, first), y[:0]  # the classes are consecutive
        # A table of all values takes a fifth to a tenth of the time of a search.
        places = _minus(whole_classes, low)
        inside = np.flatnonzero((places >= 0) & (places < n_values))
        table = np.full(n_values, -1, dtype=np.intp)
        table[places[inside]] = inside
        codes = table[_minus(numbers, low)]
        return codes, y[codes < 0]
    codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    return codes, y[classes[codes] != y]


def _are_string_objects(y):
    """Whether y has strings as data frames have them, which are best hashed.

    Checking, sorting and searching those of conll2000 takes 390 ms, hashing them 25;
    one pass takes 32 ms for one class and 84 for all.
    """
    return y.dtype.kind == "O" and all(issubclass(t, str) for t in set(map(type, y)))


def _range(y):
    """Return labels as integers, the least one, and the size of their range.

    The size is more than the number of labels if they are not integers, or so few that
    counting takes longer than sorting or searching.
    """
    numbers = _whole(y) if len(y) >= 1000 else None
    if numbers is None:
        return y, 0, len(y) + 1
    low, high = int(numbers.min()), int(numbers.max())
    return numbers, low, high - low + 1


def _minus(numbers, first):
    """Return integers less the first; not a copy if there is nothing to subtract."""
    if first == 0 and numbers.dtype == np.intp:
        return numbers
    return np.subtract(numbers, first, dtype=np.int64)


def _whole(y):
    """Return labels as integers; None if they are not, or too large for doubles."""
    if y.dtype.kind in "bi" or (y.dtype.kind == "u" and y.dtype.itemsize < 8):
        return y
    if y.dtype.kind != "f":
        return None
    with np.errstate(invalid="ignore"):  # some may be too large for an integer
        numbers = y.astype(np.int64)
    if numbers.min() <= -(2**53) or numbers.max() >= 2**53 or (numbers != y).any():
        return None
    return numbers


def balanced(codes, weight, n_classes):
    """Weigh samples so that all classes that have any weigh the same.

    Returns the weights, and what each class and all of them weighed before.
    """
    counts = np.bincount(codes, weights=weight, minlength=n_classes)
    by_class = counts.sum() / (n_classes * np.where(counts > 0, counts, np.inf))
    return weight * by_class[codes], np.append(counts, counts.sum())


def balanced_so_far(codes, weight, n_classes, class_counts):
    """Weigh each sample by the weights of its class and of all classes up to it."""
    if class_counts is None:
        class_counts = np.zeros(n_classes + 1)  # the last one is the total
    counts = class_counts.copy()
    own = np.empty(len(codes))
    for code in np.unique(codes):
        of_class = codes == code
        running = np.cumsum(np.concatenate(([counts[code]], weight[of_class])))
        own[of_class] = running[1:]
        counts[code] = running[-1]
    running = np.cumsum(np.concatenate((counts[-1:], weight)))
    counts[-1] = running[-1]
    balance = running[1:] / (n_classes * np.where(own > 0, own, np.inf))
    return weight * balance, counts
