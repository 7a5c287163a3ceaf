"""Who may do what: one table from each operation to the roles that allow it."""

from collections.abc import Mapping
from typing import get_args

from contracts.administration import AdminRole

ROLES: tuple[AdminRole, ...] = get_args(AdminRole)

EVERYBODY: frozenset[str] = frozenset(ROLES)
ADMINISTRATOR: frozenset[str] = frozenset({"administrator"})
OPERATING: frozenset[str] = frozenset({"operator", "administrator"})
SERVICES: frozenset[str] = frozenset({"service-manager", "administrator"})
ACCOUNTING: frozenset[str] = frozenset({"data-protection", "administrator"})

ALLOWED: Mapping[str, frozenset[str]] = {
    "show_session": EVERYBODY,
    "sign_out": EVERYBODY,
    "list_audit_records": ACCOUNTING,
    "list_connector_types": EVERYBODY,
    "show_connector_type": EVERYBODY,
    "list_connectors": EVERYBODY,
    "show_connector": EVERYBODY,
    "list_connector_versions": EVERYBODY,
    "show_connector_version": EVERYBODY,
    "show_connector_difference": EVERYBODY,
    "add_connector": ADMINISTRATOR,
    "change_connector": ADMINISTRATOR,
    "remove_connector": ADMINISTRATOR,
    "activate_connector": ADMINISTRATOR,
    "check_connector": OPERATING,
    "pause_connector": OPERATING,
    "list_connector_operations": EVERYBODY,
    "run_connector_operation": ADMINISTRATOR,
    "poll_source": OPERATING,
    # A file is citizens' own data, as a sample is.
    "upload_source_file": SERVICES,
    "list_source_readings": EVERYBODY,
    "list_sources": EVERYBODY,
    "change_source": SERVICES,
    "import_attributes": ADMINISTRATOR,
    "list_vendors": EVERYBODY,
    "show_vendor": EVERYBODY,
    "list_vendor_keys": EVERYBODY,
    "list_quota_days": EVERYBODY,
    "list_conformance_reports": EVERYBODY,
    "show_conformance_report": EVERYBODY,
    "add_vendor": SERVICES,
    "change_vendor": SERVICES,
    "add_vendor_keys": SERVICES,
    "revoke_vendor_key": SERVICES,
    "attach_conformance_report": SERVICES,
    "list_services": EVERYBODY,
    "show_service": EVERYBODY,
    "add_service": SERVICES,
    "change_service": SERVICES,
    "list_deliveries": EVERYBODY,
    "show_delivery": EVERYBODY,
    "replay_delivery": OPERATING,
    "list_quarantine": EVERYBODY,
    "show_quarantine": EVERYBODY,
    "discard_quarantine": OPERATING,
    "retry_quarantine": OPERATING,
    "list_broadcasts": EVERYBODY,
    "show_broadcast": EVERYBODY,
    "show_broadcast_outcome": EVERYBODY,
    "preview_broadcast": SERVICES,
    "start_broadcast": SERVICES,
    "stop_broadcast": SERVICES,
    "resume_broadcast": SERVICES,
    "list_ranked_lists": EVERYBODY,
    # A draft is under pseudonyms too, but those who are in it were told nothing of it yet.
    "show_ranked_list": SERVICES,
    "draft_ranked_list": SERVICES,
    "publish_ranked_list": SERVICES,
    "correct_ranked_list": SERVICES,
    "withdraw_ranked_list": SERVICES,
    "list_rights_requests": ACCOUNTING,
    "add_rights_request": ACCOUNTING,
    "show_rights_request": ACCOUNTING,
    "close_rights_request": ACCOUNTING,
    "preview_erasure": ACCOUNTING,
    # Who runs the hub does not decide what is forgotten.
    "order_erasure": frozenset({"data-protection"}),
    "export_citizen": ACCOUNTING,
    "show_compliance_report": SERVICES | ACCOUNTING,
    # A sample may be a citizen's own: it is for those who set sources up.
    "preview_mapping": SERVICES,
    "show_subscription_statistics": SERVICES,
    "show_simulation_faults": ADMINISTRATOR,
    "switch_simulation_faults": ADMINISTRATOR,
    "clear_simulation_faults": ADMINISTRATOR,
}
"""By operation_id. An operation that is not here is nobody's."""


def allows(operation_id: str, roles: frozenset[str]) -> bool:
    """Whether one of the roles allows the operation."""
    return bool(ALLOWED.get(operation_id, frozenset()) & roles)
