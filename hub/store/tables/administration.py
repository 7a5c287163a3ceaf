"""Who administers an ente, their sessions, and what they made of connectors and vendors, version by version."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from .columns import Instant, ente, key, metadata, needed

administrators = Table(
    "administrators",
    metadata,
    ente(),
    key("administrator_id"),
    needed("username", String(100)),  # of the whole hub: whoever signs in names no ente
    needed("display_name", String(120)),
    needed("roles", JSON),
    needed("active", Boolean),
    Column("password_hash", String(200)),  # Argon2id; none where an identity provider vouches
    Column("provider_id", String(64)),
    Column("subject", String(255)),  # the provider's own name of the person
    needed("created_at", Instant),
    needed("updated_at", Instant),
    Index("ux_administrators_username", "username", unique=True),
)

# Opaque tokens, under their SHA-256: what the table holds opens nothing.
admin_sessions = Table(
    "admin_sessions",
    metadata,
    ente(),
    key("session_hash", 64),
    needed("administrator_id", String(36)),
    needed("created_at", Instant),
    needed("expires_at", Instant),
    Column("revoked_at", Instant),
    Index("ux_admin_sessions_hash", "session_hash", unique=True),
)

# Attempts in a row by keyed hash of the name, whether there is such an account or not. No ente is known: it is `-`.
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    ente(),
    key("name_hash", 64),
    needed("failures", Integer),
    needed("last_at", Instant),
)

# What a local account signs in with, beside its password (`store.second_factors`).
second_factors = Table(
    "second_factors",
    metadata,
    ente(),
    key("administrator_id"),
    needed("secret_sealed", LargeBinary),
    needed("last_step", BigInteger),  # 30 seconds each since 1970; 0: no code was taken yet
    needed("failures", Integer),
    needed("enrolled_at", Instant),
)

# Codes for when the device is lost, each good once.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    ente(),
    key("administrator_id"),
    key("code_hash", 64),
    Column("used_at", Instant),
)

# An OpenID provider that vouches for an ente's administrators.
identity_providers = Table(
    "identity_providers",
    metadata,
    ente(),
    key("provider_id", 64),  # unique in the whole hub
    needed("issuer", String(500)),
    needed("client_id", String(200)),
    Column("secret_sealed", LargeBinary),
    needed("redirect_uri", String(500)),
    needed("scope", String(200)),
    needed("role_claim", String(200)),  # a path with points, such as realm_access.roles
    needed("role_map", JSON),  # value of the claim -> role
    needed("active", Boolean),
    needed("updated_at", Instant),
    Index("ux_identity_providers_name", "provider_id", unique=True),
)

# Logins under way at a provider: each `state` is good once, for the browser that began it.
provider_logins = Table(
    "provider_logins",
    metadata,
    ente(),
    key("state_hash", 64),
    needed("provider_id", String(64)),
    needed("browser_hash", String(64)),
    needed("nonce", String(64)),
    needed("verifier_sealed", LargeBinary),
    needed("expires_at", Instant),
    Index("ux_provider_logins_state", "state_hash", unique=True),
)

# Every version of a connector's settings that anybody saved. Which one is in force, `connectors.content_version` says.
connector_versions = Table(
    "connector_versions",
    metadata,
    ente(),
    key("connector_id", 64),
    Column("version", Integer, primary_key=True),
    needed("type", String(64)),
    needed("environment", String(10)),  # production | test
    needed("settings_sealed", LargeBinary),
    Column("overrides_sealed", LargeBinary),  # settings of single services
    needed("limits", JSON),
    needed("author", String(200)),
    needed("made_at", Instant),
    Column("checked_at", Instant),
    Column(
        "check_outcome", String(10)
    ),  # passed | failed | lapsed: it had passed before the vendor was put back into its sandbox
    Column("check_reason", String(100)),
    Column("activated_at", Instant),
)

# Reports of `raccordo conformance` about a vendor.
conformance_reports = Table(
    "conformance_reports",
    metadata,
    ente(),
    key("vendor_id", 64),
    key("report_id"),
    needed("at", Instant),
    needed("author", String(200)),
    needed("verdict", String(10)),  # passed | failed
    needed("passed", Integer),
    needed("failed", Integer),
    needed("skipped", Integer),
    needed("tried", String(500)),
    needed("sha256", String(64)),
    needed("report", JSON),
)
