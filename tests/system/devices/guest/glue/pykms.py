"""Empty stand-in: picamera2 imports pykms when it is imported, but uses it only for its DRM preview window."""


class _Names(type):
    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class PixelFormat(metaclass=_Names):
    """Any name gives itself."""
