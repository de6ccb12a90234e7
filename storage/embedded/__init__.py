"""The object store that needs no set-up: SeaweedFS, started on loopback by whichever command comes first."""

from storage.embedded.server import Embedded, start_or_join

__all__ = ["Embedded", "start_or_join"]
