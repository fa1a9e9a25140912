"""The broker's definitions: users, permissions, exchanges, queues and bindings, as rabbitmqctl import_definitions takes them.

A partner's user may touch its own two names and nothing else: configure nothing, write to the exchange in.<partner>, read
the queue release.<partner>. Its password is the partner's key.
"""

import base64
import hashlib
import json
import secrets
from typing import Any

from parcelgate.adapters.bus.rabbitmq.topology import Plan, in_queue, plan, release_queue
from parcelgate.adapters.transport.amqp import partner_plan
from parcelgate.app.topology import QUEUES
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partner, Partners
from parcelgate.core.setting import Settings

_SALT = 4
_NOTHING, _ALL = "^$", ".*"


def text(settings: Settings, vhost: str, user: str, password: str | None) -> str:
    """Return the definitions as JSON; issues the local key of a partner that has none yet."""
    partners = Partners(settings.partners)
    queued = [one for one in partners.all() if one.queue]
    credentials = Credentials(settings.data, partners)
    users = [_user(one.id, credentials.local_key(one.id)) for one in queued]
    if password is not None:
        users.insert(0, _user(user, password))
    permissions = [_permission(user, vhost, _ALL, _ALL, _ALL), *(_own(one, vhost) for one in queued)]
    whole = {"users": users, "vhosts": [{"name": vhost}], "permissions": permissions}
    return json.dumps(whole | _objects(plan(QUEUES) + partner_plan(queued), vhost), indent=2)


def password_hash(password: str, salt: bytes) -> str:
    """Return a password as the broker keeps it: four bytes of salt, and SHA-256 of salt and password, in base64."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password, secrets.token_bytes(_SALT)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "",
    }


def _own(partner: Partner, vhost: str) -> dict[str, str]:
    write = _only(in_queue(partner.id)) if partner.kind != "CARRIER" else _NOTHING
    return _permission(partner.id, vhost, _NOTHING, write, _only(release_queue(partner.id)))


def _only(name: str) -> str:
    """Return the pattern of one name; the id of a partner with a queue has nothing in it that needs quoting."""
    return f"^{name.replace('.', chr(92) + '.')}$"


def _permission(user: str, vhost: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": vhost, "configure": configure, "write": write, "read": read}


def _objects(wanted: Plan, vhost: str) -> dict[str, Any]:
    lasting = {"vhost": vhost, "durable": True, "auto_delete": False}
    return {
        "exchanges": [
            {"name": one.name, "type": one.kind, "internal": False, "arguments": dict(one.arguments)} | lasting
            for one in wanted.exchanges
        ],
        "queues": [{"name": one.name, "arguments": dict(one.arguments)} | lasting for one in wanted.queues],
        "bindings": [
            {
                "source": one.exchange,
                "vhost": vhost,
                "destination": one.queue,
                "destination_type": "queue",
                "routing_key": one.key,
                "arguments": {},
            }
            for one in wanted.bindings
        ],
    }
