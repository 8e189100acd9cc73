"""Which extra of the package brings what is imported only for some tasks."""

from importlib.util import find_spec

# The first module of each is what `lacks` looks for.
_MODULES = {
    "train": ("torch", "transformers", "sklearn", "matplotlib", "onnxscript"),
    "serve": ("starlette", "uvicorn", "httptools", "sklearn", "PIL"),
    "dagster": ("dagster", "matplotlib", "sklearn"),
    "postgres": ("dagster_postgres",),
    "ray": ("ray",),
    "s3": ("s3fs",),
    "edge": ("qdrant_edge",),
    "youtube": ("yt_dlp",),
}


def extra_of(module: str) -> str | None:
    """The extra that brings a module by its full name; null for one that the package always has, or does not know."""
    root = module.partition(".")[0]
    return next((extra for extra, modules in _MODULES.items() if root in modules), None)


def lacking(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return [module for module in _MODULES[extra] if find_spec(module) is None]


def remedy(extra: str) -> str:
    """What a person types."""
    return f"pip install 'simsong[{extra}]'"
