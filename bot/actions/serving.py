"""The action server that runs beside the bot: rasa-sdk with a project's own actions.

A process of its own (`python -m bot.actions.serving`), so that a broken action takes nothing with
it. Listens on the loopback interface, on a port that it tells on its first line; on the lines
after it `bot.actions.ledger` speaks. It ends when its standard input does, that is with the bot,
whatever happens to the bot. What actions print goes to standard error.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import warnings
from typing import TYPE_CHECKING

from bot.actions.ledger import CALL, Ledger

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

LOOPBACK = "127.0.0.1"

YIELDS = 10  # nice(2): an action that computes without end leaves the processor to visitors


def main() -> None:
    """Serve the actions of a package until standard input ends."""
    arguments = _arguments()
    os.nice(YIELDS)
    telling = os.dup(1)
    os.dup2(2, 1)  # actions print; nobody reads more than our own lines
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as rasa-sdk's own command does
    # One process serves: rasa-sdk's own command hands its actions to worker processes, which
    # classes that are made within functions do not survive.
    from rasa_sdk.endpoint import create_app  # noqa: PLC0415
    from rasa_sdk.executor import ActionExecutor  # noqa: PLC0415
    from sanic import response  # noqa: PLC0415

    # The bot speaks Rasa 3.6's protocol to whatever rasa-sdk is installed; that is meant.
    warnings.filterwarnings("ignore", category=UserWarning, module="rasa_sdk.utils")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    executor = ActionExecutor()
    executor.register_package(arguments.actions)
    app = create_app(executor)
    ledger = Ledger(lambda line: _write(telling, line))

    async def begin(request: Request) -> HTTPResponse | None:
        call = request.headers.get(CALL)
        if call is None or ledger.begin(call):
            return None
        return response.text("given up", status=410)  # nobody listens any more

    app.register_middleware(begin, "request")
    listening = socket.socket()
    listening.bind((LOOPBACK, arguments.port))
    listening.listen()  # who calls too early waits instead of being refused
    threading.Thread(target=_end_with_parent, args=(ledger,), daemon=True).start()
    _write(telling, f"{listening.getsockname()[1]}\n")
    app.run(sock=listening, single_process=True, access_log=False, motd=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", default="actions", help="package with the actions")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    return parser.parse_args()


def _write(descriptor: int, line: str) -> None:
    """A line is shorter than what a pipe takes at once."""
    try:
        os.write(descriptor, line.encode())
    except OSError:  # the bot is gone
        os._exit(0)


def _end_with_parent(ledger: Ledger) -> None:
    """Read which calls are given up; the end of standard input is ours."""
    for line in sys.stdin:
        ledger.give_up(line.strip())
    os._exit(0)


if __name__ == "__main__":
    main()
