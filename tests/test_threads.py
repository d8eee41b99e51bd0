"""What other threads see while a model learns."""

import numpy as np
import pytest

from sk_adagrad import AdagradClassifier, _banks, _full_matrix

from .comparing import MODEL, assert_same, pickled, raw_of
from .streaming import each_stream, first_call, learn, model_of, weighted_samples


@pytest.mark.parametrize("preconditioner", ["diagonal", "full"])
@each_stream
def test_what_another_thread_reads_meanwhile_is_not_kept(
    stream, preconditioner, monkeypatch
):
    X, y, weight = weighted_samples(stream)
    model = model_of(stream, preconditioner=preconditioner, eta0=0.5)
    model.partial_fit(X[:20], y[:20], sample_weight=weight[:20], **first_call(stream))
    engine = {"diagonal": _banks, "full": _full_matrix}[preconditioner]
    learns = engine.learn

    def learn_and_be_read(*args):
        for name in MODEL:
            getattr(model, name)
        model.predict(X)
        return learns(*args)

    monkeypatch.setattr(engine, "learn", learn_and_be_read)
    model.partial_fit(X[20:], y[20:], sample_weight=weight[20:])
    loaded = pickled(model)
    assert_same(model, loaded)
    np.testing.assert_array_equal(model.predict(X), loaded.predict(X))


@pytest.mark.parametrize("update", ["mirror_descent", "ftrl_proximal"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@each_stream
def test_predictions_while_another_thread_learns_are_of_weights_in_between(
    stream, update, l1_ratio, monkeypatch
):
    """Counters of features are ahead of the samples then: no penalty is taken back."""
    X, y, weight = weighted_samples(stream)
    penalty = {"alpha": 0.3, "l1_ratio": l1_ratio}
    model = model_of(stream, eta0=0.5, update=update, **penalty)
    meanwhile, learns = [], _banks.learn

    def learn_and_be_read(*args):
        n_learned = learns(*args)
        for each in (model, pickled(model)):
            meanwhile.extend([raw_of(each, X), raw_of(each, np.tile(X, (10, 1)))])
        return n_learned

    model.partial_fit(X, y, sample_weight=weight, **first_call(stream))
    monkeypatch.setattr(_banks, "learn", learn_and_be_read)
    model.partial_fit(X, y, sample_weight=weight)
    monkeypatch.undo()
    assert len(meanwhile) == 4
    largest = np.abs(raw_of(model, X)).max()
    assert max(np.abs(read).max() for read in meanwhile) < 20 * largest


@each_stream
def test_a_model_predicts_as_before_until_all_of_a_new_one_is_there(
    stream, monkeypatch
):
    X, y, _ = weighted_samples(stream)
    model, meanwhile, learns = learn(stream), [], _banks.learn
    wanted, wide = model.predict(X), np.hstack((X, X))

    def learn_and_be_read(*args):
        meanwhile.append(model.predict(X))
        with pytest.raises(ValueError, match="24 features"):
            model.predict(wide)
        return learns(*args)

    monkeypatch.setattr(_banks, "learn", learn_and_be_read)
    if stream == "classes of weight 0":
        model.set_params(class_weight=None)
    model.fit(wide, y + 100)
    assert meanwhile
    for read in meanwhile:
        np.testing.assert_array_equal(read, wanted)
    assert model.predict(wide).shape == wanted.shape


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_a_prediction_under_way_is_that_of_the_model_it_began_with(
    n_classes, method, monkeypatch
):
    """Also where another thread publishes one with other classes and features."""
    X, y, _ = weighted_samples("classes")
    model = AdagradClassifier(random_state=0).fit(X, y % 3)
    wanted, converted = getattr(model, method)(X), AdagradClassifier._converted

    def convert_and_be_fitted(self, Z, **checks):
        monkeypatch.undo()
        model.fit(np.hstack((X, X)), y % n_classes + 5)
        return converted(self, Z, **checks)

    monkeypatch.setattr(AdagradClassifier, "_converted", convert_and_be_fitted)
    np.testing.assert_array_equal(getattr(model, method)(X), wanted)
    assert model.n_features_in_ == 24


def test_a_prediction_under_way_survives_that_the_penalty_is_set_to_0(monkeypatch):
    X, y, _ = weighted_samples("classes")
    model = AdagradClassifier(eta0=0.1, alpha=1e-4).partial_fit(X, y, np.unique(y))
    some = X[:3]  # or weights would be read once for all of them
    wanted, rooms = raw_of(model, some), _banks._room_for_a_row

    def go_on_without_penalty(*args):
        monkeypatch.undo()
        model.set_params(alpha=0.0).partial_fit(X[:1], y[:1])
        return rooms(*args)

    monkeypatch.setattr(_banks, "_room_for_a_row", go_on_without_penalty)
    np.testing.assert_allclose(raw_of(model, some), wanted, atol=0.2)
    assert not model._state.reading.lazy


def test_what_is_set_while_a_model_learns_stays(monkeypatch):
    X, y, _ = weighted_samples("binary")
    model, learns = learn("binary"), _banks.learn
    model.note = "a"
    model.forgotten = "b"

    def learn_and_be_set(*args):
        model.set_params(verbose=0, tol=0.5)
        model.note = "c"
        vars(model).pop("forgotten", None)
        return learns(*args)

    monkeypatch.setattr(_banks, "learn", learn_and_be_set)
    model.partial_fit(X, y)
    assert (model.tol, model.note) == (0.5, "c")
    assert not hasattr(model, "forgotten")
