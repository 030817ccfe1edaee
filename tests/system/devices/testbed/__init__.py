"""Devices without the device: arm64 roots, a virtual machine with a V4L2 camera, libcamera with picamera2."""
