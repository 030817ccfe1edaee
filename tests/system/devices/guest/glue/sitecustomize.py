"""Lets the unmodified picamera2 drive libcamera's `virtual` camera on any kernel; picamera2's files stay as they are.

Put this folder on PYTHONPATH. What it changes, and why:
1. libcamera's virtual pipeline refuses StreamRole.Raw, which Picamera2() requests while opening: it gets the
   formats of the viewfinder.
2. virtual writes NV12 as two planes; picamera2's allocator makes buffers of one plane: they are split.
3. Kernels without /dev/dma_heap: buffers come from memfd, and the dma-buf sync ioctl, meaningless there, is skipped.
At exit it writes to the file $GLUE_REQUESTS how many requests picamera2 made, how many were given back, and the
sensor's times that were read.
"""

import atexit
import importlib.abc
import json
import os
import sys
import types
from pathlib import Path


def patch_libcamera(module):
    generate, role, buffer_type = module.Camera.generate_configuration, module.StreamRole, module.FrameBuffer

    def generate_configuration(self, roles):
        return generate(self, [role.Viewfinder] if list(roles) == [role.Raw] else roles)

    class FrameBuffer(buffer_type):
        def __init__(self, planes, cookie=0):
            if len(planes) == 1 and planes[0].length % 3 == 0:
                luma, whole = planes[0], planes[0].length
                luma.length = whole // 3 * 2  # the same object: its fd is the allocator's key
                chroma = buffer_type.Plane()
                chroma.fd, chroma.offset, chroma.length = luma.fd, luma.offset + luma.length, whole // 3
                planes = [luma, chroma]
            buffer_type.__init__(self, planes, cookie)

    module.Camera.generate_configuration = generate_configuration
    module.FrameBuffer = FrameBuffer


def patch_dma_heap(module):
    if any(Path(name).exists() for name in module.heapNames):
        return

    class DmaHeap:
        isValid = True  # noqa: N815  # picamera2's name

        def alloc(self, name, size):
            fd = os.memfd_create(name, os.MFD_CLOEXEC)
            os.ftruncate(fd, size)
            return module.UniqueFD(fd)

        def close(self):
            pass

    module.DmaHeap = DmaHeap
    module.from_memfd = True


def patch_dma_allocator(module):
    heap = sys.modules["picamera2.dma_heap"]
    if getattr(heap, "from_memfd", False):
        module.fcntl = types.SimpleNamespace(ioctl=lambda *_: 0)


def count_requests(module):
    if "GLUE_REQUESTS" not in os.environ:
        return
    counts = {"made": 0, "given_back": 0, "sensor_ns": []}
    request = module.CompletedRequest
    make, release, metadata = request.__init__, request.release, request.get_metadata

    def counted_make(self, *args):
        counts["made"] += 1
        make(self, *args)

    def counted_release(self):
        release(self)
        counts["given_back"] += self.ref_count == 0

    def noted_metadata(self):
        found = metadata(self)
        counts["sensor_ns"].append(found["SensorTimestamp"])
        return found

    request.__init__, request.release, request.get_metadata = counted_make, counted_release, noted_metadata
    atexit.register(lambda: Path(os.environ["GLUE_REQUESTS"]).write_text(json.dumps(counts)))


PATCHES = {
    "libcamera": patch_libcamera,
    "picamera2.dma_heap": patch_dma_heap,
    "picamera2.allocators.dmaallocator": patch_dma_allocator,
    "picamera2.request": count_requests,
}


class Finder(importlib.abc.MetaPathFinder):
    """Applies a patch when its module has been imported."""

    def find_spec(self, name, path, target=None):
        patch = PATCHES.pop(name, None)
        if patch is None:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)):
                run = spec.loader.exec_module
                spec.loader.exec_module = lambda module, run=run: (run(module), patch(module))
                return spec
        return None


sys.meta_path.insert(0, Finder())
