"""The reference connector: one JSON file for each notice, in a folder. For the quick start, and to copy.

A new connector starts as a copy of this folder: `manifest.toml` says what it is, `config.py` what it needs,
`mapping.py` what becomes of a notice, `client.py` in which steps, `samples/` what that looks like, and its test runs
the conformance suite. For a provider over HTTP see `app_io`.

The channels are a closed list of the contracts, and a folder is none of them: this connector stands in for `email`, or
for the one that its settings name, and the hub then routes to it what it would send there.
"""

from pathlib import Path

from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits

from .client import Folder
from .config import Settings


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector for one folder. `limits` bind the hub; a local file has no time-out of its own."""
    manifest = read_manifest(Path(__file__).parent).model_copy(update={"channel": settings.channel})
    folder = Folder(settings.folder)
    return Connector(manifest, folder.advance, folder.check, lookup=folder.lookup, preview=folder.preview)
