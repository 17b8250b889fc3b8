"""A stand-in ERP or MES with a memory of keys: it can be down, refuse, or swallow the answer."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from domain.books.outcomes import Outcome, OutcomeTransaction, Receipt
from domain.errors import NotFoundError, OutcomeUnknownError, RejectedError, TransientError
from domain.values import Json

Question = Callable[[Mapping[str, Json]], Json]
Trouble = Literal["refuse", "swallow_answer", "swallow_question"]


class FakeSystem:
    """`posted` is what the books hold. `trouble`: what happens to the next postings, one each.

    swallow_answer: posted, but the answer is lost; swallow_question: it never arrived, and the caller can't know.
    """

    def __init__(self, name: str, questions: Mapping[str, Question]) -> None:
        self.name = name
        self.posted: dict[str, OutcomeTransaction] = {}
        self.down = False
        self.trouble: deque[Trouble] = deque()
        self.asked: list[str] = []
        self.tries: list[str] = []
        self.looked_up: list[str] = []
        self._questions = questions

    @property
    def outcomes(self) -> list[Any]:
        """Every outcome in the books, in order."""
        return [outcome for transaction in self.posted.values() for outcome in transaction.outcomes]

    def kinds(self) -> list[str]:
        return [outcome.kind for outcome in self.outcomes]

    def one(self, kind: type[Outcome]) -> Any:
        """The only outcome of this class."""
        (found,) = [outcome for outcome in self.outcomes if isinstance(outcome, kind)]
        return found

    async def query(self, name: str, where: Mapping[str, Json]) -> Json:
        self.asked.append(name)
        self._check_up()
        if name not in self._questions:
            raise NotFoundError(f"no query {name}")
        return self._questions[name](where)

    async def post(self, transaction: OutcomeTransaction) -> Receipt:
        self.tries.append(transaction.key)
        self._check_up()
        if transaction.key in self.posted:
            return self._receipt(transaction.key, replayed=True)
        trouble = self.trouble.popleft() if self.trouble else None
        if trouble == "refuse":
            raise RejectedError("the period is closed")
        if trouble != "swallow_question":
            self.posted[transaction.key] = transaction
        if trouble:
            raise OutcomeUnknownError("no answer came")
        return self._receipt(transaction.key, replayed=False)

    async def find(self, key: str) -> Receipt | None:
        self.looked_up.append(key)
        self._check_up()
        return self._receipt(key, replayed=True) if key in self.posted else None

    def _receipt(self, key: str, *, replayed: bool) -> Receipt:
        number = list(self.posted).index(key) + 1
        return Receipt(key=key, documents=[f"{self.name} {number}"], replayed=replayed)

    def _check_up(self) -> None:
        if self.down:
            raise TransientError(f"{self.name} is down")
