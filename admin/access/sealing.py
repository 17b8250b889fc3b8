"""What must be read again but never lie open in the database: encrypted with a key made from the session secret."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import AuthError


class Sealer:
    """`purpose` keeps what is sealed for one thing from being taken for another."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mos:" + purpose.encode()).derive(secret)
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, value: str) -> bytes:
        return self._fernet.encrypt(value.encode())

    def open(self, sealed: bytes) -> str:
        """Raises AuthError when it was sealed with another secret: MOS_SESSION_SECRET was changed."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise AuthError(
                "Your authenticator can't be checked since a key was changed. Ask an administrator."
            ) from None
