"""What whoever has left is told, once its signatures hold."""

from hub.errors import HubError


class VendorEnded(HubError):
    """The vendor has left: nothing of it is taken any more. Who comes back is registered anew."""

    status, code, title = 403, "vendor.ended", "Fornitore cessato / Vendor ended"
    text_it = "Il fornitore è cessato: da lui non si accoglie più nulla. Chi torna va registrato di nuovo."


class EnteEnded(HubError):
    """The public body has left this hub: nothing is taken or shown for it here any more."""

    status, code, title = 403, "ente.ended", "Ente non più servito / Body no longer served"
    text_it = "L'ente ha lasciato questo hub: qui per esso non si accoglie né si mostra più nulla."
