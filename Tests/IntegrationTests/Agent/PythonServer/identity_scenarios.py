"""Servers that the agent can't, or mustn't, talk to: it says once what is wrong, and tries on."""

from collections.abc import Awaitable, Callable

import certificates
from agent import Agent
from bed import Bed, scenario
from waiting import eventually, expect_equal

# Every attempt is a line at this level.
DEBUG = {"--log-level": "debug"}
ATTEMPT = "dialling the scheduler"


async def expect_one_line_then_registration(
    bed: Bed, agent: Agent, pattern: str, repair: Callable[[], Awaitable[None]]
) -> None:
    await agent.logged(pattern)
    await eventually("five attempts", lambda: len(agent.lines(ATTEMPT)) >= 5, seen=agent.log)
    lines = agent.lines(pattern)
    expect_equal(len(lines), 1, f"number of lines with {pattern!r}")
    expect_equal(len(agent.lines(" warn|WARN")), 1, f"number of warnings in\n{agent.log()}\n")
    await bed.stop_serving()
    await repair()
    await bed.registered(agent)


@scenario
async def a_wrong_token_is_guessed_at_once_and_tried_on(bed: Bed) -> None:
    await bed.stop_serving()
    await bed.serve(token="another one")
    agent = await bed.start_agent(options=DEBUG)
    await expect_one_line_then_registration(bed, agent, "token may be wrong", bed.serve)


@scenario
async def a_certificate_of_another_host_is_refused_and_told_once(bed: Bed) -> None:
    other = certificates.issue(bed.folder, "other", names="DNS:scheduler.example")
    await bed.stop_serving()
    await bed.serve(identity=other)
    anchors = bed.folder / "both.pem"
    anchors.write_bytes(other.certificate.read_bytes() + bed.identity.certificate.read_bytes())
    agent = await bed.start_agent(options=DEBUG, anchor=anchors)
    pattern = "certificate is for .*scheduler.example.*, not .*127.0.0.1"
    await expect_one_line_then_registration(bed, agent, pattern, bed.serve)


@scenario
async def a_certificate_of_an_unknown_authority_is_refused_and_told_once(bed: Bed) -> None:
    known, unknown = (certificates.authority(bed.folder, name) for name in ("known", "unknown"))
    good, bad = (
        certificates.issue(bed.folder, f"by-{authority.certificate.stem}", by=authority)
        for authority in (known, unknown)
    )
    await bed.stop_serving()
    await bed.serve(identity=bad)
    agent = await bed.start_agent(options=DEBUG, anchor=known.certificate)

    async def repair() -> None:
        await bed.serve(identity=good)

    await expect_one_line_then_registration(bed, agent, "unknown|trust|issuer", repair)


@scenario
async def an_expired_certificate_is_refused_and_told_once(bed: Bed) -> None:
    authority = certificates.authority(bed.folder, "authority")
    old = certificates.issue(bed.folder, "old", by=authority, expired=True)
    new = certificates.issue(bed.folder, "new", by=authority)
    await bed.stop_serving()
    await bed.serve(identity=old)
    agent = await bed.start_agent(options=DEBUG, anchor=authority.certificate)

    async def repair() -> None:
        await bed.serve(identity=new)

    await expect_one_line_then_registration(bed, agent, "expired on 2020-03-04", repair)


@scenario
async def a_closed_port_is_told_once_and_tried_until_it_opens(bed: Bed) -> None:
    await bed.stop_serving()
    agent = await bed.start_agent(options=DEBUG)
    await agent.logged("Connection refused")
    await eventually("five attempts", lambda: len(agent.lines(ATTEMPT)) >= 5, seen=agent.log)
    expect_equal(len(agent.lines("Connection refused")), 1, "number of lines that say so")
    await bed.serve()
    await bed.registered(agent)


@scenario
async def a_host_that_is_not_known_is_told_once(bed: Bed) -> None:
    agent = await bed.start_agent(options=DEBUG, host="no-such-host.invalid")
    await agent.logged("resolve no-such-host.invalid")
    await eventually("five attempts", lambda: len(agent.lines(ATTEMPT)) >= 5, seen=agent.log)
    expect_equal(len(agent.lines("resolve no-such-host.invalid")), 1, "lines that say so")


@scenario
async def the_last_attempt_ends_the_agent_with_status_1(bed: Bed) -> None:
    await bed.stop_serving()
    agent = await bed.start_agent(options=DEBUG | {"--connect-count-max": "3"})
    await agent.exited(status=1)
    expect_equal(len(agent.lines(ATTEMPT)), 3, "number of attempts")
