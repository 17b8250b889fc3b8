"""OPC UA's standard nodes, kept from one start to the next: making the 6,000 anew takes a second of processor time."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator, MutableMapping
from importlib.metadata import version
from pathlib import Path

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData, ViewService
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "opcua"
_DIGEST = hashlib.sha256().digest_size
_log = logging.getLogger(__name__)


class StandardSpaceServer(InternalServer):
    """An asyncua server core that has its standard nodes from a file in `cache`, and makes that file if there is none.

    asyncua's own way, a shelf, is slow and unsafe here: without a dbm library Python keeps it as three plain files.
    """

    def __init__(self, users: UserManager, cache: Path) -> None:
        super().__init__(users)
        self.view_service = _Views(self.aspace)
        self._file = cache / f"standard-{version('asyncua')}-{sys.implementation.cache_tag}.nodes"

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """Take the kept nodes. A file that cannot be used is replaced; where none can be written, none is."""
        kept = _kept(self._file)
        if kept is not None:
            self.aspace._nodes = KeptNodes(kept)  # type: ignore[assignment]  # as its own load_aspace_shelf does
            return
        await super().load_standard_address_space(shelf_file)
        try:
            _keep(self.aspace, self._file)
        except OSError as error:
            _log.warning("The standard nodes are not kept in %s: %s", self._file, error)


class _Views(ViewService):
    """Browses with the kinds of references known by heart: no reference type is made while this server runs."""

    def __init__(self, space: AddressSpace) -> None:
        super().__init__(space)
        self._subtypes: dict[ua.NodeId, frozenset[ua.NodeId]] = {}

    def _get_sub_ref(self, ref: ua.NodeId) -> frozenset[ua.NodeId]:  # type: ignore[override]  # only asked with `in`
        known = self._subtypes.get(ref)
        if known is None:
            known = frozenset(super()._get_sub_ref(ref))
            if ref in self._aspace:  # a client may ask for any number of others
                self._subtypes[ref] = known
        return known


class KeptNodes(MutableMapping[ua.NodeId, NodeData]):
    """The nodes of an address space: those of namespace 0 pickled until they are asked for, and all others."""

    def __init__(self, kept: dict[int, bytes]) -> None:
        self._kept = kept
        self._nodes: dict[ua.NodeId, NodeData] = {}

    def __getitem__(self, nodeid: ua.NodeId) -> NodeData:
        found = self._nodes.get(nodeid)
        if found is None:
            found = self._nodes[nodeid] = pickle.loads(self._kept.pop(_number(nodeid)))  # noqa: S301 - written by us
        return found

    def __setitem__(self, nodeid: ua.NodeId, node: NodeData) -> None:
        self._kept.pop(_number(nodeid), None)
        self._nodes[nodeid] = node

    def __delitem__(self, nodeid: ua.NodeId) -> None:
        if self._kept.pop(_number(nodeid), None) is None:
            del self._nodes[nodeid]

    def __contains__(self, nodeid: object) -> bool:
        return nodeid in self._nodes or (isinstance(nodeid, ua.NodeId) and _number(nodeid) in self._kept)

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from [*self._nodes, *(ua.NodeId(ua.Int32(number)) for number in self._kept)]

    def __len__(self) -> int:
        return len(self._nodes) + len(self._kept)


def _number(nodeid: ua.NodeId) -> int:
    """The node's number in namespace 0; -1, which no node has, for any other."""
    return nodeid.Identifier if nodeid.NamespaceIndex == 0 and isinstance(nodeid.Identifier, int) else -1


def _kept(file: Path) -> dict[int, bytes] | None:
    """The pickled nodes by their numbers; None when there is no file, or not the one that was written."""
    try:
        whole = memoryview(file.read_bytes())
    except OSError:
        return None
    digest, packed = whole[:_DIGEST], whole[_DIGEST:]
    if hashlib.sha256(packed).digest() != digest:
        _log.warning("%s is damaged, it is made anew", file)
        return None
    kept: dict[int, bytes] = pickle.loads(packed)  # noqa: S301 - written by us
    return kept


def _keep(space: AddressSpace, file: Path) -> None:
    """Write beside it and rename: no reader sees half of it, and of two writers either's is good."""
    nodes = {_number(nodeid): pickle.dumps(space[nodeid], pickle.HIGHEST_PROTOCOL) for nodeid in space.keys()}  # noqa: SIM118
    packed = pickle.dumps(nodes, pickle.HIGHEST_PROTOCOL)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "wb") as out:
            os.fchmod(handle, 0o644)  # no secret: whoever runs the next plant may read it
            out.write(hashlib.sha256(packed).digest())
            out.write(packed)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise
