"""Every check, in the order in which their findings are shown."""

from fashion_edge.doctor.cameras import check_cameras, check_libcamera
from fashion_edge.doctor.machine import Check
from fashion_edge.doctor.models import check_bundle, check_colours
from fashion_edge.doctor.opencv import check_display, check_opencv
from fashion_edge.doctor.power import check_governor, check_power
from fashion_edge.doctor.python import check_numpy, check_python
from fashion_edge.doctor.runtimes import check_runtimes

CHECKS: tuple[Check, ...] = (
    check_python,
    check_numpy,
    check_runtimes,
    check_opencv,
    check_display,
    check_cameras,
    check_libcamera,
    check_power,
    check_governor,
    check_bundle,
    check_colours,
)
