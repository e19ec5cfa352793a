"""What the official libraries for Node and Python do with users and conversations, against a running server.

Rows 25 and 26 of the list of calls to prove; everybody in a conversation who has a phone is a real one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vonage import Auth, HttpClientOptions, Vonage
from vonage_http_client import NotFoundError
from vonage_users import Channels, ListUsersFilter, Properties, PstnChannel, User

from .application import Application
from .client import Client, LibraryError
from .ears import Ear
from .installation import API_KEY, API_SECRET, APPLICATION_ID, Installation
from .sipp import Sipp

pytestmark = pytest.mark.interop


@pytest.fixture
def node(ringline: Installation) -> Iterator[Client]:
    """The Node library in its program."""
    yield from _program("node", ringline)


@pytest.fixture
def python3(ringline: Installation) -> Iterator[Client]:
    """The Python library of version 3 in its program."""
    yield from _program("python3", ringline)


def _program(name: str, ringline: Installation) -> Iterator[Client]:
    with Client(name, ca_file=ringline.ca_file) as client:
        client.do(
            "connect",
            {
                "application": APPLICATION_ID,
                "key": ringline.key_file.read_text(),
                "apiKey": API_KEY,
                "apiSecret": API_SECRET,
                "host": f"127.0.0.1:{ringline.https_port}",
            },
        )
        yield client


def _until(look: Callable[[], Any], *, within_s: float = 30.0) -> Any:
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def test_python_makes_lists_changes_and_deletes_users(ringline: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ringline.ca_file))
    host = f"127.0.0.1:{ringline.https_port}"
    auth = Auth(application_id=APPLICATION_ID, private_key=ringline.key_file.read_text())
    users = Vonage(auth, HttpClientOptions(api_host=host, rest_host=host)).users
    made = users.create_user(
        User(
            name="python-jamie",
            display_name="Jamie",
            channels=Channels(pstn=[PstnChannel(number=447700900001)]),
            properties=Properties(custom_data={"vip": "yes"}),
        )
    )
    others = [users.create_user() for _ in range(2)]
    assert users.get_user(made.id).properties.custom_data == {"vip": "yes"}
    assert users.update_user(made.id, User(display_name="James")).display_name == "James"
    seen, cursor = [], None
    while True:
        page, cursor = users.list_users(ListUsersFilter(page_size=1, cursor=cursor))
        seen += [one.id for one in page]
        if cursor is None:
            break
    assert [one for one in seen if one in {made.id, *(other.id for other in others)}] == [
        made.id,
        *(other.id for other in others),
    ]
    for one in (made, *others):
        users.delete_user(one.id)
    with pytest.raises(NotFoundError):
        users.get_user(made.id)


def test_python_of_version_3_makes_lists_changes_and_deletes_users(python3: Client) -> None:
    made = python3.do("makeUser", {"name": "python3-jamie", "display_name": "Jamie"})
    nobody = python3.do("makeUser")
    assert nobody["name"].startswith("NAM-")
    assert python3.do("user", made["id"])["display_name"] == "Jamie"
    assert python3.do("changeUser", made["id"], {"display_name": "James"})["display_name"] == "James"
    (found,) = python3.do("users", {"name": "python3-jamie"})["_embedded"]["users"]
    assert found["id"] == made["id"]
    page = python3.do("users", {"page_size": 1, "order": "DESC"})
    assert page["_links"]["next"]["href"].startswith("http")
    for one in (made, nobody):
        python3.do("deleteUser", one["id"])
    with pytest.raises(LibraryError) as gone:
        python3.do("user", made["id"])
    assert gone.value.kind == "ClientError"


def test_node_does_all_it_offers_for_users_and_conversations(node: Client) -> None:
    user = node.do("invoke", "users", "createUser", {"name": "node-jamie", "displayName": "Jamie"})
    assert node.do("invoke", "users", "getUser", user["id"])["displayName"] == "Jamie"
    node.do("invoke", "users", "updateUser", {**user, "displayName": "James"})
    assert [one["name"] for one in node.do("collect", "users", "listAllUsers", {"pageSize": 1})] == ["node-jamie"]

    room = node.do("invoke", "conversations", "createConversation", {"name": "node-room", "properties": {"ttl": 600}})
    changed = node.do("invoke", "conversations", "updateConversation", {**room, "displayName": "The room"})
    assert changed == node.do("invoke", "conversations", "getConversation", room["id"])
    listed = node.do("collect", "conversations", "listAllConversations", {"pageSize": 1})
    assert room["id"] in [one["id"] for one in listed]

    channel = {"type": "app", "to": {"type": "app", "user": "node-jamie"}, "from": {"type": "app"}}
    wish = {"state": "invited", "user": {"id": user["id"]}, "channel": channel}
    member = node.do("invoke", "conversations", "createMember", room["id"], wish)
    assert (member["state"], member["user"]["displayName"]) == ("INVITED", "James")
    joined = node.do("invoke", "conversations", "updateMember", room["id"], member["id"], {"state": "joined"})
    assert joined == node.do("invoke", "conversations", "getMember", room["id"], member["id"])
    assert [one["id"] for one in node.do("collect", "conversations", "listAllMembers", room["id"])] == [member["id"]]

    said = {"type": "message", "from": member["id"], "body": {"messageType": "text", "text": "hello"}}
    message = node.do("invoke", "conversations", "createEvent", room["id"], said)
    assert message["fromUser"]["name"] == "node-jamie"
    assert node.do("invoke", "conversations", "getEvent", room["id"], message["id"]) == message
    told = node.do("collect", "conversations", "listAllEvents", room["id"], {"pageSize": 2})
    assert [(one["id"], one["type"]) for one in told] == [
        (1, "conversation:created"),
        (2, "conversation:updated"),
        (3, "member:invited"),
        (4, "member:joined"),
        (5, "message"),
    ]
    node.do("invoke", "conversations", "deleteEvent", room["id"], message["id"])
    mine = node.do("collect", "conversations", "listAllUserConversations", user["id"])
    assert [one["id"] for one in mine] == [room["id"]]
    assert node.do("collect", "conversations", "listAllUserSessions", user["id"]) == []
    left = {"state": "left", "reason": {"code": "1", "text": "bye"}}
    assert node.do("invoke", "conversations", "updateMember", room["id"], member["id"], left)["state"] == "LEFT"
    node.do("invoke", "conversations", "deleteConversation", room["id"])
    node.do("invoke", "users", "deleteUser", user["id"])
    for service, method, gone in (("users", "getUser", user["id"]), ("conversations", "getConversation", room["id"])):
        with pytest.raises(LibraryError) as raised:
            node.do("invoke", service, method, gone)
        assert raised.value.status == 404


def test_node_calls_a_real_phone_into_a_conversation_and_speaks_to_it(
    node: Client, app: Application, tmp_path: Path
) -> None:
    node.do("invoke", "users", "createUser", {"name": "node-phone"})
    room = node.do("invoke", "conversations", "createConversation", {"name": "node-calls"})
    with Ear() as ear, Sipp("answer", tmp_path, fill={"rtp_port": ear.port}, timeout_s=40) as phone:
        to = {"type": "sip", "uri": f"sip:phone@127.0.0.1:{phone.port}"}
        wish = {
            "state": "joined",
            "user": {"name": "node-phone"},
            "channel": {"type": "sip", "to": to, "from": {"type": "phone", "number": "Unknown"}},
            "media": {"audio": True, "audioSettings": {"enabled": True, "earmuffed": False, "muted": False}},
        }
        member = node.do("invoke", "conversations", "createMember", room["id"], wish)
        read = ("invoke", "conversations", "getMember", room["id"], member["id"])
        _until(lambda: node.do(*read)["state"] == "JOINED")
        say = {"type": "audio:say", "body": {"text": "Your parcel is on its way to you now."}}
        said = node.do("invoke", "conversations", "createEvent", room["id"], say)
        assert said["body"]["sayId"]
        told = ("collect", "conversations", "listAllEvents", room["id"])
        _until(lambda: "audio:say:done" in [one["type"] for one in node.do(*told)])
        assert ear.spoken_s() > 1
        node.do("invoke", "conversations", "updateMember", room["id"], member["id"], {"state": "left"})
        phone.good()
    types = [one["type"] for one in node.do(*told)]
    assert types[-4:] == ["sip:hangup", "sip:status", "member:media", "member:left"]
    node.do("invoke", "conversations", "deleteConversation", room["id"])
