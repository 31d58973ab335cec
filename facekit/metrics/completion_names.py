"""What evaluate completion compares, by name."""

from __future__ import annotations

CLASSICAL = ("Telea", "Navier-Stokes", "biharmonic")
FULL = "full"
# By name: whether light is separated, symmetry is used, and the fit is refined on the completed picture.
VARIANTS = {
    FULL: (True, True, True),
    "no refinement": (True, True, False),
    "no symmetry": (True, False, False),
    "no light separation": (False, True, False),
    "neither": (False, False, False),
}
