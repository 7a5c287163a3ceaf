"""Why a value of a record cannot become a field of an item."""


class Unmappable(Exception):
    """One rule does not fit one record. The detail never repeats the value: it may be personal."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
