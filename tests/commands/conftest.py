"""Random tests are run as much as those of the core."""

from hypothesis import settings

from tests.core import conftest

settings.load_profile(settings.get_current_profile_name())
__all__ = ["conftest"]
