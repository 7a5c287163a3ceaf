"""What an end does to a body or a vendor, in Italian and then in English."""

from collections.abc import Mapping
from typing import Final

from contracts.faults import Bilingual, bilingual

_MOST: Final = 4000
"""A list of all that waits is told whole."""

ITALIAN: Final = {
    "deliveries queued": "consegne in coda",
    "deliveries waiting": "consegne in attesa dell'esito",
    "deliveries held": "consegne ferme",
    "deliveries unconfirmed": "consegne senza conferma",
    "deliveries parked": "consegne accantonate",
    "deliveries to it, or by its connectors": "consegne per lui o dai suoi connettori",
    "deliveries": "consegne",
    "batches running": "lotti in corso",
    "broadcasts running": "comunicazioni in corso",
    "broadcasts": "comunicazioni",
    "records in quarantine": "record in quarantena",
    "citizens' requests to services unanswered": "domande dei cittadini ai servizi senza risposta",
    "citizens' requests unanswered": "domande dei cittadini senza risposta",
    "requests of data subjects open": "richieste degli interessati aperte",
    "vendors": "fornitori",
    "portals": "portali",
    "keys of vendors and portals": "chiavi di fornitori e portali",
    "keys": "chiavi",
    "connectors": "connettori",
    "clients at PDND": "client PDND",
    "administrators": "amministratori",
    "sources listened to": "fonti seguite",
    "reminders to come": "promemoria in programma",
    "citizens": "cittadini",
    "items": "elementi",
    "records of evidence": "prove",
}
"""By the names that the store counts under (`hub.store.ending`), which `--json` shows."""


def both(italian: str, english: str) -> Bilingual:
    """A sentence about an end."""
    return bilingual(italian, english, most=_MOST)


def counted(counts: Mapping[str, int]) -> tuple[str, str]:
    """So many of each, in both languages; empty where there is nothing."""
    italian = ", ".join(f"{ITALIAN[name]}: {count}" for name, count in counts.items())
    return italian, ", ".join(f"{count} {name}" for name, count in counts.items())
