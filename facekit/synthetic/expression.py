"""Expressions as people make them: mixtures of ARKit shapes that go together, a little different left and
right."""

from __future__ import annotations

import numpy as np

from facekit.synthetic.chance import between, one_of

MOODS: dict[str, dict[str, tuple[float, float]]] = {
    "neutral": {},
    "smile": {
        "mouthSmile": (0.3, 0.9),
        "cheekSquint": (0.1, 0.6),
        "mouthDimple": (0.0, 0.4),
        "eyeSquint": (0.0, 0.4),
    },
    "laugh": {
        "mouthSmile": (0.5, 1.0),
        "cheekSquint": (0.3, 0.8),
        "jawOpen": (0.1, 0.45),
        "mouthUpperUp": (0.1, 0.5),
        "mouthLowerDown": (0.0, 0.4),
        "eyeSquint": (0.1, 0.7),
    },
    "speak": {"jawOpen": (0.05, 0.35), "mouthLowerDown": (0.0, 0.4), "mouthUpperUp": (0.0, 0.2)},
    "wonder": {
        "jawOpen": (0.1, 0.6),
        "browInnerUp": (0.3, 1.0),
        "browOuterUp": (0.3, 1.0),
        "eyeWide": (0.2, 0.9),
    },
    "round": {"mouthFunnel": (0.1, 0.7), "mouthPucker": (0.0, 0.6), "jawOpen": (0.0, 0.25)},
    "kiss": {"mouthPucker": (0.3, 0.9), "mouthFunnel": (0.0, 0.2)},
    "sad": {"mouthFrown": (0.2, 0.8), "browInnerUp": (0.2, 0.9), "mouthShrugLower": (0.0, 0.5)},
    "angry": {
        "browDown": (0.4, 1.0),
        "mouthPress": (0.0, 0.6),
        "noseSneer": (0.0, 0.6),
        "eyeSquint": (0.0, 0.5),
    },
    "disgust": {"noseSneer": (0.3, 1.0), "mouthUpperUp": (0.1, 0.6), "browDown": (0.1, 0.6)},
    "press": {"mouthPress": (0.2, 0.8), "mouthRollLower": (0.0, 0.5), "mouthRollUpper": (0.0, 0.4)},
    "stretch": {"mouthStretch": (0.2, 0.8), "jawOpen": (0.0, 0.2), "mouthLowerDown": (0.0, 0.3)},
    "crooked": {"mouthLeft": (0.0, 0.6), "mouthDimple": (0.0, 0.4)},
    "puff": {"cheekPuff": (0.2, 0.8)},
}
FREQUENCY = dict.fromkeys(MOODS, 1.0) | {
    "neutral": 2.5,
    "smile": 2.5,
    "laugh": 1.5,
    "speak": 2.5,
    "puff": 0.4,
}
OPPOSITE = {"mouthLeft": "mouthRight", "jawLeft": "jawRight"}


def sample_expression(names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Random ARKit weights 0..1 for the names of a model; absent names are zero.

    A mood sets the mouth; brows, lids and gaze vary on their own.
    """
    weights: dict[str, float] = {}
    mood = one_of(rng, FREQUENCY)
    for name, (low, high) in MOODS[mood].items():
        _raise(
            weights, OPPOSITE.get(name, name) if rng.random() < 0.5 else name, between(rng, low, high), rng
        )
    for name, chance, most in (
        ("browInnerUp", 0.3, 0.8),
        ("browOuterUp", 0.25, 0.7),
        ("browDown", 0.25, 0.7),
    ):
        if rng.random() < chance:
            _raise(weights, name, between(rng, 0.0, most), rng)
    for name, chance, most in (
        ("jawLeft", 0.1, 0.3),
        ("jawForward", 0.08, 0.4),
        ("mouthShrugLower", 0.1, 0.5),
    ):
        if rng.random() < chance:
            _raise(weights, name, between(rng, 0.0, most), rng)
    _lids_and_gaze(weights, rng)
    known = {name: min(1.0, value) for name, value in weights.items() if name in names}
    return {name: value for name, value in known.items() if value > 0}


def _raise(weights: dict[str, float], name: str, amount: float, rng: np.random.Generator) -> None:
    """Add to a shape, both sides of it where it has sides, with 15 % difference."""
    for key in (name, f"{name}_L", f"{name}_R"):
        weights[key] = weights.get(key, 0.0) + max(0.0, amount * (1 + 0.15 * rng.standard_normal()))


def _lids_and_gaze(weights: dict[str, float], rng: np.random.Generator) -> None:
    lid = rng.random()
    if lid < 0.30:
        _raise(weights, "eyeBlink", between(rng, 0.05, 0.35), rng)
    elif lid < 0.36:
        _raise(weights, "eyeBlink", between(rng, 0.6, 1.0), rng)
    elif lid < 0.46:
        _raise(weights, "eyeWide", between(rng, 0.1, 0.6), rng)
    across, up = rng.normal(0, 0.22), rng.normal(0, 0.15)
    side = ("eyeLookOut_L", "eyeLookIn_R") if across > 0 else ("eyeLookIn_L", "eyeLookOut_R")
    height = "eyeLookUp" if up > 0 else "eyeLookDown"
    for name in side:
        weights[name] = min(0.8, abs(across))
    for suffix in ("_L", "_R"):
        weights[height + suffix] = min(0.6, abs(up))
