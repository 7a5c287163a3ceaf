"""The units of `docs/deployment`, as systemd reads them."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "deployment"


class _Parser(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        """As it stands there: systemd knows large letters from small ones."""
        return optionstr


def service_of(unit: Path) -> configparser.SectionProxy:
    parser = _Parser(interpolation=None, strict=False)  # EnvironmentFile stands twice
    parser.read(unit)
    return parser["Service"]
