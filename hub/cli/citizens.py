"""The citizen that a command is about: named by the tax code on standard input, never in the arguments (P3)."""

import sys

from contracts.identifiers import OrganizationTaxCode, TaxCode
from hub.home import Home
from hub.store.citizens import Citizen, Citizens, Subject

from .console import Failed, WrongUsage
from .options import checked


def subject_on_input(*, name: str = "the tax code on standard input") -> tuple[str, str]:
    """(kind, tax code) of the next line. Raises WrongUsage."""
    tax_code = sys.stdin.readline().strip().upper()
    if not tax_code:
        raise WrongUsage(f"{name}: there is none")
    kind = "organization" if tax_code.isdigit() else "person"
    checked(OrganizationTaxCode if tax_code.isdigit() else TaxCode, tax_code, name=name)
    return kind, tax_code


def citizen_of(home: Home, ente_id: str, subject: tuple[str, str]) -> Citizen:
    """The citizen of that tax code. Raises Failed where nothing is held about it."""
    with home.database.read() as connection:
        found = Citizens(home.vault).find(connection, Subject(ente_id, *subject))
    if found is None:
        raise Failed("nothing is held about that tax code")
    return found
