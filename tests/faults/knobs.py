"""What can be asked of these tests, by the environment."""

from __future__ import annotations

import os
import random

#: How often the power is cut.
KILLS = int(os.environ.get("FAULTS_KILLS", "200"))
#: Of a whole worker's boundaries every so many fail.
EVERY = int(os.environ.get("FAULTS_EVERY", "5"))
#: How many steps are compared with the model in a night.
STEPS = int(os.environ.get("FAULTS_STEPS", "0"))
#: The same seed has the same chances.
SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
