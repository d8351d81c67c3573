"""`python -m exporter`: the same as the console script `datastack-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
