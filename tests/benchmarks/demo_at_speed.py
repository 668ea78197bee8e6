"""The demo's five applications at many times their speed: `python demo_at_speed.py FOLDER REDIS_URL SPEED`.

Prints "ready" when every cache holds something and works until its input ends.
"""

import select
import sys
from contextlib import closing

from cache_studio.services import demo_workload


def main(folder: str, redis_url: str, speed: str) -> None:
    """Work."""
    demo_workload.TURN /= float(speed)
    with closing(demo_workload.run(folder, redis_url, seed=7)) as beats:
        print(next(beats), flush=True)
        for _ in beats:
            if select.select([sys.stdin], [], [], 0)[0]:
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
