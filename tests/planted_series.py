"""Series for each alert, in promtool's notation: at some an alert fires from a minute on, at the others never.

Values stand on both sides of the alert's bound, so that a bound which moves is seen. The clock begins at 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]


@dataclass(frozen=True)
class Planted:
    """What an alert is shown.

    Attributes:
        fires: series at which it does.
        from_minute: the first at which it does; it is silent at the step before.
        says: the summary of each that fires, by its labels besides `severity`.
        silent: series at which it never does, up to `to_minute`.
        every: minutes from one value to the next, and from one look at them to the next.
    """

    fires: Series
    from_minute: int
    says: Mapping[tuple[tuple[str, str], ...], str]
    silent: Series
    to_minute: int = 60
    every: int = 1


def _told(says: str, **labels: str) -> Mapping[tuple[tuple[str, str], ...], str]:
    return {tuple(sorted(labels.items())): says}


def each(*parts: tuple[float, int]) -> str:
    """Values that stay for some steps each."""
    return " ".join(f"{value:.10g}+0x{steps - 1}" for value, steps in parts)


def _seconds(route: str, within: Mapping[str, int]) -> Series:
    """Buckets that gain so many questions a minute."""
    name = "simsong_http_request_seconds_bucket"
    return {f'{name}{{instance="a:8080", route="{route}", le="{le}"}}': f"0+{n}x60" for le, n in within.items()}


def _requests(**by_status: int) -> Series:
    """Requests that are answered each minute, by a status whose name has a letter before it."""
    return {
        f'simsong_http_requests_total{{instance="a:8080", route="/{n}", status="{status[1:]}"}}': f"0+{count}x60"
        for n, (status, count) in enumerate(by_status.items())
    }


_SUCCESS = "simsong_night_last_success_timestamp_seconds"
_STARTED = "simsong_night_started_timestamp_seconds"
_STATE, _FAILED, _TRACKS = "simsong_night_state", "simsong_songs_failed", "simsong_night_tracks"
_TROUBLE, _FREE, _SIZE = "simsong_snapshot_in_trouble", "simsong_home_disk_free_bytes", "simsong_home_disk_size_bytes"

PLANTED: Mapping[str, Planted] = {
    # Ten minutes up, then down: more than two minutes of it.
    "SimSongServiceDown": Planted(
        {'up{job="simsong", instance="a:8080"}': each((1, 10), (0, 20))},
        12,
        _told("The service at a:8080 does not answer.", job="simsong", instance="a:8080"),
        {
            'up{job="simsong", instance="a:8080"}': each((1, 10), (0, 2), (1, 48)),
            'up{job="qdrant", instance="b:6333"}': each((0, 60)),
        },
    ),
    # 36 hours after the last success, which two scrapes show; the older one of them is of no account.
    "SimSongIndexTooOld": Planted(
        {f'{_SUCCESS}{{home="music", instance="a:8080"}}': each((0, 500))},
        36 * 60 + 5 + 5,
        _told("No night of music has ended well for 1d 12h 10m 0s.", home="music"),
        {
            f'{_SUCCESS}{{home="music", instance="a:8080"}}': each((0, 300), (1500 * 60, 200)),
            f'{_SUCCESS}{{home="music", instance="b:9100"}}': each((0, 500)),
        },
        2200,
        every=5,
    ),
    "SimSongNightFailed": Planted(
        {f'{_STATE}{{home="music", state="failed"}}': each((0, 10), (1, 10))},
        10,
        _told("The last night of music failed.", home="music"),
        {
            f'{_STATE}{{home="music", state="failed"}}': each((0, 60)),
            f'{_STATE}{{home="music", state="stopped"}}': each((1, 60)),
        },
    ),
    # Eight hours of one home; the other one's night ended within five minutes.
    "SimSongNightTooLong": Planted(
        {
            f'{_STARTED}{{home="music"}}': each((0, 120)),
            f'{_STATE}{{home="music", state="running"}}': each((1, 120)),
            f'{_STARTED}{{home="other"}}': each((0, 120)),
            f'{_STATE}{{home="other", state="running"}}': each((1, 1), (0, 119)),
        },
        8 * 60 + 5,
        _told("A night of music has been at work for 8h 5m 0s.", home="music"),
        {
            f'{_STARTED}{{home="music"}}': each((0, 80), (400 * 60, 40)),
            f'{_STATE}{{home="music", state="running"}}': each((1, 120)),
        },
        595,
        every=5,
    ),
    # Of 100 tracks, 10 and then 11 came to nothing, which two scrapes show; copies are none of them.
    "SimSongManySongsFail": Planted(
        {
            f'{_TRACKS}{{home="music", instance="a:8080"}}': each((100, 20)),
            f'{_FAILED}{{home="music", stage="audio", reason="silent", instance="a:8080"}}': each((4, 20)),
            f'{_FAILED}{{home="music", stage="audio", reason="silent", instance="b:9100"}}': each((4, 20)),
            f'{_FAILED}{{home="music", stage="audio", reason="unread"}}': each((6, 10), (7, 10)),
        },
        10,
        _told("11 tracks of music came to nothing.", home="music"),
        {
            f'{_TRACKS}{{home="music"}}': each((100, 60)),
            f'{_FAILED}{{home="music", stage="audio", reason="silent"}}': each((10, 60)),
            f'{_FAILED}{{home="music", stage="audio", reason="copy"}}': each((50, 60)),
            f'{_FAILED}{{home="music", stage="audio", reason="missing"}}': each((30, 60)),
        },
    ),
    # Two in a hundred between a half and one second: the 99th hundredth lies in the middle of that bucket. A rate needs
    # two values, so a minute.
    "SimSongSlow": Planted(
        _seconds("/api/v1/similar", {"0.25": 90, "0.5": 98, "1.0": 100, "+Inf": 100}),
        1 + 10,
        _told("One question in a hundred takes 750ms at a:8080.", instance="a:8080"),
        {
            **_seconds("/api/v1/similar", {"0.25": 900, "0.5": 995, "1.0": 1000, "+Inf": 1000}),
            **_seconds("/api/v1/songs/{id}/stream", {"0.25": 0, "0.5": 0, "1.0": 100, "+Inf": 100}),
        },
    ),
    "SimSongErrors": Planted(
        _requests(s200=94, s500=3, s503=3),
        1 + 10,
        _told("More than one request in twenty fails at a:8080.", instance="a:8080"),
        _requests(s200=60, s404=36, s500=4),
    ),
    "SimSongServesFormerState": Planted(
        {f'{_TROUBLE}{{instance="a:8080"}}': each((0, 10), (1, 30))},
        10 + 15,
        _told("a:8080 cannot take the newest state of its home, and answers from the one before.", instance="a:8080"),
        {f'{_TROUBLE}{{instance="a:8080"}}': each((0, 10), (1, 15), (0, 35))},
    ),
    "SimSongDiskNearlyFull": Planted(
        {
            f'{_FREE}{{home="music", instance="a:8080"}}': each((10, 10), (9, 30)),
            f'{_SIZE}{{home="music", instance="a:8080"}}': each((100, 40)),
        },
        10 + 15,
        _told("The disk of music has 9% free.", home="music"),
        {f'{_FREE}{{home="music"}}': each((10, 60)), f'{_SIZE}{{home="music"}}': each((100, 60))},
    ),
}
