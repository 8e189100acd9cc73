"""What decides how a service behaves, besides the home's own configuration."""

from pydantic import BaseModel, ConfigDict, Field


class ServiceSettings(BaseModel):
    """Where it listens, what it lets through, and how long it waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(None, ge=0, le=65_535, description="for /metrics alone, without a key; null: none")
    read_only: bool = Field(False, description="refuse whatever would change the home: likes, playlists, never")
    max_k: int = Field(500, ge=1, description="songs of one answer")
    max_body_bytes: int = Field(1_000_000, ge=1_000)
    max_query_bytes: int = Field(32_000, ge=100, description="a player names the songs of a playlist in an address")
    swap_wait_s: float = Field(2.0, ge=0, description="how long a request waits for what a night has published")
    threads: int = Field(4, ge=1, description="questions that are asked of the index at once")
    foresee_after: int = Field(1_000, ge=1, description="questions to a state before all songs' nearest are found")
    body_timeout_s: float = Field(20.0, gt=0, description="for a client to send its question")
    send_timeout_s: float = Field(300.0, gt=0, description="for a client to take the next piece of an answer")
    max_connections: int = Field(1_000, ge=1, description="more are refused with 503")
