"""What a process says of itself in the log when it starts, so that nobody has to ask with what it works; no secret."""

from importlib.metadata import version
from urllib.parse import urlsplit

from hub.home import Home
from hub.settings import Settings
from hub.store import figures
from hub.store.postgres import place_of


def described(home: Home) -> str:
    """As fields of a line of the log; the home's database is open. `lanes` are the connectors, each of an ente."""
    settings, database = home.settings, home.database
    with database.read() as connection:
        enti, lanes = len(figures.enti_ids(connection)), len(figures.connector_statuses(connection))
    fields = {
        "version": version("raccordo"),
        "home": home.folder,
        "database": place_of(settings.database_url) if database.is_shared else "sqlite",
        "redis": _redis(settings),
        "dispatch": settings.dispatch if database.is_shared else "embedded",
        "threads": settings.delivery_threads,
        "metrics": settings.metrics_listen or "none",
        "enti": enti,
        "lanes": lanes,
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())


def _redis(settings: Settings) -> str:
    """Where it is, without user and password."""
    if not settings.redis_url:
        return "none"
    parts = urlsplit(settings.redis_url)
    return f"{parts.hostname}:{parts.port or 6379}{parts.path}" if parts.hostname else parts.path
