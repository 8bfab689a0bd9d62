"""Drives the agent with the server of the Python package procstar: scenarios.py NAME AGENT

Status 0: what NAME says is so. Otherwise standard error says what was seen, and ends with the logs.
`scenarios.py --list` prints the names. Each scenario is a function in one of the files imported
below, named for what it shows, and gets a Bed.
"""

import asyncio
import os
import sys
import traceback
from pathlib import Path

import clock_scenarios
import fault_scenarios
import identity_scenarios
import keeper_scenarios
import output_scenarios
import process_scenarios
import restart_scenarios
import shutdown_scenarios
import survival_scenarios
import upgrade_scenarios
from bed import SCENARIOS, Bed, Folder
from children import adopt_orphans, end_all
from waiting import Failed

# Imported for the scenarios that they add.
_ = (
    clock_scenarios,
    fault_scenarios,
    identity_scenarios,
    keeper_scenarios,
    output_scenarios,
    process_scenarios,
    restart_scenarios,
    shutdown_scenarios,
    survival_scenarios,
    upgrade_scenarios,
)

# Of each, in seconds. Whoever runs this gives it a little more.
LIMIT = 50
# Of what does the same many times, on a machine that has other things to do.
LONG_LIMITS = {"a-hundred-upgrades-under-load-disturb-no-run": 300}


async def run(name: str, program: Path, folder: Path) -> None:
    async with asyncio.timeout(LONG_LIMITS.get(name, LIMIT)):
        bed = Bed(program, folder)
        await bed.serve()
        await SCENARIOS[name](bed)


def main() -> int:
    if sys.argv[1:] == ["--list"]:
        print("\n".join(sorted(SCENARIOS)))
        return 0
    name, program = sys.argv[1:]
    adopt_orphans()
    try:
        with Folder() as folder:
            asyncio.run(run(name, Path(program).absolute(), folder))
    except Failed as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        end_all()
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: what is left of the event loop would complain that it was closed.
    os._exit(status)
