"""Native chatter is lost, Python's errors are not."""

import os
import sys

import pytest

from facekit.detection.quiet import quiet_native


def test_native_output_goes_nowhere_and_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before\n")
    with quiet_native():
        os.write(2, b"chatter\n")
    os.write(2, b"after\n")
    print("python", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "before\nafter\npython\n"


def test_exceptions_pass_and_stderr_is_restored(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="kept"), quiet_native():
        raise ValueError("kept")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
