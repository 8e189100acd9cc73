"""The questions to the index as operations: by GET, and by POST where there is much to name."""

from simsong_pipeline.service.asker import never_brief
from simsong_pipeline.service.json_api import questions
from simsong_pipeline.service.json_api.asked import AboutAsked, PathAsked, SimilarAsked, WhyAsked
from simsong_pipeline.service.json_api.operation import Operation
from simsong_pipeline.service.json_api.shapes import SongsAnswer, WhyAnswer
from simsong_pipeline.service.snapshot import Snapshot

_GROUP = "questions"
# Of one: a search among more songs takes longer than the way to a thread and back.
_FEW_NAMED, _FEW_ASKED, _FEW_SONGS = 10, 50, 100_000


def is_brief(snapshot: Snapshot, asked: SimilarAsked) -> bool:
    """Whether the embedded engine answers it in about a millisecond."""
    is_plain = not (asked.artist or asked.album or asked.exclude_artist or asked.diversity)
    is_small = len(asked.like) + len(asked.dislike) <= _FEW_NAMED and asked.k <= _FEW_ASKED
    plain_limits = asked.per_artist is None and asked.per_album is None
    known = all(words in snapshot.library.song_rows for words in (*asked.like, *asked.dislike))
    is_near = snapshot.config.store.engine == "edge" and snapshot.store.embedded
    return is_plain and is_small and plain_limits and known and is_near and snapshot.library.songs.height <= _FEW_SONGS


QUESTIONS = [
    Operation(
        method,
        address,
        summary,
        _GROUP,
        asked,
        answer,
        question,
        is_brief=is_brief if question is questions.similar else never_brief,
    )
    for method in ("GET", "POST")
    for address, summary, asked, answer, question in (
        ("/similar", "Songs like some songs, and unlike others", SimilarAsked, SongsAnswer, questions.similar),
        ("/path", "Songs that lead from one to another", PathAsked, SongsAnswer, questions.path),
        ("/about", "Songs by what they say, or sound like", AboutAsked, SongsAnswer, questions.about),
        ("/why", "Why two songs are near", WhyAsked, WhyAnswer, questions.why),
    )
]
