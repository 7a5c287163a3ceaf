"""The conformance kit: a vendor that tries a hub with good and bad requests, and a hub that tries a vendor's client."""
