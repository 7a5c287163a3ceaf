"""What holds for the tests beside the connectors, which may be run by themselves."""

import tests.hypothesis_profile  # noqa: F401 - the profile is loaded with it
