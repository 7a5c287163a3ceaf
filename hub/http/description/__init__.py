"""The OpenAPI descriptions of the APIs: pure functions of the operations, the contracts and the errors."""

from .document import describe, error_codes
from .json_schema import collection_schema

__all__ = ["collection_schema", "describe", "error_codes"]
