"""Our address as the world sees it, where the settings leave it to a STUN server."""

from __future__ import annotations

from ringline.base import ConfigError, RemoteProtocolError, SystemRandom, get_log
from ringline.io.stun import public_address
from ringline.server.settings import Settings

log = get_log(__name__)


async def with_public_address(settings: Settings) -> Settings:
    """The settings with what `public.stun` tells in place of what they do not say.

    Raises:
        ConfigError: the server does not answer, or not with STUN.
    """
    public = settings.public
    if public.stun is None or (public.media_host is not None and public.sip_host is not None):
        return settings
    try:
        host, _port = await public_address(public.stun, bind=settings.media.bind, random=SystemRandom())
    except (OSError, RemoteProtocolError) as error:
        why = f"{public.stun} does not say how it sees us ({str(error) or 'no answer'}); or set public.media_host"
        raise ConfigError(why, where="settings", key="public.stun") from error
    log.info("our public address was found", host=host, server=public.stun)
    found = public.model_copy(update={"media_host": public.media_host or host, "sip_host": public.sip_host or host})
    return settings.model_copy(update={"public": found})
