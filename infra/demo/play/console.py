"""The console in a person's browser: log in, open the page, fill in the form that is on it, send it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from infra.demo.play.patience import NotHappenedError
from infra.demo.play.peers import Peers
from infra.plant.loopback import LOOPBACK

_TIMEOUT_S = 30.0
_BANNER = re.compile(r'<p class="banner (good|bad|info)" role="status"[^>]*>(.*?)</p>', re.S)


@dataclass
class Form:
    """One form of a page: where it goes, its fields with their values, and the choices of its radios and buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", "")))
            self._inside = True
        elif self._inside and tag in ("input", "textarea", "button") and given.get("name"):
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name, value = self.found[-1], given["name"], given.get("value", "")
        if tag == "button" or given.get("type") in ("radio", "submit"):
            form.choices.setdefault(name, []).append(value)
        else:
            form.fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def forms_of(html: str) -> list[Form]:
    """All forms of a page."""
    parser = _Forms()
    parser.feed(html)
    return parser.found


class Browser:
    """One person's browser, with its cookies."""

    def __init__(self, peers: Peers, who: str) -> None:
        self._http = httpx.Client(
            base_url=peers.console, timeout=_TIMEOUT_S, follow_redirects=True, trust_env=False, verify=LOOPBACK
        )
        self._who, self._password = who, peers.console_password

    def log_in(self) -> None:
        """Raises NotHappenedError."""
        form = self._form(self._open("/login"), "/login")
        page = self._send(form, {"person": self._who, "password": self._password})
        if page.url.path.startswith("/login"):
            raise NotHappenedError(f"{self._who} could not log in to the console.")

    def decide(self, link: str, verb: str, comment: str) -> str:
        """Sign a decision on the page that a message led to; the address that tells what became of it."""
        form = self._form(self._open(link), "/tasks/")
        if verb not in form.choices.get("verb", []):
            raise NotHappenedError(f"{self._who}'s form offers no '{verb}': {form.choices}")
        if "password" not in form.fields:
            raise NotHappenedError(f"{self._who}'s form does not ask for a signature.")
        page = self._send(form, {"verb": verb, "comment": comment, "meaning": "approve", "password": self._password})
        return str(page.url.raw_path.decode())

    def outcome(self, address: str) -> str:
        """What became of the answer, empty while it is looked at. Raises NotHappenedError when it was not counted."""
        banner = _BANNER.search(self._open(address).text)
        if banner is None or banner[1] == "info":
            return ""
        if banner[1] == "bad":
            raise NotHappenedError(f"{self._who}'s decision did not count: {' '.join(banner[2].split())}")
        return " ".join(banner[2].split())

    def _open(self, path: str) -> httpx.Response:
        return self._checked(lambda: self._http.get(path), path)

    def _send(self, form: Form, entered: dict[str, str]) -> httpx.Response:
        return self._checked(lambda: self._http.post(form.action, data=form.fields | entered), form.action)

    def _checked(self, call: Callable[[], httpx.Response], path: str) -> httpx.Response:
        try:
            response = call()
        except httpx.HTTPError as error:
            raise NotHappenedError(f"The console does not answer {path}: {error!r}") from error
        if response.is_error:
            raise NotHappenedError(f"The console refused {self._who} at {path}: HTTP {response.status_code}")
        return response

    def _form(self, page: httpx.Response, action: str) -> Form:
        for form in forms_of(page.text):
            if form.action.startswith(action):
                return form
        raise NotHappenedError(f"{self._who} finds no form for {action} on {page.url.path}.")
