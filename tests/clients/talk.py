"""What a script asks the test that started it for, a line of JSON each way, as in talk.mjs."""

import json
import signal
import sys

# Above what any script needs, so that a test fails with a name and not by hanging.
signal.alarm(60)


def ask(**question):
    print(json.dumps(question), flush=True)
    return json.loads(sys.stdin.readline())


def make_client(metadata):
    """Makes a client from RFC 7591 metadata by the command line; what it prints."""
    return ask(do="client", metadata=metadata)


def visit(url):
    """Opens a URL in the browser, signs in and allows if asked; the URL of the application where it arrives."""
    return ask(do="visit", url=url)["arrived"]


test = ask(do="begin")
