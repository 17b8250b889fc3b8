"""Failures of the plant's ERP, each with a sentence that says what to do."""


class ErpError(Exception):
    """The ERP cannot be built or started; the message says what to do."""


class ErpCallError(Exception):
    """The running ERP refused or could not answer a call."""
