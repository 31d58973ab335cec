"""Several photos of one person say more of the identity than one."""

from __future__ import annotations

import numpy as np
from invented_faces import CENTRE, IDENTITY, code, face_model, plain, view

from facekit.fitting.landmark_fit import fit_landmarks
from facekit.fitting.landmark_model import landmark_model
from facekit.fitting.shared import fit_shared


def test_shared_identity_is_one_and_better() -> None:
    shape = landmark_model(face_model(), "mediapipe478")
    rng = np.random.default_rng(5)
    identity = slice(0, IDENTITY)
    alone, together = [], []
    for person in range(4):
        observations, truth = [], code(person)
        for yaw in (-0.5, 0.0, 0.5):
            truth[IDENTITY:] = rng.uniform(0, 2, len(truth) - IDENTITY)
            points = view(yaw).project(shape.points(truth)) + rng.normal(0, 6.0, (478, 2))
            observations.append(plain(points, shape, 4e-3))
        joint = fit_shared(observations, [1100.0] * 3, [CENTRE] * 3, identity)
        for other in joint[1:]:
            np.testing.assert_allclose(other.code[identity], joint[0].code[identity], atol=1e-4)
        single = [fit_landmarks(o, 1100.0, CENTRE) for o in observations]
        together.append(np.linalg.norm(joint[0].code[identity] - truth[identity]))
        alone.append(np.mean([np.linalg.norm(s.code[identity] - truth[identity]) for s in single]))
        before = np.trace(single[0].covariance[identity, identity])
        assert np.trace(joint[0].covariance[identity, identity]) < before
    assert np.mean(together) < 0.85 * np.mean(alone)
