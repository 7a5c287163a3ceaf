"""Back-ups: a consistent copy of the database, the files and the anchors, signed; and the way back."""
