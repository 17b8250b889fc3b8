"""Errors by what happens next.

MosError
+-- ConfigError            an operator edits a setting or a document
+-- AuthError              credentials or a signature were refused: re-authorise
+-- TransientError         try again later
|   +-- RateLimitedError   try again after `retry_after` seconds
+-- RejectedError          the remote side said no: a person chooses
+-- ConflictError          it was already done, or the record changed: look again
+-- NotFoundError          nothing has this name
+-- InvalidPayloadError    kept in the quarantine, never dropped
+-- OutcomeUnknownError    sent, unsure: look it up by its key before any retry
+-- InvariantError         a bug of ours
"""

_DETAIL_LIMIT = 600


class MosError(Exception):
    """Base of all errors: `message` for the operator, `detail` bounded and free of secrets, `code` stable for
    programs."""

    code = "mos.error"

    def __init__(self, message: str, *, detail: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail[:_DETAIL_LIMIT]
        if code:
            self.code = code


class ConfigError(MosError):
    code = "mos.config"


class AuthError(MosError):
    code = "mos.auth"


class TransientError(MosError):
    code = "mos.transient"


class RateLimitedError(TransientError):
    """The remote side asks us to wait `retry_after` seconds."""

    code = "mos.rate_limited"

    def __init__(self, message: str, *, retry_after: float, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


class RejectedError(MosError):
    code = "mos.rejected"


class ConflictError(MosError):
    code = "mos.conflict"


class NotFoundError(MosError):
    code = "mos.not_found"


class InvalidPayloadError(MosError):
    code = "mos.invalid_payload"


class OutcomeUnknownError(MosError):
    code = "mos.outcome_unknown"


class InvariantError(MosError):
    code = "mos.invariant"
