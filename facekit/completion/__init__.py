"""Completion of the hidden part: several plausible shapes that agree where the face is seen."""
