"""The language of the project: canonical items, identifiers, and the promise between hub and connector."""
