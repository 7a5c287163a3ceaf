"""What verdicts want from elsewhere, fetched: one fetch for each name, within a budget, from bounded clients."""
