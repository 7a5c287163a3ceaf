"""The operations of the APIs: one table from which routes, obligations and descriptions are made."""

from dataclasses import dataclass
from typing import Literal

Api = Literal["publish", "feed", "admin", "callbacks"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `path` is below `/<api>/v1`; `signed_body` obliges the caller to sign it."""

    api: Api
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    operation_id: str
    signed_body: bool = False
    public: bool = False
    scheme: str | None = None
    """How the caller is known where it is not as everywhere in the API."""


PUBLISH: tuple[Operation, ...] = (
    Operation("publish", "GET", "/status", "show_publish_status", public=True),
    Operation("publish", "POST", "/messages", "publish_message", signed_body=True),
    Operation("publish", "POST", "/documents", "publish_document", signed_body=True),
    Operation("publish", "POST", "/payments", "publish_payment", signed_body=True),
    Operation("publish", "POST", "/receipts", "publish_receipt", signed_body=True),
    Operation("publish", "POST", "/applications", "publish_application", signed_body=True),
    Operation("publish", "POST", "/subscriptions", "publish_subscription", signed_body=True),
    Operation("publish", "POST", "/deadlines", "publish_deadline", signed_body=True),
    Operation("publish", "POST", "/services", "publish_service", signed_body=True),
    Operation("publish", "POST", "/batches", "publish_batch", signed_body=True),
    Operation("publish", "GET", "/batches/{batch_id}", "show_batch"),
    Operation("publish", "GET", "/batches/{batch_id}/result", "show_batch_result"),
    Operation("publish", "GET", "/events", "list_events"),
    Operation("publish", "GET", "/items", "find_published_items"),
    Operation("publish", "GET", "/items/{item_id}", "show_published_item"),
    Operation("publish", "POST", "/items/{item_id}/withdrawals", "withdraw_item", signed_body=True),
    Operation("publish", "PUT", "/documents/{item_id}/content", "upload_document_content", signed_body=True),
)

FEED: tuple[Operation, ...] = (
    Operation("feed", "GET", "/status", "show_feed_status", public=True),
    Operation("feed", "GET", "/summary", "show_summary"),
    Operation("feed", "GET", "/items", "list_items"),
    Operation("feed", "GET", "/items/{item_id}", "show_item"),
    Operation("feed", "PATCH", "/items/{item_id}/user-state", "change_user_state", signed_body=False),
    Operation("feed", "POST", "/user-states", "change_user_states", signed_body=False),
    Operation("feed", "GET", "/services", "list_services"),
    Operation("feed", "GET", "/messages", "list_messages"),
    Operation("feed", "GET", "/documents", "list_documents"),
    Operation("feed", "GET", "/payments", "list_payments"),
    Operation("feed", "GET", "/receipts", "list_receipts"),
    Operation("feed", "GET", "/applications", "list_applications"),
    Operation("feed", "GET", "/subscriptions", "list_subscriptions"),
    Operation("feed", "POST", "/subscriptions/{item_id}/requests", "request_subscription_change", signed_body=False),
    Operation("feed", "POST", "/carts", "make_cart", signed_body=False),
    Operation("feed", "GET", "/deadlines", "list_deadlines"),
    Operation("feed", "GET", "/documents/{item_id}/content", "read_document_content"),
    Operation("feed", "HEAD", "/documents/{item_id}/content", "describe_document_content"),
    Operation("feed", "GET", "/changes", "list_changes"),
    Operation("feed", "GET", "/profile", "show_profile"),
    Operation("feed", "PATCH", "/profile", "change_profile", signed_body=False),
    Operation("feed", "GET", "/preferences", "show_preferences"),
    Operation("feed", "PATCH", "/preferences", "change_preferences", signed_body=False),
    Operation("feed", "GET", "/events", "stream_events"),
    Operation("feed", "GET", "/access-log", "list_accesses"),
    Operation("feed", "GET", "/sharing", "list_sharing"),
    Operation("feed", "GET", "/export", "export_everything"),
    Operation("feed", "GET", "/rights-requests", "list_own_rights_requests"),
    Operation("feed", "POST", "/rights-requests", "file_rights_request", signed_body=False),
    Operation("feed", "GET", "/rights-requests/{request_id}", "show_own_rights_request"),
)

ADMIN: tuple[Operation, ...] = (
    Operation("admin", "GET", "/status", "show_admin_status", public=True),
    Operation("admin", "POST", "/sessions", "sign_in", scheme="LocalAccount"),
    Operation("admin", "GET", "/sessions/current", "show_session"),
    Operation("admin", "DELETE", "/sessions/current", "sign_out"),
    Operation("admin", "GET", "/identity-providers/{provider_id}/logins", "begin_login", public=True),
    Operation("admin", "GET", "/login-results", "finish_login", public=True),
    Operation("admin", "GET", "/audit-records", "list_audit_records"),
    Operation("admin", "GET", "/connector-types", "list_connector_types"),
    Operation("admin", "GET", "/connector-types/{connector_type}", "show_connector_type"),
    Operation("admin", "GET", "/connectors", "list_connectors"),
    Operation("admin", "POST", "/connectors", "add_connector"),
    Operation("admin", "GET", "/connectors/{connector_id}", "show_connector"),
    Operation("admin", "PATCH", "/connectors/{connector_id}", "change_connector"),
    Operation("admin", "DELETE", "/connectors/{connector_id}", "remove_connector"),
    Operation("admin", "GET", "/connectors/{connector_id}/versions", "list_connector_versions"),
    Operation("admin", "GET", "/connectors/{connector_id}/versions/{version}", "show_connector_version"),
    Operation("admin", "GET", "/connectors/{connector_id}/differences", "show_connector_difference"),
    Operation("admin", "POST", "/connectors/{connector_id}/checks", "check_connector"),
    Operation("admin", "POST", "/connectors/{connector_id}/activations", "activate_connector"),
    Operation("admin", "POST", "/connectors/{connector_id}/pauses", "pause_connector"),
    Operation("admin", "GET", "/connectors/{connector_id}/operations", "list_connector_operations"),
    Operation("admin", "POST", "/connectors/{connector_id}/operation-runs", "run_connector_operation"),
    Operation("admin", "POST", "/connectors/{connector_id}/polls", "poll_source"),
    Operation("admin", "POST", "/connectors/{connector_id}/uploads", "upload_source_file"),
    Operation("admin", "GET", "/source-readings", "list_source_readings"),
    Operation("admin", "GET", "/sources", "list_sources"),
    Operation("admin", "PATCH", "/vendors/{vendor_id}/sources/{source}", "change_source"),
    Operation("admin", "POST", "/attribute-imports", "import_attributes"),
    Operation("admin", "GET", "/vendors", "list_vendors"),
    Operation("admin", "POST", "/vendors", "add_vendor"),
    Operation("admin", "GET", "/vendors/{vendor_id}", "show_vendor"),
    Operation("admin", "PATCH", "/vendors/{vendor_id}", "change_vendor"),
    Operation("admin", "GET", "/vendors/{vendor_id}/vendor-keys", "list_vendor_keys"),
    Operation("admin", "POST", "/vendors/{vendor_id}/vendor-keys", "add_vendor_keys"),
    Operation("admin", "DELETE", "/vendors/{vendor_id}/vendor-keys/{key_id}", "revoke_vendor_key"),
    Operation("admin", "GET", "/vendors/{vendor_id}/quota-days", "list_quota_days"),
    Operation("admin", "GET", "/vendors/{vendor_id}/conformance-reports", "list_conformance_reports"),
    Operation("admin", "POST", "/vendors/{vendor_id}/conformance-reports", "attach_conformance_report"),
    Operation("admin", "GET", "/vendors/{vendor_id}/conformance-reports/{report_id}", "show_conformance_report"),
    Operation("admin", "GET", "/services", "list_services"),
    Operation("admin", "POST", "/services", "add_service"),
    Operation("admin", "GET", "/services/{service_id}", "show_service"),
    Operation("admin", "PATCH", "/services/{service_id}", "change_service"),
    Operation("admin", "GET", "/deliveries", "list_deliveries"),
    Operation("admin", "GET", "/deliveries/{delivery_id}", "show_delivery"),
    Operation("admin", "POST", "/deliveries/{delivery_id}/replays", "replay_delivery"),
    Operation("admin", "GET", "/quarantine", "list_quarantine"),
    Operation("admin", "GET", "/quarantine/{quarantine_id}", "show_quarantine"),
    Operation("admin", "DELETE", "/quarantine/{quarantine_id}", "discard_quarantine"),
    Operation("admin", "POST", "/quarantine/{quarantine_id}/retries", "retry_quarantine"),
    Operation("admin", "GET", "/broadcasts", "list_broadcasts"),
    Operation("admin", "POST", "/broadcasts", "start_broadcast"),
    Operation("admin", "POST", "/broadcasts/previews", "preview_broadcast"),
    Operation("admin", "GET", "/broadcasts/{broadcast_id}", "show_broadcast"),
    Operation("admin", "GET", "/broadcasts/{broadcast_id}/outcome", "show_broadcast_outcome"),
    Operation("admin", "POST", "/broadcasts/{broadcast_id}/stops", "stop_broadcast"),
    Operation("admin", "POST", "/broadcasts/{broadcast_id}/resumptions", "resume_broadcast"),
    Operation("admin", "GET", "/compliance-report", "show_compliance_report"),
    Operation("admin", "POST", "/exports", "export_citizen"),
    Operation("admin", "GET", "/ranked-lists", "list_ranked_lists"),
    Operation("admin", "POST", "/ranked-lists", "draft_ranked_list"),
    Operation("admin", "GET", "/ranked-lists/{list_id}", "show_ranked_list"),
    Operation("admin", "POST", "/ranked-lists/{list_id}/publications", "publish_ranked_list"),
    Operation("admin", "POST", "/ranked-lists/{list_id}/corrections", "correct_ranked_list"),
    Operation("admin", "POST", "/ranked-lists/{list_id}/withdrawals", "withdraw_ranked_list"),
    Operation("admin", "GET", "/rights-requests", "list_rights_requests"),
    Operation("admin", "POST", "/rights-requests", "add_rights_request"),
    Operation("admin", "GET", "/rights-requests/{request_id}", "show_rights_request"),
    Operation("admin", "POST", "/rights-requests/{request_id}/closures", "close_rights_request"),
    Operation("admin", "POST", "/erasures/previews", "preview_erasure"),
    Operation("admin", "POST", "/rights-requests/{request_id}/erasure-orders", "order_erasure"),
    Operation("admin", "POST", "/mappings/previews", "preview_mapping"),
    Operation("admin", "GET", "/subscription-statistics/{subscription_service}", "show_subscription_statistics"),
    Operation("admin", "GET", "/simulations/{connector_id}/faults", "show_simulation_faults"),
    Operation("admin", "POST", "/simulations/{connector_id}/faults", "switch_simulation_faults"),
    Operation("admin", "DELETE", "/simulations/{connector_id}/faults", "clear_simulation_faults"),
)

CALLBACKS: tuple[Operation, ...] = (Operation("callbacks", "GET", "/status", "show_callbacks_status", public=True),)
"""The hub's own; what providers call is each connector's (`contracts.calls`)."""
