"""Where recordings are kept, by the settings: in the data directory, or in a bucket."""

from __future__ import annotations

from ringline.base import Clock, Random
from ringline.io.bucket import Bucket, BucketAddress
from ringline.io.bucket_recordings import BucketRecordings
from ringline.io.recordings import FileRecordings
from ringline.server.settings import Settings


def make_recordings(settings: Settings, *, clock: Clock, random: Random) -> FileRecordings:
    """Make the place for recordings; it is started and closed by the caller.

    Raises:
        ConfigError: there shall be a bucket, but the extra for it is not installed.
    """
    directory = settings.data_dir / "recordings"
    chosen = settings.recordings
    if chosen.bucket is None:
        return FileRecordings(directory, clock=clock, random=random)
    address = BucketAddress(
        bucket=chosen.bucket,
        prefix=chosen.bucket_prefix,
        endpoint=chosen.endpoint,
        region=chosen.region,
        access_key=chosen.access_key.get_secret_value() if chosen.access_key is not None else None,
        secret_key=chosen.secret_key.get_secret_value() if chosen.secret_key is not None else None,
    )
    return BucketRecordings(directory, Bucket(address), clock=clock, random=random)
