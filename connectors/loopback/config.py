"""The settings of the loopback connector."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.base import Form
from contracts.items import Channel


def _absolute(folder: Path) -> Path:
    if not folder.is_absolute():
        raise ValueError("Deve essere un percorso assoluto / must be an absolute path")
    return folder


class Settings(Form):
    """Where the notices go."""

    # Not strict: a path comes as a string, from JSON and from a form alike.
    folder: Annotated[Path, Field(strict=False), AfterValidator(_absolute)]
    """Il percorso assoluto di una cartella che esiste. I file contengono dati personali: solo per prove, leggibili dal
    solo utente dell'hub. / The absolute path of an existing folder. Its files hold personal data; they are for trials,
    readable by the hub's user only."""
    channel: Channel = "email"
    """Il canale al posto del quale sta il connettore. / The channel that the connector stands in for."""
