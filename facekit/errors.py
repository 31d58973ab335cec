"""Errors a user can meet. Each class has one exit code; the message is the sentence the user reads."""

from __future__ import annotations

from typing import ClassVar


class FacekitError(Exception):
    """Base of all expected failures; the text says what is wrong and what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(FacekitError):
    """The request itself is wrong: clashing options, sizes that do not match, refusal to overwrite."""

    exit_code = 2


class NoFaceError(FacekitError):
    """The photo holds no face that can be found, or not the one asked for."""

    exit_code = 3


class UnreadableError(FacekitError):
    """A file is missing, truncated or damaged, or cannot be written."""

    exit_code = 4


class WrongKindError(FacekitError):
    """A sound file, but not the kind that was asked for (a Fit where Landmarks stand, a future version)."""

    exit_code = 5


class ModelUnavailableError(FacekitError):
    """A face model or weight file that is not installed."""

    exit_code = 6


class NumericalError(FacekitError):
    """A computation that did not lead to a finite, usable result."""

    exit_code = 7
