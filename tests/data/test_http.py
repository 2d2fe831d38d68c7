import hashlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from backprop_evo.data.progress import Progress, silent
from backprop_evo.data.sources.http import download
from backprop_evo.errors import DatasetUnusable

CONTENT = np.arange(3_000_000, dtype=np.uint32).tobytes()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@dataclass
class Host:
    """A file server that can break off, and that records the first byte of every request."""

    content: bytes = CONTENT
    gives_ranges: bool = True
    breaks_off_after: int | None = None
    first_bytes: list[int] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def host() -> Iterator[Host]:
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"] if state.gives_ranges else None
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            state.first_bytes.append(start)
            if self.path != "/file" or start >= len(state.content):
                self.send_error(404 if self.path != "/file" else 416)
                return
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            self.wfile.write(state.content[start : state.breaks_off_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/file"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_download_reports_progress(host: Host, tmp_path: Path) -> None:
    seen: list[Progress] = []
    target = download(host.url, tmp_path / "file", MD5, seen.append)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert {(progress.step, progress.total) for progress in seen} == {("downloading file", len(CONTENT))}
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].done == len(CONTENT)


def test_continues_where_the_connection_broke(host: Host, tmp_path: Path) -> None:
    ends = [1, 5_000_000, 11_999_999]
    for end in ends:
        host.breaks_off_after = end
        with pytest.raises(
            DatasetUnusable, match=rf"ended after {end:,} of 12,000,000 bytes; the same command"
        ):
            download(host.url, tmp_path / "file", MD5, silent)
    host.breaks_off_after = None
    assert download(host.url, tmp_path / "file", MD5, silent).read_bytes() == CONTENT
    assert host.first_bytes == [0, *ends]


def test_interruption_keeps_the_part(host: Host, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done >= 3 << 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(host.url, tmp_path / "file", MD5, interrupt)
    assert not (tmp_path / "file").exists()
    assert download(host.url, tmp_path / "file", MD5, silent).read_bytes() == CONTENT
    assert host.first_bytes == [0, 3 << 20]


def test_begins_anew_where_the_host_gives_no_ranges(host: Host, tmp_path: Path) -> None:
    host.gives_ranges = False
    (tmp_path / "file.part").write_bytes(CONTENT[:1_000])
    assert download(host.url, tmp_path / "file", MD5, silent).read_bytes() == CONTENT


def test_complete_part_needs_no_more_bytes(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert download(host.url, tmp_path / "file", MD5, silent).read_bytes() == CONTENT


def test_file_that_is_there_is_not_asked_for(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    download(host.url, tmp_path / "file", MD5, silent)
    assert host.first_bytes == []


@pytest.mark.parametrize("left_over", [b"", b"from another file"])
def test_wrong_checksum_is_deleted(host: Host, tmp_path: Path, left_over: bytes) -> None:
    if left_over:
        (tmp_path / "file.part").write_bytes(left_over)
    else:
        host.content = CONTENT[::-1]
    with pytest.raises(DatasetUnusable, match="has MD5"):
        download(host.url, tmp_path / "file", MD5, silent)
    assert list(tmp_path.iterdir()) == []


def test_missing_page(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match="cannot be downloaded: Not Found"):
        download(host.url + "x", tmp_path / "file", MD5, silent)


def test_unreachable_host_is_given_up_quickly(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        began = time.monotonic()
        with pytest.raises(DatasetUnusable, match="cannot be downloaded"):
            download(url, tmp_path / "file", MD5, silent)
    assert time.monotonic() - began < 5
