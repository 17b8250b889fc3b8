"""How often strangers are answered: politely, but nobody makes us talk without end."""

from collections import OrderedDict
from datetime import datetime, timedelta


class Manners:
    """One answer a minute to each address; the longest silent of 2,000 is forgotten first."""

    def __init__(self, pause: timedelta = timedelta(minutes=1), most: int = 2_000) -> None:
        self._pause, self._most = pause, most
        self._answered: OrderedDict[str, datetime] = OrderedDict()

    def may_answer(self, address: str, now: datetime) -> bool:
        """May this address be answered now? Saying yes counts as the answer."""
        last = self._answered.get(address)
        if last is not None and now - last < self._pause:
            return False
        self._answered[address] = now
        self._answered.move_to_end(address)
        while len(self._answered) > self._most:
            self._answered.popitem(last=False)
        return True
