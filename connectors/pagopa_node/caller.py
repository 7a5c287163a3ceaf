"""Whether a call is pagoPA's. spec/pagopa.md names no one way, so each that an installation has is asked for."""

import hmac
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from contracts.answering import Call

from .config import Settings
from .soap import SoapFault

KEY_HEADER = "ocp-apim-subscription-key"


def authenticate(call: Call, settings: Settings) -> None:
    """Raises SoapFault, which does not say what of it was wrong."""
    checks = []
    if settings.caller_certificates:
        checks.append(_has_certificate(call, settings.caller_certificates))
    if settings.caller_networks:
        checks.append(_is_from(call, settings.caller_networks))
    if settings.caller_key is not None:
        given = call.header(KEY_HEADER) or ""
        checks.append(hmac.compare_digest(given.encode(), settings.caller_key.get_secret_value().encode()))
    if not checks or not all(checks):
        raise SoapFault("Client", "the caller is not known here", 403)


def _has_certificate(call: Call, known: tuple[str, ...]) -> bool:
    # Which certificate it is decides, and not who issued it: the proxy has checked that the caller has its key.
    return call.certificate is not None and sha256(call.certificate).hexdigest() in known


def _is_from(call: Call, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(call.address)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((mapped or address) in ip_network(network) for network in networks)
