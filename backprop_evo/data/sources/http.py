"""Download one file over HTTP so that an interrupted download continues where it stopped."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from backprop_evo.data.progress import Progress, Report
from backprop_evo.errors import DatasetUnusable

# A host that does not answer within this time is given up in favour of the next source.
TIMEOUT_S = 10.0
_CHUNK = 1 << 20
_NETWORK_ERRORS = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


def download(url: str, target: Path, md5: str, report: Report) -> Path:
    """Bring ``url`` to ``target`` and return it; what lies in ``target`` or its ``.part`` already is used.

    Raises ``DatasetUnusable`` when the host cannot be reached, the transfer breaks off (the part stays
    for the next call) or the checksum is wrong (the part is deleted); ``OSError`` when the disk refuses.
    """
    if target.exists() and _md5(target) == md5:
        return target
    part = target.with_name(target.name + ".part")
    try:
        _continue(url, part, report)
    except _NETWORK_ERRORS as error:
        reason = getattr(error, "reason", None) or error
        raise DatasetUnusable(f"{url} cannot be downloaded: {reason}") from error
    # Deleted, for going on from wrong bytes would never end well.
    if (found := _md5(part)) != md5:
        part.unlink()
        raise DatasetUnusable(f"{url} has MD5 {found}, expected {md5}; the download was deleted")
    return part.replace(target)


def _continue(url: str, part: Path, report: Report) -> None:
    """Append to ``part`` what is missing; begin anew where the server does not give ranges."""
    offset = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing; the checksum decides
        raise
    with response:
        done = offset if response.status == http.client.PARTIAL_CONTENT else 0
        total = done + response.length if response.length is not None else None
        with part.open("ab" if done else "wb") as file:
            while chunk := response.read(_CHUNK):
                done += file.write(chunk)
                report(Progress(f"downloading {part.name.removesuffix('.part')}", done, total))
    # urllib ends quietly where a connection breaks off.
    if total is not None and done < total:
        raise http.client.HTTPException(
            f"the connection ended after {done:,} of {total:,} bytes; the same command continues there"
        )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
