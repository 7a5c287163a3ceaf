"""What the operations of the administration have in common."""

from hub import errors
from hub.admin import errors as admin_errors

from .entries import Errors
from .publish import ANY_CALLER

ADMIN: Errors = (errors.RequestInvalid, admin_errors.SessionRefused, admin_errors.RoleMissing, *ANY_CALLER)
WRITING: Errors = (
    *ADMIN,
    errors.MediaUnsupported,
    errors.ContractViolation,
    errors.BodyTooLarge,
    errors.BodyTooSlow,
)
