"""The media core: RTP, mixing, prompts, keys and recording on threads of its own. Written in Rust; see `crates/`.

Every method only enqueues and returns at once; results come as events. Legs get their numbers from `open`; rooms,
prompts, key orders, watches and taps are numbered by the caller. All audio is 16-bit little-endian at 8000 Hz.
"""

from typing import Literal, final

@final
class Event:
    """Something that happened; `id` is the leg's, prompt's, order's, watch's or tap's number."""

    kind: Literal[
        "audio_started",
        "key_down",
        "key_released",
        "keys_sent",
        "leg_failed",
        "media_timeout",
        "playback_finished",
        "silence_reached",
        "tap_ready",
    ]
    id: int
    digit: str | None
    "`key_down`, `key_released`: `0`-`9`, `*`, `#`, `A`-`D`."
    milliseconds: int
    "`key_released`: how long it was held. `playback_finished`: how much was played."
    stopped: bool
    "`playback_finished`: it was cut."
    why: str
    "`leg_failed`: the reason, for people."

@final
class Counters:
    """What one leg's audio amounted to."""

    received: int
    sent: int
    lost: int
    late: int
    malformed: int
    foreign: int
    jitter_ms: float
    keys: int

@final
class MediaCore:
    """The pacing threads and everything on them."""

    def __new__(cls, *, bind_ip: str, port_low: int, port_high: int, threads: int, media_timeout_ms: int) -> MediaCore:
        """Start the threads; `threads` 0 is one per core. RTP uses the even ports of the range.

        Raises:
            ValueError: `bind_ip` is no IP address.
            OSError: no threads or descriptors left.
        """

    def fileno(self) -> int:
        """Give the descriptor that is readable while events wait."""

    def poll(self, limit: int) -> list[Event]:
        """Take up to `limit` events."""

    def open(self) -> tuple[int, int]:
        """Open a leg; return its number and UDP port.

        Raises:
            MediaError: no port is free.
        """

    def configure(
        self,
        leg: int,
        *,
        remote_host: str,
        remote_port: int,
        codec: str,
        payload_type: int,
        dtmf_payload_type: int | None,
        ptime_ms: int,
        send: bool,
        receive: bool,
    ) -> None:
        """Put an offer/answer outcome into force.

        Raises:
            MediaError: unknown leg or codec, or no RTP number.
        """

    def close(self, leg: int) -> None: ...
    def counters(self, leg: int) -> Counters | None: ...
    def arrange(self, room: int, hears: list[tuple[int, list[int]]], muted: list[int]) -> None:
        """Say who is in a room, in order of joining, whom each hears, and whom no recording takes; `[]` dissolves."""

    def play_to_leg(self, play: int, leg: int, level_db: float, rounds: int) -> None: ...
    def play_to_room(self, play: int, room: int, level_db: float, rounds: int) -> None: ...
    def feed(self, play: int, pcm: bytes, last: bool) -> None: ...
    def stop(self, play: int) -> None: ...
    def send_keys(self, keys: int, leg: int, digits: str) -> None: ...
    def watch_silence(self, watch: int, leg: int, milliseconds: int) -> None: ...
    def unwatch(self, watch: int) -> None: ...
    def record_mono(self, tap: int, room: int) -> None: ...
    def record_heard(self, tap: int, room: int, leg: int) -> None:
        """Two channels: left what the leg says, right what it hears."""

    def record_slots(self, tap: int, room: int, channels: int) -> None:
        """Legs in order of joining, the surplus in the last channel.

        Raises:
            MediaError: fewer than 1 or more than 32 channels.
        """

    def read_tap(self, tap: int) -> tuple[bytes, int]:
        """Take what a tap holds: interleaved samples, and the milliseconds that were lost after them."""

    def stop_tap(self, tap: int) -> None:
        """End a tap; what it still holds must be read before."""

    def gauges(self) -> dict[str, float]: ...
    def shutdown(self) -> None:
        """End the threads and wait for them, at most one frame long."""
