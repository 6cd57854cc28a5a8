"""Start Hone: ``python launch.py``, then open the printed address."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PORTS_TRIED = 20


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if trouble := refused(options):
        print(trouble, file=sys.stderr)
        return 2
    port = free_port(options.host, options.port)
    if port is None:
        print(
            f"Ports {options.port} to {options.port + PORTS_TRIED - 1} are all in use. Choose another with --port.",
            file=sys.stderr,
        )
        return 2
    if port != options.port:
        print(f"Port {options.port} is in use, so Hone takes {port}.", flush=True)
    try:
        serve(options, port)
    except OSError as error:
        print(f"Hone cannot start: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="launch.py", description="Hone: label, tune, watch, judge and take away a text model, in the browser."
    )
    spaces = os.environ.get("SYSTEM") == "spaces"
    p.add_argument(
        "--host",
        default="0.0.0.0" if spaces else "127.0.0.1",
        help="address to listen on; other than this machine needs --auth or --demo (default: %(default)s)",
    )
    p.add_argument("--port", type=int, default=7860, help="first port to try (default: %(default)s)")
    p.add_argument("--workspace", type=Path, help="folder for projects and models (default: $HONE_HOME or ~/.hone)")
    p.add_argument(
        "--auth", type=Path, metavar="FILE", help="ask for a login; FILE is made by: hone user add NAME --auth FILE"
    )
    p.add_argument(
        "--demo",
        action="store_true",
        default=spaces,
        help="public demo: every visitor apart, small limits, everything removed after a day",
    )
    p.add_argument(
        "--share",
        action="store_true",
        help="also open a public address through Gradio's tunnel; needs --auth or --demo and a network",
    )
    p.add_argument("--language", choices=["en", "zh"], help="language for first visits (default: the browser's)")
    p.add_argument("--inline", action="store_true", help="train inside this process instead of a worker process")
    return p


def refused(options: argparse.Namespace) -> str | None:
    """Why these options cannot be served, if so."""
    if options.auth and options.demo:
        return "--auth and --demo exclude each other."
    if options.auth and not options.auth.is_file():
        return f"{options.auth} is not there. Make it with: hone user add NAME --auth {options.auth}"
    if (options.host not in LOOPBACK or options.share) and not (options.auth or options.demo):
        return "Others could reach this address, so Hone asks who they are: add --auth FILE or --demo."
    return None


def free_port(host: str, first: int) -> int | None:
    """The first free port from `first` on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, first + PORTS_TRIED):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return None


def serve(options: argparse.Namespace, port: int) -> None:
    """Build the page, open it, start the engine beside it, and stay until Ctrl-C."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from starlette.middleware import Middleware

    from core.users import Users
    from core.workspace import Workspace
    from webui.app import build
    from webui.routes import app_kwargs
    from webui.shell import Shell, head
    from webui.studio import DEMO, LOCAL, Mode, Studio
    from webui.theme import theme

    mode: Mode = "login" if options.auth else "demo" if options.demo else "local"
    home = Workspace.open(options.workspace).home
    users = Users(options.auth) if options.auth else None
    studio = Studio(
        home,
        mode,
        inline=options.inline,
        limits=DEMO if mode == "demo" else LOCAL,
        language=options.language,
        people=(lambda: users.names) if users else list,
    )
    demo = build(studio)
    demo.launch(
        server_name=options.host,
        server_port=port,
        share=options.share,
        auth=users,  # asked for every login; locked names and wrong passwords both answer no
        auth_message=None,
        prevent_thread_lock=True,
        show_error=False,
        quiet=True,
        max_threads=100,
        max_file_size="1mb",
        state_session_capacity=200,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        footer_links=[],
        strict_cors=True,
        theme=theme(),
        app_kwargs=app_kwargs(
            studio, LOOPBACK if mode == "local" else None, [Middleware(Shell, head=head(studio), login=mode == "login")]
        ),
    )
    asked_to_end = _asked_to_end()
    shown = f"[{options.host}]" if ":" in options.host else options.host
    print(f"Hone is ready at http://{shown}:{port}", flush=True)
    if demo.share_url:
        print(f"Public address: {demo.share_url}", flush=True)
    studio.warm()
    while not asked_to_end:
        time.sleep(0.2)
    print("Closing. A run that is under way keeps its place.", flush=True)
    studio.close()
    demo.close(verbose=False)


def _asked_to_end() -> list[int]:
    """A list that stays empty until Ctrl-C or a termination signal.

    A list and not an Event: a handler runs in the main thread between any two instructions, also while that thread holds the
    event's own lock inside `wait`, and would then wait for itself.
    """
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return asked


if __name__ == "__main__":
    raise SystemExit(main())
