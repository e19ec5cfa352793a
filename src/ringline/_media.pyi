"""The media core: RTP, mixing, prompts, keys and recording on threads of its own. Written in Rust; see `crates/`.

Every method only enqueues and returns at once; results come as events. Legs get their numbers from `open`; rooms,
prompts, key orders, watches and taps are numbered by the caller. All audio is 16-bit little-endian; prompts and taps
say at which rate: 8000, 16 000 or 48 000 Hz.
"""

from typing import Literal, final

@final
class Event:
    """Something that happened; `id` is the leg's, prompt's, order's, watch's or tap's number."""

    kind: Literal[
        "audio_started",
        "connected",
        "interrupted",
        "key_down",
        "key_released",
        "keys_sent",
        "leg_failed",
        "levels",
        "media_timeout",
        "playback_finished",
        "silence_reached",
        "speech_started",
        "speech_stopped",
        "tap_ready",
        "tone_heard",
    ]
    id: int
    digit: str | None
    "`key_down`, `key_released`: `0`-`9`, `*`, `#`, `A`-`D`."
    milliseconds: int
    "`key_released`, `tone_heard`, `speech_stopped`: how long it was. `playback_finished`: how much was played."
    stopped: bool
    "`playback_finished`: it was cut."
    why: str
    "`leg_failed`, `interrupted`: the reason, for people."
    at_ms: int
    "`speech_started`, `speech_stopped`, `tone_heard`, `levels`: when, counted from the start of the observation."
    what: str
    "`tone_heard`: `ringing`, `busy`, `information`, `beep`, `fax`. `levels`: `silence`, `speech`, `music`, `noise`."
    hz: int
    "`tone_heard`: its pitch."
    levels: list[int]
    "`levels`: of each 20 ms of a second, in decibels against full scale."

@final
class Counters:
    """What one leg's audio amounted to."""

    received: int
    sent: int
    bytes_in: int
    "Of payload, received."
    bytes_out: int
    lost: int
    late: int
    malformed: int
    foreign: int
    jitter_ms: float
    keys: int
    concealed_ms: int
    delay_ms: float
    "By how much the jitter buffer delays the leg's voice now."
    handed_on: int
    "Packets that went on as they came, without decoding."
    reports: int
    round_trip_ms: float
    "0 while unknown, like all below."
    far_loss: float
    far_jitter_ms: float
    opinion: float
    "Mean opinion score of what is heard from the leg, 1 to 4.5."
    far_opinion: float

@final
class FileDecoder:
    """Decodes one file that may still be arriving: mp3, wav, ogg. For any thread, one at a time."""

    def __new__(cls, *, max_seconds: int) -> FileDecoder:
        """A file that plays longer than `max_seconds` is refused."""

    def rate_hz(self) -> int | None:
        """Samples per second; None until the header was read."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the file."""

    def end(self) -> None:
        """No more bytes will come."""

    def read(self, samples: int) -> tuple[bytes, Literal["end", "enough", "hungry"]]:
        """Give samples of one channel: as many as asked for, all until more of the file comes, or the last.

        Raises:
            ValueError: it is no audio file that is known here, is damaged, or too long.
        """

