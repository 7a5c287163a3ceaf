"""What proves: evidence, access log, their hash chain; used tokens and quotas, which decide with the commit."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from .columns import CLUSTERED, Instant, ente, key, metadata, needed, partial_index

# `ente_id` is `-` where a refusal came before an ente was known.
evidence = Table(
    "evidence",
    metadata,
    ente(),
    key("evidence_id"),
    needed("at", Instant),
    needed("request_id", String(64)),
    needed("operation", String(60)),
    Column("vendor_id", String(64)),
    Column("signer", String(200)),
    needed("verdict", String(10)),  # accepted | refused
    needed("code", String(64)),
    Column("cause", String(300)),
    needed("body_sha256", String(64)),
    Column("body_sealed", LargeBinary),  # the very bytes that were signed, deflated if many, under the citizen's key
    # header -> compact JWS, or its parts with `jose_headers` (`store.jose_headers`) and `tokens_sealed`
    needed("tokens", JSON),
    Column("citizen_id", String(36)),
    Column("item_id", String(36)),
    Column("version", Integer),
    needed("row_hash", String(64)),
    needed("writer_id", String(36)),
    needed("root_number", BigInteger),
    # Of migration 0010: covered by the hash where they have a value (`store.chain`).
    Column("verified_by", JSON(none_as_null=True)),  # header -> SHA-256 of what verified it, in `key_material`
    Column("message_id", String(256)),  # PROFILE_NON_REPUDIATION_01: the vendor's name of the message
    # Of migration 0028: what tokens say of persons, whose hash stands in `tokens`, and the hub's word for a record of
    # which they were sealed after it was written (`store.sealed_tokens`).
    Column("tokens_sealed", LargeBinary),
    Column("sealed_later", String(64)),
    Column("peer", String(10)),  # loopback | private | public: where a refused request came from, never its address
)

# What tokens were verified with, in DER, under its hex SHA-256: the certificates of a chain, or a public key.
key_material = Table(
    "key_material",
    metadata,
    key("sha256", 64),
    needed("der", LargeBinary),
)

# Protected segments of tokens, under their hex SHA-256: a certificate chain weighs more than all else in a request, and
# each of its vendor's requests carries it.
jose_headers = Table(
    "jose_headers",
    metadata,
    key("sha256", 64),
    needed("segment", Text),
)

# The hub's own keys, once they were rotated: the private half is sealed under the vault key while it signs.
hub_keys = Table(
    "hub_keys",
    metadata,
    key("kid", 64),
    needed("public_jwk", JSON),
    Column("private_sealed", LargeBinary),
    needed("signs_from", Instant),
    Column("published_until", Instant),
)

access_log = Table(
    "access_log",
    metadata,
    ente(),
    key("access_id"),
    needed("at", Instant),
    needed("request_id", String(64)),
    needed("portal_id", String(64)),
    Column("citizen_id", String(36)),
    needed("pseudonym", String(200)),
    needed("acr", String(100)),
    needed("operation", String(60)),
    needed("outcome", String(64)),
    Column("item_id", String(36)),
    needed("row_hash", String(64)),
    needed("writer_id", String(36)),
    needed("root_number", BigInteger),
    Column("delegation_id", String(36)),  # of migration 0018: under which another person read or changed it
    Column("act", JSON(none_as_null=True)),  # of migration 0026: what an administrator did to what, before and after
    Index("ix_access_log_citizen", "ente_id", "citizen_id", "at"),
)
partial_index("ix_access_log_acts", access_log, "at", "access_id", where=access_log.c.act.is_not(None))

# One hash root a commit and writer, each over the one before it.
chain_roots = Table(
    "chain_roots",
    metadata,
    key("writer_id"),
    Column("root_number", BigInteger, primary_key=True),
    needed("at", Instant),
    needed("entries", Integer),
    needed("root", String(64)),
)

# Used tokens, until they expire. One insert decides (no check first): the primary key is the replay guard.
replays = Table(
    "replays",
    metadata,
    ente(),
    Column("token", LargeBinary(16), primary_key=True),  # a hash of (signer, header, jti): short, for it is all index
    needed("used_at", Instant),
    needed("expires_at", Instant),
    # Not by expiry: what is consumed together then stands together, at the end of the index.
    Index("ix_replays_used_at", "used_at"),
    **CLUSTERED,
)

# PROFILE_NON_REPUDIATION_01: how often each message arrived, and what was answered, to be answered again.
received_messages = Table(
    "received_messages",
    metadata,
    ente(),
    key("vendor_id", 64),
    key("message_id", 256),
    needed("receipts", Integer),
    needed("request_sha256", String(64)),  # of operation, target and body: one id names one request
    needed("request_id", String(36)),  # of the first receipt: where its evidence is
    needed("first_at", Instant),
    Column("answer", JSON(none_as_null=True)),
    Index("ix_received_messages_first_at", "first_at"),
)

# Daily quotas, exact and durable: counted with the commit.
quota_usage = Table(
    "quota_usage",
    metadata,
    ente(),
    key("vendor_id", 64),
    key("day", 10),
    needed("used", Integer),
)
