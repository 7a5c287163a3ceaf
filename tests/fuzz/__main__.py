"""A run of any length: `python -m tests.fuzz [--seconds 600] [--seed 7] [--keep]`."""

import argparse
import secrets

from .running import keep, run

parser = argparse.ArgumentParser(prog="tests.fuzz", description="Mutated requests through modi.verify.")
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--seed", type=int, default=None, help="by default one by chance, which is printed")
parser.add_argument("--keep", action="store_true", help="add the first request of each new cause to the corpus")
arguments = parser.parse_args()
seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
print(f"seed {seed}")
findings = run(seed, lambda _, seconds: seconds > arguments.seconds)
for cause, count in findings.seen.most_common():
    print(f"{count:8} {cause or 'accepted'}")
print(f"{findings.seen.total()} requests")
if arguments.keep:
    print(f"{keep(findings)} new in the corpus")
