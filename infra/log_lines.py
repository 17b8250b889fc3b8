"""Log lines that nobody can forge: what comes from outside stays within its line (OWASP ASVS 16.4.1, C28)."""

import logging
import re
from types import TracebackType

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_TRACE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class OneLine(logging.Formatter):
    """CR, LF, ANSI sequences and other control characters become visible; a traceback's lines begin with a bar, which
    no line of the log does."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _CONTROL.sub(_visible, super().formatMessage(record))

    def formatException(self, ei: _Raised) -> str:
        return _barred(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _barred(super().formatStack(stack_info))


def _barred(text: str) -> str:
    return "\n".join(f"  | {line}" for line in _CONTROL_IN_TRACE.sub(_visible, text).split("\n"))


def set_up(level: str) -> None:
    """All logs of this process go to standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in ("httpx", "asyncua", "aiohttp", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
