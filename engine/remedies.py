"""What the system has refused in; what is to be done about it out, in the same words everywhere.

Only what the place is not to blame for: who may not read a file is told to look at the file, but
where no more files may be open its owner and mode are as they should be.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

REMEDIES: Mapping[int, str] = {
    errno.EMFILE: "allow the process more open files (`ulimit -n`)",
    errno.ENFILE: "allow the machine more open files (`sysctl fs.file-max`)",
    errno.ENOMEM: "give it more memory",
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room, or raise the quota of its user",
    errno.EROFS: "mount its file system so that it can be written",
    errno.EIO: "see what the kernel says of its disk (`dmesg`)",
}
"""By the error's number."""


def remedy_for(error: OSError, otherwise: str) -> str:
    """Return what to do about *error*; *otherwise* where it is the place that is not right."""
    return REMEDIES.get(error.errno or 0, otherwise)


def remedy_in(text: str, otherwise: str) -> str:
    """Return what to do about an error of which there is no more than the *text*."""
    # The longest first: others may begin like it.
    told = sorted(REMEDIES, key=lambda one: len(os.strerror(one)), reverse=True)
    return next((REMEDIES[one] for one in told if os.strerror(one) in text), otherwise)


def why_none_opens() -> OSError | None:
    """Return the error that any file would meet that is opened now; None where one can be.

    Libraries that open files say that theirs cannot be opened, and not why.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error
    return None
