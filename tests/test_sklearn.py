"""The estimators in scikit-learn's tools, on data that comes with scikit-learn."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.utils import estimator_html_repr

from sk_adagrad import AdagradClassifier, AdagradRegressor


@pytest.fixture(scope="module")
def texts():
    """Return descriptions of data sets, line by line, and the set of each line."""
    loaders = load_breast_cancer, load_diabetes, load_iris, load_wine, load_digits
    lines = [
        (line, label)
        for label, loader in enumerate(loaders)
        for line in loader().DESCR.splitlines()
        if len(line) > 20
    ]
    return [line for line, _ in lines], np.array([label for _, label in lines])


def classifier(**params):
    return AdagradClassifier(**{"random_state": 0, **params})


@pytest.mark.parametrize(
    "vectorizer", [TfidfVectorizer(), HashingVectorizer()], ids=str
)
def test_learns_from_text_in_a_pipeline(texts, vectorizer):
    model = make_pipeline(vectorizer, classifier()).fit(*texts)
    assert model.score(*texts) > 0.8


def test_learns_from_columns_of_several_kinds():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pandas.DataFrame(
        {
            "colour": rng.choice(["red", "green", "blue"], 300),
            "size": rng.choice(["S", "M", "L"], 300),
            "weight": rng.normal(50, 10, 300),
        }
    )
    y = (table["colour"] == "red") | (table["weight"] > 60)
    columns = make_column_transformer(
        (OneHotEncoder(), ["colour", "size"]), (StandardScaler(), ["weight"])
    )
    model = make_pipeline(columns, classifier(max_iter=20)).fit(table, y)
    assert model.score(table, y) > 0.95


def test_learns_from_categories_in_a_pipeline():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 50, (1000, 3))
    y = X[:, 0] % 2
    model = make_pipeline(OneHotEncoder(), classifier()).fit(X, y)
    assert model.score(X, y) > 0.99


def test_cross_validation_scores_it(tumours):
    assert cross_val_score(classifier(), *tumours).mean() > 0.95


def test_a_grid_search_tunes_it(tumours):
    grid = {"eta0": [1e-4, 0.5], "loss": ["log_loss", "hinge"]}
    search = GridSearchCV(classifier(), grid).fit(*tumours)
    assert search.best_params_["eta0"] == 0.5
    assert search.best_score_ > 0.95


def test_a_halving_grid_search_tunes_it(tumours):
    search = HalvingGridSearchCV(
        classifier(), {"eta0": [1e-5, 0.1, 0.5]}, random_state=0
    ).fit(*tumours)
    assert search.best_params_["eta0"] != 1e-5
    assert search.best_score_ > 0.9


def test_a_parallel_grid_search_passes_it_memory_maps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 60))
    assert X.nbytes > 1e6, "joblib maps arrays from 1 MB on"
    y = X[:, 0] > 0
    alone, together = (
        GridSearchCV(
            classifier(), {"eta0": [0.1, 0.5]}, cv=2, n_jobs=n_jobs, error_score="raise"
        ).fit(X, y)
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(
        together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("loss", AdagradClassifier._losses)
def test_calibration_gives_probabilities_to_every_loss(tumours, loss):
    X, y = tumours
    model = CalibratedClassifierCV(classifier(loss=loss), cv=3).fit(X, y)
    assert brier_score_loss(y, model.predict_proba(X)[:, 1]) < 0.06


def test_one_vs_rest_of_it_is_what_it_does_by_itself():
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    params = {"shuffle": False, "tol": None, "initial_accumulator": 0.0}
    outside = OneVsRestClassifier(classifier(**params)).fit(X, y)
    inside = classifier(**params).fit(X, y)
    np.testing.assert_allclose(
        outside.decision_function(X), inside.decision_function(X), rtol=1e-9, atol=1e-9
    )


def test_multi_output_classifier_learns_each_label(tumours):
    X, y = tumours
    Y = np.column_stack((y, X[:, 0] > 0))
    model = MultiOutputClassifier(classifier()).fit(X, Y)
    for k, estimator in enumerate(model.estimators_):
        np.testing.assert_array_equal(
            estimator.coef_, classifier().fit(X, Y[:, k]).coef_
        )


def frame_of(library, X, names):
    module = pytest.importorskip(library)
    return module.DataFrame({name: X[:, j] for j, name in enumerate(names)})


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_give_the_names_of_the_features(tumours, library):
    X, y = tumours
    names = [f"column {j}" for j in range(X.shape[1])]
    frame = frame_of(library, X, names)
    model = classifier().fit(frame, y)
    np.testing.assert_array_equal(model.feature_names_in_, names)
    np.testing.assert_array_equal(model.coef_, classifier().fit(X, y).coef_)
    np.testing.assert_array_equal(
        model.predict(frame), classifier().fit(X, y).predict(X)
    )


def test_rows_without_names_are_warned_of_where_features_have_names(tumours):
    X, y = tumours
    model = classifier().fit(frame_of("pandas", X, [f"x{j}" for j in range(30)]), y)
    for form in (np.asarray, sp.csr_matrix, sp.csr_array):
        with pytest.warns(UserWarning, match="valid feature names"):
            model.predict(form(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_may_be_targets_or_labels(tumours, library):
    X, y = tumours
    labels = np.column_stack((y, 1 - y, y * 0))
    frame = frame_of(library, labels, ["benign", "malignant", "none"])
    for model in (AdagradClassifier(random_state=0), AdagradRegressor(random_state=0)):
        wanted = clone(model).fit(X, labels).predict(X)
        np.testing.assert_array_equal(model.fit(X, frame).predict(X), wanted)
        assert wanted.shape == labels.shape


@pytest.mark.parametrize("method", ["predict", "partial_fit"])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_with_other_names_are_refused(tumours, library, method):
    X, y = tumours
    model = classifier().fit(frame_of(library, X[:, :2], ["a", "b"]), y)
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(model, method)(
            frame_of(library, X[:, :2], ["a", "c"]),
            *([y] if method != "predict" else []),
        )


@pytest.mark.parametrize(
    "form", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.csc_array, sp.coo_array]
)
def test_sparse_matrices_are_learned_from_and_predicted(texts, form):
    X = TfidfVectorizer().fit_transform(texts[0])
    model = classifier().fit(form(X), texts[1])
    wanted = classifier().fit(X.toarray(), texts[1]).predict(X.toarray())
    np.testing.assert_array_equal(model.predict(form(X)), wanted)


@pytest.mark.parametrize("estimator", [AdagradClassifier, AdagradRegressor])
def test_a_clone_has_the_parameters_and_nothing_learned(tumours, estimator):
    params = {"eta0": 0.1, "loss": "huber", "epsilon": 0.3, "n_jobs": 2}
    model = estimator(**params).fit(*tumours)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "coef_")


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("represent", [repr, estimator_html_repr])
def test_the_representation_shows_what_was_set(tumours, represent, fitted):
    model = classifier(eta0=0.25)
    shown = represent(model.fit(*tumours) if fitted else model)
    assert "AdagradClassifier" in shown
    assert "0.25" in shown


@pytest.mark.parametrize("estimator", [AdagradClassifier, AdagradRegressor])
def test_cross_validation_tells_of_a_loss_that_is_no_string(tumours, estimator):
    with pytest.raises(ValueError, match=r"'loss' parameter .* Got \['huber'\]"):
        cross_val_score(estimator(loss=["huber"]), *tumours)


# Metadata routing.


@pytest.fixture
def weight(tumours):
    return np.random.default_rng(0).uniform(0, 2, len(tumours[1]))


@pytest.mark.usefixtures("routing")
def test_weights_are_routed_through_a_grid_search(tumours, weight):
    routed = classifier().set_fit_request(sample_weight=True)
    routed.set_score_request(sample_weight=False)
    search = GridSearchCV(routed, {"eta0": ["auto"]}).fit(
        *tumours, sample_weight=weight
    )
    wanted = classifier().fit(*tumours, sample_weight=weight)
    np.testing.assert_array_equal(search.best_estimator_.coef_, wanted.coef_)


@pytest.mark.usefixtures("routing")
def test_weights_and_classes_are_routed_through_partial_fit(tumours, weight):
    X, y = tumours
    requests = {"sample_weight": True, "classes": True}
    model = MultiOutputClassifier(classifier().set_partial_fit_request(**requests))
    model.partial_fit(X, y[:, None], classes=[[0, 1]], sample_weight=weight)
    wanted = classifier().partial_fit(X, y, [0, 1], weight)
    np.testing.assert_array_equal(model.estimators_[0].coef_, wanted.coef_)


@pytest.mark.usefixtures("routing")
def test_weights_that_nobody_asked_for_are_refused(tumours, weight):
    search = GridSearchCV(classifier(), {"eta0": ["auto"]})
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        search.fit(*tumours, sample_weight=weight)


# Probabilities.


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("loss", AdagradClassifier._losses)
def test_probabilities_are_absent_where_the_loss_has_none(loss, method):
    model = AdagradClassifier(loss)
    assert hasattr(model, method) == (loss in ("log_loss", "modified_huber"))


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_probabilities_are_those_of_the_loss_that_was_learned(tumours, method):
    X, y = tumours
    model = AdagradClassifier(random_state=0).fit(X, y)
    wanted = getattr(model, method)(X)
    model.set_params(loss="hinge")
    np.testing.assert_array_equal(getattr(model, method)(X), wanted)
    model.fit(X, y).set_params(loss="log_loss")
    with pytest.raises(AttributeError) as error:
        getattr(model, method)
    assert "loss='hinge' has no probabilities" in str(error.value.__cause__)
