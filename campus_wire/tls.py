"""TLS settings → the context a connection is made with."""

from __future__ import annotations

import ssl

from campus_wire.errors import CredentialsError
from campus_wire.settings import TlsSettings


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho 2.2 leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context that demands TLS 1.2 or later and checks the broker's name.

    Reads files; call it off the event loop.

    Raises:
        CredentialsError: a file is missing or holds no usable certificate or key.
    """
    place = settings.ca_file
    try:
        cafile = None if settings.ca_file is None else str(settings.ca_file)
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=cafile)
        if settings.cert_file is not None:
            place = settings.cert_file
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CredentialsError(
            "certificate_file",
            f"the certificate or key cannot be loaded: {error}",
            place=str(place or "system certificates"),
            remedy="PEM files that this user may read; the key without a passphrase",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TidySocket
    return context
