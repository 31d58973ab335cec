"""The pool of threads."""

import threading

import pytest

from facekit.geometry.threads import run_all, set_threads, split, thread_count


@pytest.fixture(autouse=True)
def restore():
    before = thread_count()
    yield
    set_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_all_jobs_run_once(threads):
    set_threads(threads)
    done = []
    run_all([lambda k=k: done.append(k) for k in range(50)])
    assert sorted(done) == list(range(50))


def test_jobs_share_the_threads():
    set_threads(2)
    meeting = threading.Barrier(2, timeout=10)  # breaks unless two jobs run at the same time
    run_all([meeting.wait, meeting.wait])


def test_an_error_in_a_job_is_raised():
    set_threads(3)

    def fail():
        raise ZeroDivisionError

    for jobs in ([fail], [fail, lambda: None, lambda: None], [lambda: None, lambda: None, fail]):
        with pytest.raises(ZeroDivisionError):
            run_all(jobs)


def test_nothing_to_do():
    run_all([])


def test_split_covers_the_range():
    for length, parts in ((10, 3), (3, 10), (1, 1), (7, 7)):
        ranges = split(length, parts)
        assert [k for a, b in ranges for k in range(a, b)] == list(range(length))
        assert len(ranges) == min(length, parts)


def test_at_least_one_thread():
    with pytest.raises(ValueError, match="at least 1"):
        set_threads(0)
    assert thread_count() >= 1
