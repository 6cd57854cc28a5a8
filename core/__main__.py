"""`python -m core` is `hone`."""

from core.cli import main

raise SystemExit(main())