@final
class MediaCore:
    """The pacing threads and everything on them."""

    def __new__(
        cls,
        *,
        bind_ip: str,
        port_low: int,
        port_high: int,
        threads: int,
        media_timeout_ms: int,
        loudest_above: int,
        loudest_speakers: int,
    ) -> MediaCore:
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
        rtcp_port: int | None,
        rtcp_mux: bool,
        codec: str,
        clock_hz: int,
        payload_type: int,
        dtmf_payload_type: int | None,
        dtmf_clock_hz: int,
        ptime_ms: int,
        send: bool,
        receive: bool,
        srtp: tuple[str, bytes, str, bytes] | None,
    ) -> None:
        """Put an offer/answer outcome into force; `srtp` is our suite and key, then the far end's.

        Raises:
            MediaError: unknown leg or codec, or no RTP number.
            ValueError: unknown suite, or a key that has not 30 bytes.
        """

    def adopt(self, line: SocketLine) -> int:
        """Open a leg whose far end is a WebSocket, instead of `open` and `configure`; return its number.

        Raises:
            ValueError: the line has a leg already.
        """

    def fingerprint(self) -> str:
        """Give the SHA-256 of our certificate as descriptions write it; the same for all browsers."""

    def open_web(self, *, controlling: bool) -> tuple[int, WebLocal]:
        """Open a leg to a browser, instead of `open`; return its number and what our description says of it.

        `controlling`: we make the offer. Then `join_web` and `configure`, whose address does not matter.

        Raises:
            MediaError: no port is free.
        """

    def renew_web(self, leg: int, *, controlling: bool) -> WebLocal:
        """Prepare another way for such a leg: once it stands it takes the place of the present one.

        Raises:
            MediaError: no port is free, or no such leg.
        """

    def restart_web(self, leg: int) -> tuple[str, str]:
        """Look for the browser anew by its newest way, whose handshake stays; return our checks' new name and password.

        `join_web` with the browser's new ones is to follow.

        Raises:
            MediaError: no such leg.
        """

    def join_web(
        self,
        leg: int,
        *,
        name: str,
        password: str,
        fingerprint: str,
        we_begin: bool,
        candidates: list[str],
    ) -> None:
        """Take what the browser's description says of the newest way; `we_begin` the handshake if we are `active`.

        Raises:
            MediaError: no such leg.
            ValueError: this is no SHA-256 fingerprint.
        """

    def add_web_candidate(self, leg: int, candidate: str) -> None:
        """Take one more `candidate:` line; what cannot be tried is counted as foreign."""

    def close(self, leg: int) -> None: ...
    def counters(self, leg: int) -> Counters | None: ...
    def arrange(
        self,
        room: int,
        hears: list[tuple[int, bool, list[int]]],
        muted: list[int],
        gains_db: list[tuple[int, float]],
    ) -> None:
        """Say who is in a room, in order of joining, and whom each hears; nobody dissolves it.

        Each leg comes with a list: of all it does not hear if there is True before it, else of all it hears.
        `muted` are those whom no recording takes, `gains_db` makes voices louder or quieter for all.
        """

    def play_to_leg(
        self,
        play: int,
        leg: int,
        *,
        rate_hz: int,
        level_db: float,
        rounds: int,
        duck_db: float,
        after: int | None,
    ) -> None:
        """Start a prompt, after another has ended; what the leg hears besides gets `duck_db` quieter.

        Raises:
            ValueError: `rate_hz` is none of the three.
        """

    def play_to_room(
        self,
        play: int,
        room: int,
        *,
        rate_hz: int,
        level_db: float,
        rounds: int,
        duck_db: float,
        after: int | None,
    ) -> None:
        """The same for everybody in a room."""

    def feed(self, play: int, pcm: bytes, last: bool) -> None: ...
    def stop(self, play: int) -> None: ...
    def yield_to(self, play: int, *, keys_of: int | None, voice_of: int | None) -> None:
        """Have a prompt cut by a leg's keys, or when an observation tells of a voice, in the same frame."""

    def send_keys(self, keys: int, leg: int, digits: str) -> None: ...
    def watch_silence(self, watch: int, leg: int, milliseconds: int) -> None: ...
    def observe(self, watch: int, leg: int) -> None:
        """Tell speech, tones and levels of a leg until `unwatch`."""

    def hear(self, watch: int, leg: int, *, sensitivity: int, rate_hz: int | None) -> None:
        """As `observe`, with an ear for speech (10 to 100, 90 is usual) that leaves echoes and breathing aside.

        With `rate_hz` what the leg says is read by `read_tap` under the same number, until `unwatch`.

        Raises:
            ValueError: `rate_hz` is none of the three.
        """

    def unwatch(self, watch: int) -> None: ...
    def record_mono(self, tap: int, room: int, rate_hz: int) -> None:
        """One channel: all voices and prompts. It is read at `rate_hz`, whatever the room's rate is.

        Raises:
            ValueError: `rate_hz` is none of the three.
        """

    def record_heard(self, tap: int, room: int, leg: int, rate_hz: int) -> None:
        """Two channels: left what the leg says, right what it hears."""

    def record_slots(self, tap: int, room: int, channels: int, rate_hz: int) -> None:
        """Legs in order of joining, the surplus in the last channel.

        Raises:
            MediaError: fewer than 1 or more than 32 channels.
        """

    def pause_tap(self, tap: int, paused: bool) -> None:
        """Have a recording hold silence instead of what is heard, or no longer; its time goes on."""

    def read_tap(self, tap: int) -> tuple[bytes, int]:
        """Take what a tap holds: interleaved samples, and the milliseconds that were lost after them.

        Several channels are aligned by the time at which things were said; 300 ms are held back for that.
        """

    def stop_tap(self, tap: int) -> bytes:
        """End a tap; give what was held back to align its channels. What it still holds must be read before."""

    def gauges(self) -> dict[str, float]: ...
    def shutdown(self) -> None:
        """End the threads and wait for them, at most one frame long."""

