"""Why a value of a record cannot become a field of an item."""

from contracts.faults import bilingual


class Unmappable(Exception):
    """One rule does not fit one record. The detail never repeats the value: it may be personal."""

    def __init__(self, code: str, italian: str, english: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = bilingual(italian, english)


def without_value() -> Unmappable:
    """A record lacks what its rule needs."""
    return Unmappable("mapping.required", "il record qui non ha un valore", "the record has no value here")
