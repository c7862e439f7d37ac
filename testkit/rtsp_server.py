"""An RTSP server of a camera without a picture: a recording of raw samples, again and again, as A-law.

It needs GStreamer's Python bindings, which Debian has for its own Python alone:

    /usr/bin/python3 testkit/rtsp_server.py PORT FILE
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - after the choice of their versions


def main(port: str, path: str) -> None:
    """Serve ``rtsp://127.0.0.1:PORT/live`` until the process is killed.

    Args:
        port: the port.
        path: a file of raw 16 kHz mono S16_LE.
    """
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( multifilesrc location={path} loop=true ! rawaudioparse pcm-format=s16le sample-rate=16000"
        " num-channels=1 ! identity sync=true ! audioresample ! audioconvert ! alawenc"
        " ! rtppcmapay name=pay0 pt=8 )"
    )
    factory.set_shared(True)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
