"""How a command or a part ends: its exit code, and one line about what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import ConfigError, PosternError, Temporary

WRONG_SETTING = 78  # EX_CONFIG of sysexits: a part says that starting it again will not help


@contextmanager
def in_one_line(wrong_setting: int = 1) -> Iterator[None]:
    """An error within becomes one line on standard error and exit code 1, `wrong_setting` for a ConfigError."""
    try:
        yield
    except PosternError as error:
        again = " (try again)" if isinstance(error, Temporary) else ""
        sys.stderr.write(f"postern: {error}{again}\n")
        sys.exit(wrong_setting if isinstance(error, ConfigError) else 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
