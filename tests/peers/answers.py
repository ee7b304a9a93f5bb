"""Waits for a server. `python answers.py tcp ADDRESS PORT` ends once the server accepts a connection, and `python
answers.py dns ADDRESS PORT NAME` ends once a name server gives any answer to a query. The query is for the name
server's own version if NAME is `version.bind`, and otherwise for the A records of NAME. There is no time limit: the
program asks until it gets an answer or is stopped.
"""

import socket
import sys
import time
from typing import Final

import dns.exception
import dns.message
import dns.query

_PAUSE_SECONDS: Final = 0.02
_ANSWER_SECONDS: Final = 5.0


def main() -> None:
    kind, address, port, *names = sys.argv[1:]
    while True:
        try:
            if kind == "tcp":
                socket.create_connection((address, int(port)), timeout=_ANSWER_SECONDS).close()
            else:
                asked = ("TXT", "CH") if names[0] == "version.bind" else ("A", "IN")
                dns.query.udp(
                    dns.message.make_query(names[0], *asked), address, port=int(port), timeout=_ANSWER_SECONDS
                )
        except (OSError, dns.exception.DNSException):
            time.sleep(_PAUSE_SECONDS)
        else:
            return


if __name__ == "__main__":
    main()
