"""A port that speaks websockets, in front of a broker that speaks TCP."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from ssl import PROTOCOL_TLS_SERVER, SSLContext

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from testkit.brokers import DEADLINE_S, Certificates


@contextlib.contextmanager
def websocket_gate(
    host: str, port: int, certificates: Certificates | None = None, *, path: str = "/mqtt"
) -> Iterator[int]:
    """Pass connections on to a broker; yields the port of the gate.

    Args:
        host: of the broker.
        port: of the broker, which speaks plain TCP.
        certificates: with these the gate speaks TLS.
        path: the only path that leads to the broker.
    """

    def pass_on(client: ServerConnection) -> None:
        if client.request is None or client.request.path != path:
            return
        with socket.create_connection((host, port), DEADLINE_S) as broker:
            answers = threading.Thread(target=_copy_answers, args=(broker, client))
            answers.start()
            with contextlib.suppress(OSError):
                for message in client:
                    broker.sendall(message if isinstance(message, bytes) else message.encode())
                broker.shutdown(socket.SHUT_RDWR)
            answers.join()

    context = None
    if certificates is not None:
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
    options = {"ssl": context, "subprotocols": [Subprotocol("mqtt")]}
    with serve(pass_on, "localhost", 0, **options) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def _copy_answers(broker: socket.socket, client: ServerConnection) -> None:
    with contextlib.suppress(OSError, ConnectionClosed):
        while answer := broker.recv(65_536):
            client.send(answer)
        client.close()
