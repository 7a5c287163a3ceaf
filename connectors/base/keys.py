"""Keys of providers, as settings hold them."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr


def _sendable(key: SecretStr) -> SecretStr:
    if not key.get_secret_value() or not all("!" <= character <= "~" for character in key.get_secret_value()):
        raise ValueError("Solo ASCII stampabile senza spazi / printable ASCII without spaces")
    return key


Key = Annotated[SecretStr, AfterValidator(_sendable)]
"""One that goes as a header's value."""
