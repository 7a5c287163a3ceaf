"""The manifest, read once."""

from pathlib import Path

from connectors.base.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).parent)
