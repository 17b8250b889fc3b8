"""A person's authenticator, as an app would be: it knows the key that the page showed."""

import re
from datetime import datetime

import pyotp

from tests.api.site import Browser

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
KEY = re.compile(r'class="key"><code>([A-Z2-7 ]+)</code>')


def key_on(page: str) -> pyotp.TOTP:
    """From the key that is shown for typing."""
    found = KEY.search(page)
    assert found is not None, "the page shows no key"
    return pyotp.TOTP(found[1].replace(" ", ""))


async def fill(somebody: Browser, path: str, action: str, **fields: str) -> str:
    """Send the form of a page that posts to `action`; gives the page that follows."""
    page = (await somebody.get(path)).text
    start = page.index(f'action="{action}"')
    given = dict(HIDDEN.findall(page[start : page.index("</form>", start)]))
    answer = await somebody.post(action, given | fields)
    if answer.status_code == 303:
        answer = await somebody.get(answer.headers["location"])
    return answer.text


def code(otp: pyotp.TOTP, now: datetime, steps: int = 0) -> str:
    return otp.at(int(now.timestamp()) + 30 * steps)
