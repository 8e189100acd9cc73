"""How a text model makes a vector of token vectors, and what it wants before a text: by its own files, without torch.

Models that were made with sentence-transformers say so in `modules.json`, `1_Pooling/config.json` and
`config_sentence_transformers.json`; one without these files is read as before: the mean, and nothing before a text.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from simsong_pipeline.errors import ModelError

Pooling = Literal["mean", "cls", "lasttoken"]
Find = Callable[[str], Path | None]
# Older files have a truth value for each kind in place of a name.
_OLD_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")
_DOCUMENT_NAMES = ("document", "passage", "corpus")


@dataclass(frozen=True)
class TextRecipe:
    """From token vectors to a text's vector, which is scaled to unit length in any case.

    Attributes:
        pooling: over a window's tokens, special ones included.
        document: what comes before lyrics.
        query: what comes before a question.
        pool_prompt: whether the tokens of what comes before are pooled too.
    """

    pooling: Pooling = "mean"
    document: str = ""
    query: str = ""
    pool_prompt: bool = True


def text_recipe(model: str, find: Find) -> TextRecipe:
    """The recipe of a model.

    Args:
        model: its name, for errors.
        find: where the model's file of a name lies; null where it has none.

    Raises:
        ModelError: a file is damaged, or the model has a layer or a pooling that is not known here.
    """
    modules = _read(find, "modules.json", list)
    kinds = {str(module["type"]).rsplit(".", 1)[-1]: str(module["path"]) for module in modules}
    if unknown := sorted(kinds.keys() - set(_KNOWN_MODULES)):
        raise ModelError(f"lyric model {model!r} ends in a layer {unknown[0]}, which is not supported: choose another")
    pooling = _read(find, f"{kinds.get('Pooling', '1_Pooling')}/config.json", dict)
    content = _read(find, "config_sentence_transformers.json", dict)
    prompts: dict[str, str] = content.get("prompts") or {}
    default = prompts.get(content.get("default_prompt_name") or "", "")
    document = next((prompts[name] for name in _DOCUMENT_NAMES if name in prompts), default)
    include = bool(pooling.get("include_prompt", True))
    return TextRecipe(_pooling(model, pooling), document, prompts.get("query", default), include)


def in_folder(folder: Path) -> Find:
    """Finds the files of a model that lies in a folder."""

    def find(name: str) -> Path | None:
        path = folder / name
        return path if path.is_file() else None

    return find


def _read(find: Find, name: str, kind: type) -> Any:
    path = find(name)
    if path is None:
        return kind()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is damaged: fetch the model again") from error
    if not isinstance(content, kind):
        raise ModelError(f"{path} is damaged: fetch the model again")
    return content


def _pooling(model: str, content: dict[str, Any]) -> Pooling:
    named = content.get("pooling_mode") or [name for key, name in _OLD_NAMES.items() if content.get(key)] or "mean"
    kinds = [named] if isinstance(named, str) else list(named)
    if len(kinds) != 1 or kinds[0] not in get_args(Pooling):
        raise ModelError(f"lyric model {model!r} pools by {' and '.join(map(str, kinds))}: choose one of {_POOLINGS}")
    return cast(Pooling, kinds[0])


_POOLINGS = ", ".join(get_args(Pooling))
