"""What a script may do is a matter of its application, too."""

from __future__ import annotations

from ringline.ncco.connect import Connect
from ringline.ncco.document import Ncco
from ringline.ncco.endpoints import Vbc
from ringline.ncco.errors import Fault, NccoError


def forbid_extensions(script: Ncco) -> Ncco:
    """Refuse a script that calls an extension, for an application without the capability `vbc`.

    Raises:
        NccoError: it does.
    """
    faults = [
        Fault(pointer=f"/{place}/endpoint/0", expected="another endpoint: the application lacks the capability vbc")
        for place, action in enumerate(script.actions)
        if isinstance(action, Connect) and isinstance(action.endpoint, Vbc)
    ]
    if faults:
        raise NccoError(faults)
    return script
