"""Poses of mouth, brows and lids in ARKit weights, and the segments that are made of them.

A name without _L or _R raises both sides. The visemes follow the usual groups of English sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

Pose = dict[str, float]

VISEMES: dict[str, Pose] = {
    "rest": {},
    "ah": {"jawOpen": 0.50, "mouthLowerDown": 0.30, "mouthUpperUp": 0.12},
    "eh": {"jawOpen": 0.24, "mouthStretch": 0.30, "mouthSmile": 0.15, "mouthLowerDown": 0.35},
    "ee": {"jawOpen": 0.10, "mouthStretch": 0.45, "mouthSmile": 0.30, "mouthLowerDown": 0.25},
    "oh": {"jawOpen": 0.34, "mouthFunnel": 0.65, "mouthPucker": 0.20},
    "oo": {"mouthPucker": 0.75, "mouthFunnel": 0.30, "jawOpen": 0.08},
    "m": {"mouthPress": 0.45, "mouthRollLower": 0.28, "mouthRollUpper": 0.22},
    "f": {"mouthRollLower": 0.55, "mouthUpperUp": 0.22, "jawOpen": 0.06},
    "l": {"jawOpen": 0.20, "mouthLowerDown": 0.22, "mouthUpperUp": 0.16},
    "s": {"jawOpen": 0.04, "mouthStretch": 0.30, "mouthLowerDown": 0.32, "mouthUpperUp": 0.12},
    "sh": {"mouthFunnel": 0.55, "mouthShrugUpper": 0.2, "jawOpen": 0.05},
}

MOUTH: dict[str, Pose] = VISEMES | {
    "smile": {"mouthSmile": 0.65, "cheekSquint": 0.45, "mouthDimple": 0.20, "eyeSquint": 0.15},
    "grin": {
        "mouthSmile": 0.90,
        "cheekSquint": 0.75,
        "mouthUpperUp": 0.35,
        "mouthLowerDown": 0.20,
        "jawOpen": 0.10,
        "eyeSquint": 0.40,
    },
    "laugh": {
        "mouthSmile": 0.95,
        "cheekSquint": 0.80,
        "jawOpen": 0.50,
        "mouthUpperUp": 0.45,
        "mouthLowerDown": 0.30,
        "eyeSquint": 0.55,
    },
    "smile left": {"mouthSmile_L": 0.75, "cheekSquint_L": 0.40, "mouthDimple_L": 0.30, "mouthLeft": 0.15},
    "smile right": {"mouthSmile_R": 0.75, "cheekSquint_R": 0.40, "mouthDimple_R": 0.30, "mouthRight": 0.15},
    "gasp": {"jawOpen": 0.70, "mouthFunnel": 0.20},
    "scream": {"jawOpen": 1.00, "mouthStretch": 0.30, "mouthLowerDown": 0.35, "mouthUpperUp": 0.30},
    "sneer": {"noseSneer": 0.90, "mouthUpperUp": 0.60, "cheekSquint": 0.30},
    "snarl": {"noseSneer": 0.80, "mouthUpperUp": 0.75, "mouthLowerDown": 0.55, "jawOpen": 0.15},
    "frown": {"mouthFrown": 0.80, "mouthShrugLower": 0.55},
    "kiss": {"mouthPucker": 0.95, "mouthFunnel": 0.15},
    "press": {"mouthPress": 0.80, "mouthRollLower": 0.50, "mouthRollUpper": 0.40},
    "puff": {"cheekPuff": 0.85, "mouthPress": 0.30},
    "left": {"mouthLeft": 0.80},
    "right": {"mouthRight": 0.80},
    "jaw left": {"jawLeft": 0.80, "jawOpen": 0.15},
    "jaw right": {"jawRight": 0.80, "jawOpen": 0.15},
    "jaw forward": {"jawForward": 0.90},
    "shrug": {"mouthShrugLower": 0.80, "mouthShrugUpper": 0.50, "mouthFrown": 0.25},
    "stretch": {"mouthStretch": 0.85, "mouthLowerDown": 0.40},
    "show lower": {"mouthLowerDown": 0.85, "mouthStretch": 0.25},
    # mixtures that no training segment holds
    "shout": {"jawOpen": 0.85, "noseSneer": 0.70, "mouthUpperUp": 0.55, "mouthLowerDown": 0.45},
    "smiling o": {"mouthSmile": 0.60, "jawOpen": 0.45, "mouthFunnel": 0.40, "cheekSquint": 0.50},
    "bitter left": {"mouthSmile_L": 0.60, "mouthFrown_R": 0.50, "noseSneer_L": 0.40, "mouthPress": 0.25},
    "bitter right": {"mouthSmile_R": 0.60, "mouthFrown_L": 0.50, "noseSneer_R": 0.40, "mouthPress": 0.25},
    "tremble": {"mouthFrown": 0.60, "mouthStretch": 0.35, "mouthShrugLower": 0.50, "mouthPress": 0.35},
    "smiling kiss": {"mouthPucker": 0.55, "mouthSmile": 0.35, "cheekSquint": 0.40},
}

BROWS: dict[str, Pose] = {
    "rest": {},
    "slight": {"browInnerUp": 0.25, "browOuterUp": 0.20},
    "up": {"browInnerUp": 0.90, "browOuterUp": 0.90},
    "inner": {"browInnerUp": 0.90},
    "down": {"browDown": 0.90},
    "knit": {"browDown": 0.50, "browInnerUp": 0.40},
    "left": {"browOuterUp_L": 0.90, "browDown_R": 0.40, "browInnerUp_L": 0.4},
    "right": {"browOuterUp_R": 0.90, "browDown_L": 0.40, "browInnerUp_R": 0.4},
}

LIDS: dict[str, Pose] = {
    "rest": {},
    "low": {"eyeBlink": 0.30},
    "closed": {"eyeBlink": 1.00},
    "tight": {"eyeBlink": 0.90, "eyeSquint": 0.80, "cheekSquint": 0.60},
    "squint": {"eyeSquint": 0.85, "eyeBlink": 0.20},
    "wide": {"eyeWide": 0.90},
    "wink left": {"eyeBlink_L": 1.00, "eyeSquint_L": 0.50, "cheekSquint_L": 0.50},
    "wink right": {"eyeBlink_R": 1.00, "eyeSquint_R": 0.50, "cheekSquint_R": 0.50},
}


@dataclass(frozen=True)
class Segment:
    """What a person was asked to do. ``pace`` is the frames from one pose of the mouth to the next."""

    name: str
    mouth: tuple[str, ...]
    brows: tuple[str, ...] = ("rest", "rest", "slight")
    lids: tuple[str, ...] = ("rest", "rest", "rest", "low")
    gaze: float = 5.0  # degrees, standard deviation
    share: float = 1.0  # of the frames
    pace: float = 6.0


SPEECH = tuple(VISEMES)
ALL_BROWS = tuple(BROWS)
SHOWN = tuple(name for name in MOUTH if name not in VISEMES)[:21]  # poses of the mouth that training shows

TRAINING: tuple[Segment, ...] = (
    Segment("neutral", ("rest",), share=0.4),
    Segment("speech_1", SPEECH, share=1.2, pace=3.0),
    Segment("speech_2", SPEECH, ("rest", "slight", "up", "knit"), share=1.2, pace=3.0),
    Segment("speech_smiling", ("smile", "ee", "eh", "ah", "smile", "m"), share=0.8, pace=3.5),
    Segment("smile", ("rest", "smile", "grin", "laugh"), share=1.2),
    Segment("crooked", ("rest", "smile left", "smile right", "left", "right")),
    Segment("brows", ("rest",), ALL_BROWS, share=1.0),
    Segment("surprise", ("rest", "gasp", "oh", "scream"), ("rest", "up", "inner"), ("rest", "wide")),
    Segment("disgust", ("rest", "sneer", "snarl"), ("rest", "down", "knit"), ("rest", "squint")),
    Segment("sadness", ("rest", "frown", "shrug"), ("rest", "inner", "knit"), ("rest", "low")),
    Segment("anger", ("rest", "press", "show lower"), ("down", "knit"), ("rest", "squint")),
    Segment("lips", ("rest", "kiss", "press", "stretch", "show lower", "puff")),
    Segment("jaw", ("rest", "jaw left", "jaw right", "jaw forward", "scream", "gasp")),
    Segment("lids", ("rest",), lids=tuple(LIDS)),
    Segment("gaze", ("rest",), gaze=16.0, share=1.2),
    Segment("peak", SHOWN, ALL_BROWS, tuple(LIDS), 9.0, share=1.8, pace=5.0),
)

HELD_OUT: tuple[Segment, ...] = (
    Segment("speech_read", SPEECH, ("rest", "slight", "up", "down"), gaze=8.0, share=1.4, pace=3.0),
    Segment("shouting", ("rest", "shout", "ah", "eh"), ("down", "knit"), ("rest", "squint", "wide")),
    Segment("bitter", ("rest", "bitter left", "bitter right"), ("left", "right", "rest")),
    Segment("tearful", ("rest", "tremble", "frown"), ("inner", "knit"), ("low", "tight", "rest")),
    Segment("delighted", ("smiling o", "smile", "smiling kiss", "laugh"), ("up", "slight"), ("rest", "wide")),
    Segment("peak_other", SHOWN, ALL_BROWS, tuple(LIDS), 12.0, share=1.2, pace=5.0),
)
