"""What connectors share: HTTP with a deadline, the reading of manifests, and the conformance suite."""
