"""A receiver of webhooks: `python receiver.py ADDRESS PORT` writes the body of each POST to stdout, on its own line."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.write(body.decode().replace("\n", "") + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing, since stdout is for the bodies."""


if __name__ == "__main__":
    HTTPServer((sys.argv[1], int(sys.argv[2])), _Receiver).serve_forever()
