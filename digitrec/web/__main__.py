"""The command line of the web server.

digitrec web [--host 127.0.0.1] [--port 8000] [--ckpt_path pretrained|best|last|FILE]
digitrec web --export FOLDER [--ckpt_path pretrained|best|last|FILE]
"""

import argparse
import asyncio
import ipaddress
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from digitrec.arguments import Parser
from digitrec.errors import DigitrecError
from digitrec.exit_status import reporting
from digitrec.reading.onnx_networks import open_reader
from digitrec.runs import named_checkpoint
from digitrec.web import server
from digitrec.web.app import make_app
from digitrec.web.host_check import is_address


@reporting
def main(args: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM, which are no mistakes here.

    Returns:
        The exit status: 0.

    Raises:
        DigitrecError: the address is not available, or the checkpoint is missing or refused.
    """
    options = _parser().parse_args(args)
    if options.export:
        _export(options.export, options.ckpt_path)
        return 0
    try:
        open_socket = server.listen(options.host, options.port)
    except (OSError, UnicodeError) as error:  # UnicodeError: no host can have this name
        reason = str(getattr(error, "strerror", error)).partition(" (")[0]  # the rest repeats the address
        address = f"{options.host}:{options.port}"
        message = f"{address} is not available ({reason}): choose another --port or --host."
        raise DigitrecError(message) from error
    with open_socket:
        reader = open_reader(named_checkpoint(options.ckpt_path))
        print(_welcome(options.host, open_socket.getsockname()[1], options.root_path), flush=True)
        app = make_app(reader, options.host, options.allowed_host, options.root_path)
        with suppress(KeyboardInterrupt):
            asyncio.run(server.serve(app, open_socket))
    server.end_readers(app)
    return 0


def _export(folder: Path, ckpt_path: str) -> None:
    """Write the page that reads in the browser."""
    # The server needs none of what this imports, which takes seconds.
    from digitrec.web.site import export_site, sizes

    export_site(folder, named_checkpoint(ckpt_path))
    size, compressed = sizes(folder)
    print(f"Wrote {folder}: {size / 1e6:.1f} MB, {compressed / 1e6:.1f} MB compressed.")
    print(f"Look at it with: python -m http.server -d {shlex.quote(str(folder))}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="digitrec web", description="Serve a page to draw digits on, and an API.")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 accepts other machines")
    parser.add_argument("--port", type=_port, default=8000, help="default: 8000; 0 takes a free one")
    parser.add_argument("--ckpt_path", default="pretrained", help="pretrained, best, last or a file")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name that a proxy passes on; may be given several times",
    )
    parser.add_argument(
        "--root-path",
        type=_root_path,
        default="",
        metavar="PATH",
        help="the path below which a proxy serves the page, such as /digits",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FOLDER",
        help="write a page that reads in the browser, and stop",
    )
    return parser


def _welcome(host: str, port: int, root_path: str) -> str:
    if is_address(host) and ipaddress.ip_address(host).is_unspecified:  # all addresses of this machine
        return (
            f"Draw at http://127.0.0.1:{port}{root_path}/, others at this machine's address  (Ctrl-C stops)"
        )
    host = f"[{host}]" if ":" in host else host
    return f"Draw at http://{host}:{port}{root_path}/  (Ctrl-C stops)"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: give 0 to 65535")
    return int(text)


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if path and (not path.startswith("/") or set(path) & set("{}?#% ") or "//" in path):
        raise argparse.ArgumentTypeError(f"{text} is not a path: give one like /digits")
    return path


if __name__ == "__main__":
    raise SystemExit(main())
