"""What a caller takes: the `Accept` header of RFC 9110, 12.5.1."""

from contextlib import suppress

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


SVG = "image/svg+xml"


def prefers_json(header: str | None) -> bool:
    """Whether a caller that may have a page or JSON wants JSON: it names JSON, and a page not at all or with less
    weight."""
    weights = _weights(header)
    return weights.get(_JSON, 0.0) > max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))


def names_html(header: str | None) -> bool:
    """Whether the caller asks for a page by its name, no less than for JSON: as browsers do."""
    weights = _weights(header)
    return weights.get("text/html", 0.0) > 0 and weights.get("text/html", 0.0) >= weights.get(_JSON, 0.0)


def names_svg(header: str | None) -> bool:
    """Whether the caller asks for a picture by its name."""
    return _weights(header).get(SVG, 0.0) > 0


def names_csv(header: str | None) -> bool:
    """Whether the caller asks for a table by its name, no less than for JSON."""
    weights = _weights(header)
    return weights.get("text/csv", 0.0) > 0 and weights.get("text/csv", 0.0) >= weights.get(_JSON, 0.0)


def takes_svg_alone(header: str | None) -> bool:
    """Whether the caller takes nothing but the picture."""
    return {name for name, weight in _weights(header).items() if weight > 0} == {SVG}


def _weights(header: str | None) -> dict[str, float]:
    """Media ranges by weight. What cannot be read counts fully."""
    found: dict[str, float] = {}
    for each in (header or "").split(","):
        media, *parameters = (part.strip().lower() for part in each.split(";"))
        weight = 1.0
        for name, _, value in (parameter.partition("=") for parameter in parameters):
            if name.strip() == "q":
                with suppress(ValueError):
                    weight = float(value)
        if media:
            found[media] = weight
    return found
