"""The OpenAPI descriptions of the APIs: pure functions of the operations, the contracts, the connectors' manifests and
the errors."""

from hub.http.operations import Api

from . import document
from .callbacks import callback_operations, describe_callbacks
from .document import error_codes
from .json_schema import Json, collection_schema

__all__ = ["callback_operations", "collection_schema", "describe", "error_codes"]


def describe(api: Api, public_url: str | None = None) -> Json:
    """The description of `api`; with `public_url` the running hub's own, without it the one under openapi/."""
    return describe_callbacks(public_url) if api == "callbacks" else document.describe(api, public_url)
