"""Shows partner profiles over gRPC, beside the other services that partners call; secrets are no part of a profile."""

from typing import Any

import grpc.aio

from parcelgate.api.partner.v1.partner_pb2 import (
    GetSelfRequest,
    GetSelfResponse,
    ListRequest,
    ListResponse,
    Partner,
)
from parcelgate.api.partner.v1.partner_pb2_grpc import PartnerServiceServicer
from parcelgate.core import partner as profiles
from parcelgate.core.chunk import environment_value
from parcelgate.core.credential import Credentials
from parcelgate.core.door import grpc_caller

Context = grpc.aio.ServicerContext[Any, Any]


class PartnerCalls(PartnerServiceServicer):
    """Shows profiles: its own to every partner, all to integrators."""

    def __init__(self, partners: profiles.Partners, credentials: Credentials) -> None:
        self._partners = partners
        self._credentials = credentials

    async def GetSelf(self, request: GetSelfRequest, context: Context) -> GetSelfResponse:  # noqa: N802, ARG002 - the contract's name; no fields
        """Show the caller's own profile."""
        caller = await grpc_caller(context, self._credentials)
        return GetSelfResponse(partner=_shown(caller.partner))

    async def List(self, request: ListRequest, context: Context) -> ListResponse:  # noqa: N802, ARG002 - the contract's name; no fields
        """List all profiles, by id."""
        await grpc_caller(context, self._credentials, "INTEGRATOR")
        return ListResponse(partners=[_shown(partner) for partner in self._partners.all()])


def _shown(partner: profiles.Partner) -> Partner:
    return Partner(
        id=partner.id,
        name=partner.name,
        kind=partner.kind,
        environment=environment_value(partner.environment),
        country=partner.country,
        formats_in=partner.formats_in,
        formats_out=partner.formats_out,
        leniencies=sorted(partner.leniencies),
        version=partner.version,
    )
