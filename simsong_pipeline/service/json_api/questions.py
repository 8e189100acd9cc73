"""The questions to the index: what `asking.queries` answers, by ids, and nothing of its own."""

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.asking.restricted import Answer, Named, restriction_of
from simsong_pipeline.audio.segments import part_length_s
from simsong_pipeline.service.json_api.asked import AboutAsked, Filters, PathAsked, SimilarAsked, WhyAsked
from simsong_pipeline.service.json_api.found_songs import FoundSongs
from simsong_pipeline.service.json_api.shapes import MeantSong, SegmentPair, WhyAnswer
from simsong_pipeline.service.naming import known_album, known_artist, song_id_of
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

# A question that names more, or chooses from more, takes memory that others need.
_MOST_LIKED, _LOOKED_AT = 5_000, 20_000


def similar(_service: Service, snapshot: Snapshot, asked: SimilarAsked) -> FoundSongs:
    """Songs most like some songs, artists and albums, and unlike others."""
    songs = snapshot.songs.ranking_by(asked.audio_weight, asked.hubness, asked.with_outliers)
    named = [song_id_of(snapshot.library, words) for words in asked.like]
    liked = list(dict.fromkeys([*named, *_group_songs(snapshot, asked)]))
    disliked = [song_id_of(snapshot.library, words) for words in asked.dislike]
    answer = songs.similar(liked, choice_of(asked, asked.k, asked.diversity), disliked, asked.exclude_artist)
    return FoundSongs(snapshot, answer, songs.notes, songs.ranking.audio_weight)


def _group_songs(snapshot: Snapshot, asked: SimilarAsked) -> list[str]:
    """Ids of all songs of the artists and albums that are named; raises as `known_artist`."""
    library = snapshot.library
    by = [library.songs_of_artist(known_artist(library, artist_id).id) for artist_id in asked.artist]
    on = [library.songs_of_album(known_album(library, album_id).id) for album_id in asked.album]
    found = [song.id for songs in (*by, *on) for song in songs]
    if len(found) > _MOST_LIKED:
        raise ProblemError(422, "too-many", f"these are {len(found)} songs: name artists and albums of {_MOST_LIKED}")
    return found


def path(_service: Service, snapshot: Snapshot, asked: PathAsked) -> FoundSongs:
    """Songs that lead from one to another, both among them, at the ends."""
    songs = snapshot.songs.ranking_by(asked.audio_weight, asked.hubness, asked.with_outliers)
    start, end = (song_id_of(snapshot.library, words) for words in (asked.start, asked.end))
    answer = songs.path(start, end, choice_of(asked, asked.k))
    first, last = songs.ends(answer.meant)
    whole = Answer(answer.meant, [first, *answer.neighbours, last], answer.nothing)
    return FoundSongs(snapshot, whole, songs.notes, songs.ranking.audio_weight)


def about(_service: Service, snapshot: Snapshot, asked: AboutAsked) -> FoundSongs:
    """Songs whose lyrics are nearest to a text, whose music sounds like one, or both."""
    songs = snapshot.songs.ranking_by(with_outliers=asked.with_outliers)
    choice, text = choice_of(asked, asked.k, asked.diversity), (asked.text or "").strip() or None
    sound = (asked.sound or "").strip()
    answer = songs.sounding(sound, choice, text, asked.sound_weight) if sound else songs.about(text or "", choice)
    return FoundSongs(snapshot, answer, songs.notes, None)


def why(_service: Service, snapshot: Snapshot, asked: WhyAsked) -> WhyAnswer:
    """Why two songs are near to the model that is served."""
    songs = snapshot.songs.ranking_by(asked.audio_weight, asked.hubness)
    first, second = (song_id_of(snapshot.library, words) for words in (asked.first, asked.second))
    one, other, found = songs.why(first, second, asked.best)
    pairs = [
        SegmentPair(first_s=a, second_s=b, first_end_s=end, second_end_s=other_end, cosine=cosine)
        for (a, b, cosine), (end, other_end) in zip(found.segments, found.segment_ends, strict=True)
    ]
    return WhyAnswer(
        first=_meant(one),
        second=_meant(other),
        score=found.score,
        audio=found.audio,
        lyrics=found.lyrics,
        lyrics_counted=found.lyrics_counted,
        audio_weight=found.audio_weight,
        hubness_taken_off=found.hubness_taken_off,
        segments=pairs,
        segment_s=part_length_s(snapshot.config),
        heard=found.heard,
        model=found.model_version,
    )


def choice_of(asked: Filters, k: int, diversity: float = 0.0) -> Choice:
    """The filters as the index takes them."""
    spans = {
        "year": (asked.since, asked.until),
        "duration_s": (asked.min_seconds, asked.max_seconds),
        "tempo_bpm": (asked.min_tempo, asked.max_tempo),
        "loudness_db": (asked.min_loudness, asked.max_loudness),
    }
    restriction = restriction_of(asked.language, asked.tag, spans)
    return Choice(k, restriction, asked.per_artist, asked.per_album, diversity, looked_at=_LOOKED_AT)


def _meant(named: Named) -> MeantSong:
    return MeantSong(id=named.track_id, name=named.name)
