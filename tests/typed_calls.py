"""Calls as users with a type checker write them: mypy must find nothing here."""

from typing import assert_type

import numpy as np

from sk_adagrad import AdagradClassifier, AdagradClassifierCV, AdagradRegressor

X, y = np.eye(4), np.array([0, 1, 0, 1])

classifier = AdagradClassifier("hinge", eta0=0.5, max_iter=10, tol=None, random_state=0)
assert_type(classifier.partial_fit(X, y, classes=[0, 1]), AdagradClassifier)
assert_type(classifier.decision_function(X), np.ndarray)
assert_type(classifier.sparsify().densify(), AdagradClassifier)
assert_type(classifier.learning_rates_, np.ndarray)
assert_type(classifier.progressive_loss_, float)

regressor = AdagradRegressor(half_life=100, n_jobs=2)
assert_type(regressor.partial_fit(X, y, sample_weight=[1.0] * 4), AdagradRegressor)
assert_type(regressor.predict(X), np.ndarray)

search = AdagradClassifierCV(eta0s=[0.1, 1.0], alphas=4, cv=2)
search.fit(X, y)
assert_type(search.score(X, y), float)
assert_type(search.eta0_, float)
