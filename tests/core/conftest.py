"""How much of what is random is tried: HYPOTHESIS_PROFILE=deep for more of it."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_SHARED = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}

# Without shrinking, which takes minutes; the example that failed is printed, to be tried again.
settings.register_profile(
    "ci",
    max_examples=20,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    **_SHARED,
)
settings.register_profile("deep", max_examples=2000, **_SHARED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
