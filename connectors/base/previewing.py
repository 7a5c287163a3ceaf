"""Bodies as the fields of a `contracts.connector.Preview`."""

import json
from collections.abc import Mapping
from typing import Any


def fields_of(body: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A JSON body as `path.to.member` -> value; a list is one value."""
    found: dict[str, str] = {}
    for name, value in body.items():
        if isinstance(value, Mapping):
            found |= fields_of(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found
