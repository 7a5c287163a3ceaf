"""The scenarios on a shared hub, by subject: what is done, to whom, and what is expected beyond the ledger."""
