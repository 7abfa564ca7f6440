"""On which file system a path is. Over a network, locks and syncs do not keep what they promise."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    {"afs", "ceph", "cifs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs"}
    | {"lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)


def over_network(path: Path, mounts: str) -> str | None:
    """The network file system that an absolute `path` is on, if it is; `mounts` is a mountinfo of proc(5)."""
    kinds = {}
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        kinds[Path(_unescaped(mount.split(" ")[4]))] = source.partition(" ")[0]  # the last one lies on top
    kind = next((kinds[folder] for folder in (path, *path.parents) if folder in kinds), "")
    return kind if kind in NETWORK else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
