"""facekit: complete, diverse 3D faces from one photo, hidden parts included."""

__version__ = "0.1.0"
