"""How a record of somebody else's becomes fields of ours: rules that an administrator writes, and nothing about where
the record comes from."""
