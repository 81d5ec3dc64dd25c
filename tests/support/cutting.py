"""A wire to a server on this machine that is cut after so many bytes on their way to it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Wire:
    port: int
    passed: int = 0
    ends: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(port: int, after: int | None) -> Iterator[Wire]:
    """Passes one connection on. ``after`` None: never cut."""
    listener = socket.create_server(("127.0.0.1", 0))
    wire = Wire(listener.getsockname()[1])

    def there(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(4096):
                data = data if after is None else data[: max(0, after - wire.passed)]
                server.sendall(data)
                wire.passed += len(data)
                if after is not None and wire.passed >= after:
                    time.sleep(0.05)  # so that the other side does what it was told until then
                    break
        wire.cut()

    def back(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        wire.cut()

    def accept() -> None:
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            wire.ends += [client, server]
            for way in (there, back):
                threads.append(threading.Thread(target=way, args=(client, server), daemon=True))
                threads[-1].start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield wire
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        wire.cut()
        for thread in threads:
            thread.join(5)
        for end in wire.ends:
            end.close()
