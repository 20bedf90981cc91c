"""The action server that runs beside the bot: rasa-sdk with a project's own actions.

A process of its own (`python -m bot.actions.serving`), so that a broken action takes nothing with
it. Listens on the loopback interface, on a port that it tells on its first line. It ends when its
standard input does, that is with the bot, whatever happens to the bot.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
import warnings

LOOPBACK = "127.0.0.1"


def main() -> None:
    """Serve the actions of a package until standard input ends."""
    arguments = _arguments()
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as rasa-sdk's own command does
    # One process serves: rasa-sdk's own command hands its actions to worker processes, which
    # classes that are made within functions do not survive.
    from rasa_sdk.endpoint import create_app  # noqa: PLC0415
    from rasa_sdk.executor import ActionExecutor  # noqa: PLC0415

    # The bot speaks Rasa 3.6's protocol to whatever rasa-sdk is installed; that is meant.
    warnings.filterwarnings("ignore", category=UserWarning, module="rasa_sdk.utils")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    executor = ActionExecutor()
    executor.register_package(arguments.actions)
    app = create_app(executor)
    listening = socket.socket()
    listening.bind((LOOPBACK, arguments.port))
    listening.listen()  # who calls too early waits instead of being refused
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    app.run(sock=listening, single_process=True, access_log=False, motd=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", default="actions", help="package with the actions")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    return parser.parse_args()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
