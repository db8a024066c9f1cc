from __future__ import annotations

from oomforensics.capture.storms import MOST, Storms

MS = 1_000_000


def test_what_passes_is_recorded_ten_times_a_second_of_each_cgroup() -> None:
    storms = Storms(0)
    admitted = [at for at in range(0, 1000, 10) if storms.admit("/a", "max", False, at * MS)]
    assert admitted == list(range(0, 1000, 100))
    assert storms.admit("/b", "max", False, 1000 * MS) and storms.admit("/a", "high", False, 1000 * MS)


def test_a_second_has_room_for_so_many_and_for_every_oom() -> None:
    storms = Storms(0)
    assert sum(storms.admit(f"/{number}", "oom", False, 5 * MS) for number in range(MOST + 50)) == MOST
    assert all(storms.admit("/0", "oom_kill", True, 6 * MS) for _ in range(1000))
    assert storms.dropped == 0  # the second is not over
    assert storms.admit("/0", "oom", False, 1000 * MS)
    assert storms.dropped == 50


def test_cgroups_that_are_gone_are_forgotten() -> None:
    storms = Storms(0)
    for number in range(100):
        storms.admit(f"/{number}", "max", False, 0)
    storms.admit("/here", "max", False, 1500 * MS)
    storms.forget(2000 * MS)
    assert list(storms._passed) == [("/here", "max")]
