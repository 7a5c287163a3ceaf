"""What registers say of citizens."""

from sqlalchemy import LargeBinary, String, Table

from .columns import CLUSTERED, Instant, ente, key, metadata, needed

citizen_attributes = Table(
    "citizen_attributes",
    metadata,
    ente(),
    key("citizen_id"),
    key("code", 64),
    needed("value_sealed", LargeBinary),
    needed("source", String(64)),
    needed("as_of", Instant),
    needed("updated_at", Instant),
    **CLUSTERED,
)
