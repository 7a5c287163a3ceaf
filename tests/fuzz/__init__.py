"""Requests as nobody would send them, made from good ones by chance: `python -m tests.fuzz --seconds 3600 --seed 7`."""