@final
class SocketEvent:
    """Something that happened to a WebSocket; `id` is its number."""

    kind: Literal["opened", "failed", "closed", "overflowed", "remarked"]
    id: int
    cause: str
    "`failed`: `unreachable`, `timeout` or `refused`."
    why: str
    "`failed`, `closed`, `remarked`: what happened, for people."

@final
class SocketCounters:
    """What one WebSocket's audio amounted to, in frames of 20 ms."""

    sent: int
    received: int
    unread: int
    "Ours that the server did not read in time."
    skipped: int
    "Ours left out because this machine was too busy."
    overflowed: int
    "Its audio for which there was no room."
    cleared: int
    "Its audio dropped by `clear`."
    ignored: int
    "Messages that mean nothing, and halves of samples."
    buffered: int
    "What waits to be played now."
    most_buffered: int

@final
class SocketLine:
    """The way between a WebSocket and its leg, for `MediaCore.adopt`."""

@final
class Sockets:
    """All WebSockets, on threads of their own. Every method only enqueues; results come as events."""

    def __new__(cls, *, threads: int, handshake_ms: int, authorities_pem: bytes | None) -> Sockets:
        """Start the threads; `threads` 0 is one per core. `authorities_pem` are believed besides the system's.

        Raises:
            ValueError: the text holds no certificate, or one that cannot be read.
            OSError: no threads or descriptors left.
        """

    def fileno(self) -> int:
        """Give the descriptor that is readable while events wait."""

    def poll(self, limit: int) -> list[SocketEvent]:
        """Take up to `limit` events."""

    def dial(
        self,
        *,
        addresses: list[str],
        host: str,
        port: int,
        secure: bool,
        path: str,
        headers: list[tuple[str, str]],
        rate_hz: int,
        hello: str,
    ) -> tuple[int, SocketLine]:
        """Dial one of these IP addresses, tried in order; return the socket's number and the line for its leg.

        Raises:
            ValueError: the request cannot be written.
        """

    def say(self, socket: int, text: str) -> None:
        """Send a text message in its turn."""

    def close(self, socket: int, code: int) -> None:
        """Close with this code; nothing more is told of the socket."""

    def counters(self, socket: int) -> SocketCounters | None: ...
    def gauges(self) -> dict[str, float]: ...
    def shutdown(self) -> None:
        """Close all sockets (1001) and end the threads, at most 300 ms long."""

@final
class WebLocal:
    """What our description says of a way to a browser."""

    name: str
    "Of our checks: `a=ice-ufrag`."
    password: str
    addresses: list[str]
    "All of them at `port`."
    port: int
    ssrc: int
    "Of the stream that we send."
