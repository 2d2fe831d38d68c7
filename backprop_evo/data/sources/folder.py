"""A folder or archive that is on this machine already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backprop_evo.data.catalogue import DatasetInfo
from backprop_evo.data.progress import Progress, Report
from backprop_evo.data.sources.published_files import ArchiveFiles, Files, FolderFiles
from backprop_evo.errors import DatasetUnusable


@dataclass(frozen=True, slots=True)
class Folder:
    """What torchvision, a distribution's package or a user laid down at ``path``."""

    path: Path

    def obtain(self, info: DatasetInfo, downloads: Path, report: Report) -> Files:
        """The files at ``path``. Raises ``DatasetUnusable`` for nothing there or a damaged archive."""
        del downloads
        report(Progress(f"reading {self.path}"))
        if self.path.is_dir():
            files = FolderFiles(self.path)
            archive = next((name for name in info.file_md5 if name.endswith(".tar.gz")), None)
            batches = any(files.has(name) for name in (*info.file_md5, "data_batch_1.png") if name != archive)
            if archive is None or batches or not (self.path / archive).exists():
                return files
            return ArchiveFiles.open(self.path / archive)
        if self.path.is_file():
            return ArchiveFiles.open(self.path)
        raise DatasetUnusable(f"there is no folder or archive {self.path}")
