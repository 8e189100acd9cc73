"""The questions to the index as operations: by GET, and by POST where there is much to name."""

from simsong_pipeline.service.json_api import questions
from simsong_pipeline.service.json_api.asked import AboutAsked, PathAsked, SimilarAsked, WhyAsked
from simsong_pipeline.service.json_api.operation import Operation
from simsong_pipeline.service.json_api.shapes import SongsAnswer, WhyAnswer

_GROUP = "questions"

QUESTIONS = [
    Operation(
        method,
        address,
        summary,
        _GROUP,
        asked,
        answer,
        question,
    )
    for method in ("GET", "POST")
    for address, summary, asked, answer, question in (
        ("/similar", "Songs like some songs, and unlike others", SimilarAsked, SongsAnswer, questions.similar),
        ("/path", "Songs that lead from one to another", PathAsked, SongsAnswer, questions.path),
        ("/about", "Songs by what they say, or sound like", AboutAsked, SongsAnswer, questions.about),
        ("/why", "Why two songs are near", WhyAsked, WhyAnswer, questions.why),
    )
]
