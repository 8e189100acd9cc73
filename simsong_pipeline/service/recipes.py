"""Asks a recipe's question: the same function as the route of its kind."""

from pydantic import ValidationError

from simsong_pipeline.service.json_api import questions
from simsong_pipeline.service.json_api.asked import AboutAsked, PathAsked, SimilarAsked
from simsong_pipeline.service.json_api.operation import invalid
from simsong_pipeline.service.json_api.shapes import SongsAnswer
from simsong_pipeline.service.playlists import Recipe
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot


def asked_again(service: Service, snapshot: Snapshot, recipe: Recipe) -> SongsAnswer:
    """The answer of the present state.

    Raises:
        ProblemError: the question is none of its kind.
        SimSongError: as the question, where a song of it is no more say.
    """
    try:
        if recipe.kind == "similar":
            return questions.similar(service, snapshot, SimilarAsked.model_validate(recipe.question)).shape()
        if recipe.kind == "path":
            return questions.path(service, snapshot, PathAsked.model_validate(recipe.question)).shape()
        return questions.about(service, snapshot, AboutAsked.model_validate(recipe.question)).shape()
    except ValidationError as error:
        raise invalid(error) from error
