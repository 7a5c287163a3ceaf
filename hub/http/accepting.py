"""Whether a caller takes JSON: the `Accept` header of RFC 9110, 12.5.1."""

_JSON = "application/json"
_RANGES = {_JSON: 2, "application/*": 1, "*/*": 0}
"""What covers JSON, and how closely: the closest decides."""


def takes_json(header: str | None) -> bool:
    """Without the header anything is taken; a weight of zero refuses. What cannot be read is passed over."""
    if header is None or not header.strip():
        return True
    closest, taken = -1, False
    for each in header.split(","):
        media, *parameters = (part.strip().lower() for part in each.split(";"))
        closeness = _RANGES.get(media, -1)
        if closeness > closest:
            closest, taken = closeness, not any(_is_zero(parameter) for parameter in parameters)
    return taken


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in ("", "0.", "0") and value.strip().startswith("0")
