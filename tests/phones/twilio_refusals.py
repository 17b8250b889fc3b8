"""Calls that Twilio refuses: (name, changes to a valid form, code, status). A value of None takes a parameter away."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.phones.peers import CONTENT, EMPTY_SERVICE, NUMBER, SERVICE

SOON = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
FAR = (datetime.now(UTC) + timedelta(days=40)).isoformat()

CREATE: list[tuple[str, dict[str, Any], int, int]] = [
    ("no To", {"To": None}, 21604, 400),
    ("empty To", {"To": ""}, 21604, 400),
    ("To without plus", {"To": "420600100001"}, 21211, 400),
    ("To with letters", {"To": "+42060010000X"}, 21211, 400),
    ("To too long", {"To": "+4206001000011234"}, 21211, 400),
    ("To too short", {"To": "+42060"}, 21211, 400),
    ("To national", {"To": "0600100001"}, 21211, 400),
    ("no From", {"From": None}, 21603, 400),
    ("empty From", {"From": ""}, 21603, 400),
    ("From is a word", {"From": "PLANT!"}, 21212, 400),
    ("From of somebody else", {"From": "+15005550001"}, 21606, 400),
    ("To equals From", {"To": NUMBER}, 21266, 400),
    ("no Body", {"Body": None}, 21602, 400),
    ("empty Body", {"Body": ""}, 21602, 400),
    ("blank Body", {"Body": " \n"}, 21602, 400),
    ("Body of 1601", {"Body": "x" * 1601}, 21617, 400),
    ("Body of 1601 in UCS-2", {"Body": "ž" * 1601}, 21617, 400),
    ("unknown parameter", {"Text": "x"}, 20001, 400),
    ("misspelt parameter", {"StatusCallBack": "http://x.example/"}, 20001, 400),
    ("parameter in the library's spelling", {"status_callback": "http://x.example/"}, 20001, 400),
    ("an idempotency parameter", {"IdempotencyKey": "x"}, 20001, 400),
    ("Body twice", {"Body": ["a", "b"]}, 20422, 400),
    ("StatusCallback is a path", {"StatusCallback": "/status"}, 21609, 400),
    ("StatusCallback by ftp", {"StatusCallback": "ftp://x.example/"}, 21609, 400),
    ("MessagingServiceSid malformed", {"MessagingServiceSid": "MG1"}, 20422, 400),
    ("MessagingServiceSid of another kind", {"MessagingServiceSid": "AC" + "b2" * 16}, 20422, 400),
    ("MessagingServiceSid unknown", {"From": None, "MessagingServiceSid": "MG" + "0" * 32}, 21701, 400),
    ("messaging service without numbers", {"From": None, "MessagingServiceSid": EMPTY_SERVICE}, 21703, 400),
    ("From outside the service", {"From": "+15005550009", "MessagingServiceSid": SERVICE}, 21712, 400),
    ("ApplicationSid malformed", {"ApplicationSid": "AP12"}, 20422, 400),
    ("MaxPrice is a word", {"MaxPrice": "cheap"}, 20422, 400),
    ("ValidityPeriod is a word", {"ValidityPeriod": "long"}, 20422, 400),
    ("Attempt is a fraction", {"Attempt": "1.5"}, 20422, 400),
    ("ProvideFeedback is a number", {"ProvideFeedback": "1"}, 20422, 400),
    ("SmartEncoded is a word", {"SmartEncoded": "yes"}, 20422, 400),
    ("ContentRetention unknown", {"ContentRetention": "keep"}, 20422, 400),
    ("AddressRetention unknown", {"AddressRetention": "keep"}, 20422, 400),
    ("RiskCheck unknown", {"RiskCheck": "on"}, 20422, 400),
    ("TrafficType unknown", {"TrafficType": "paid"}, 20422, 400),
    ("ScheduleType unknown", {"ScheduleType": "soon"}, 20422, 400),
    ("SendAt is a word", {"SendAt": "tomorrow"}, 20422, 400),
    ("scheduled without service", {"ScheduleType": "fixed", "SendAt": LATER}, 35118, 400),
    ("scheduled without time", {"ScheduleType": "fixed", "MessagingServiceSid": SERVICE}, 35111, 400),
    ("time without schedule", {"SendAt": LATER, "MessagingServiceSid": SERVICE}, 35111, 400),
    (
        "scheduled too soon",
        {"ScheduleType": "fixed", "SendAt": SOON, "MessagingServiceSid": SERVICE},
        35114,
        400,
    ),
    ("scheduled too late", {"ScheduleType": "fixed", "SendAt": FAR, "MessagingServiceSid": SERVICE}, 35114, 400),
    ("MediaUrl is a path", {"MediaUrl": "/photo.jpg"}, 21620, 400),
    ("11 media", {"MediaUrl": [f"https://x.example/{n}" for n in range(11)]}, 21623, 400),
    ("ContentSid malformed", {"ContentSid": "HX1", "Body": None}, 20422, 400),
    ("ContentSid unknown", {"ContentSid": "HX" + "0" * 32, "Body": None}, 21655, 400),
    ("ContentVariables without ContentSid", {"ContentVariables": "{}"}, 21655, 400),
    ("ContentVariables is no JSON", {"ContentSid": CONTENT, "ContentVariables": "{"}, 21656, 400),
    ("ContentVariables with an empty value", {"ContentSid": CONTENT, "ContentVariables": '{"1": ""}'}, 21656, 400),
    ("ContentVariables with a number", {"ContentSid": CONTENT, "ContentVariables": '{"1": 7}'}, 21656, 400),
]

LIST: list[tuple[str, dict[str, str], int, int]] = [
    ("list with unknown filter", {"Status": "sent"}, 20001, 400),
    ("list with unknown date filter", {"DateSent>=": "2026-11-22"}, 20001, 400),
    ("list of no page", {"PageSize": "0"}, 20422, 400),
    ("list of a page too large", {"PageSize": "1001"}, 20422, 400),
    ("list of a page in words", {"PageSize": "all"}, 20422, 400),
    ("list of a negative page", {"Page": "-1"}, 20422, 400),
    ("list since a word", {"DateSent>": "yesterday"}, 20422, 400),
    ("list with an invented token", {"PageToken": "PA1"}, 20422, 400),
]
