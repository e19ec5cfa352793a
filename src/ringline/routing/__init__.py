"""Where calls come from and where they go: trunks, SIP users and domains, numbers, caller id. Pure."""

from ringline.routing.admission import hosts_of_domain
from ringline.routing.headers import custom_headers, user_to_user
from ringline.routing.networks import read_network
from ringline.routing.numbers import choose_number, country_of, digits_of, read_e164
from ringline.routing.referral import Referred
from ringline.routing.table import RoutingTable
from ringline.routing.uri import SipAddress, read_host_port, read_sip_address
from ringline.routing.uri_list import ListedAddress, read_forward, read_list, write_list
from ringline.routing.values import (
    UNKNOWN,
    Credentials,
    Hop,
    Inbound,
    NumberBook,
    Route,
    SipDomain,
    SipUser,
    Srtp,
    Trunk,
    Unroutable,
)
from ringline.sip import Admission, Admit, Challenge, Refuse

__all__ = [
    "UNKNOWN",
    "Admission",
    "Admit",
    "Challenge",
    "Credentials",
    "Hop",
    "Inbound",
    "ListedAddress",
    "NumberBook",
    "Referred",
    "Refuse",
    "Route",
    "RoutingTable",
    "SipAddress",
    "SipDomain",
    "SipUser",
    "Srtp",
    "Trunk",
    "Unroutable",
    "choose_number",
    "country_of",
    "custom_headers",
    "digits_of",
    "hosts_of_domain",
    "read_e164",
    "read_forward",
    "read_host_port",
    "read_list",
    "read_network",
    "read_sip_address",
    "user_to_user",
    "write_list",
]
